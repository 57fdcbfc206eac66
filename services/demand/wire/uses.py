"""Rows of a stream of uses, checked one by one in plain Python."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from larrey.demand.v1 import demand_pb2 as pb
from services.demand.domain.movements import RowRefusal
from services.demand.domain.uses import SentUse
from services.demand.wire.dates import instant_from_wire
from services.demand.wire.movements import LONGEST_ID, LONGEST_SITE
from shared.catalogue.wire import code_from_wire
from shared.errors import Malformed

LONGEST_UNIT = 64


def read_uses(uses: Iterable[pb.Use], first_row: int) -> tuple[list[SentUse], list[RowRefusal]]:
    """The rows that are well-formed, and the refusals of those that are not."""
    rows: list[SentUse] = []
    refused: list[RowRefusal] = []
    for row, sent in enumerate(uses, first_row):
        try:
            rows.append(_read(sent, row))
        except Malformed as refusal:
            refused.append(RowRefusal(row, sent.use_id[:LONGEST_ID], refusal))
    return rows, refused


def _read(sent: pb.Use, row: int) -> SentUse:
    for name, least, longest in (
        ("use_id", 1, LONGEST_ID),
        ("site_id", 1, LONGEST_SITE),
        ("unit_id", 0, LONGEST_UNIT),
    ):
        text = getattr(sent, name)
        if not (least <= len(text) <= longest and (text.isprintable() or not text)):
            raise Malformed(
                "TEXT_MALFORMED",
                f"{name} must have {least} to {longest} printable characters.",
                field=name,
            )
    start = _instant(sent.start_time, "start_time") if sent.HasField("start_time") else None
    end = _instant(sent.end_time, "end_time") if sent.HasField("end_time") else None
    if start is None and end is None:
        raise Malformed(
            "FIELD_MISSING",
            "The use says neither start_time nor end_time. Send the start when a unit is handed "
            "out, the end when it comes back.",
            field="start_time",
        )
    if start is None and not sent.unit_id:
        raise Malformed(
            "FIELD_MISSING",
            "A return without its start must say which unit came back.",
            field="unit_id",
        )
    if start is not None and end is not None and end < start:
        raise Malformed(
            "USE_BACKWARDS",
            "The use ends before it starts. Check both instants.",
            field="end_time",
        )
    return SentUse(
        row, sent.use_id, code_from_wire(sent.item), sent.site_id, sent.unit_id, start, end
    )


def _instant(told: Timestamp, name: str) -> datetime:
    try:
        return instant_from_wire(told)
    except OverflowError:
        raise Malformed(
            "FIELD_MISSING", f"{name} is no instant. Correct it and send the row again.", field=name
        ) from None
