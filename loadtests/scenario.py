"""What a load scenario hands back: one row of the table, kept or broken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Result:
    """`figures` say what was measured, `promise` what was asked for."""

    name: str
    promise: str
    figures: str
    kept: bool


def show(results: Sequence[Result]) -> bool:
    """Prints one table; True when every promise was kept."""
    table = Table("scenario", "promise", "measured", "")
    for result in results:
        table.add_row(
            result.name, result.promise, result.figures, "kept" if result.kept else "BROKEN"
        )
    Console(highlight=False).print(table)
    return all(result.kept for result in results)
