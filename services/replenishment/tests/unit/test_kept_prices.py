"""What a plan leaves to the next one goes by names, and what does not fit is said."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from services.replenishment.domain.agreed import GroupAllotment, GroupLimits
from services.replenishment.domain.assemble import Assembled, assemble
from services.replenishment.domain.kept_prices import VERSION, kept, start_from
from services.replenishment.domain.policy import Policy
from services.replenishment.domain.positions import Known
from services.replenishment.domain.prices import Prices
from services.replenishment.domain.shelves import StorageLimit
from services.replenishment.tests.situations import (
    ANGERS,
    MONDAY,
    NANTES,
    known,
    monthly,
    stock,
    tablets,
    terms,
)
from shared.catalogue.items import Storage


def at(site_id: str, name: str = "PARACETAMOL", allocation: int | None = None) -> Known:
    item = tablets(name)
    return Known(
        item,
        site_id,
        terms(item, site_id=site_id, allocation=allocation),
        stock(item, 60.0, site_id=site_id),
        monthly(item, 300.0, site_id=site_id),
    )


def planned(*ones: Known, day: int = 0, days: int = 28) -> Assembled:
    agreed = GroupLimits(
        [StorageLimit(NANTES, Storage.AMBIENT, 3.0)],
        [GroupAllotment("PARACETAMOL", "supplier-1", 9)],
    )
    first = MONDAY + timedelta(days=day)
    return assemble(ones, first, days, 500.0, Policy(), agreed=agreed)


def some_prices(of: Assembled) -> Prices:
    """Every one another."""
    storage, days = of.problem.storage, of.problem.days
    stores = 0 if storage is None else len(storage.capacity)
    shapes = [of.problem.weekly_budget.shape, (len(of.problem.caps),), (stores, days)]
    shapes.append((of.problem.rows.count, days))
    ends = np.cumsum([0, *(int(np.prod(shape)) for shape in shapes)])
    parts = [
        1.0 + np.arange(start, end, dtype=float).reshape(shape)
        for start, end, shape in zip(ends[:-1], ends[1:], shapes, strict=True)
    ]
    return Prices(*parts)


def test_the_same_day_starts_from_its_own_prices() -> None:
    of = planned(at(NANTES), at(ANGERS, allocation=40), at(ANGERS, "OTHER", 7))
    prices = some_prices(of)
    found = start_from(kept(of, prices), of)
    assert found.prices is not None
    for name in ("budget", "cap", "shelf", "share"):
        assert np.array_equal(getattr(found.prices, name), getattr(prices, name))
    assert "3 of 3" in found.note


def test_prices_follow_their_items_and_sites_and_what_is_new_starts_from_nothing() -> None:
    before = planned(at(NANTES), at(ANGERS, "OTHER", 7))
    prices = some_prices(before)
    after = planned(at(ANGERS, "NEW"), at(ANGERS, "OTHER", 7), at(NANTES))
    found = start_from(kept(before, prices), after).prices
    assert found is not None
    row = {(t.item_id, t.site_id): k for k, t in enumerate(before.terms)}
    for k, t in enumerate(after.terms):
        old = row.get((t.item_id, t.site_id))
        expected = np.zeros(28) if old is None else prices.share[old]
        assert np.array_equal(found.share[k], expected)
    assert np.array_equal(found.budget, prices.budget)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": VERSION + 1}, f"version {VERSION + 1}"),
        ({"first_day": MONDAY - timedelta(days=28)}, "28 days ago"),
        ({"first_day": MONDAY + timedelta(days=1)}, "later than today"),
    ],
)
def test_prices_that_do_not_fit_are_left_out_and_said(
    change: dict[str, object], words: str
) -> None:
    of = planned(at(NANTES))
    earlier = replace(kept(of, some_prices(of)), **change)  # type: ignore[arg-type]  # as named
    found = start_from(earlier, of)
    assert found.prices is None
    assert words in found.note
    assert found.note.endswith(".")


def test_prices_of_another_horizon_are_left_out_and_a_first_plan_says_nothing() -> None:
    short = planned(at(NANTES), days=14)
    found = start_from(kept(short, some_prices(short)), planned(at(NANTES)))
    assert found.prices is None
    assert "14 days" in found.note
    first = start_from(None, short)
    assert (first.prices, first.note) == (None, "")


def test_a_price_that_is_no_number_is_no_hint() -> None:
    of = planned(known())
    prices = some_prices(of)
    prices.share[0, :3] = [np.nan, np.inf, -4.0]
    found = start_from(kept(of, prices), of).prices
    assert found is not None
    assert found.share[0, :4].tolist() == [0.0, 0.0, 0.0, prices.share[0, 3]]
