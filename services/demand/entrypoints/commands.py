"""`larrey demand forecast` and `larrey demand backtest`: options in, files and a table out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from json import dumps
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from services.demand.domain.history_files import Order, Target
from shared.errors import Malformed

FIGURES = (
    *("mase", "mase_median", "wql", "sql", "cov80", "cov95", "below_p90", "bias"),
    *("lead_p95_reached", "cpu_seconds"),
)

# Characters of a line when the output is not a terminal.
WIDE = 160

History = Annotated[Path, typer.Option(help="Parquet file with unique_id, ds and y.")]
Horizon = Annotated[int, typer.Option(help="Periods to forecast after the newest ds.")]
Season = Annotated[
    int, typer.Option(help="Periods in a season: 12 for months, 7 for days, 1: none.")
]
Freq = Annotated[str, typer.Option(help="pandas alias of the periods: MS, W-MON or D.")]
Out = Annotated[Path, typer.Option("--forecasts-out", help="Parquet file to write.")]
Aim = Annotated[
    Target,
    typer.Option(help="recorded: y as it will be recorded; demand: had stock been there."),
]
Lead = Annotated[
    int | None, typer.Option("--lead-time", help="Also forecast the sum of so many periods.")
]
Levels = Annotated[str, typer.Option(help="Levels to write, such as 0.1,0.5,0.95; all without.")]
Workers = Annotated[int, typer.Option(help="Processes for methods that take one series at a time.")]
Json = Annotated[Path | None, typer.Option("--json", help="File to write the figures to.")]
Signals = Annotated[
    Path | None,
    typer.Option(help="Parquet file of signals that may lead demand: ds, signal, value."),
]
Whole = Annotated[
    bool, typer.Option("--whole", help="Quantiles in whole units, for what cannot be halved.")
]
Zone = Annotated[
    str,
    typer.Option(help="School zone A, B or C: tries the French calendar, item by item."),
]
Plot = Annotated[
    tuple[str, Path] | None,
    typer.Option(metavar="ID FILE", help="Draws the fan of one item, as .png or .svg."),
]


class Kind(Enum):
    """What the history file holds: amounts by period, or uses of equipment."""

    AMOUNTS = "amounts"
    USES = "uses"


@dataclass(frozen=True, slots=True)
class Paths:
    """The files of one command and how the history is laid out."""

    history: Path
    out: Path
    frequency: str
    season: int
    horizon: int
    json: Path | None
    plot: tuple[str, Path] | None
    actuals: Path | None = None
    signals: Path | None = None
    zone: str = ""
    kind: Kind = Kind.AMOUNTS


# Builds a use case from the files and the number of workers; main.py knows how.
Build = Callable[[Paths, int], Any]
# Runs the proof of the drivers on so many generated hospitals of so many items.
Prove = Callable[[int, int], Mapping[str, object]]


def register(app: typer.Typer, forecaster: Build, backtester: Build, prover: Prove) -> None:
    """Adds the commands to the service's own."""

    @app.command()
    def forecast(
        *,
        history: History,
        horizon: Horizon,
        season: Season,
        freq: Freq,
        forecasts_out: Out,
        target: Aim = Target.RECORDED,
        lead_time: Lead = None,
        levels: Levels = "",
        workers: Workers = 1,
        json: Json = None,
        plot: Plot = None,
        signals: Signals = None,
        zone: Zone = "",
        whole: Whole = False,
    ) -> None:
        """Forecasts every series of a file, with quantiles."""
        order = Order(horizon, season, freq, target, lead_time, parse_levels(levels), whole)
        paths = Paths(
            history,
            forecasts_out,
            freq,
            season,
            horizon,
            json,
            plot,
            signals=signals,
            zone=checked_zone(zone),
        )
        made = forecaster(paths, checked_workers(workers))(order)
        printer = Console()
        printer.print(f"{len(made.table.ids)} series forecast, written to {forecasts_out}")
        for group, judged in made.chosen.items():
            printer.print(f"{group.value}: {judged.engine}. {judged.reason}")
        if made.driven is not None:
            on = len(made.driven.effects)
            printer.print(f"drivers on for {on} series, used: {made.driven.way}")
        _print_findings(printer, len(made.found), json)

    @app.command()
    def backtest(
        *,
        history: History,
        horizon: Horizon,
        season: Season,
        freq: Freq,
        forecasts_out: Out,
        actuals: Annotated[
            Path | None,
            typer.Option(help="What came true; without it the last periods are held back."),
        ] = None,
        target: Aim = Target.RECORDED,
        lead_time: Lead = None,
        levels: Levels = "",
        workers: Workers = 1,
        json: Json = None,
        plot: Plot = None,
        signals: Signals = None,
        zone: Zone = "",
        whole: Whole = False,
        origins: Annotated[
            int, typer.Option(min=0, help="Also roll so many origins back, a lead time apart.")
        ] = 0,
        simulate_stockouts: Annotated[
            int | None, typer.Option(metavar="SEED", help="Also test on a history with stock-outs.")
        ] = None,
        peers: Annotated[
            bool, typer.Option(help="Run the usual libraries on the same history as well.")
        ] = True,
    ) -> None:
        """Forecasts, then compares with what came true and with the usual libraries."""
        order = Order(horizon, season, freq, target, lead_time, parse_levels(levels), whole)
        paths = Paths(
            history,
            forecasts_out,
            freq,
            season,
            horizon,
            json,
            plot,
            actuals,
            signals,
            checked_zone(zone),
        )
        tested: Mapping[str, Any] = backtester(paths, checked_workers(workers))(
            order,
            actuals_given=actuals is not None,
            stockout_seed=simulate_stockouts,
            origins=origins,
            with_peers=peers,
        )
        _print_tested(tested)

    @app.command()
    def equipment(
        *,
        uses: Annotated[
            Path,
            typer.Option(
                help="Parquet file of uses: unique_id, start, end (empty: still in use); or of "
                "movements: unique_id, unit, time, event (out or return)."
            ),
        ],
        horizon: Annotated[int, typer.Option(help="Days to forecast.")],
        forecasts_out: Out,
        lead_time: Lead = None,
        levels: Levels = "",
        json: Json = None,
        plot: Plot = None,
    ) -> None:
        """Forecasts the most units in use at once, day by day, of pumps, ventilators, beds."""
        order = Order(horizon, 7, "D", Target.RECORDED, lead_time, parse_levels(levels), whole=True)
        paths = Paths(uses, forecasts_out, "D", 7, horizon, json, plot)
        made = forecaster(replace(paths, kind=Kind.USES), 1)(order)
        printer = Console()
        printer.print(f"{len(made.table.ids)} pools forecast, written to {forecasts_out}")
        _print_findings(printer, len(made.found), json)

    @app.command()
    def drivers(
        *,
        json: Json = None,
        hospitals: Annotated[int, typer.Option(min=1, help="Generated hospitals.")] = 4,
        items: Annotated[int, typer.Option(min=20, help="Items of each.")] = 240,
    ) -> None:
        """Proves that drivers are switched on where they help: influenza, and known truth."""
        told = prover(hospitals, items)
        text = dumps(told, ensure_ascii=False, indent=1)
        Console().print_json(text)
        if json is not None:
            json.write_text(text + "\n", encoding="utf-8")


def parse_levels(text: str) -> tuple[float, ...]:
    """Numbers between commas; Malformed when one is not a number."""
    try:
        return tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise Malformed(
            "LEVELS_MALFORMED",
            "Levels are numbers between commas, such as 0.1,0.5,0.95.",
            field="--levels",
        ) from None


def checked_workers(workers: int) -> int:
    if workers < 1:
        raise Malformed("WORKERS_OUT_OF_RANGE", "At least 1 worker is needed.", field="--workers")
    return workers


def checked_zone(zone: str) -> str:
    if zone not in ("", "A", "B", "C"):
        raise Malformed(
            "ZONE_UNKNOWN", f"{zone!r} is no school zone: give A, B or C.", field="--zone"
        )
    return zone


def shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _print_tested(tested: Mapping[str, Any]) -> None:
    """A row for each method, then why one was not run and where others stand for one."""
    printer = Console()
    if not printer.is_terminal:
        printer = Console(width=WIDE)
    table = Table("method", *FIGURES)
    for name, one in tested.items():
        figures = one.plain()
        table.add_row(name, *(shown(figures.get(figure)) for figure in FIGURES))
    printer.print(table)
    for name, one in tested.items():
        for words in one.remarks():
            printer.print(f"{name}: {words}.")


def _print_findings(printer: Console, count: int, json: Path | None) -> None:
    if count:
        where = f"see {json}" if json else "give --json FILE to read them"
        printer.print(f"{count} finding(s) on the history: {where}")
