"""Refusals as google.rpc.Status, and back again at the client."""

from __future__ import annotations

import grpc
from google.protobuf import any_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2

from larrey.catalogue.v1 import catalogue_pb2
from shared.errors import (
    Forbidden,
    Malformed,
    Missing,
    NotInThisVersion,
    NotNow,
    Refusal,
    Stranger,
    TooMuch,
    Unavailable,
)

DOMAIN = "larrey"
DETAILS_KEY = "grpc-status-details-bin"
CODES: tuple[tuple[type[Refusal], int], ...] = (
    (Malformed, code_pb2.INVALID_ARGUMENT),
    (Missing, code_pb2.NOT_FOUND),
    (NotNow, code_pb2.FAILED_PRECONDITION),
    (Stranger, code_pb2.UNAUTHENTICATED),
    (Forbidden, code_pb2.PERMISSION_DENIED),
    (TooMuch, code_pb2.RESOURCE_EXHAUSTED),
    (Unavailable, code_pb2.UNAVAILABLE),
    (NotInThisVersion, code_pb2.UNIMPLEMENTED),
)


def code_of(refusal: Refusal) -> int:
    """The gRPC status code number of a refusal."""
    return next((code for kind, code in CODES if isinstance(refusal, kind)), code_pb2.INTERNAL)


def status_of(refusal: Refusal) -> status_pb2.Status:
    """Status with ErrorInfo (reason, facts) and, where a field is at fault, BadRequest."""
    status = status_pb2.Status(code=code_of(refusal), message=refusal.message)
    info = error_details_pb2.ErrorInfo(reason=refusal.reason, domain=DOMAIN, metadata=refusal.facts)
    details: list[error_details_pb2.ErrorInfo | error_details_pb2.BadRequest] = [info]
    if refusal.field:
        violation = error_details_pb2.BadRequest.FieldViolation(
            field=refusal.field, description=refusal.message
        )
        details.append(error_details_pb2.BadRequest(field_violations=[violation]))
    for detail in details:
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)
    return status


def refusal_from(error: grpc.RpcError) -> Refusal | None:
    """The refusal that a server sent, or None when the error is the transport's own."""
    # grpc.RpcError has no methods of its own: calls of both kinds, blocking and asyncio, do
    trailers = getattr(error, "trailing_metadata", lambda: None)() or ()
    packed = next((value for key, value in trailers if key == DETAILS_KEY), None)
    if packed is None:
        return None
    status = status_pb2.Status.FromString(packed)
    info = error_details_pb2.ErrorInfo()
    bad = error_details_pb2.BadRequest()
    for detail in status.details:
        if detail.Is(info.DESCRIPTOR):
            detail.Unpack(info)
        elif detail.Is(bad.DESCRIPTOR):
            detail.Unpack(bad)
    if not info.reason:
        return None
    field = bad.field_violations[0].field if bad.field_violations else ""
    kind = next((kind for kind, code in CODES if code == status.code), Refusal)
    if kind is NotInThisVersion:
        return NotInThisVersion(status.message)
    return kind(info.reason, status.message, field=field, **dict(info.metadata))


def refusal_row(row: int, row_id: str, refusal: Refusal) -> catalogue_pb2.RowRefusal:
    """A refusal of one row of a stream; `row` counts from 0 over the whole stream."""
    return catalogue_pb2.RowRefusal(
        row=row, id=row_id, reason=refusal.reason, field=refusal.field, message=refusal.message
    )
