"""One outcome per series of a part, whatever the series."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.demand.adapters.engines.pooled import PooledTsb
from services.demand.adapters.engines.unwatched import Unwatched
from services.demand.domain.classes import DemandClass
from services.demand.domain.forecasts import Forecast, Outcome
from services.demand.domain.history_files import Target
from services.demand.domain.quantiles import LEVELS
from services.demand.domain.routing import Group
from services.demand.domain.series import Series
from services.demand.domain.tables import Asked, HistoryTable, TableForecast
from services.demand.ports import Part, TableEngine
from services.demand.tests.situations import MONDAY, a_rare_item, a_steady_item, monthly
from services.demand.use_cases.make import MakePart
from services.demand.use_cases.route_table import RouteTable

BOTH = frozenset(Group)


@dataclass
class Flat:
    """The mean of each history with a fan around it; `spoil` may change or break it."""

    spoil: Callable[[TableForecast, HistoryTable], TableForecast] = lambda made, _: made
    name: str = "flat"
    serves: frozenset[Group] = BOTH
    home: Group | None = None
    slow: bool = False
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def __call__(self, table: HistoryTable, asked: Asked) -> TableForecast:
        self.asked.append(table.ids)
        centre = np.array([table.history(i).mean() for i in range(len(table.ids))])
        fan = centre[:, None] * np.linspace(0.5, 1.5, len(asked.levels))
        shape = (len(centre), asked.horizon)
        made = TableForecast(
            asked.levels,
            np.broadcast_to(centre[:, None], shape).copy(),
            np.repeat(fan[:, None, :], asked.horizon, axis=1),
            asked.lead * centre if asked.lead else None,
            asked.lead * fan if asked.lead else None,
            (self.name,) * len(centre),
            ("Because.",) * len(centre),
            {"season": np.broadcast_to(0.1 * centre[:, None], shape).copy()},
        )
        return self.spoil(made, table)


def broken(_made: TableForecast, _table: HistoryTable) -> TableForecast:
    raise ZeroDivisionError


def broken_by(item_id: str) -> Callable[[TableForecast, HistoryTable], TableForecast]:
    def spoil(made: TableForecast, table: HistoryTable) -> TableForecast:
        if any(name.startswith(item_id) for name in table.ids):
            raise ZeroDivisionError
        return made

    return spoil


def not_a_number(made: TableForecast, _table: HistoryTable) -> TableForecast:
    return replace(made, mean=np.full(made.mean.shape, np.nan))


def runaway(made: TableForecast, _table: HistoryTable) -> TableForecast:
    return replace(made, mean=made.mean + 1e12)


def maker(engine: Flat | None = None, plain: TableEngine | None = None) -> MakePart:
    flat = engine or Flat()
    homes = dict.fromkeys(Group, (flat.name,))
    return MakePart(RouteTable([flat], homes, Unwatched()), plain or PooledTsb())


def a_part(*series: Series, **more: Any) -> Part:
    made = Part("run-1", MONDAY, 3, 0, Target.DEMAND, series)
    return replace(made, **more)


def _made(series: Series, make: MakePart | None = None, **more: Any) -> Outcome:
    [outcome] = (make or maker())(a_part(series, **more)).outcomes
    return outcome


def forecast_of(series: Series, make: MakePart | None = None, **more: Any) -> Forecast:
    forecast = _made(series, make, **more).forecast
    assert forecast is not None
    return forecast


def test_a_steady_item_is_forecast_from_the_running_period_on() -> None:
    forecast = forecast_of(a_steady_item())
    assert [p.start for p in forecast.periods] == [
        date(2026, 1, 1),
        date(2026, 2, 1),
        date(2026, 3, 1),
    ]
    assert forecast.demand_class is DemandClass.SMOOTH
    assert (forecast.method, forecast.base_unit) == ("flat", "tablet")
    assert forecast.made_time == MONDAY
    assert forecast.method_reason.endswith("Because.")


def test_the_sum_over_the_lead_time_is_told_apart_from_the_periods() -> None:
    forecast = forecast_of(a_steady_item(), lead=2)
    assert forecast.lead is not None
    assert forecast.lead.periods == 2
    assert forecast.lead.mean == pytest.approx(2 * forecast.periods[0].mean)
    assert forecast_of(a_steady_item()).lead is None


def test_the_parts_of_a_mean_add_up_to_it_and_are_told_in_words() -> None:
    forecast = forecast_of(a_steady_item())
    assert [driver.name for driver in forecast.drivers] == ["level", "season"]
    for place, period in enumerate(forecast.periods):
        total = sum(driver.amounts[place] for driver in forecast.drivers)
        assert total == pytest.approx(period.mean)
    assert "time of the year" in forecast.drivers[1].words.lower()


def test_whole_units_get_whole_quantiles_and_others_keep_their_fractions() -> None:
    counts = forecast_of(a_rare_item(), lead=2)
    curves = np.array([p.quantiles for p in counts.periods])
    assert (curves == np.round(curves)).all()
    assert counts.lead is not None
    assert all(q == round(q) for q in counts.lead.quantiles)
    millilitres = np.array([p.quantiles for p in forecast_of(a_steady_item()).periods])
    assert (millilitres != np.round(millilitres)).any()


def test_a_new_item_is_forecast_from_its_class_and_says_not_to_trust_it() -> None:
    forecast = forecast_of(monthly([5, 6]), lead=2)
    assert forecast.method == "class level"
    assert any("not its own" in said for said in forecast.cautions)
    curve = forecast.periods[0].quantiles
    assert curve[LEVELS.index(0.975)] > 5 * max(curve[LEVELS.index(0.5)], 0.1)
    assert forecast.lead is not None


def test_a_good_forecast_carries_no_caution() -> None:
    assert forecast_of(a_steady_item()).cautions == ()


@pytest.mark.parametrize(
    ("series", "words"),
    [
        (monthly([0] * 30), "nothing to go by"),
        (monthly([9, 11] * 20 + [1e9]), "wrong unit"),
        (monthly([9, 11] * 20, unseen=2), "reported nothing"),
        (
            monthly([9, 11] * 12, out=np.array([0.0] * 14 + [30.0] * 10)),
            "the need then is a guess",
        ),
    ],
)
def test_a_forecast_that_should_not_be_trusted_says_why(series: Series, words: str) -> None:
    assert any(words in said for said in forecast_of(series).cautions)


def test_one_huge_amount_does_not_lift_the_forecast() -> None:
    usual = forecast_of(monthly([9, 11] * 20)).periods[0].mean
    assert forecast_of(monthly([9, 11] * 20 + [1e9])).periods[0].mean == pytest.approx(usual, 0.2)


def test_days_without_stock_are_not_learnt_as_no_need() -> None:
    out = np.array([0.0] * 24 + [30.0] * 6)
    history = monthly([100] * 24 + [0] * 6, out=out)
    assert forecast_of(history).periods[0].mean == pytest.approx(100, rel=0.05)
    assert any("not learnt as no need" in said for said in forecast_of(history).data_quality)
    recorded = forecast_of(history, target=Target.RECORDED)
    assert recorded.periods[0].mean == pytest.approx(80, rel=0.05)
    assert recorded.target is Target.RECORDED


@pytest.mark.parametrize("method", [broken, not_a_number])
def test_a_method_that_fails_is_replaced_and_reported(method: Any) -> None:
    outcome = _made(a_steady_item(), maker(Flat(method)))
    assert outcome.forecast is not None
    assert outcome.forecast.method == "TSB, pooled errors"
    assert "could not be used" in outcome.forecast.method_reason
    assert outcome.finding is not None
    assert outcome.finding.reason == "METHOD_FAILED"


def test_a_forecast_that_ran_away_is_replaced_and_reported() -> None:
    outcome = _made(a_steady_item(), maker(Flat(runaway)))
    assert outcome.forecast is not None
    assert outcome.forecast.periods[0].mean < 200
    assert outcome.finding is not None
    assert "ran away" in outcome.finding.message


def test_one_bad_series_costs_the_others_nothing_but_its_half() -> None:
    items = [a_rare_item(item_id=f"I{n}", seed=n) for n in range(8)]
    made = maker(Flat(broken_by("I3")))(a_part(*items)).outcomes
    found = {o.item_id: o for o in made}
    assert sorted(found) == [f"I{n}" for n in range(8)]
    assert [i for i, o in sorted(found.items()) if o.finding] == ["I3"]
    assert {o.forecast.method for i, o in found.items() if o.forecast and i != "I3"} == {"flat"}


def test_a_series_that_breaks_every_method_is_a_finding_not_a_crash() -> None:
    outcome = _made(a_steady_item(), maker(Flat(broken), Flat(broken)))
    assert outcome.forecast is None
    assert outcome.finding is not None
    assert outcome.finding.reason == "SERIES_UNUSABLE"
    assert outcome.finding.series == "PARACETAMOL@440000008"


def test_periods_nobody_reported_are_bridged_and_said() -> None:
    forecast = forecast_of(monthly([9, 11] * 20, unseen=2))
    assert forecast.periods[0].start == date(2026, 3, 1)
    assert forecast.periods[0].mean == pytest.approx(10, rel=0.1)
    assert any("reported nothing" in said for said in forecast.data_quality)


def test_a_site_silent_for_longer_than_it_spoke_is_not_forecast() -> None:
    outcome = _made(monthly([9, 11] * 5, unseen=11))
    assert outcome.forecast is None
    assert outcome.finding is not None
    assert outcome.finding.reason == "SITE_SILENT"


def test_all_series_of_a_part_reach_the_engine_together() -> None:
    engine = Flat()
    items = [a_rare_item(item_id=f"I{n}", seed=n) for n in range(30)]
    maker(engine)(a_part(*items))
    assert all(len(asked) == 30 for asked in engine.asked)


def test_engines_that_were_chosen_before_are_not_tested_again() -> None:
    engine = Flat()
    items = [a_rare_item(item_id=f"I{n}", seed=n) for n in range(30)]
    first = maker(engine)(a_part(*items))
    tested = len(engine.asked)
    again = maker(engine)(a_part(*items, chosen=first.chosen))
    assert len(engine.asked) - tested == 1
    assert [o.forecast for o in again.outcomes] == [o.forecast for o in first.outcomes]


HISTORIES = st.lists(st.one_of(st.just(0.0), st.floats(0, 1e9)), min_size=1, max_size=60)


@given(HISTORIES, st.integers(1, 24))
def test_whatever_the_history_quantiles_never_cross_nor_go_below_zero(
    values: list[float], horizon: int
) -> None:
    forecast = forecast_of(monthly(values), horizon=horizon)
    assert len(forecast.periods) == horizon
    for period in forecast.periods:
        assert period.quantiles[0] >= 0
        assert list(period.quantiles) == sorted(period.quantiles)
        assert np.isfinite([period.mean, *period.quantiles]).all()
        assert period.mean >= 0
