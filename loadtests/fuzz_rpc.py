"""Broken requests to every RPC of the running services: no answer may be a fault of ours."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass

from larrey.catalogue.v1 import catalogue_pb2 as catalogue
from loadtests import ingest
from loadtests.day.calls import hub_messages
from loadtests.day.processes import SERVICES, Running, System, embedded
from loadtests.day.world import SITES, START
from shared.access.table import every_rule
from shared.rpc.call import find_method
from shared.testing.fuzzing import Crash, Found
from shared.testing.mutants import bytes_mutant, json_mutant, spoil

OURS = (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN)
CALL_S, PERSISTENT = 5.0, 64
FREE_TEXT = "hub_json"
SITE, ITEM = next(iter(SITES)), "LOAD-0001"
KNOWN: Mapping[str, Any] = {
    **dict.fromkeys(("site_id", "finess_geo"), SITE),
    **dict.fromkeys(("item_id", "code"), ITEM),
    "system": catalogue.CODE_SYSTEM_LOCAL,
    "unit": catalogue.UNIT_BASE,
    **dict.fromkeys(("case_id",), "fr.health.samu440.fuzz.1"),
    "owner": "fr.health.samu440",
    **dict.fromkeys(("horizon_days", "horizon", "days"), 28),
    "seconds": 1.0,
}


def methods(service: str) -> Iterator[MethodDescriptor]:
    for rpc in every_rule():
        if rpc.startswith(f"/larrey.{service}."):
            yield find_method(rpc)


def rpc_count() -> int:
    return sum(1 for service in SERVICES for _ in methods(service))


def _made_right(draw: random.Random, message: Any) -> None:
    """Some texts become what a sound client sends, so that the rest is looked at."""
    for field, value in message.ListFields():
        if field.message_type is not None:
            inside = list(value) if field.is_repeated else [value]
            for one in inside:
                if not field.message_type.GetOptions().map_entry:
                    _made_right(draw, one)
        else:
            right = KNOWN.get(field.name)
            if isinstance(right, type(value)) and draw.random() < 0.8:
                setattr(message, field.name, right)


def _requests(method: MethodDescriptor, draw: random.Random, hub: Sequence[bytes]) -> bytes:
    """Grown from nothing: fields are set until some combination gets past the first check."""
    message = GetMessageClass(method.input_type)()
    for _ in range(draw.choice((1, 3, 8, 20))):
        spoil(draw, message)
    _made_right(draw, message)
    for field in message.DESCRIPTOR.fields:
        if field.name == FREE_TEXT and draw.random() < 0.8:
            setattr(message, FREE_TEXT, json_mutant(draw, hub))
    told: bytes = message.SerializeToString()
    return bytes_mutant(draw, [told]) if draw.random() < 0.1 else told


def _fuzz(method: MethodDescriptor, running: Running, seconds: float, draw: random.Random) -> Found:
    full = f"/{method.containing_service.full_name}/{method.name}"
    found, hub = Found(f"{running.name}.{method.name}"), [data for _, data in hub_messages()]
    begin = time.monotonic()
    with grpc.insecure_channel(running.grpc) as link:
        call = link.stream_stream(
            full, request_serializer=lambda data: data, response_deserializer=lambda data: data
        )
        while (now := time.monotonic() - begin) < seconds:
            sent = [_requests(method, draw, hub) for _ in range(draw.choice((1, 1, 3)))]
            if not method.client_streaming:
                sent = sent[:1]
            found.tries += 1
            code = _ended(call(iter(sent), timeout=CALL_S))
            if code in OURS or running.process.poll() is not None:
                place = f"{code.name} of {method.name}"
                found.crashes.setdefault(place, Crash(place, sent[-1], running.tail(PERSISTENT)))
            elif code is grpc.StatusCode.OK:
                found.taken += 1
            else:
                found.refused += 1
            if running.process.poll() is not None:
                break
    found.seconds = now
    return found


def _ended(answers: Any) -> grpc.StatusCode:
    """The code of a call; one that streams for ever is left after its first answers."""
    with contextlib.suppress(grpc.RpcError):
        for number, _ in enumerate(answers):
            if number > 3:
                answers.cancel()
                return grpc.StatusCode.OK
    code: grpc.StatusCode = answers.code()
    return code


def fuzz_rpcs(seconds: float, seed: int, folder: Path) -> Sequence[Found]:
    """`seconds` for each RPC, one after the other, on services that run on SQLite."""
    folder.mkdir(parents=True)
    draw = random.Random(seed)  # noqa: S311  the same requests for the same seed
    found = []
    with System(embedded(folder), folder, START.isoformat()) as system:
        ingest.register(system.services["demand"])
        for name in SERVICES:
            for method in methods(name):
                running = system.services[name]
                found.append(_fuzz(method, running, seconds, draw))
                if running.process.poll() is not None:
                    system.revive(name)
    return found
