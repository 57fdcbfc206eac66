"""What the medicines agency says of an item's supply, and what that means for a plan.

The ANSM lists shortages, tensions and stopped marketing by speciality (CIS), seldom by
pack. An item that is out of stock or stopped is not ordered unless its supplier is known
to deliver all the same; in tension, and where it is ordered all the same, the plan counts
on the longest lead time that its supplier has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import Enum

from services.replenishment.domain.terms import SupplyTerms
from shared.catalogue.codes import Code, CodeSystem
from shared.catalogue.items import Item


class Availability(Enum):
    """The worst last."""

    TENSION = "TENSION"
    STOPPED = "STOPPED"
    SHORTAGE = "SHORTAGE"

    @property
    def blocks(self) -> bool:
        return self is not Availability.TENSION


SEVERITY = {kind: place for place, kind in enumerate(Availability)}
FLAGS = {kind: f"SUPPLY_{kind.value}" for kind in Availability}
LISTED = {
    Availability.TENSION: "in tension",
    Availability.STOPPED: "stopped",
    Availability.SHORTAGE: "out of stock",
}


@dataclass(frozen=True, slots=True)
class SupplyStatus:
    """One entry of the agency's list; `source_day` is the day of the list itself."""

    availability: Availability
    since: date | None
    source_day: date
    partly: bool = False  # another pack of the item is not listed

    @property
    def sentence(self) -> str:
        since = "" if self.since is None else f" since {self.since.isoformat()}"
        return (
            f"The ANSM lists it as {LISTED[self.availability]}{since} (list of "
            f"{self.source_day.isoformat()})."
        )


@dataclass(frozen=True, slots=True)
class Listed:
    """The packs that a list names as hard to get, and what was odd in its file."""

    packs: tuple[tuple[Code, SupplyStatus], ...]
    source_day: date
    rows: int
    disagreeing: int  # rows whose code and label say different things
    without_packs: int  # specialities listed as hard to get whose packs are not known


def severity(status: SupplyStatus) -> int:
    return SEVERITY[status.availability]


def of_items(items: Iterable[Item], listed: Mapping[Code, SupplyStatus]) -> dict[str, SupplyStatus]:
    """The status by item_id of the items that are concerned.

    Where every national pack code of an item is listed, the mildest status counts: that
    pack can still be had. Where one is not listed, the item can be had as that pack: it is
    in tension at the worst.
    """
    found: dict[str, SupplyStatus] = {}
    for item in items:
        codes = item.all_codes()
        mine = [listed[code] for code in codes if code in listed]
        if not mine:
            continue
        mildest = min(mine, key=severity)
        national = [code for code in codes if code.system is CodeSystem.CIP13]
        if any(code not in listed for code in national):
            mildest = replace(mildest, availability=Availability.TENSION, partly=True)
        found[item.item_id] = mildest
    return found


def worst(entries: Sequence[tuple[Code, SupplyStatus]]) -> dict[Code, SupplyStatus]:
    """The most severe entry of each code: a list may name one twice."""
    found: dict[Code, SupplyStatus] = {}
    for code, status in entries:
        if code not in found or severity(status) > severity(found[code]):
            found[code] = status
    return found


def blocked(status: SupplyStatus | None, terms: SupplyTerms) -> bool:
    """Whether nothing may be ordered: listed as not to be had, and no word of the supplier."""
    return status is not None and status.availability.blocks and not terms.supplied_in_shortage


def slowed(terms: SupplyTerms, status: SupplyStatus | None) -> SupplyTerms:
    """The terms with the longest lead time that has a weight, where a status is listed."""
    if status is None:
        return terms
    possible = [k for k, weight in enumerate(terms.lead_weights) if weight > 0]
    longest = terms.min_lead_days + (possible[-1] if possible else 0)
    return replace(terms, min_lead_days=longest, lead_weights=(1.0,))
