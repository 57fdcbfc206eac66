"""The files of `larrey orientation volume`: its columns out, and what of its input is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from services.orientation.adapters.volume.files import read_hours, write_forecast
from services.orientation.domain.volume.almanac import almanac
from services.orientation.domain.volume.hours import Hours, hours_from
from services.orientation.tests.volume_world import NothingLearnt, town, write_hours
from services.orientation.use_cases.volume import ForecastVolume
from shared.errors import Malformed

US = almanac("us")


def table(start: str, calls: list[object], kind: pa.DataType | None = None) -> pa.Table:
    instants = hours_from(np.datetime64(start, "h"), len(calls)).astype("datetime64[us]")
    return pa.table({"hour_start_local": instants, "calls_total": pa.array(calls, kind)})


def read(tmp_path: Path, data: pa.Table) -> Hours:
    path = tmp_path / "hours.parquet"
    pq.write_table(data, path)
    return read_hours(path, "history", US)


def test_the_forecast_has_exactly_its_columns_without_gaps(tmp_path: Path) -> None:
    path = tmp_path / "v.parquet"
    hours = town(100).hours
    write_forecast(path, ForecastVolume(NothingLearnt(), US).ahead(hours, 30))
    found = pq.read_table(path)
    assert found.schema.names == ["ds", "mean", "q0.1", "q0.5", "q0.9"]
    assert found.schema.field("ds").type == pa.timestamp("us")
    assert found.num_rows == 30
    values = np.stack([found.column(name).to_numpy() for name in found.schema.names[1:]])
    assert np.isfinite(values).all()
    assert (values >= 0).all()
    assert (np.diff(values[1:], axis=0) >= 0).all()
    assert found.column("ds")[0].as_py() == hours.end.astype(object)


def test_what_was_written_is_read_back_in_any_order_of_rows(tmp_path: Path) -> None:
    hours = town(90).hours
    data = pq.read_table(write_hours(tmp_path / "h.parquet", hours))
    mixed = read(tmp_path, data.take(np.random.default_rng(1).permutation(data.num_rows)))
    assert mixed.start == hours.start
    np.testing.assert_array_equal(mixed.calls, hours.calls)


def test_the_skipped_hour_may_be_left_out_and_the_double_hour_given_twice(tmp_path: Path) -> None:
    spring = table("2018-03-11T00", [5, 6, 0, 8])
    found = read(tmp_path, spring.take([0, 1, 3]))
    np.testing.assert_array_equal(found.calls, [5, 6, np.nan, 8])
    autumn = table("2018-11-04T00", [5, 6, 7])
    found = read(tmp_path, autumn.take([0, 1, 1, 2]))
    np.testing.assert_array_equal(found.calls, [5, 12, 7])


def test_an_empty_count_is_no_record_rather_than_zero(tmp_path: Path) -> None:
    found = read(tmp_path, table("2018-05-01T00", [5, None, 7], pa.int16()))
    np.testing.assert_array_equal(found.calls, [5, np.nan, 7])


@pytest.mark.parametrize(
    ("data", "reason", "says"),
    [
        (table("2018-05-01T00", [1]).drop_columns("calls_total"), "COLUMN_MISSING", "calls_total"),
        (table("2018-05-01T00", ["1", "2"]), "CALLS_OF_WRONG_TYPE", "whole numbers"),
        (table("2018-05-01T00", [1, -2]), "CALLS_NEGATIVE", "0 or more"),
        (table("2018-05-01T00", [1.0, float("inf")]), "CALLS_NEGATIVE", "0 or more"),
        (table("2018-05-01T00", [1, 2, 3]).take([0, 2]), "HOURS_MISSING", "every hour a row"),
        (table("2018-05-01T00", [1, 2, 3]).take([0, 1, 1]), "HOUR_REPEATED", "one row an hour"),
        (table("2018-05-01T00", [1]).slice(0, 0), "FILE_EMPTY", "no row"),
        (pa.table({"hour_start_local": ["2018-05-01"], "calls_total": [1]}), "TIME_OF_WRONG_TYPE",
         "timestamps"),
        (pa.table({"hour_start_local": pa.array([None], pa.timestamp("us")), "calls_total": [1]}),
         "TIME_MISSING", "every row"),
        (pa.table({"hour_start_local": pa.array([1], pa.timestamp("us")), "calls_total": [1]}),
         "NOT_ON_THE_HOUR", "full hour"),
        (pa.table({"hour_start_local": pa.array([0], pa.timestamp("us", "UTC")),
                   "calls_total": [1]}), "TIME_OF_WRONG_TYPE", "without zone"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_by_name_and_remedy(
    tmp_path: Path, data: pa.Table, reason: str, says: str
) -> None:
    with pytest.raises(Malformed, match=says) as refused:
        read(tmp_path, data)
    assert refused.value.reason == reason
    assert refused.value.field.startswith("history")


def test_a_file_that_is_not_parquet_or_not_there_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "h.csv"
    text.write_text("hour_start_local,calls_total\n", encoding="utf-8")
    with pytest.raises(Malformed, match="cannot be read as Parquet"):
        read_hours(text, "actuals", US)
    with pytest.raises(Malformed, match="no actuals file"):
        read_hours(tmp_path / "none.parquet", "actuals", US)
