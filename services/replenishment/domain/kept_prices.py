"""The prices that a plan leaves to the next one, by the names of what they belong to.

A price is a hint: the bound is proven whatever it is. So what does not fit is left out, and
said, rather than refused.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from services.replenishment.domain.assemble import Assembled
from services.replenishment.domain.prices import Prices
from services.replenishment.domain.problem import NO_CAP, Floats, Ints

VERSION = 1  # raised whenever a price of the same name comes to mean something else
Cap = tuple[str, str, str]  # item, supplier, and the site unless the whole group shares it
Store = tuple[str, str]  # site, kind of storage
Key = tuple[str, str]  # item, site


@dataclass(frozen=True, slots=True, eq=False)
class KeptPrices:
    version: int
    first_day: date
    sites: tuple[str, ...]
    caps: tuple[Cap, ...]
    stores: tuple[Store, ...]
    rows: tuple[Key, ...]
    prices: Prices


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """Where a solve starts from, and in words why."""

    prices: Prices | None
    note: str


def kept(planned: Assembled, prices: Prices) -> KeptPrices:
    """What `prices` of a plan belong to."""
    return KeptPrices(
        VERSION,
        planned.first_day,
        _sites(planned),
        _caps(planned),
        _stores(planned),
        _rows(planned),
        prices,
    )


def start_from(earlier: KeptPrices | None, planned: Assembled) -> Start:
    """The prices of an earlier plan as this problem numbers them; what it has not known
    starts from nothing. None, and why, where no earlier price may be believed."""
    if earlier is None:
        return Start(None, "")
    days, horizon = (planned.first_day - earlier.first_day).days, planned.problem.days
    whose = f"the prices of the plan of {earlier.first_day.isoformat()}"
    if earlier.version != VERSION:
        why = f"they are of version {earlier.version}, and {VERSION} is understood"
        return Start(None, f"Planned from nothing instead of from {whose}: {why}.")
    if not 0 <= days < horizon:
        why = f"it began {abs(days)} days {'ago' if days > 0 else 'later than today'}"
        return Start(None, f"Planned from nothing instead of from {whose}: {why}.")
    if earlier.prices.share.shape[1] != horizon:
        why = f"it was of {earlier.prices.share.shape[1]} days, this one is of {horizon}"
        return Start(None, f"Planned from nothing instead of from {whose}: {why}.")
    old = earlier.prices.later(days)
    rows = _rows(planned)
    known = len(set(rows) & set(earlier.rows))
    prices = Prices(
        budget=_taken(old.budget, _sites(planned), earlier.sites),
        cap=_taken(old.cap, _caps(planned), earlier.caps),
        shelf=_taken(old.shelf, _stores(planned), earlier.stores),
        share=_taken(old.share, rows, earlier.rows),
    )
    return Start(prices, f"Started from {whose}; {known} of {len(rows)} item-sites were in it.")


def _taken(old: Floats, wanted: Sequence[Hashable], named: Sequence[Hashable]) -> Floats:
    """The rows of `old` (called `named`) in the order of `wanted`; 0 where there is none.
    What is no number, or below 0, is no hint."""
    place = {name: k for k, name in enumerate(named)}
    found: Ints = np.array([place.get(name, -1) for name in wanted], dtype=np.int64)
    padded = np.concatenate([old, np.zeros((1, *old.shape[1:]))])
    clean: Floats = np.maximum(np.nan_to_num(padded, posinf=0.0, neginf=0.0), 0.0)
    taken: Floats = clean[found]
    return taken


def _sites(planned: Assembled) -> tuple[str, ...]:
    return tuple(sorted({t.site_id for t in planned.terms}))


def _caps(planned: Assembled) -> tuple[Cap, ...]:
    cap = planned.problem.rows.cap
    names: list[Cap] = [(*key, "") for key in planned.shared]
    names += [("", "", "")] * (len(planned.problem.caps) - len(names))
    for row in np.flatnonzero(cap != NO_CAP).tolist():
        if cap[row] >= len(planned.shared):
            t = planned.terms[row]
            names[cap[row]] = (t.item_id, t.supplier_id, t.site_id)
    return tuple(names)


def _stores(planned: Assembled) -> tuple[Store, ...]:
    return tuple((room.place[0], room.place[1].value) for room in planned.rooms)


def _rows(planned: Assembled) -> tuple[Key, ...]:
    return tuple((t.item_id, t.site_id) for t in planned.terms)
