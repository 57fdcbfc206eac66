"""Lots that a named pharmacist releases beyond the day they are marked with, on the record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import Enum

from services.replenishment.domain.stock import StockReport
from shared.catalogue.codes import Code
from shared.errors import Malformed, Missing


class ReleaseReason(Enum):
    EXTENDED_BY_AUTHORITY = "EXTENDED_BY_AUTHORITY"
    STABILITY_PROVEN = "STABILITY_PROVEN"
    NO_ALTERNATIVE = "NO_ALTERNATIVE"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True)
class Release:
    """One entry of the record; `last_day` None takes the release of before back."""

    item_id: str
    site_id: str
    lot_id: str
    last_day: date | None
    reason: ReleaseReason
    note: str
    released_by: str
    released_time: datetime


@dataclass(frozen=True, slots=True)
class AskedRelease:
    """What a pharmacist asks for; the item is known by a code only."""

    item: Code
    site_id: str
    lot_id: str
    last_day: date | None  # None takes the release back
    reason: ReleaseReason
    note: str
    released_by: str


def check_release(
    report: StockReport | None, lot_id: str, last_day: date | None, day: date
) -> float:
    """Base units of the lot as it was last counted.

    Missing LOT_UNKNOWN; Malformed RELEASE_IN_PAST.
    """
    lots = [] if report is None else [lot for lot in report.lots if lot.lot_id == lot_id]
    if not lots:
        raise Missing(
            "LOT_UNKNOWN",
            "The last stock report of this item and site names no such lot. Send a stock report "
            "that lists it, or correct the lot's number.",
            field="lot_id",
        )
    if last_day is not None and last_day < day:
        raise Malformed(
            "RELEASE_IN_PAST",
            f"The lot would be released until {last_day.isoformat()}, which is over. Name the "
            "last day on which it may be used.",
            field="last_day",
        )
    return sum(lot.quantity_base for lot in lots)


def as_released(
    report: StockReport, releases: Sequence[Release], kept_back_days: int
) -> tuple[StockReport, bool]:
    """The report with the day until which each lot may really be used, and whether a release
    changed one. Lots that nobody released are kept back so many days before they expire."""
    until = {one.lot_id: one.last_day for one in releases if one.last_day is not None}
    lots, changed = [], False
    for lot in report.lots:
        last = lot.expiry
        if last is not None and lot.lot_id in until:
            changed = changed or until[lot.lot_id] > last - timedelta(days=kept_back_days)
            last = until[lot.lot_id]
        elif last is not None:
            last -= timedelta(days=kept_back_days)
        lots.append(replace(lot, expiry=last))
    return replace(report, lots=tuple(lots)), changed
