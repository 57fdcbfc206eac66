"""Rows of a stock stream, checked one by one in plain Python."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from larrey.demand.v1 import demand_pb2 as pb
from services.demand.domain.movements import RowRefusal
from services.demand.domain.shelf import SentShelfDay
from services.demand.wire.movements import LONGEST_ID, LONGEST_SITE, MOST
from shared.catalogue.wire import code_from_wire, unit_from_wire
from shared.errors import Malformed


def read_shelf_days(
    days: Iterable[pb.StockDay], first_row: int
) -> tuple[list[SentShelfDay], list[RowRefusal]]:
    """The rows that are well-formed, and the refusals of those that are not."""
    rows: list[SentShelfDay] = []
    refused: list[RowRefusal] = []
    for row, sent in enumerate(days, first_row):
        try:
            rows.append(_read(sent, row))
        except Malformed as refusal:
            refused.append(RowRefusal(row, sent.item.code[:LONGEST_ID], refusal))
    return rows, refused


def _read(sent: pb.StockDay, row: int) -> SentShelfDay:
    code = code_from_wire(sent.item)
    if not (0 < len(sent.site_id) <= LONGEST_SITE and sent.site_id.isprintable()):
        raise Malformed(
            "SITE_MALFORMED",
            f"site_id must have 1 to {LONGEST_SITE} printable characters.",
            field="site_id",
        )
    level = None
    if sent.HasField("level"):
        if not 0 <= sent.level.amount <= MOST:
            raise Malformed(
                "QUANTITY_MALFORMED",
                f"A stock level is a number from 0 to {MOST:.0e}. An empty shelf is 0.",
                field="level.amount",
            )
        level = (sent.level.amount, unit_from_wire(sent.level.unit, "level"))
    out = sent.out_of_stock if sent.HasField("out_of_stock") else None
    if out is not None and not 0 <= out <= 1:
        raise Malformed(
            "QUANTITY_MALFORMED",
            "out_of_stock is the share of the day without stock, from 0 to 1.",
            field="out_of_stock",
        )
    if level is None and out is None:
        raise Malformed(
            "NOTHING_SAID",
            "The row says neither level nor out_of_stock. Send at least one of them; an empty "
            "shelf is a level of 0.",
            field="level",
        )
    return SentShelfDay(row, code, sent.site_id, _day(sent), level, out)


def _day(sent: pb.StockDay) -> date:
    try:
        return date(sent.day.year, sent.day.month, sent.day.day)
    except (ValueError, OverflowError):
        raise Malformed(
            "DAY_MALFORMED",
            "The day is missing or no day of the calendar. Send year, month and day.",
            field="day",
        ) from None
