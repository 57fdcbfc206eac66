"""`larrey demand bench`: what it prints, and that a broken promise is called broken."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from services.demand.entrypoints.bench import parse_counts, register
from shared.errors import Malformed


@dataclass(frozen=True, slots=True)
class Cost:
    series: int
    teach: float
    nightly: float
    update: float
    peak_rss_mib: float
    night: float
    total_ms: float = 0.6


@dataclass
class Measures:
    """Costs ten milliseconds a series and a hundred seconds of learning."""

    update: float = 0.0004

    def item_costs(self) -> dict[str, float]:
        return {"fresh_ms": 5.0, "stored_ms": 0.2}

    def panel_cost(self, _series: int) -> float:
        return 10.0

    def cost(self, count: int, step: Callable[[int], None]) -> Cost:
        step(count)
        nightly = 0.01 * count
        return Cost(count, 100.0, nightly, self.update * count, 2000.0, nightly + 100.0)


def played(measures: Measures, *arguments: str) -> str:
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app, lambda: measures)
    result = CliRunner().invoke(app, ["bench", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_the_cost_curve_and_every_promise_are_printed(tmp_path: Path) -> None:
    told = tmp_path / "J.json"
    output = played(Measures(), "--series", "10000,1000", "--json", str(told))
    assert output.count("kept") == 6
    assert "BROKEN" not in output
    figures = json.loads(told.read_text())
    assert [pool["series"] for pool in figures["pools"]] == [1000, 10000]
    assert figures["pools"][1]["night"] == 200.0


def test_a_promise_that_is_not_kept_is_called_broken() -> None:
    output = played(Measures(update=0.002), "--series", "1000")
    assert "daily update of 1,000: 2.0 s (promise 1): BROKEN" in output


@pytest.mark.parametrize("text", ["", "many", "10", "1000,ten"])
def test_numbers_of_series_that_mean_nothing_are_malformed(text: str) -> None:
    with pytest.raises(Malformed) as refused:
        parse_counts(text)
    assert refused.value.field == "--series"
