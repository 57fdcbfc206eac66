"""What the day shows: progress bars, tables and plain sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table


class Move(Protocol):
    def __call__(self, by: float, *, total: float | None = None) -> None: ...


@contextmanager
def bar(console: Console, label: str, total: float) -> Iterator[Move]:
    """A progress bar; the value is called with the steps done since the last call."""
    columns = (
        TextColumn("  {task.description:<22}"),
        BarColumn(30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(label, total=total)

        def move(by: float, *, total: float | None = None) -> None:
            progress.update(task, advance=by, total=total)

        yield move


def table(
    console: Console, title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]
) -> None:
    shown = Table(title=title, title_justify="left", title_style="bold", pad_edge=False)
    for place, head in enumerate(heads):
        numeric = bool(rows) and rows[0][place][:1].isdigit()
        shown.add_column(head, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        shown.add_row(*row)
    console.print(shown)


def chapter(console: Console, number: int, title: str) -> None:
    console.print()
    console.rule(f"[bold]{number}. {title}", align="left")
