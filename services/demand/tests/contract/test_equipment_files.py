"""Files of equipment: generated wards of known truth, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from services.demand.adapters.engines.routed_panel import PanelEngine
from services.demand.adapters.files.equipment import UsesDesk, read_uses
from services.demand.domain.history_files import Order, Target
from services.demand.domain.tables import Asked
from services.demand.tests.contract.test_forecast_files import quick
from services.demand.tests.frames import written
from services.demand.use_cases.forecast_files import ForecastFile
from shared.errors import Malformed

HOUR = 3_600
FIRST = int(pd.Timestamp("2024-01-01").timestamp())


def ward(name: str, days: int, seed: int, admissions: float = 3.0) -> Any:
    """Uses of a ward's pumps: patients come, more on weekdays, and keep one for about two days."""
    draw = np.random.default_rng(seed)
    weekday = np.array([1.2, 1.15, 1.1, 1.1, 1.15, 0.7, 0.6])
    starts = []
    for day in range(days):
        count = draw.poisson(admissions * weekday[day % 7])
        starts += [24 * day + hour for hour in np.clip(draw.normal(13, 4, count), 0, 23)]
    begun = np.round(np.array(starts) * HOUR).astype(np.int64)
    kept = np.round(draw.lognormal(np.log(40), 0.6, len(begun)) * HOUR).astype(np.int64)
    return pd.DataFrame({
        "unique_id": name,
        "start": pd.to_datetime(FIRST + begun, unit="s"),
        "end": pd.to_datetime(FIRST + begun + kept, unit="s"),
    })  # fmt: skip


def counted(frame: Any, days: int) -> list[int]:
    """The obvious way: units in use at every start, the most of each day, and at midnight."""
    starts = (frame["start"].astype("int64") // 10**9 - FIRST).to_numpy()
    ends = (frame["end"].astype("int64") // 10**9 - FIRST).to_numpy()
    found = []
    for day in range(days):
        begin, end = day * 24 * HOUR, (day + 1) * 24 * HOUR
        moments = [begin, *starts[(starts >= begin) & (starts < end)].tolist()]
        found.append(max(int(((starts <= t) & (ends > t)).sum()) for t in moments))
    return found


def as_movements(frame: Any) -> Any:
    """The same uses as hand-outs and returns, a unit of its own each."""
    unit = [f"pump {k}" for k in range(len(frame))]
    parts = [
        pd.DataFrame({"unique_id": frame["unique_id"], "unit": unit, "time": frame[column],
                      "event": event})
        for column, event in (("start", "out"), ("end", "return"))
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True).sample(frac=1.0, random_state=1)


def test_a_generated_wards_peaks_are_those_that_counting_finds(tmp_path: Path) -> None:
    frame = ward("pumps@ward", 60, 3)
    read = read_uses(written(frame, tmp_path), 7)
    days = read.table.length
    assert read.table.values[0].tolist() == counted(frame, days)
    moved = read_uses(written(as_movements(frame), tmp_path, "m.parquet"), 7)
    assert np.array_equal(moved.table.values, read.table.values)
    assert not moved.found


@pytest.mark.slow
def test_the_upper_quantile_covers_the_peaks_that_come_in_wards_of_known_truth(
    tmp_path: Path,
) -> None:
    days, ahead = 150, 14
    wards = [ward(f"w{k:02d}", days, 100 + k, 1.0 + 0.2 * k) for k in range(40)]
    frame = pd.concat(wards, ignore_index=True)
    whole = read_uses(written(frame, tmp_path), ahead).table
    cut = days - ahead
    made = PanelEngine()(whole.until(cut), Asked(whole.periods[cut:days], (0.05, 0.5, 0.95)))
    came = whole.values[:, cut:days]
    assert 0.91 <= (came <= np.ceil(made.at(0.95))).mean() <= 0.995
    assert 0.4 <= (came <= made.at(0.5)).mean() <= 0.65
    naive = np.abs(came - whole.values[:, cut - 7 : cut].repeat(2, axis=1)).mean()
    assert np.abs(came - made.at(0.5)).mean() < 0.85 * naive


def test_a_forecast_of_equipment_starts_on_the_day_that_is_not_over(tmp_path: Path) -> None:
    frame = ward("pumps@ward", 40, 5)
    frame = frame[frame["start"] < "2024-02-05"]
    frame.loc[frame["end"] > "2024-02-05 09:00", "end"] = pd.NaT
    desk = UsesDesk(written(frame, tmp_path), "D", 7, 5, tmp_path / "out.parquet")
    ForecastFile(desk, quick())(Order(5, 7, "D", Target.RECORDED))
    made = pq.read_table(tmp_path / "out.parquet").to_pandas()
    newest = max(frame["start"].max(), frame["end"].max())
    assert made["ds"].iloc[0] == newest.normalize()
    assert len(made) == 5
    assert (made["q0.95"] >= 1).all()


def test_a_fleet_that_was_all_out_is_told_as_a_lower_bound(tmp_path: Path) -> None:
    frame = ward("pumps@ward", 30, 5).assign(fleet=4)
    codes = [one.code for one in read_uses(written(frame, tmp_path), 3).found]
    assert codes == ["FLEET_AT_ITS_LIMIT"]


STAMP = pd.Timestamp("2024-03-01 10:00")
WRONG = {
    "COLUMN_MISSING": pd.DataFrame({"unique_id": ["a"], "start": [STAMP]}),
    "FILE_EMPTY": pd.DataFrame({"unique_id": [], "start": [], "end": []}),
    "COLUMN_TYPE": pd.DataFrame({"unique_id": ["a"], "start": ["noon"], "end": [STAMP]}),
    "KEY_EMPTY": pd.DataFrame({"unique_id": ["a"], "start": [pd.NaT], "end": [STAMP]}),
    "EVENT_UNKNOWN": pd.DataFrame(
        {"unique_id": ["a"], "unit": ["1"], "time": [STAMP], "event": ["lent"]}
    ),
    "HISTORY_TOO_SHORT": pd.DataFrame({"unique_id": ["a"], "start": [STAMP], "end": [STAMP]}),
}


@pytest.mark.parametrize("reason", WRONG)
def test_a_file_that_cannot_be_used_is_refused_with_the_remedy(reason: str, tmp_path: Path) -> None:
    with pytest.raises(Malformed, match=reason) as refused:
        read_uses(written(WRONG[reason], tmp_path), 3)
    assert "--uses" in str(refused.value.field)


def test_a_use_that_ends_before_it_starts_is_told_and_left_out(tmp_path: Path) -> None:
    frame = ward("pumps@ward", 20, 5)
    frame.loc[0, "end"] = frame.loc[0, "start"] - pd.Timedelta(hours=2)
    assert [one.code for one in read_uses(written(frame, tmp_path), 3).found] == ["USE_BACKWARDS"]
