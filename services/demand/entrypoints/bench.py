"""`larrey demand bench`: what forecasting costs, on generated series."""

from __future__ import annotations

import json as json_text
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from shared.errors import Malformed

PANEL = 10_000
# CPU seconds of a pool of 200,000 series, and of the panel; MiB; ms of one item.
NIGHTLY, UPDATE, MEMORY_MIB, PANEL_SECONDS = 3000.0, 200.0, 6 * 1024.0, 30.0
FRESH_MS, STORED_MS = 60.0, 5.0
WHOLE = 200_000

Counts = Annotated[str, typer.Option(help="Numbers of daily series, such as 1000,10000,200000.")]
Json = Annotated[Path | None, typer.Option("--json", help="File to write the figures to.")]


def register(app: typer.Typer, measures: Callable[[], Any]) -> None:
    """Adds the command; `measures` loads what runs the engines."""

    @app.command()
    def bench(*, series: Counts = "1000,10000", json: Json = None) -> None:
        """Prints the cost curve of a nightly run and of a daily update, and of one item.

        200,000 series take about a quarter of an hour and 3 GiB.
        """
        counts = parse_counts(series)
        measured = measures()
        printer = Console(width=120) if not Console().is_terminal else Console()
        figures: dict[str, Any] = {
            "item": dict(measured.item_costs()),
            "panel": {"series": PANEL, "cpu_seconds": measured.panel_cost(PANEL)},
            "pools": [],
        }
        table = Table(
            *("daily series", "learn", "nightly", "ms a series", "update"),
            *("a total, ms a series", "peak MiB"),
        )
        for count in counts:
            one = _with_bar(measured, count)
            figures["pools"].append({**_plain(one), "night": one.night})
            table.add_row(
                f"{one.series:,}",
                f"{one.teach:.0f} s",
                f"{one.nightly:.0f} s",
                f"{1000 * one.nightly / one.series:.2f}",
                f"{one.update:.1f} s",
                f"{one.total_ms:.2f}",
                f"{one.peak_rss_mib:,.0f}",
            )
        printer.print("CPU seconds; learning is once a week. 730 days, 28 ahead, sums over 7.")
        printer.print(table)
        for words in verdicts(figures):
            printer.print(words)
        if json is not None:
            json.write_text(json_text.dumps(figures, indent=1) + "\n", encoding="utf-8")


def parse_counts(text: str) -> list[int]:
    """Whole numbers between commas, ascending; Malformed when one is not."""
    try:
        counts = sorted(int(part) for part in text.split(","))
    except ValueError:
        counts = []
    if not counts or counts[0] < 100:
        raise Malformed(
            "SERIES_MALFORMED",
            "Give numbers of series between commas, each 100 or more, such as 1000,10000.",
            field="--series",
        )
    return counts


def verdicts(figures: dict[str, Any]) -> list[str]:
    """A line per promise: the figure, the promise, kept or broken; the largest pool counts."""
    largest = figures["pools"][-1]
    share = largest["series"] / WHOLE
    found = [
        ("one item, fresh", figures["item"]["fresh_ms"], FRESH_MS, "ms"),
        ("one item, from its stored forecast", figures["item"]["stored_ms"], STORED_MS, "ms"),
        (f"panel of {PANEL:,} monthly series", figures["panel"]["cpu_seconds"], PANEL_SECONDS, "s"),
        (f"night of {largest['series']:,}, learning too", largest["night"], NIGHTLY, "s"),
        (f"daily update of {largest['series']:,}", largest["update"], UPDATE * share, "s"),
        ("peak memory", largest["peak_rss_mib"], MEMORY_MIB, "MiB"),
    ]
    return [
        f"{name}: {value:,.1f} {unit} (promise {limit:,.0f}): "
        f"{'kept' if value <= limit else 'BROKEN'}"
        for name, value, limit, unit in found
    ]


def _plain(one: Any) -> dict[str, float]:
    return {name: getattr(one, name) for name in one.__slots__}


def _with_bar(measured: Any, count: int) -> Any:
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    ) as bars:
        task = bars.add_task(f"{count:,} series", total=count)
        return measured.cost(count, lambda done: bars.advance(task, done))
