"""`larrey day run` plays the day and ends; `larrey day up` leaves the system running."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from loadtests.day import demand_step, loop_step, orientation_step, replenishment_step
from loadtests.day.clients import Clients, TooLong
from loadtests.day.processes import NotReady, System, Transport, embedded
from loadtests.day.screen import chapter
from loadtests.day.summary import Summary, totals, write
from loadtests.day.world import START, YEARS_SHIFTED, Product, first_products, products

app = typer.Typer(help="Plays a hospital group's day through the services' public interfaces.")
FOLDER = Path(".larrey")
GRPC_PORTS = (50051, 50052, 50053)
METRICS_PORTS = (9101, 9102, 9103)


@app.command()
def run(
    real: Annotated[
        bool, typer.Option("--real", help="on a real Apache Kafka and a real PostgreSQL")
    ] = False,
    series: Annotated[
        int, typer.Option(min=12, max=767, help="how many of the 767 series to play")
    ] = 767,
    out: Annotated[Path, typer.Option(help="folder for the state and last-run.json")] = FOLDER,
) -> None:
    """Plays the day, writes last-run.json and ends."""
    console = Console(width=max(100, Console().width))
    folder = (out / "run").resolve()
    shutil.rmtree(folder, ignore_errors=True)
    begin = time.perf_counter()
    try:
        with _transport(real, folder, console) as transport:
            system = System(transport, folder, START.isoformat())
            with system:
                summary = _play(system, console, first_products(series))
            summary.exit_codes = dict(system.exit_codes)
    except (NotReady, TooLong, RuntimeError) as error:
        print(f"larrey: {error}", file=sys.stderr)  # noqa: T201
        raise typer.Exit(1) from error
    write(out / "last-run.json", summary)
    summary.show(console, time.perf_counter() - begin)
    if any(summary.exit_codes.values()):
        print(f"larrey: a service ended badly: {summary.exit_codes}", file=sys.stderr)  # noqa: T201
        raise typer.Exit(1)


@app.command()
def up() -> None:
    """Plays the day on fixed ports and leaves the system running until Ctrl-C."""
    console = Console(width=max(100, Console().width))
    folder = (FOLDER / "up").resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    done = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: done.set())
    try:
        with System(
            embedded(folder), folder, START.isoformat(), GRPC_PORTS, METRICS_PORTS
        ) as system:
            _play(system, console, products())
            for name, running in system.services.items():
                console.print(f"  {name:14} gRPC {running.grpc}   metrics {running.metrics}")
            console.print("  Running until Ctrl-C.")
            while not done.wait(1.0):
                system.check_alive()
    except (NotReady, TooLong, RuntimeError) as error:
        print(f"larrey: {error}", file=sys.stderr)  # noqa: T201
        raise typer.Exit(1) from error


@contextmanager
def _transport(real: bool, folder: Path, console: Console) -> Iterator[Transport]:
    if not real:
        folder.mkdir(parents=True)
        yield embedded(folder)
        return
    from loadtests.day.real import real_transport  # noqa: PLC0415  # only where it is asked for

    with real_transport(folder, os.environ, console) as transport:
        yield transport


def _play(system: System, console: Console, catalogue: list[Product]) -> Summary:
    clients = Clients.of(system.services)
    console.print(f"Three services are ready ({system.transport.label}).")
    chapter(console, 1, "Demand: what will each site use?")
    console.print(
        f"  {len(catalogue)} real monthly series (Monash hospital set, CC BY 4.0: Hyndman, "
        f"Koehler, Ord, Snyder), shown {YEARS_SHIFTED} years later and dealt to six sites by a "
        "seeded draw. "
        "The days inside a month, where they are needed, are [bold]simulated[/]."
    )
    demand = demand_step.play(clients, catalogue, console)
    chapter(console, 2, "Replenishment: what should be ordered?")
    replenishment = replenishment_step.play(clients, catalogue, console)
    chapter(console, 3, "Orientation: how severe, which response, which facility?")
    orientation = orientation_step.play(clients, console)
    chapter(console, 4, "The loop: each answer moves the next")
    loop = loop_step.play(clients, catalogue, orientation, system.folder, console)
    return Summary(demand, replenishment, orientation, loop, totals(system.services.values()))
