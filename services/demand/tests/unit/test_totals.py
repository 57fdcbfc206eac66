"""Sums over wards, items and sites: they agree with each other and hold what comes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from statistics import NormalDist

import numpy as np
import pytest

from services.demand.domain.accuracy import SAID, Claim, sums_of
from services.demand.domain.classes import DemandClass
from services.demand.domain.forecasts import Forecast, ForecastPeriod, LeadSum
from services.demand.domain.outlook import Rules
from services.demand.domain.periods import Period
from services.demand.domain.quantiles import LEVELS
from services.demand.domain.totals import (
    PRIOR_CORRELATION,
    amounts_of,
    correlation_of,
    draws_of,
    lead_amounts_of,
    turns_of,
    ward_parts,
)
from services.demand.ports import Array
from services.demand.tests.memory import MemoryStore
from services.demand.tests.situations import ANGERS, MONDAY, NANTES, a_forecast, site, tablets
from services.demand.use_cases.read import Reading
from services.demand.use_cases.totals import ReadTotal, TotalQuestion
from shared.clock import FixedClock
from shared.errors import Malformed, Missing

TURNS = np.array([NormalDist().inv_cdf(level) for level in LEVELS])
WARDS = {"": 10.0, "W1": 60.0, "W2": 30.0}


def normal(item_id: str, site_id: str = NANTES, centre: float = 100.0) -> Forecast:
    """Three months of about `centre`, standard deviation a tenth of it; the sum over two months
    is wider than that of two months that know nothing of each other."""
    curve = tuple((centre + 0.1 * centre * TURNS).tolist())
    lead = LeadSum(2, 2 * centre, tuple((2 * centre + 0.18 * centre * TURNS).tolist()))
    base = a_forecast(item_id, site_id)
    periods = tuple(ForecastPeriod(p.start, centre, curve) for p in base.periods)
    return replace(base, periods=periods, lead=lead)


class Wards:
    """A history of which only the wards are asked."""

    def ward_use(
        self, site_id: str, item_ids: list[str], since: int
    ) -> dict[str, dict[str, float]]:
        return dict.fromkeys(item_ids, WARDS)


@pytest.fixture
def read() -> ReadTotal:
    store = MemoryStore()
    store.books.catalogue.put_sites([site(), site(ANGERS)])
    store.books.catalogue.put_items([tablets("A", "J01CA"), tablets("B", "J01DD"), tablets("C")])
    for item_id in "ABC":
        store.books.forecasts.put([normal(item_id), normal(item_id, ANGERS, 50.0)])
    reading = Reading(FixedClock(MONDAY), "Europe/Paris", timedelta(days=45), Rules())
    return ReadTotal(store, Wards(), reading)  # type: ignore[arg-type]  # only wards are asked


def middle(read: ReadTotal, question: TotalQuestion) -> Array:
    total = read(question)
    return np.array([period.quantiles for period in total.periods])


def test_draws_have_the_quantiles_of_their_forecast() -> None:
    drawn = draws_of(normal("A"), 0.3)
    assert np.quantile(drawn, 0.5) == pytest.approx(100, rel=0.01)
    assert np.quantile(drawn, 0.9) == pytest.approx(100 + 12.8, rel=0.02)


def test_draws_are_those_of_reading_each_turn_by_itself() -> None:
    draw = np.random.default_rng(11)
    turns = draw.standard_normal((3, 500)) * 1.5
    base = normal("A")
    for _ in range(20):
        curves = np.sort(draw.gamma(0.5, 20.0, (3, len(LEVELS))), axis=1)
        periods = [
            replace(period, quantiles=tuple(curve.tolist()))
            for period, curve in zip(base.periods, curves, strict=True)
        ]
        places = np.array([[NormalDist().cdf(z) for z in row] for row in turns])
        plain = np.stack(
            [np.interp(place, LEVELS, curve) for place, curve in zip(places, curves, strict=True)]
        )
        made = amounts_of(replace(base, periods=tuple(periods)), turns)
        widest = np.diff(curves, axis=1).max(axis=1, keepdims=True)
        assert (np.abs(made - plain) <= 0.03 * widest).all()
        assert np.abs(made - plain).mean() < 0.001 * widest.mean()


def test_a_series_has_the_same_draws_whatever_is_summed() -> None:
    alone = draws_of(normal("A"), 0.3)
    assert np.array_equal(alone, draws_of(normal("A"), 0.3))
    assert not np.array_equal(alone, draws_of(normal("B"), 0.3))


def test_the_group_is_the_sum_of_its_sites_draw_by_draw(read: ReadTotal) -> None:
    whole = read(TotalQuestion())
    sites = [read(TotalQuestion(sites=(one,))) for one in (NANTES, ANGERS)]
    assert (whole.series, [one.series for one in sites]) == (6, [3, 3])
    for place, period in enumerate(whole.periods):
        assert period.mean == pytest.approx(sum(one.periods[place].mean for one in sites))
        highest = sum(one.periods[place].quantiles[-1] for one in sites)
        # less than the sum of the quantiles: not all sites are high at once
        assert period.quantiles[-1] < highest


def test_the_sum_over_the_lead_time_has_its_own_quantiles(read: ReadTotal) -> None:
    alone = read(TotalQuestion(sites=(NANTES,), item_ids=("A",))).lead
    assert alone is not None
    assert (alone.periods, alone.mean) == (2, 200.0)
    said = normal("A").lead
    assert said is not None
    for level, q, own in zip(LEVELS, alone.quantiles, said.quantiles, strict=True):
        if 0.02 <= level <= 0.98:
            assert q == pytest.approx(own, rel=0.02), level


def test_lead_times_of_a_group_add_up_draw_by_draw(read: ReadTotal) -> None:
    whole = read(TotalQuestion()).lead
    sites = [read(TotalQuestion(sites=(one,))).lead for one in (NANTES, ANGERS)]
    assert whole is not None
    assert all(sites)
    assert whole.mean == pytest.approx(sum(one.mean for one in sites if one))
    top = LEVELS.index(0.95)
    assert whole.quantiles[top] < sum(one.quantiles[top] for one in sites if one)
    # three items of 18 and three of 9, each pair correlated by rho
    variance, rho = 3 * (18.0**2 + 9.0**2), read(TotalQuestion()).correlation
    pairs = 81.0**2 - variance
    spread = np.sqrt(variance + rho * pairs)
    assert whole.quantiles[top] == pytest.approx(900 + 1.645 * spread, rel=0.01)


def test_a_high_lead_time_is_one_of_high_periods() -> None:
    one = normal("A")
    assert one.lead is not None
    turns = turns_of(one, 0.3)
    lead = lead_amounts_of(one, one.lead, turns)[0]
    assert np.corrcoef(lead, amounts_of(one, turns)[:2].sum(axis=0))[0, 1] > 0.98


def test_lead_times_of_all_wards_add_up_to_the_sites(read: ReadTotal) -> None:
    one = normal("A")
    assert one.lead is not None
    drawn = np.round(lead_amounts_of(one, one.lead, turns_of(one, 0.1)))
    assert np.array_equal(sum(ward_parts(one, drawn, WARDS).values()), drawn)
    ward = read(TotalQuestion(sites=(NANTES,), ward_id="W1")).lead
    whole = read(TotalQuestion(sites=(NANTES,))).lead
    assert ward is not None
    assert whole is not None
    assert ward.mean == pytest.approx(0.6 * whole.mean)


@pytest.mark.parametrize("odd", [None, LeadSum(3, 300.0, tuple(300.0 for _ in LEVELS))])
def test_lead_times_that_differ_are_not_added_and_it_is_said(
    read: ReadTotal, odd: LeadSum | None
) -> None:
    books = read.store.books  # type: ignore[attr-defined]  # the store in memory
    books.forecasts.put([replace(normal("C"), lead=odd)])
    total = read(TotalQuestion())
    assert total.lead is None
    assert "different lead times" in total.lead_missing
    alone = read(TotalQuestion(item_ids=("C",), sites=(NANTES,)))
    assert (alone.lead is None) == (odd is None)
    assert ("StartForecastRun" in alone.lead_missing) == (odd is None)


def test_draws_that_follow_each_other_make_wider_sums() -> None:
    forecasts = [normal(f"I{n}") for n in range(20)]
    widths = [
        np.ptp(np.quantile(sum(draws_of(f, rho)[0] for f in forecasts), (0.1, 0.9)))
        for rho in (0.0, 0.3, 0.8)
    ]
    assert widths == sorted(widths)
    assert widths[2] > 2 * widths[0]


def test_items_are_summed_by_their_class(read: ReadTotal) -> None:
    assert read(TotalQuestion(item_class="J01")).series == 4
    assert read(TotalQuestion(item_class="J01CA", sites=(NANTES,))).series == 1


def test_the_parts_of_all_wards_add_up_to_the_site_draw_by_draw() -> None:
    drawn = np.round(draws_of(normal("A"), 0.1))
    parts = ward_parts(normal("A"), drawn, WARDS)
    assert np.array_equal(sum(parts.values()), drawn)
    shares = {ward: part.sum() / drawn.sum() for ward, part in parts.items()}
    assert shares == pytest.approx({"": 0.1, "W1": 0.6, "W2": 0.3}, abs=0.03)


def test_fractions_are_dealt_to_wards_as_well() -> None:
    drawn = draws_of(normal("A"), 0.1)
    parts = ward_parts(normal("A"), drawn, WARDS)
    assert sum(parts.values()) == pytest.approx(drawn)


def test_a_wards_mean_is_its_share_of_the_sites(read: ReadTotal) -> None:
    ward = read(TotalQuestion(sites=(NANTES,), ward_id="W1"))
    whole = read(TotalQuestion(sites=(NANTES,)))
    assert ward.periods[0].mean == pytest.approx(0.6 * whole.periods[0].mean)


def test_an_old_forecast_or_another_unit_is_left_out_and_counted(read: ReadTotal) -> None:
    books = read.store.books  # type: ignore[attr-defined]  # the store in memory
    books.forecasts.put([replace(normal("C"), made_time=MONDAY - timedelta(days=60))])
    books.forecasts.put([replace(normal("B"), base_unit="mL")])
    total = read(TotalQuestion())
    assert (total.series, total.left_out, total.base_unit) == (4, 2, "tablet")


def test_a_ward_needs_its_one_site_and_must_be_known(read: ReadTotal) -> None:
    with pytest.raises(Malformed) as refused:
        read(TotalQuestion(ward_id="W1"))
    assert (refused.value.reason, refused.value.field) == ("WARD_WITHOUT_SITE", "site_ids")
    with pytest.raises(Missing) as missing:
        read(TotalQuestion(sites=(NANTES,), ward_id="W9"))
    assert missing.value.reason == "WARD_UNKNOWN"


def came(rho: float, series: int, periods: int, seed: int) -> list[tuple[Claim, float]]:
    """What came of forecasts that were right, errors of one period correlated by `rho`."""
    draw = np.random.default_rng(seed)
    curve = tuple(100 + 10 * NormalDist().inv_cdf(level) for level in SAID)
    found = []
    for number in range(periods):
        common = draw.normal()
        for place in range(series):
            z = np.sqrt(rho) * common + np.sqrt(1 - rho) * draw.normal()
            claim = Claim(
                f"I{place}",
                NANTES,
                Period.MONTH,
                number,
                MONDAY,
                DemandClass.SMOOTH,
                100.0,
                curve,
                10.0,
            )
            found.append((claim, 100 + 10 * z))
    return found


def test_the_correlation_is_learnt_from_what_came_true() -> None:
    assert correlation_of({}) == PRIOR_CORRELATION
    assert correlation_of(sums_of(came(0.0, 50, 40, 1))) < 0.05
    assert 0.3 < correlation_of(sums_of(came(0.5, 50, 60, 2))) < 0.7


def test_sums_hold_what_comes_when_errors_go_together() -> None:
    forecasts = [normal(f"I{n}") for n in range(20)]
    past = sums_of(came(0.4, 20, 60, 3))
    low, high = np.quantile(
        sum(draws_of(f, correlation_of(past))[0] for f in forecasts), (0.1, 0.9)
    )
    future = came(0.4, 20, 400, 4)
    totals = np.array([actual for _, actual in future]).reshape(400, 20).sum(axis=1)
    assert 0.7 <= np.mean((totals >= low) & (totals <= high)) <= 0.9
