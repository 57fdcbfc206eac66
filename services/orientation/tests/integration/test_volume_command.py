"""`larrey orientation volume` on a town whose truth is known."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from services.orientation.domain.volume.hours import Hours
from services.orientation.domain.volume.scores import wape
from services.orientation.entrypoints.cli import app
from services.orientation.tests.volume_world import town, write_hours
from shared.errors import Malformed


def words(folder: Path, **options: object) -> list[str]:
    """Outputs are v.parquet and j.json of the folder."""
    given = {"forecasts-out": folder / "v.parquet", "json": folder / "j.json"} | {
        name.replace("_", "-"): value for name, value in options.items()
    }
    return [
        "volume",
        *(word for name, value in given.items() for word in (f"--{name}", str(value))),
    ]


def volume(folder: Path, **options: object) -> None:
    """Runs the command in this process, which has the libraries loaded; raises its refusal."""
    result = CliRunner().invoke(app, words(folder, **options))
    if result.exception is not None:
        raise result.exception


@pytest.mark.slow
def test_rolling_comes_near_the_floor_and_its_p90_covers(tmp_path: Path) -> None:
    world = town(200)
    history, actuals = world.split(28)
    actuals.calls[100] = np.nan
    volume(
        tmp_path,
        history=write_hours(tmp_path / "h.parquet", history),
        actuals=write_hours(tmp_path / "a.parquet", actuals),
        horizon=24,
        holidays="none",
    )
    facts = json.loads((tmp_path / "j.json").read_text(encoding="utf-8"))
    floor = wape(world.truth[-28 * 24 :], actuals.calls)
    assert facts["wape"] <= 1.12 * floor
    assert 0.86 <= facts["p90_covers"] <= 0.94
    assert facts["wape"] < facts["peers_wape"]["mean_of_four_weeks"]
    forecast = pq.read_table(tmp_path / "v.parquet")
    assert forecast.num_rows == 28 * 24
    assert wape(forecast.column("mean").to_numpy(), actuals.calls) == pytest.approx(facts["wape"])


@pytest.mark.slow
def test_a_week_ahead_is_the_same_twice_and_near_the_truth(tmp_path: Path) -> None:
    world = town(120)
    history, _ = world.split(7)
    path = write_hours(tmp_path / "h.parquet", history)
    found = []
    for name in ("one.parquet", "two.parquet"):
        volume(tmp_path, history=path, horizon=168, forecasts_out=tmp_path / name)
        found.append(pq.read_table(tmp_path / name))
    assert found[0].equals(found[1])
    assert wape(found[0].column("mean").to_numpy(), world.truth[-168:]) < 0.08


def test_sectors_are_written_beside_the_contract_s_file(tmp_path: Path) -> None:
    history, _ = town(100).split(1)
    path = write_hours(tmp_path / "h.parquet", history)
    with pytest.raises(Malformed, match="no column of a sector"):
        volume(tmp_path, history=path, horizon=24, sectors_out=tmp_path / "s.parquet")
    table = pq.read_table(path)
    total = table.column("calls_total").to_numpy()
    for name, part in (("bronx", total // 3), ("queens", total - total // 3)):
        table = table.append_column(name, [part])
    pq.write_table(table, path)
    volume(tmp_path, history=path, horizon=24, sectors_out=tmp_path / "s.parquet")
    sectors = pq.read_table(tmp_path / "s.parquet").to_pandas()
    assert list(sectors.columns) == ["ds", "sector", "mean", "q0.1", "q0.5", "q0.9"]
    assert len(sectors) == 48
    both = sectors.groupby("ds")["mean"].sum().to_numpy()
    forecast = pq.read_table(tmp_path / "v.parquet")
    np.testing.assert_allclose(both, forecast.column("mean").to_numpy())
    assert forecast.column_names == ["ds", "mean", "q0.1", "q0.5", "q0.9"]


@pytest.mark.parametrize(
    ("days", "horizon", "shift", "says"),
    [
        (120, 0, 0, "above 0"),
        (40, 24, 0, "at least 84"),
        (120, 24, 5, "give actuals that begin at"),
    ],
)
def test_wrong_input_is_refused_and_nothing_is_written(
    tmp_path: Path, days: int, horizon: int, shift: int, says: str
) -> None:
    history, actuals = town(days).split(2)
    late = Hours(actuals.start + np.timedelta64(shift, "h"), actuals.calls)
    with pytest.raises(Malformed, match=says):
        volume(
            tmp_path,
            history=write_hours(tmp_path / "h.parquet", history),
            actuals=write_hours(tmp_path / "a.parquet", late),
            horizon=horizon,
        )
    assert not (tmp_path / "v.parquet").exists()
    assert not (tmp_path / "j.json").exists()


def test_as_a_process_a_refusal_is_one_line_and_an_exit_code(tmp_path: Path) -> None:
    history, _ = town(100).split(1)
    given = words(tmp_path, history=write_hours(tmp_path / "h.parquet", history), horizon=0)
    larrey = (sys.executable, "-c", "from shared.cli import main; main()", "orientation")
    ran = subprocess.run(
        [*larrey, *given], capture_output=True, text=True, timeout=240, check=False
    )
    assert ran.returncode == 1
    assert "above 0" in ran.stderr
    assert ran.stderr.count("\n") == 1
