"""`larrey demand forecast` and `backtest` as a person types them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from services.demand.adapters.engines.series.learned import NAME
from services.demand.tests.frames import frame_of, written

LARREY = Path(sys.executable).parent / "larrey"
USUAL = ("--horizon", "3", "--season", "12", "--freq", "MS")


def larrey(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [str(LARREY), "demand", *(str(one) for one in arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """Too few series to choose an engine by: the engines' own tests do that."""
    draw = np.random.default_rng(5)
    steady = {f"steady {k}": draw.poisson(30, 40).astype(float).tolist() for k in range(5)}
    seldom = {f"seldom {k}": draw.poisson(0.3, 40).astype(float).tolist() for k in range(3)}
    return written(frame_of(steady | seldom), tmp_path)


@pytest.mark.slow
def test_a_backtest_prints_a_line_for_each_method_and_writes_all_its_files(
    history: Path, tmp_path: Path
) -> None:
    out, figures, picture = (tmp_path / name for name in ("o.parquet", "j.json", "fan.png"))
    done = larrey(
        "backtest", "--history", history, *USUAL, "--forecasts-out", out, "--json", figures,
        "--lead-time", "3", "--plot", "steady 1", picture, "--simulate-stockouts", "7",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads(figures.read_text())
    peers = {"SeasonalNaive", "AutoETS", "DynamicOptimizedTheta", "AutoCES", "IMAPA", "TSB", NAME}
    assert set(report["peers"]) == peers
    for name in (*peers, "larrey"):
        assert name in done.stdout
    assert set(report["stockouts"]) >= {"true", "recorded", "repaired", "touched_share"}
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_the_same_forecast_twice_is_the_same_file(tmp_path: Path) -> None:
    # so short that the forests are grown twice only, at the back-test and at the end
    draw = np.random.default_rng(6)
    seldom = {f"seldom {k}": draw.poisson(0.3, 16).astype(float).tolist() for k in range(8)}
    steady = {f"steady {k}": draw.poisson(30, 16).astype(float).tolist() for k in range(4)}
    history = written(frame_of(steady | seldom), tmp_path)
    files = [tmp_path / "one.parquet", tmp_path / "two.parquet"]
    ahead = ("--horizon", "1", "--season", "12", "--freq", "MS")
    for out in files:
        figures = tmp_path / f"{out.stem}.json"
        done = larrey(
            "forecast", "--history", history, *ahead, "--forecasts-out", out, "--json", figures
        )
        assert done.returncode == 0, done.stderr
        assert "leaf-draw forest blend" in json.loads(figures.read_text())["methods"]
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--horizon", "3", "--season", "12", "--freq", "NEVER"), "FREQ_UNKNOWN"),
        (("--horizon", "0", "--season", "12", "--freq", "MS"), "HORIZON_OUT_OF_RANGE"),
        ((*USUAL, "--levels", "0.1,x"), "LEVELS_MALFORMED"),
        ((*USUAL, "--workers", "0"), "WORKERS_OUT_OF_RANGE"),
    ],
)
def test_wrong_input_ends_with_one_clear_line(
    arguments: tuple[str, ...], word: str, history: Path, tmp_path: Path
) -> None:
    done = larrey(
        "forecast", "--history", history, *arguments, "--forecasts-out", tmp_path / "o.parquet"
    )
    assert done.returncode != 0
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1
    assert word in lines[0]
