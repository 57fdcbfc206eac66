"""The command `larrey orientation volume`: calls per hour, from a day to weeks ahead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Protocol

import typer
from rich.console import Console


@dataclass(frozen=True, slots=True)
class VolumeFiles:
    """Where the counts come from and where the forecast goes."""

    history: Path
    actuals: Path | None
    forecasts_out: Path
    json_out: Path
    sectors_out: Path | None = None


class VolumeRun(Protocol):
    """Reads, forecasts, writes; returns one line on what was found."""

    def __call__(self, files: VolumeFiles, horizon: int, holidays: str) -> str: ...


def volume(run: VolumeRun) -> Callable[..., None]:
    """The command around `run`, which the wiring gives."""

    def command(
        *,
        history: Annotated[
            Path, typer.Option(help="Parquet with hour_start_local and calls_total.")
        ],
        horizon: Annotated[
            int, typer.Option(help="Hours to forecast after the history; unused with --actuals.")
        ],
        forecasts_out: Annotated[Path, typer.Option(help="Parquet to write, a row an hour.")],
        json_out: Annotated[Path, typer.Option("--json", help="File to write the figures to.")],
        actuals: Annotated[
            Path | None,
            typer.Option(help="What came after: each of its days is forecast from what precedes."),
        ] = None,
        sectors_out: Annotated[
            Path | None,
            typer.Option(
                help="Parquet to write, a row an hour and sector: every other column of whole "
                "numbers is a sector."
            ),
        ] = None,
        holidays: Annotated[
            str, typer.Option(help="Whose holidays and clock changes: us, fr or none.")
        ] = "us",
    ) -> None:
        """Forecasts calls per hour: mean and 10, 50 and 90 % quantiles, over-dispersion included.

        With --actuals it rolls day by day and the figures hold wape and p90_covers, the same a
        week ahead under week_ahead, and by sector under sectors.
        """
        files = VolumeFiles(history, actuals, forecasts_out, json_out, sectors_out)
        Console().print(run(files, horizon, holidays))

    return command
