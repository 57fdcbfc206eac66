"""The command `larrey orientation distribute`: share vehicles and places of a scenario file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Protocol

import typer
from rich.console import Console

HELP = """Shares vehicles and places among the casualties of a scenario, as Distribute does.

SCENARIO is the request of the RPC Distribute as JSON (proto/larrey/orientation/v1, message
DistributeRequest), fields named as there:

\b
casualties  [{casualty_id, place: {latitude, longitude} or {insee_code}, band, pathway,
            age_years, needed_capabilities, category: "UA" or "UR", loaded_in, bound_for,
            waited_min}]
vehicles    [{vehicle_id, vehicle_type, place, seats, sector, free_in_min}]
facilities  [{finess_geo, latitude, longitude, capabilities, orsan_rank, plan_blanc, closed,
            places: [{free, counted_time, category, crisis}]}]
cover       [{sector, keep, price}]
previous    [{case_id, resource_id, finess_geo}]
situation   {novi, orsan, plan_blanc}
prices      {wait_min, stability_min, unknown_places}
as_of_time  "2026-01-05T08:00:00Z"

band is SEVERITY_BAND_LIFE_THREAT, _SEVERE, _MODERATE or _MILD. Only casualties are needed:
facilities left out are the sixty nearest of the shipped list with made-up capabilities, and
what a facility leaves out comes from there. An example is shipped:
services/orientation/data/scenarios/nantes_novi.json.

The answer holds allocation, cost, waiting, nearest_first (the same figures for: the gravest
first, nearest vehicle, nearest place), cover, findings and milliseconds (median of --repeat).
"""


class DistributeRun(Protocol):
    """Reads, shares, writes; returns one line on what was found."""

    def __call__(self, scenario: Path, json_out: Path, *, repeat: int, prove: bool) -> str: ...


def distribute(run: DistributeRun) -> Callable[..., None]:
    """The command around `run`, which the wiring gives."""

    def command(
        *,
        scenario: Annotated[Path, typer.Option(help="JSON file, see above.")],
        json_out: Annotated[Path, typer.Option("--json", help="File to write the answer to.")],
        repeat: Annotated[
            int, typer.Option(min=1, help="Calculations to time; the answer is the same each time.")
        ] = 5,
        prove: Annotated[
            bool, typer.Option(help="Solve it a second time with CP-SAT and compare the cost.")
        ] = False,
    ) -> None:
        Console().print(run(scenario, json_out, repeat=repeat, prove=prove))

    command.__doc__ = HELP
    return command
