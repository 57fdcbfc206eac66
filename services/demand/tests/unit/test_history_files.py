"""What a wrong history file gets: one clear refusal, or a finding on the series."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from services.demand.adapters.files.reading import read_actuals, read_history
from services.demand.domain.history_files import (
    HistoryRead,
    Order,
    Target,
    held_back,
    prepared,
    rolling_backs,
)
from services.demand.tests.frames import frame_of, months, written
from shared.errors import Malformed

STEADY = [float(5 + k % 4) for k in range(30)]


def read(frame: Any, folder: Path, frequency: str = "MS") -> HistoryRead:
    return read_history(written(frame, folder), frequency, 12, 3)


def refused(frame: Any, folder: Path, frequency: str = "MS") -> Malformed:
    with pytest.raises(Malformed) as caught:
        read(frame, folder, frequency)
    return caught.value


def codes(read_: HistoryRead, target: Target = Target.RECORDED) -> set[tuple[str, str]]:
    return {(one.series_id, one.code) for one in prepared(read_, target)[1]}


@pytest.mark.parametrize("column", ["unique_id", "ds", "y"])
def test_a_missing_column_is_named(column: str, tmp_path: Path) -> None:
    refusal = refused(frame_of({"a": STEADY}).drop(columns=column), tmp_path)
    assert refusal.reason == "COLUMN_MISSING"
    assert column in refusal.message


@pytest.mark.parametrize(
    ("column", "value"), [("unique_id", 1.5), ("ds", "2020-01-01"), ("y", "three")]
)
def test_a_column_of_the_wrong_type_is_refused(column: str, value: Any, tmp_path: Path) -> None:
    refusal = refused(frame_of({"a": STEADY}).assign(**{column: value}), tmp_path)
    assert refusal.reason == "COLUMN_TYPE"
    assert column in refusal.message


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    assert refused(frame_of({"a": STEADY}).iloc[:0], tmp_path).reason == "FILE_EMPTY"


def test_a_file_that_is_not_there_and_one_that_is_not_parquet_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Malformed, match="FILE_MISSING"):
        read_history(tmp_path / "none.parquet", "MS", 12, 3)
    (tmp_path / "text.parquet").write_text("unique_id,ds,y\n")
    with pytest.raises(Malformed, match="FILE_UNREADABLE"):
        read_history(tmp_path / "text.parquet", "MS", 12, 3)


def test_an_unknown_frequency_is_refused_with_examples(tmp_path: Path) -> None:
    refusal = refused(frame_of({"a": STEADY}), tmp_path, "FORTNIGHTLY")
    assert refusal.reason == "FREQ_UNKNOWN"
    assert "W-MON" in refusal.message


def test_a_ds_between_two_periods_is_refused_with_an_example(tmp_path: Path) -> None:
    frame = frame_of({"a": STEADY})
    frame.loc[4, "ds"] = pd.Timestamp("2020-05-15")
    refusal = refused(frame, tmp_path)
    assert refusal.reason == "DS_OFF_GRID"
    assert "2020-05-15" in refusal.message


def test_a_weekly_file_read_as_monthly_is_refused(tmp_path: Path) -> None:
    frame = frame_of({"a": STEADY})
    frame["ds"] = pd.date_range("2024-01-01", periods=30, freq="W-MON")
    assert refused(frame, tmp_path).reason == "DS_OFF_GRID"


def test_a_row_without_a_date_is_refused(tmp_path: Path) -> None:
    frame = frame_of({"a": STEADY})
    frame.loc[3, "ds"] = pd.NaT
    assert refused(frame, tmp_path).reason == "KEY_EMPTY"


@pytest.mark.slow
def test_a_wrong_date_far_away_does_not_blow_up_the_grid(tmp_path: Path) -> None:
    frame = pd.concat([frame_of({"a": STEADY}), frame_of({"a": [1.0]}, "1700-01-01")])
    frame["ds"] = frame["ds"].astype("datetime64[ns]")
    assert refused(frame.assign(ds=frame["ds"]), tmp_path, "min").reason == "DS_OFF_GRID"


def test_two_rows_of_one_period_are_added_up_and_said_so(tmp_path: Path) -> None:
    frame = pd.concat([frame_of({"a": STEADY}), frame_of({"a": [3.0]})])
    found = read(frame, tmp_path)
    assert found.table.recorded[0, 0] == STEADY[0] + 3.0
    assert ("a", "DUPLICATES_SUMMED") in codes(found)


def test_a_missing_amount_is_filled_and_not_learnt_as_zero(tmp_path: Path) -> None:
    frame = frame_of({"a": STEADY, "b": STEADY})
    frame.loc[10, "y"] = np.nan
    found = read(frame, tmp_path)
    table, _ = prepared(found, Target.RECORDED)
    assert 4 < table.values[0, 10] < 9
    assert ("a", "AMOUNT_MISSING") in codes(found)


def test_a_period_without_a_row_counts_as_zero(tmp_path: Path) -> None:
    frame = frame_of({"a": STEADY, "b": STEADY}).drop(index=7)
    table, _ = prepared(read(frame, tmp_path), Target.RECORDED)
    assert table.values[0, 7] == 0
    assert not table.observed[0, 7]


def test_a_row_number_that_pandas_wrote_is_no_fact_of_a_series(tmp_path: Path) -> None:
    frame = frame_of({"a": STEADY, "b": STEADY}).iloc[::-1].iloc[:-1]
    path = tmp_path / "history.parquet"
    frame.to_parquet(path, index=True)
    assert "__index_level_0__" in pq.read_schema(path).names
    assert read_history(path, "MS", 12, 3).table.columns == {}


def test_a_long_gap_and_a_series_without_any_amount_are_named(tmp_path: Path) -> None:
    gappy = frame_of({"gappy": STEADY * 3}).drop(index=range(10, 40))
    blank = frame_of({"blank": [np.nan] * 90})
    found = codes(read(pd.concat([gappy, blank]), tmp_path))
    assert {("gappy", "LONG_GAP"), ("blank", "NOTHING_KNOWN")} <= found
    assert ("blank", "NEVER_USED") not in found


def test_an_amount_below_zero_is_learnt_as_zero_and_said_so(tmp_path: Path) -> None:
    frame = frame_of({"a": STEADY})
    frame.loc[2, "y"] = -4.0
    found = read(frame, tmp_path)
    assert prepared(found, Target.RECORDED)[0].values[0, 2] == 0
    assert ("a", "MORE_RETURNED_THAN_USED") in codes(found)


def test_an_infinite_amount_is_taken_as_not_known(tmp_path: Path) -> None:
    frame = frame_of({"a": STEADY})
    frame.loc[2, "y"] = np.inf
    found = read(frame, tmp_path)
    assert np.isfinite(prepared(found, Target.RECORDED)[0].values).all()
    assert ("", "Y_INFINITE") in codes(found)


def test_one_amount_of_a_thousand_million_is_not_learnt(tmp_path: Path) -> None:
    frame = frame_of({"a": STEADY})
    frame.loc[20, "y"] = 1e9
    found = read(frame, tmp_path)
    assert prepared(found, Target.RECORDED)[0].values.max() < 20
    assert ("a", "WRONG_UNIT_SUSPECTED") in codes(found)


def test_short_unused_and_constant_series_are_named(tmp_path: Path) -> None:
    frame = pd.concat(
        [
            frame_of({"unused": [0.0] * 30, "constant": [4.0] * 30}),
            frame_of({"short": [1.0] * 5}, "2022-02-01"),
        ]
    )
    assert codes(read(frame, tmp_path)) == {
        ("unused", "NEVER_USED"),
        ("constant", "CONSTANT"),
        ("short", "TOO_SHORT"),
    }


def test_days_of_a_zone_with_daylight_saving_stay_days(tmp_path: Path) -> None:
    days = pd.date_range("2024-03-25", periods=14, freq="D", tz="Europe/Paris")
    frame = pd.DataFrame({"unique_id": "a", "ds": days, "y": 1.0})
    found = read(frame, tmp_path, "D")
    assert found.table.length == 14
    assert found.ahead[0] == np.datetime64("2024-04-08")
    assert ("", "DS_WITH_ZONE") in codes(found)


def test_local_midnights_written_in_another_zone_are_refused(tmp_path: Path) -> None:
    days = pd.date_range("2024-03-25", periods=14, freq="D", tz="Europe/Paris")
    frame = pd.DataFrame({"unique_id": "a", "ds": days.tz_convert("UTC"), "y": 1.0})
    refusal = refused(frame, tmp_path, "D")
    assert "local time" in refusal.message


def test_whole_number_ids_are_read_as_text(tmp_path: Path) -> None:
    found = read(frame_of({"a": STEADY}).assign(unique_id=17), tmp_path)
    assert found.table.ids == ("17",)
    assert ("", "ID_NOT_TEXT") in codes(found)


def test_a_series_that_ended_early_is_forecast_from_the_end_of_the_file(tmp_path: Path) -> None:
    frame = pd.concat([frame_of({"long": STEADY}), frame_of({"ended": STEADY[:10]})])
    found = read(frame, tmp_path)
    assert found.ahead[0] == months(31)[-1].to_datetime64()
    assert found.table.values[found.table.ids.index("ended"), 10:].sum() == 0


def test_other_columns_become_numbers_by_period_or_words_by_series(tmp_path: Path) -> None:
    frame = frame_of({"a": STEADY, "b": STEADY, "c": STEADY})
    frame["stock_end"] = np.arange(len(frame))
    frame["ward"] = np.where(frame["unique_id"] == "a", "surgery", "medicine")
    frame["note"] = [f"{k}" for k in range(len(frame))]
    table = read(frame, tmp_path).table
    assert set(table.columns) == {"stock_end"}
    assert table.columns["stock_end"][1, 0] == len(STEADY)
    assert table.categories == {"ward": ("surgery", "medicine", "medicine")}


def test_actuals_are_summed_and_missing_ones_are_zero(tmp_path: Path) -> None:
    found = read(frame_of({"a": STEADY, "b": STEADY}), tmp_path)
    rows = frame_of({"a": [1.0, 2.0], "unknown": [5.0]}, "2022-07-01")
    rows = pd.concat([rows, frame_of({"a": [10.0]}, "2022-07-01")])
    actuals = read_actuals(written(rows, tmp_path, "a.parquet"), found.table.ids, found.ahead, "MS")
    assert actuals.values.tolist() == [[11.0, 2.0, 0.0], [0.0, 0.0, 0.0]]
    assert actuals.given.tolist() == [True, False]
    assert actuals.window == slice(0, 2)


def test_actuals_of_other_periods_are_refused(tmp_path: Path) -> None:
    found = read(frame_of({"a": STEADY}), tmp_path)
    path = written(frame_of({"a": [1.0]}, "2030-01-01"), tmp_path, "a.parquet")
    with pytest.raises(Malformed, match="ACTUALS_ELSEWHERE"):
        read_actuals(path, found.table.ids, found.ahead, "MS")


def test_holding_back_hides_the_last_periods_and_series_that_begin_in_them(tmp_path: Path) -> None:
    frame = pd.concat([frame_of({"a": STEADY}), frame_of({"late": [1.0]}, "2022-06-01")])
    cut, actuals = held_back(read(frame, tmp_path), 3)
    assert cut.table.ids == ("a",)
    assert cut.table.length == 27
    assert actuals.values.tolist() == [STEADY[27:]]


def test_holding_back_more_than_there_is_is_refused(tmp_path: Path) -> None:
    found = read(frame_of({"a": STEADY}), tmp_path)
    with pytest.raises(Malformed, match="HISTORY_TOO_SHORT"):
        held_back(found, 30)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"horizon": 0}, "HORIZON_OUT_OF_RANGE"),
        ({"season": 0}, "SEASON_OUT_OF_RANGE"),
        ({"lead": 9}, "LEAD_TIME_OUT_OF_RANGE"),
        ({"levels": (0.5, 1.0)}, "LEVEL_OUT_OF_RANGE"),
    ],
)
def test_an_impossible_order_is_refused(wrong: dict[str, Any], reason: str) -> None:
    with pytest.raises(Malformed, match=reason):
        Order(**{"horizon": 3, "season": 12, "frequency": "MS", **wrong})


def test_rolling_origins_lie_a_lead_time_apart_or_closer_and_keep_two_seasons() -> None:
    assert rolling_backs(72, 12, 3, 6) == (3, 6, 9, 12, 15, 18)
    assert rolling_backs(39, 12, 3, 6) == (3, 5, 7, 9, 11, 13)
    with pytest.raises(Malformed, match="ORIGINS_DO_NOT_FIT"):
        rolling_backs(28, 12, 3, 6)


def test_an_origin_nearer_than_the_horizon_is_compared_on_what_came_true(tmp_path: Path) -> None:
    frame = frame_of({"a": [float(k) for k in range(30)]})
    read = read_history(written(frame, tmp_path), "MS", 12, 6)
    cut, actuals = held_back(read, 6, 2)
    assert cut.table.length == 28
    assert len(cut.ahead) == 6
    assert cut.ahead[0] == read.table.periods[28]
    assert actuals.values[0, actuals.window].tolist() == [28.0, 29.0]


def with_reasons() -> Any:
    """30 months of 10 used, and in the last ten 5 thrown away, 2 given back, 100 in a crisis."""
    used = frame_of({"a": [10.0] * 30}).assign(reason="ward")
    newest = months(30)[-10:]
    others = [
        pd.DataFrame({"unique_id": "a", "ds": newest, "y": y, "reason": word})
        for word, y in (("waste", 5.0), ("return", 2.0), ("Crisis", 100.0))
    ]
    return pd.concat([used, *others], ignore_index=True)


def test_waste_returns_and_a_crisis_are_learnt_as_recorded_but_never_as_demand(
    tmp_path: Path,
) -> None:
    found = read(with_reasons(), tmp_path)
    recorded, _ = prepared(found, Target.RECORDED)
    demand, _ = prepared(found, Target.DEMAND)
    assert recorded.values[0, -1] == 117.0
    assert demand.values[0].tolist() == [10.0] * 20 + [8.0] * 10
    assert codes(found, Target.DEMAND) == {("a", "NOT_DEMAND_LEFT_OUT")}
    assert not codes(found, Target.RECORDED)


def test_two_rows_of_one_reason_are_duplicates_and_of_two_reasons_are_not(tmp_path: Path) -> None:
    assert ("a", "DUPLICATES_SUMMED") not in codes(read(with_reasons(), tmp_path))
    twice = pd.concat([with_reasons(), frame_of({"a": [1.0]}).assign(reason="ward")])
    assert ("a", "DUPLICATES_SUMMED") in codes(read(twice, tmp_path))


def test_a_reason_that_nobody_knows_is_refused_by_name(tmp_path: Path) -> None:
    refusal = refused(frame_of({"a": STEADY}).assign(reason="lunch"), tmp_path)
    assert refusal.reason == "REASON_UNKNOWN"
    assert "lunch" in refusal.message


def test_days_in_stock_say_the_same_as_days_without(tmp_path: Path) -> None:
    values = [30.0] * 20 + [15.0] + [30.0] * 9
    held = [float(day.days_in_month) for day in months(30)]
    held[20] = held[20] / 2
    frame = frame_of({"a": values})
    out = [float(d.days_in_month) - h for d, h in zip(months(30), held, strict=True)]
    tables = [
        prepared(read(frame.assign(**{name: column}), tmp_path), Target.DEMAND)[0]
        for name, column in (("days_in_stock", held), ("stockout_days", out))
    ]
    assert tables[0].values[0, 20] == pytest.approx(30.0)
    assert np.allclose(tables[0].values, tables[1].values)
    plain, _ = prepared(read(frame.assign(days_in_stock=held), tmp_path), Target.RECORDED)
    assert plain.values[0, 20] == 15.0
