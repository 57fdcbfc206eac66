"""The forecast file: its columns, and what holds of every row whatever the history."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.demand.adapters.engines.pooled import PooledTsb
from services.demand.adapters.engines.routed_panel import PanelEngine
from services.demand.adapters.files.desk import Desk
from services.demand.adapters.files.machine import used_so_far
from services.demand.domain.history_files import Order, Target
from services.demand.domain.quantiles import LEVELS
from services.demand.domain.routing import Group, Judged
from services.demand.domain.tables import Asked, HistoryTable, TableForecast
from services.demand.tests.frames import frame_of, written
from services.demand.tests.unit.test_routing import Silent
from services.demand.use_cases.backtest_files import BacktestFile
from services.demand.use_cases.forecast_files import ForecastFile, ForecastTable
from services.demand.use_cases.route_table import RouteTable
from shared.errors import Malformed

NAMES = [f"q{level:g}" for level in LEVELS]
WRITTEN = [
    *("q0.01", "q0.025", "q0.05", "q0.1", "q0.2", "q0.3", "q0.4", "q0.5", "q0.6", "q0.7"),
    *("q0.8", "q0.9", "q0.95", "q0.975", "q0.98", "q0.99", "q0.995", "q0.999"),
]


def quick() -> ForecastTable:
    """The quick engines only: the law is about the file, not about who made it."""
    engines = (PanelEngine(), PooledTsb())
    panel, pooled = PanelEngine().name, PooledTsb().name
    homes = {Group.REGULAR: (panel,), Group.RARE: (pooled, panel)}
    return ForecastTable(RouteTable(engines, homes, Silent()), used_so_far)


def forecast(frame: Any, folder: Path, **order: Any) -> Any:
    wanted = {"horizon": 3, "season": 12, "frequency": "MS", **order}
    path = written(frame, folder)
    desk = Desk(path, "MS", wanted["season"], wanted["horizon"], folder / "out.parquet")
    ForecastFile(desk, quick())(Order(**wanted))
    return pq.read_table(folder / "out.parquet")


amounts = st.one_of(
    st.integers(0, 5).map(float),
    st.floats(0, 1e6, allow_nan=False),
    st.just(float("nan")),
    st.floats(-50, 0),
)
series = st.lists(amounts, min_size=1, max_size=40)
frames = st.dictionaries(st.text("abcdé ", min_size=1, max_size=4), series, min_size=1, max_size=5)


@given(histories=frames, lead=st.sampled_from([None, 1, 3]), target=st.sampled_from(Target))
@settings(max_examples=25, deadline=None)
def test_every_row_is_there_finite_not_negative_and_never_crossing(
    histories: dict[str, list[float]], lead: int | None, target: Target
) -> None:
    with TemporaryDirectory() as folder:
        made = forecast(frame_of(histories), Path(folder), lead=lead, target=target)
    sums = ["lead_sum_mean", *(f"lead_sum_{name}" for name in NAMES)] if lead else []
    assert made.column_names == ["unique_id", "ds", "mean", *WRITTEN, *sums]
    assert made.schema.field("unique_id").type == pa.string()
    assert made.schema.field("ds").type == pa.timestamp("ns")
    rows = made.to_pandas()
    assert sorted(rows["unique_id"].unique()) == sorted(histories)
    assert len(rows) == 3 * len(histories)
    last = max(len(values) for values in histories.values())
    ahead = pd.date_range("2020-01-01", periods=last + 3, freq="MS")[-3:]
    for _, one in rows.groupby("unique_id"):
        assert list(one["ds"]) == list(ahead)
        assert not sums or (one[sums].nunique() == 1).all()
    numbers = rows.drop(columns=["unique_id", "ds"]).to_numpy()
    assert np.isfinite(numbers).all()
    assert (numbers >= 0).all()
    assert (np.diff(rows[NAMES].to_numpy(), axis=1) >= 0).all()
    assert not sums or (np.diff(rows[sums[1:]].to_numpy(), axis=1) >= 0).all()


def test_the_order_of_rows_in_the_history_changes_nothing(tmp_path: Path) -> None:
    frame = frame_of({"a": [float(k % 7) for k in range(40)], "b": [float(k) for k in range(40)]})
    first = forecast(frame, tmp_path)
    shuffled = frame.sample(frac=1.0, random_state=3)
    assert forecast(shuffled, tmp_path).equals(first)


def test_only_the_levels_asked_for_are_written(tmp_path: Path) -> None:
    made = forecast(frame_of({"a": [3.0] * 30}), tmp_path, levels=(0.97, 0.5))
    assert made.column_names == ["unique_id", "ds", "mean", "q0.5", "q0.97"]


def test_whole_units_are_whole_in_order_and_the_nearest(tmp_path: Path) -> None:
    frame = frame_of({"a": [float(k % 7) for k in range(40)]})
    plain = forecast(frame, tmp_path, lead=3).to_pandas()
    whole = forecast(frame, tmp_path, lead=3, whole=True).to_pandas()
    for name in (*NAMES, *(f"lead_sum_{name}" for name in NAMES)):
        assert (whole[name] % 1 == 0).all()
        assert (np.abs(whole[name] - plain[name]) <= 0.5).all()
    assert (np.diff(whole[NAMES].to_numpy(), axis=1) >= 0).all()
    assert (whole["mean"] == plain["mean"]).all()


def test_a_backtest_reads_what_came_true_only_after_it_wrote_the_forecast(tmp_path: Path) -> None:
    frame = frame_of({f"s{k}": [float((k * t) % 9 + 1) for t in range(40)] for k in range(15)})
    future = frame_of({f"s{k}": [4.0, 5.0, 6.0] for k in range(15)}, "2023-05-01")
    desk = Desk(
        written(frame, tmp_path),
        "MS",
        12,
        3,
        tmp_path / "out.parquet",
        actuals_path=written(future.drop(columns="y"), tmp_path, "actuals.parquet"),
        json_path=tmp_path / "j.json",
    )
    test = BacktestFile(desk, quick(), (), (), used_so_far, Silent())
    with pytest.raises(Malformed, match="COLUMN_MISSING"):
        test(Order(3, 12, "MS"), actuals_given=True)
    assert len(pq.read_table(tmp_path / "out.parquet")) == 45
    written(future, tmp_path, "actuals.parquet")
    test(Order(3, 12, "MS", lead=3), actuals_given=True)
    report = json.loads((tmp_path / "j.json").read_text())
    wanted = "mase mase_median wql sql cov80 cov95 below_p90 bias lead_p95_reached cpu_seconds"
    assert all(isinstance(report[name], float) for name in wanted.split())
    assert report["series"] == 15
    assert report["peak_rss_mib"] > 10


@dataclass(frozen=True)
class Flat:
    """A peer that foresees nothing at all and cannot take the first series."""

    name: str

    def __call__(
        self, table: HistoryTable, asked: Asked, step: Callable[[], None]
    ) -> TableForecast:
        step()
        n, levels = len(table.ids), (*LEVELS,)
        zeros = np.zeros((n, asked.horizon, len(levels)))
        return TableForecast(levels, zeros[:, :, 0], zeros, reasons=("too odd", *[""] * (n - 1)))


def test_peers_that_were_not_run_are_named_and_so_is_what_stands_for_one(tmp_path: Path) -> None:
    frame = frame_of({f"s{k}": [float((k * t) % 9 + 1) for t in range(40)] for k in range(15)})
    path, report = written(frame, tmp_path), tmp_path / "j.json"
    desk = Desk(path, "MS", 12, 3, tmp_path / "out.parquet", json_path=report)
    peers, rare = (Flat("Usual"),), (Flat("Rare"),)
    missing = {"Learned": "not installed"}
    test = BacktestFile(desk, quick(), peers, rare, used_so_far, Silent(), missing)
    shown = test(Order(3, 12, "MS"), actuals_given=False)
    told = json.loads(report.read_text())
    assert told["peers"]["Usual"]["wql"] == pytest.approx(1.0)
    assert told["peers"]["Usual"]["stood_in"] == {"too odd": 1}
    assert set(told["peers_left_out"]) == {"Rare", "Learned"}
    assert "25%" in told["peers_left_out"]["Rare"]
    assert shown["Usual"].remarks() == ["1 series too odd"]
    assert shown["Learned"].remarks() == ["not run: not installed"]


@dataclass(frozen=True)
class Noting(RouteTable):
    """A router that notes how much history each choice was made from."""

    lengths: list[int] = field(default_factory=list)

    def choose(self, table: HistoryTable, asked: Asked) -> Mapping[Group, Judged]:
        self.lengths.append(table.length)
        return super().choose(table, asked)


def test_rolling_origins_choose_anew_after_a_horizon_and_report_the_lead_time(
    tmp_path: Path,
) -> None:
    draw = np.random.default_rng(8)
    frame = frame_of({f"s{k}": draw.poisson(20, 54).tolist() for k in range(15)})
    path, report = written(frame, tmp_path), tmp_path / "j.json"
    desk = Desk(path, "MS", 12, 6, tmp_path / "out.parquet", json_path=report)
    plain = quick()
    route = Noting(plain.route.engines, plain.route.homes, Silent())
    test = BacktestFile(desk, ForecastTable(route, used_so_far), (), (), used_so_far, Silent())
    shown = test(Order(6, 12, "MS", lead=3), actuals_given=False, origins=6, with_peers=False)
    # the origin six periods back is the one that was forecast first
    assert route.lengths == [48, 36, 42]
    told = json.loads(report.read_text())["rolling"]
    assert [one["first_period"][:7] for one in told["each"]] == [
        *("2024-04", "2024-01", "2023-10", "2023-07", "2023-04", "2023-01"),
    ]
    assert 0.8 <= told["lead_p95_reached"] <= 1.0
    assert told["item_origins"] == 90
    assert "larrey, 6 origins" in shown


def test_nothing_is_written_beside_the_history(tmp_path: Path) -> None:
    inside = tmp_path / "in"
    outside = tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    path = written(frame_of({"a": [2.0] * 30}), inside)
    picture = outside / "a.svg"
    desk = Desk(path, "MS", 12, 3, outside / "o.parquet", plot_item="a", plot_path=picture)
    ForecastFile(desk, quick())(Order(3, 12, "MS"))
    assert [one.name for one in inside.iterdir()] == ["history.parquet"]
    assert "<svg" in picture.read_text()


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"out": Path("/nowhere/at/all/o.parquet")}, "FOLDER_MISSING"),
        ({"plot_path": Path("fan.gif"), "plot_item": "a"}, "PLOT_FORMAT"),
        ({"actuals_path": Path("/nowhere/a.parquet")}, "FILE_MISSING"),
    ],
)
def test_what_cannot_be_written_or_read_is_refused_before_any_work(
    wrong: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    usual = {"out": tmp_path / "o.parquet", **wrong}
    with pytest.raises(Malformed, match=reason):
        Desk(tmp_path / "h.parquet", "MS", 12, 3, **usual)


def test_a_plot_of_an_unknown_item_is_refused(tmp_path: Path) -> None:
    path = written(frame_of({"a": [2.0] * 30}), tmp_path)
    desk = Desk(
        path, "MS", 12, 3, tmp_path / "o.parquet", plot_item="b", plot_path=tmp_path / "b.png"
    )
    with pytest.raises(Malformed, match="ITEM_UNKNOWN"):
        desk.history()
