"""What is offered to the series of a part, and that a part is never lost to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from services.demand.adapters.calendars import known_drivers
from services.demand.adapters.engines.pooled import PooledTsb
from services.demand.domain.drivers.driver import Driver
from services.demand.domain.drivers.signals import call_signals
from services.demand.domain.history_files import Target
from services.demand.domain.panels import days_of, table_of
from services.demand.domain.periods import Period, number_of
from services.demand.domain.series import Series
from services.demand.domain.tables import Days, HistoryTable
from services.demand.ports import Part
from services.demand.tests.situations import ANGERS, MONDAY, NANTES
from services.demand.tests.unit.test_making import Flat, maker
from services.demand.use_cases.drive_part import DrivePart
from services.demand.use_cases.drive_table import DriveTable

UNTIL = MONDAY.date()
LENGTH = 300
CALLS = {
    (UNTIL - timedelta(days=k), group): 5 + k % 7 for k in range(1, 200) for group in ("cardiac",)
}


def series(name: str, site_id: str = NANTES, level: float = 20.0) -> Series:
    draws = np.random.default_rng(len(name) + round(level))
    values = draws.poisson(level, LENGTH).astype(np.float64)
    return Series(name, site_id, Period.DAY, number_of(UNTIL, Period.DAY) - LENGTH, values)


def part(*every: Series, zones: dict[str, str] | None = None, horizon: int = 7) -> Part:
    return Part(
        "run-1",
        MONDAY,
        horizon,
        0,
        Target.DEMAND,
        every,
        driven=10,
        signals=call_signals(CALLS, UNTIL),
        zones=zones or {},
    )


def offered(asked: Part, engine: str = "another") -> tuple[dict[str, Driver], str]:
    table = table_of(asked.series, asked.horizon).table
    ahead = days_of(number_of(UNTIL, Period.DAY), asked.horizon, Period.DAY)
    found, noted = known_drivers(asked, asked.series, table, ahead, engine)
    return {one.name: one for one in found}, noted


def test_calls_and_calendars_are_offered() -> None:
    found, noted = offered(part(series("A"), zones={NANTES: "B"}))
    assert set(found) == {"public holiday", "bridge day", "school holiday", "calls cardiac"}
    assert noted == ""


def test_an_engine_with_holidays_of_its_own_is_offered_none() -> None:
    found, _ = offered(part(series("A")), "panel of Gaussian processes")
    assert "public holiday" not in found
    assert "bridge day" in found


def test_school_holidays_are_those_of_the_sites_zone_and_nothing_where_it_is_unknown() -> None:
    found, _ = offered(part(series("A"), series("A", ANGERS), zones={NANTES: "B"}))
    school = found["school holiday"].values
    assert school[0].sum() > 0
    assert school[1].sum() == 0
    assert "school holiday" not in offered(part(series("A")))[0]


def test_a_calendar_that_ends_is_noted_and_signals_are_offered_all_the_same() -> None:
    found, noted = offered(part(series("A"), horizon=1000))
    assert set(found) == {"calls cardiac"}
    assert "calendar ends before" in noted


def broken(
    _part: Part, _series: Sequence[Series], _table: HistoryTable, _ahead: Days, _engine: str
) -> tuple[Sequence[Driver], str]:
    raise ValueError("no such calendar")


def test_a_forecast_is_never_lost_to_its_drivers() -> None:
    plain = maker(Flat())
    drive = DrivePart(DriveTable(plain.route), broken)
    asked = part(series("A"), series("B"))
    driven = replace(plain, drive=drive)(asked)
    assert driven.drivers_failed == 1
    made = driven.outcomes
    without = plain(asked).outcomes
    assert plain(asked).drivers_failed == 0
    for one, other in zip(made, without, strict=True):
        assert one.forecast is not None
        assert other.forecast is not None
        assert one.forecast.periods == other.forecast.periods
        assert any("could not be tried (ValueError)" in said for said in one.forecast.data_quality)


def test_only_the_most_regularly_used_series_are_tried() -> None:
    seen: list[tuple[str, ...]] = []

    def watch(
        _part: Part, _series: Sequence[Series], table: HistoryTable, _ahead: Days, _engine: str
    ) -> tuple[Sequence[Driver], str]:
        seen.append(table.ids)
        return (), ""

    plain = maker(Flat(), PooledTsb())
    drive = DrivePart(DriveTable(plain.route), watch)
    every = (series("OFTEN"), series("SOMETIMES", level=1.0), series("RARELY", level=0.1))
    replace(plain, drive=drive)(replace(part(*every), driven=1))
    replace(plain, drive=drive)(replace(part(*every), driven=9))
    assert seen == [(f"OFTEN@{NANTES}",), (f"OFTEN@{NANTES}", f"SOMETIMES@{NANTES}")]


@pytest.mark.parametrize("driven", [0, 10])
def test_a_part_without_drivers_is_forecast_as_before(driven: int) -> None:
    asked = replace(part(series("A")), signals=(), driven=driven)
    assert maker(Flat())(asked).outcomes[0].forecast is not None


def test_the_day_of_a_call_is_not_known_before_it_is_over() -> None:
    (signal,) = call_signals({**CALLS, (UNTIL, "cardiac"): 99}, UNTIL)
    assert signal.values.max() < 99
    assert date.fromordinal(date(1970, 1, 1).toordinal() + signal.first) == min(d for d, _ in CALLS)
