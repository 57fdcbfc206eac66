"""Live accuracy: what is measured, and what is not known yet."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest

from services.demand.adapters.watch import Metrics
from services.demand.domain.accuracy import (
    SAID,
    Claim,
    Place,
    added,
    by_place,
    came_true,
    claim_of,
    figures,
    judged_by,
    sums_of,
    widened,
)
from services.demand.domain.classes import DemandClass
from services.demand.domain.periods import Period, number_of
from services.demand.tests.situations import ANGERS, MONDAY, NANTES, a_forecast, monthly
from services.demand.wire.accuracy import accuracy_to_wire
from shared.clock import FixedClock
from shared.telemetry import Telemetry

JANUARY = number_of(date(2026, 1, 1), Period.MONTH)


def a_claim(**changes: Any) -> Claim:
    claim = Claim(
        "PARACETAMOL",
        NANTES,
        Period.MONTH,
        JANUARY,
        MONDAY,
        DemandClass.SMOOTH,
        10.0,
        (2.0, 5.0, 6.0, 7.0, 8.0, 10.0, 12.0, 13.0, 14.0, 15.0, 18.0),
        4.0,
    )
    return claim._replace(**changes)


def test_figures_are_those_of_the_textbook() -> None:
    told = figures(
        sums_of([(a_claim(), 12.0), (a_claim(), 8.0), (a_claim(), 16.0), (a_claim(), 20.0)])
    )
    assert told is not None
    assert told.actuals == 4
    assert told.bias == pytest.approx((40 - 56) / 56)
    assert told.error == pytest.approx((2 + 2 + 6 + 10) / 4)
    assert (told.coverage_95, told.coverage_80, told.below_p90) == (0.75, 0.5, 0.5)
    assert told.scaled == pytest.approx(5 / 4)


def test_the_quantile_loss_is_the_mean_over_the_scored_levels() -> None:
    told = figures(sums_of([(a_claim(), 20.0)]))
    by_hand = [
        2 * q * (20.0 - x) for q, x in zip(SAID[1:-1], a_claim().quantiles[1:-1], strict=True)
    ]
    assert told is not None
    assert told.wql == pytest.approx(np.mean(by_hand) / 20.0)


def test_a_claim_that_was_kept_with_five_quantiles_is_still_read() -> None:
    wide = widened((2.0, 5.0, 10.0, 15.0, 18.0))
    assert len(wide) == len(SAID)
    assert (wide[0], wide[1], wide[5], wide[-2], wide[-1]) == (2.0, 5.0, 10.0, 15.0, 18.0)
    assert widened(wide) == wide


def test_a_claim_is_scaled_by_its_season_once_two_are_known() -> None:
    history = np.tile(np.arange(12.0), 3) + np.repeat([0.0, 2.0, 4.0], 12)
    assert claim_of(a_forecast(), history).step == pytest.approx(2.0)
    assert claim_of(a_forecast(), history[:20]).step == pytest.approx(
        np.abs(np.diff(history[:20])).mean()
    )


def test_what_is_not_known_is_left_out_rather_than_zero() -> None:
    assert figures(sums_of([])) is None
    told = figures(sums_of([(a_claim(step=0.0), 0.0)]))
    assert told is not None
    assert math.isnan(told.bias)
    assert (told.scaled, told.drift, told.wql) == (None, None, None)
    sent = accuracy_to_wire(told, {})
    assert not sent.HasField("scaled_error")
    assert not sent.HasField("drift")
    assert accuracy_to_wire(None, {}).actuals == 0


def test_drift_is_the_newest_periods_coverage_less_that_before() -> None:
    before = [(a_claim(number=JANUARY - 1), 10.0)] * 4
    told = figures(sums_of([*before, (a_claim(), 10.0), (a_claim(), 99.0)]))
    assert told is not None
    assert told.drift == pytest.approx(-0.5)


def test_sums_of_parts_added_up_are_the_sums_of_the_whole() -> None:
    draw = np.random.default_rng(5)
    settled = [
        (
            a_claim(
                site_id=NANTES if k % 3 else ANGERS,
                demand_class=DemandClass.LUMPY if k % 2 else DemandClass.SMOOTH,
                number=JANUARY - k % 4,
                step=float(k % 5),
            ),
            float(draw.poisson(10)),
        )
        for k in range(60)
    ]
    whole, parts = sums_of(settled), [sums_of(settled[k::7]) for k in range(7)]
    assert set(whole) == {cell for part in parts for cell in part}
    for cell, told in whole.items():
        mine = added(part[cell] for part in parts if cell in part)
        assert mine == pytest.approx(told)


def test_a_period_is_judged_again_while_late_movements_may_change_it() -> None:
    late, early = monthly([9.0, 11.0, 7.0]), monthly([4.0], "B")
    assert judged_by([late, early]) == {Period.MONTH: range(JANUARY - 2, JANUARY)}
    assert judged_by([]) == {}


def test_figures_are_told_apart_by_site_and_class() -> None:
    rare = a_claim(site_id=ANGERS, demand_class=DemandClass.LUMPY)
    parts = by_place(sums_of([(a_claim(), 10.0), (a_claim(), 30.0), (rare, 10.0)]))
    assert list(parts) == [Place(NANTES, DemandClass.SMOOTH), Place(ANGERS, DemandClass.LUMPY)]
    assert [told.coverage_95 for told in parts.values()] == [0.5, 1.0]


def test_a_period_that_is_not_over_or_had_no_stock_is_not_judged() -> None:
    history = monthly([9.0, 11.0, 7.0])
    place = {("PARACETAMOL", NANTES): history}
    december = a_claim(number=JANUARY - 1)
    assert came_true([december, a_claim()], place) == [7.0, None]
    dry = {("PARACETAMOL", NANTES): replace(history, out=np.array([0.0, 0.0, 3.0]))}
    assert came_true([december], dry) == [None]
    assert came_true([december], {}) == [None]


def test_a_forecast_claims_its_first_period() -> None:
    claim = claim_of(a_forecast(), np.array([3.0, 5.0, 1.0]))
    assert (claim.number, claim.mean, claim.step) == (JANUARY, 8.5, 3.0)
    assert list(claim.quantiles) == sorted(claim.quantiles)


def test_prometheus_is_told_each_figure_by_site_and_class() -> None:
    telemetry = Telemetry("demand")
    Metrics(telemetry, FixedClock(MONDAY)).accuracy(by_place(sums_of([(a_claim(), 12.0)])))
    labels = {"site_id": NANTES, "demand_class": "smooth"}

    def value(name: str) -> float | None:
        return telemetry.registry.get_sample_value(f"larrey_demand_accuracy_{name}", labels)

    assert (value("actuals"), value("coverage_95"), value("scaled_error")) == (1.0, 1.0, 0.5)
    drift = value("drift")
    assert drift is not None
    assert math.isnan(drift)
