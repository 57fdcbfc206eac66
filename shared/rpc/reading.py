"""Bytes to requests: what is no request is the caller's fault, want of memory is not."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

from google.protobuf.message import DecodeError

from shared.errors import Malformed

DECODED_BY_BYTE = 16  # what a message of many small fields takes in memory, at most


class NoRequest(Enum):
    """Stands for a request that could not be read, until the call's own watch refuses it."""

    UNREADABLE = "unreadable"
    NO_ROOM = "no room"


def reading(decode: Callable[[bytes], Any] | None) -> Callable[[bytes], Any] | None:
    """`decode` that raises nothing: gRPC would tell UNKNOWN or INTERNAL, a fault of ours.

    protobuf says the same of bytes that are no message and of a good message that memory
    is too short for; a caller who is told that his request is wrong throws it away.
    """
    if decode is None:
        return None

    def read(data: bytes) -> Any:
        try:
            return decode(data)
        except MemoryError:
            return NoRequest.NO_ROOM
        except DecodeError:
            try:
                bytearray(len(data) * DECODED_BY_BYTE)
            except MemoryError:
                return NoRequest.NO_ROOM
            return NoRequest.UNREADABLE

    return read


def readable(request: Any) -> None:
    """Refuses Malformed REQUEST_UNREADABLE what was no request; MemoryError without room."""
    if request is NoRequest.NO_ROOM:
        raise MemoryError
    if request is NoRequest.UNREADABLE:
        raise Malformed(
            "REQUEST_UNREADABLE",
            "The bytes are not the request of this RPC: generate the client from our protos, and "
            "send nothing else on this path.",
        )
