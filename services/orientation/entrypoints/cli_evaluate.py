"""The command `larrey orientation evaluate`: scores of many visits, and how good they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Protocol

import typer
from rich.console import Console


class EvaluateRun(Protocol):
    """Reads visits, scores them, writes scores and figures; returns one line."""

    def __call__(self, data: Path, scores_out: Path, json_out: Path) -> str: ...


def evaluate(run: EvaluateRun) -> Callable[..., None]:
    """The command around `run`, which the wiring gives."""

    def command(
        data: Annotated[Path, typer.Option(help="Parquet of visits with visit_id and inputs.")],
        scores_out: Annotated[Path, typer.Option(help="Parquet to write, a row a visit.")],
        json_out: Annotated[Path, typer.Option("--json", help="File to write the figures to.")],
    ) -> None:
        """Scores visits with the shipped model; it never trains.

        With outcomes in the file the figures hold the accuracy.
        """
        Console().print(run(data, scores_out, json_out))

    return command
