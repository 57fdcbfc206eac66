"""The main job ends by itself, writes the keys that others read, and closes the loop."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from loadtests.day.world import CRITICAL, first_products, products

LARREY = Path(sys.executable).parent / "larrey"
SERIES = 40
KEYS = {
    "demand": {"series", "forecasts", "seconds"},
    "replenishment": {"item_sites", "order_lines", "gap", "seconds"},
    "orientation": {"cases", "with_reasons", "p50_ms", "p99_ms"},
    "events": {"published", "consumed", "dead"},
    "loop": {"items_moved", "cases_moved"},
}


def test_a_shorter_day_keeps_the_critical_resources() -> None:
    assert first_products(767) == products()
    short = first_products(SERIES)
    assert len(short) == SERIES
    assert {p.critical_resource for p in short} >= set(CRITICAL)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "transport", [[], pytest.param(["--real"], marks=pytest.mark.real)], ids=["embedded", "real"]
)
def test_the_day_closes_the_loop_on_each_transport(transport: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        [LARREY, "day", "run", *transport, "--series", str(SERIES), "--out", tmp_path],
        capture_output=True,
        text=True,
        check=False,
        timeout=550,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    found = json.loads((tmp_path / "last-run.json").read_text())
    assert {part: set(values) for part, values in found.items()} == KEYS
    assert found["demand"]["series"] == found["demand"]["forecasts"] == SERIES
    assert found["replenishment"]["item_sites"] == SERIES
    assert found["replenishment"]["order_lines"] > 0
    # How small it gets in the day's seconds is the machine's affair; test_gap.py judges the solver.
    assert 0 <= found["replenishment"]["gap"] < 1
    assert found["orientation"]["cases"] == found["orientation"]["with_reasons"] == 500
    assert found["events"]["dead"] == 0
    assert found["events"]["published"] > 500
    assert found["loop"]["items_moved"] > 0
    assert found["loop"]["cases_moved"] > 0


def test_a_day_of_too_few_series_is_refused_with_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [LARREY, "day", "run", "--series", "3", "--out", tmp_path],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert "--series" in done.stderr
