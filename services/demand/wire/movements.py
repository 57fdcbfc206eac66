"""Rows of a movement stream, checked one by one in plain Python.

The rules are those that the proto declares for Movement. They are written out here
because the declarative check costs as much as all the rest of a row; a test holds both
against each other on made-up rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from larrey.catalogue.v1 import catalogue_pb2
from larrey.demand.v1 import demand_pb2 as pb
from services.demand.domain.movements import Reason, RowRefusal, SentMovement
from shared.catalogue.wire import SYSTEMS, UNITS
from shared.errors import Malformed

LONGEST_ID = 128
LONGEST_SITE = 32
LONGEST_CODE = 64
LONGEST_WARD = 64
MOST = 1e9
NANOS = 1_000_000_000
REASONS = frozenset(reason.value for reason in Reason)
SYSTEM_NAMES: dict[int, str] = {number: system.value for number, system in SYSTEMS.items()}
UNIT_NAMES: dict[int, str] = {number: unit.value for number, unit in UNITS.items()}


def read_rows(
    movements: Iterable[pb.Movement], first_row: int
) -> tuple[list[SentMovement], list[RowRefusal]]:
    """The rows that are well-formed, and the refusals of those that are not."""
    rows: list[SentMovement] = []
    refused: list[RowRefusal] = []
    for row, movement in enumerate(movements, first_row):
        try:
            rows.append(read_row(movement, row))
        except Malformed as refusal:
            shown = movement.movement_id[:LONGEST_ID]
            refused.append(RowRefusal(row, shown, refusal))
    return rows, refused


def read_row(movement: pb.Movement, row: int) -> SentMovement:
    """One row. Malformed FIELD_MISSING, TEXT_MALFORMED, CODE_MALFORMED, UNIT_UNKNOWN,
    QUANTITY_MALFORMED, REASON_UNKNOWN or TIME_MALFORMED, with the path inside the row.
    """
    movement_id, site_id, ward_id = movement.movement_id, movement.site_id, movement.ward_id
    if not (0 < len(movement_id) <= LONGEST_ID and movement_id.isprintable()):
        raise _bad_text("movement_id", LONGEST_ID)
    if not (0 < len(site_id) <= LONGEST_SITE and site_id.isprintable()):
        raise _bad_text("site_id", LONGEST_SITE)
    if len(ward_id) > LONGEST_WARD or not ward_id.isprintable():
        raise _bad_text("ward_id", LONGEST_WARD, least=0)
    item, quantity, time = movement.item, movement.quantity, movement.occurred_time
    code, amount, reason = item.code, quantity.amount, movement.reason
    system, unit = SYSTEM_NAMES.get(item.system), UNIT_NAMES.get(quantity.unit)
    if system is None or not 0 < len(code) <= LONGEST_CODE:
        raise _bad_item(movement)
    if unit is None or not 0 <= amount <= MOST:
        raise _bad_quantity(movement)
    if reason not in REASONS:
        raise Malformed(
            "REASON_UNKNOWN",
            "The movement has no known reason: say PATIENT, WARD, WASTE, EXPIRY, TRANSFER, "
            "RECALL, DONATION, RETURN or CRISIS.",
            field="reason",
        )
    seconds, nanos = time.seconds, time.nanos
    if not seconds and not movement.HasField("occurred_time"):
        raise _missing("occurred_time", "the instant at which the stock moved")
    if not 0 <= nanos < NANOS:
        raise Malformed(
            "TIME_MALFORMED",
            "The instant's nanoseconds are not between 0 and 999,999,999. Correct the clock "
            "value and send the row again.",
            field="occurred_time",
        )
    return SentMovement(
        row, movement_id, site_id, system, code, amount, unit, reason, seconds, nanos, ward_id
    )


def _missing(field: str, what: str) -> Malformed:
    return Malformed("FIELD_MISSING", f"{field} is missing: send {what}.", field=field)


def _bad_text(field: str, longest: int, least: int = 1) -> Malformed:
    return Malformed(
        "TEXT_MALFORMED",
        f"{field} must have {least} to {longest} printable characters.",
        field=field,
    )


def _bad_item(movement: pb.Movement) -> Malformed:
    if not movement.HasField("item"):
        return _missing("item", "the item's code and code system")
    if movement.item.system not in SYSTEM_NAMES:
        return Malformed(
            "CODE_MALFORMED",
            "The code system is missing or unknown: use CIP7, CIP13, UCD13, GTIN14 or LOCAL.",
            field="item.system",
        )
    return Malformed(
        "CODE_MALFORMED", "A code has 1 to 64 characters. Send the whole code.", field="item.code"
    )


def _bad_quantity(movement: pb.Movement) -> Malformed:
    if not movement.HasField("quantity"):
        return _missing("quantity", "the amount and its unit")
    if movement.quantity.unit not in UNIT_NAMES:
        return Malformed(
            "UNIT_UNKNOWN",
            "The quantity has no unit: say PACK, DISPENSING or BASE.",
            field="quantity.unit",
        )
    amount = movement.quantity.amount
    if math.isfinite(amount) and amount < 0:
        return Malformed(
            "QUANTITY_MALFORMED",
            "The quantity is negative. For something that came back use the reason RETURN with "
            "the quantity that came back.",
            field="quantity.amount",
        )
    return Malformed(
        "QUANTITY_MALFORMED",
        f"The quantity must be a number from 0 to {MOST:.0e}. Check the unit: packs, dispensing "
        "units or base units.",
        field="quantity.amount",
    )


def refusal_to_wire(refused: RowRefusal, rows: str = "movements") -> catalogue_pb2.RowRefusal:
    """With the path of the field over the whole stream: movements[7].quantity.amount."""
    field = f"{rows}[{refused.row}]"
    if refused.refusal.field:
        field += f".{refused.refusal.field}"
    return catalogue_pb2.RowRefusal(
        row=refused.row,
        id=refused.movement_id,
        reason=refused.refusal.reason,
        field=field,
        message=refused.refusal.message,
    )
