"""How a Larrey service is called from Python."""

from __future__ import annotations

import grpc

from shared.errors import Refusal
from shared.rpc.status import refusal_from

MESSAGE_BYTES = 64 * 1024 * 1024


def channel(address: str, *, message_bytes: int = MESSAGE_BYTES) -> grpc.Channel:
    """A plain channel for this machine; answers of up to `message_bytes` are taken."""
    return grpc.insecure_channel(
        address,
        options=[
            ("grpc.max_receive_message_length", message_bytes),
            ("grpc.enable_http_proxy", 0),
        ],
    )


def refusal_of(error: grpc.RpcError) -> Refusal | None:
    """The refusal behind an error: reason, field and remedy; None for a transport error."""
    return refusal_from(error)
