"""The command `larrey orientation replay`: a region's days, against nearest-first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Protocol

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

SHOWN = (
    ("right_care_min", "minutes to the right care", "{:.1f}"),
    ("right_care_without_box_wait_min", "… without the wait for a box", "{:.1f}"),
    ("team_min", "minutes to the first team", "{:.1f}"),
    ("wrong_capability_rate", "wrong capability, by diagnosis", "{:.1%}"),
    ("wrong_known_need_rate", "wrong capability, by the call", "{:.1%}"),
    ("no_free_box_rate", "no free box on arrival", "{:.1%}"),
)
GROUPS = (("all", "all"), ("P0_P1", "P0 and P1"), ("others", "others"))


@dataclass(frozen=True, slots=True)
class ReplayChoice:
    """What is played."""

    department: str
    days: int
    vehicles: int
    patients_a_day: float | None
    seed: int


class ReplayRun(Protocol):
    """Plays and writes; gives back what it wrote. `tick` is called once a day played."""

    def __call__(
        self, choice: ReplayChoice, json_out: Path, plots: Path | None, tick: Callable[[], None]
    ) -> dict[str, Any]: ...


def replay(run: ReplayRun) -> Callable[..., None]:
    """The command around `run`, which the wiring gives."""

    def command(
        *,
        json_out: Annotated[Path, typer.Option("--json", help="File to write the figures to.")],
        plots: Annotated[Path | None, typer.Option(help="Folder to write plots to.")] = None,
        department: Annotated[str, typer.Option(help="Department whose communes call.")] = "44",
        days: Annotated[int, typer.Option(min=2, max=366, help="Days, from a Monday on.")] = 28,
        vehicles: Annotated[
            int, typer.Option(min=3, max=500, help="Vehicles, the same for both ways.")
        ] = 24,
        patients_a_day: Annotated[
            float | None,
            typer.Option(min=1, max=5000, help="Patients carried a day; 150 a million people."),
        ] = None,
        seed: Annotated[int, typer.Option(min=0, help="The same seed, the same days.")] = 1,
    ) -> None:
        """Plays days of a region twice: oriented by the service's rules, and nearest-first.

        Calls, crowds, vehicles and luck on the road are the same for both. What is real and
        what is made up is said in the figures, under "made_up".
        """
        choice = ReplayChoice(department, days, vehicles, patients_a_day, seed)
        columns = (TextColumn("days played"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as bar:
            task = bar.add_task("days", total=days)
            told = run(choice, json_out, plots, lambda: bar.advance(task))
        _show(told, json_out)

    return command


def _show(told: dict[str, Any], json_out: Path) -> None:
    console = Console()
    table = Table("measure", "who", "ours", "nearest-first", "change", "95 %")
    for name, words, form in SHOWN:
        for group, who in GROUPS:
            one = told["groups"][group].get(name)
            if one is None:
                continue
            change, interval = one["change"], one["change_95"]
            table.add_row(
                words,
                who,
                form.format(one["ours"]),
                form.format(one["nearest_first"]),
                "" if change is None else f"{change:+.0%}",
                "" if interval is None else f"{interval[0]:+.0%} to {interval[1]:+.0%}",
            )
    console.print(table)
    console.print(f"{told['patients']} patients of {told['days']} days; figures in {json_out}")
