"""One call to any RPC of the protos from the command line: for operators and for jobs."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

import grpc
from google.protobuf import json_format
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass

from shared.errors import Malformed, Unavailable
from shared.rpc.status import refusal_from


def find_method(name: str) -> MethodDescriptor:
    """The RPC `larrey.<area>.v1.<Service>/<Rpc>`; refuses Malformed what no proto has."""
    service_name, _, rpc = name.lstrip("/").rpartition("/")
    package, _, service = service_name.rpartition(".")
    area = package.split(".")[-2] if package.count(".") >= 1 else ""
    try:
        module = importlib.import_module(f"{package}.{area}_pb2")
        found: MethodDescriptor = module.DESCRIPTOR.services_by_name[service].methods_by_name[rpc]
    except (ImportError, KeyError, ValueError, AttributeError):
        raise Malformed(
            "RPC_UNKNOWN",
            "No proto has this RPC: write it as larrey.demand.v1.DemandService/StartForecastRun.",
            field="method",
        ) from None
    return found


def request_for(method: MethodDescriptor, body: str) -> Any:
    """The request that the JSON `body` describes; refuses Malformed REQUEST_MALFORMED."""
    try:
        return json_format.Parse(body, GetMessageClass(method.input_type)())
    except json_format.ParseError as error:
        raise Malformed("REQUEST_MALFORMED", f"{error}. Correct the JSON.", field="body") from None


def call(channel: grpc.Channel, name: str, body: str, timeout_s: float) -> Iterator[str]:
    """Sends one request and yields each answer as JSON.

    Raises the refusal that the service sent, or Unavailable PEER_AWAY.
    """
    method = find_method(name)
    request = request_for(method, body)
    answer = GetMessageClass(method.output_type)
    # On the wire a stream of one message is a unary call: one road for all four kinds.
    multi: Any = channel.stream_stream(
        f"/{method.containing_service.full_name}/{method.name}",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=answer.FromString,
    )
    try:
        for message in multi(iter([request]), timeout=timeout_s, wait_for_ready=True):
            yield json_format.MessageToJson(message, preserving_proto_field_name=True)
    except grpc.RpcError as error:
        refusal = refusal_from(error)
        if refusal is not None:
            raise refusal from None
        code = getattr(error, "code", lambda: grpc.StatusCode.UNKNOWN)()
        raise Unavailable(
            "PEER_AWAY",
            f"The service did not answer ({code.name}). Check the address, its certificate and "
            "that it is serving; give more --seconds if it is only slow.",
            field="address",
        ) from None
