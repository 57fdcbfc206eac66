"""Days of cover, chance and day of running out, expected expiry."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.replenishment.domain.demand import Demand, Spread, spread
from services.replenishment.domain.risk import Outlook, outlook
from services.replenishment.domain.stock import Lot, UsableStock
from services.replenishment.tests.situations import MONDAY, monthly, tablets

DAYS = 28
EVEN = Spread((1.0,) * 7, 0.0)
NOTHING = np.zeros(DAYS)


def on_shelf(amount: float, expiry: int | None = None) -> UsableStock:
    day = None if expiry is None else MONDAY + timedelta(days=expiry)
    return UsableStock(MONDAY, (Lot("L", amount, day),), 0.0, 0.0, 0.0, 0.0)


def demand(mean: float = 310.0, width: float = 0.2) -> Demand:
    return spread(monthly(tablets(), mean, width), MONDAY, DAYS, EVEN)


def seen(amount: float, expiry: int | None = None) -> Outlook:
    return outlook(on_shelf(amount, expiry), NOTHING, demand(), DAYS)


def test_cover_is_stock_over_mean_use() -> None:
    assert seen(100.0).days_of_cover == pytest.approx(10.0)
    assert seen(1000.0).days_of_cover == pytest.approx(100.0, rel=0.05)
    assert seen(0.0).days_of_cover == 0.0


def test_an_empty_shelf_is_out_at_once_and_a_full_one_lasts() -> None:
    empty, full = seen(0.0), seen(5000.0)
    assert empty.probability > 0.99
    assert empty.stockout_day == 0
    assert full.probability == 0.0
    assert full.stockout_day is None


def test_the_chance_is_that_of_the_demand_that_stock_just_meets() -> None:
    paths = demand()
    for level in (0.25, 0.5, 0.9, 0.99):
        enough = float(paths.at(np.array([level]))[-1, 0])
        assert seen(enough).probability == pytest.approx(1 - level, abs=1e-6)


@given(st.floats(0, 600), st.floats(0, 200))
def test_more_stock_is_never_more_risk(amount: float, more: float) -> None:
    less, rest = seen(amount), seen(amount + more)
    assert rest.probability <= less.probability + 1e-9
    assert rest.days_of_cover >= less.days_of_cover - 1e-9


@given(st.floats(0, 600))
def test_the_likely_day_lies_where_the_mean_runs_out_when_it_surely_does(amount: float) -> None:
    found = seen(amount)
    if found.probability > 0.5:
        assert found.stockout_day is not None
        assert abs(found.stockout_day - found.days_of_cover) <= 3


def test_stock_that_expires_does_not_cover() -> None:
    expiring = seen(200.0, expiry=4)
    assert expiring.days_of_cover == pytest.approx(5.0, abs=0.01)
    assert expiring.expected_expiry_base == pytest.approx(150.0, abs=3)
    assert seen(200.0).expected_expiry_base == 0.0


def test_an_order_that_arrives_in_time_counts() -> None:
    arrived = np.where(np.arange(DAYS) >= 5, 1000.0, 0.0)
    in_time = outlook(on_shelf(100.0), arrived, demand(), DAYS)
    late = outlook(on_shelf(20.0), arrived, demand(), DAYS)
    assert in_time.probability < 0.05
    assert late.probability > 0.8


def test_a_forecast_without_a_tail_never_says_that_nothing_can_happen() -> None:
    narrow = Demand(np.array([0.1, 0.5, 0.9]), demand().paths[:, [2, 4, 6]], demand().mean)
    assert outlook(on_shelf(5000.0), NOTHING, narrow, DAYS).probability == pytest.approx(0.1)


def test_an_item_that_nobody_uses_lasts_ten_years_at_most() -> None:
    idle = spread(monthly(tablets(), 0.0), MONDAY, DAYS, EVEN)
    found = outlook(on_shelf(5.0), NOTHING, idle, DAYS)
    assert found.days_of_cover == 3650
    assert found.probability == 0.0
