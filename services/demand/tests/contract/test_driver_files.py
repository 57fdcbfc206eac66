"""Calendars and signals from files: on the grid, never from the future, refused in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from services.demand.adapters.files.desk import Desk
from services.demand.adapters.files.drivers import calendar_drivers, signal_drivers
from services.demand.adapters.files.proofs import influenza
from services.demand.adapters.files.reading import read_history
from services.demand.domain.history_files import HistoryRead, Order
from services.demand.tests.contract.test_forecast_files import quick
from services.demand.tests.frames import written
from services.demand.tests.unit.test_drivers import following, wandering
from services.demand.use_cases.forecast_files import ForecastFile
from shared.errors import Malformed


def daily(values: dict[str, Any], first: str = "2023-01-01", **words: str) -> Any:
    return pd.concat(
        [
            pd.DataFrame({
                "unique_id": name, "ds": pd.date_range(first, periods=len(y)), "y": y, **words,
            })
            for name, y in values.items()
        ],
        ignore_index=True,
    )  # fmt: skip


def read(frame: Any, folder: Path, frequency: str = "D", horizon: int = 10) -> HistoryRead:
    return read_history(written(frame, folder), frequency, 7, horizon)


def signals(values: Any, first: str = "2023-01-01", name: str = "calls") -> Any:
    days = pd.date_range(first, periods=len(values))
    return pd.DataFrame({"ds": days, "signal": name, "value": values})


def test_the_calendar_knows_holidays_bridges_and_the_zones_of_schools(tmp_path: Path) -> None:
    history = read(daily({"a": np.ones(130)}, "2024-01-01"), tmp_path)
    by_name = {one.name: one for one in calendar_drivers(history, "A")}
    days = pd.date_range("2024-01-01", periods=140)
    assert by_name["public holiday"].values[0][days.get_loc("2024-05-08")] == 1
    assert by_name["bridge day"].values[0][days.get_loc("2024-05-10")] == 1
    a, c = by_name["school holiday"], calendar_drivers(history, "C")[2]
    for day, in_a, in_c in (("2024-02-13", 0, 1), ("2024-02-28", 1, 0)):
        place = days.get_loc(day)
        assert (a.values[0][place], c.values[0][place]) == (in_a, in_c)


def test_each_series_gets_the_zone_of_its_own_column(tmp_path: Path) -> None:
    frame = daily({"a": np.ones(60), "b": np.ones(60), "c": np.ones(60)}, "2024-01-01")
    frame["school_zone"] = frame["unique_id"].map({"a": "A", "b": "C", "c": "C"})
    school = calendar_drivers(read(frame, tmp_path), "B")[2].values
    place = pd.date_range("2024-01-01", periods=60).get_loc("2024-02-13")
    assert school[:, place].tolist() == [0, 1, 1]


def test_weeks_count_their_days_off_and_months_need_no_calendar(tmp_path: Path) -> None:
    weeks = pd.DataFrame({
        "unique_id": "a", "ds": pd.date_range("2024-04-01", periods=8, freq="W-MON"), "y": 1.0,
    })  # fmt: skip
    holidays = calendar_drivers(read(weeks, tmp_path, "W-MON"), "A")[0].values[0]
    # Easter Monday on 1 April; 1 May; 8 and 9 May; Whit Monday on 20 May
    assert holidays[:8].tolist() == [1, 0, 0, 0, 1, 2, 0, 1]
    months = weeks.assign(ds=pd.date_range("2024-01-01", periods=8, freq="MS"))
    assert calendar_drivers(read(months, tmp_path, "MS"), "A") == ()


def test_a_calendar_that_ends_too_early_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Malformed, match="CALENDAR_ENDS"):
        calendar_drivers(read(daily({"a": np.ones(60)}, "2027-11-25"), tmp_path), "A")


def test_nothing_of_a_signal_is_read_after_the_history(tmp_path: Path) -> None:
    history = read(daily({"a": np.ones(60)}), tmp_path)
    whole = written(signals(np.arange(200.0)), tmp_path, "s.parquet")
    assert signal_drivers(whole, history)[0].values[0].tolist() == list(range(60))


def test_a_signal_may_be_each_series_own_and_its_gaps_stay_unknown(tmp_path: Path) -> None:
    history = read(daily({"a": np.ones(4), "b": np.ones(4)}), tmp_path)
    frame = pd.concat([
        signals([1.0, np.nan, 3.0, 4.0]).assign(unique_id="a"),
        signals([5.0, 6.0, 7.0, 8.0]).assign(unique_id="b"),
    ])  # fmt: skip
    made = signal_drivers(written(frame, tmp_path, "s.parquet"), history)[0]
    assert np.array_equal(made.of(0), [1.0, np.nan, 3.0, 4.0], equal_nan=True)
    assert made.of(1).tolist() == [5.0, 6.0, 7.0, 8.0]


WRONG = {
    "COLUMN_MISSING": signals(np.ones(5)).drop(columns="value"),
    "COLUMN_TYPE": signals(np.ones(5)).assign(value="many"),
    "SIGNAL_NEGATIVE": signals(-np.ones(5)),
    "SIGNALS_ELSEWHERE": signals(np.ones(5), "2030-01-01"),
}


@pytest.mark.parametrize("reason", WRONG)
def test_a_signal_file_that_cannot_be_used_is_refused(reason: str, tmp_path: Path) -> None:
    history = read(daily({"a": np.ones(30)}), tmp_path)
    with pytest.raises(Malformed, match=reason):
        signal_drivers(written(WRONG[reason], tmp_path, "s.parquet"), history)


def test_a_forecast_with_signals_says_which_series_they_move_and_by_how_much(
    tmp_path: Path,
) -> None:
    calls = wandering(1)
    calls[-12:] *= 2.5
    draw = np.random.default_rng(3)
    frame = daily({
        "follows": following(calls, 4, 2),
        "alone": draw.poisson(30, len(calls)).astype(float),
    })  # fmt: skip
    desk = Desk(
        written(frame, tmp_path),
        "D",
        7,
        5,
        tmp_path / "out.parquet",
        json_path=tmp_path / "j.json",
        signals_path=written(signals(calls), tmp_path, "s.parquet"),
    )
    made = ForecastFile(desk, quick())(Order(5, 7, "D", lead=5))
    told = json.loads((tmp_path / "j.json").read_text())["drivers"]
    assert [one["series"] for one in told["series"]] == ["follows"]
    assert abs(told["series"][0]["contributions"][0]["lag"] - 4) <= 1
    assert told["relative_loss"][told["way"]] == min(told["relative_loss"].values())
    assert np.isfinite(made.forecast.quantiles).all()


def test_the_shipped_influenza_series_cover_the_winter_that_is_tested() -> None:
    case = influenza()
    assert case.table.values.shape == (5, 248)
    assert (case.last - case.first + 1, case.ahead) == (31, 2)
    assert np.isfinite(case.table.values).all()
