"""The commands `larrey replenishment ...`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="What to order, and why: the replenishment service.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """What to order, and why: the replenishment service."""


@app.command()
def serve() -> None:
    """Runs the service until it is told to stop; settings come from LARREY_ variables."""
    from services.replenishment.main import main  # noqa: PLC0415  the outermost door

    main()


@app.command()
def solve(
    instance: Annotated[Path, typer.Option(help="problem, .npz in the own_multi_item format")],
    seconds: Annotated[float, typer.Option(help="wall seconds from the start of the process")],
    json: Annotated[Path, typer.Option(help="where cost, bound and gap are written")],
    plan_out: Annotated[Path, typer.Option(help="where the orders are written, .npz")],
    seed: Annotated[int, typer.Option(help="same seed and iterations, same plan")] = 1,
    *,
    warm_from: Annotated[
        Path | None, typer.Option(help="an earlier --plan-out file: starts from its prices")
    ] = None,
    warm_days: Annotated[int, typer.Option(help="days since the plan in --warm-from")] = 1,
) -> None:
    """Plans one benchmark instance and proves how far from the best plan it can be."""
    from services.replenishment.entrypoints.solve import Files  # noqa: PLC0415
    from services.replenishment.main import solve_file  # noqa: PLC0415  the outermost door

    earlier = None if warm_from is None else (warm_from, warm_days)
    solve_file()(Files(instance, json, plan_out), seconds, seed, earlier)
    # All is written. Taking the engines down, or waiting for a loop that is still being
    # compiled, would last seconds on a busy machine, and the process has a time to keep.
    os._exit(0)


@app.command()
def oracle(
    family: Annotated[str, typer.Option(help="exact_oracles or perishable_optimal")],
    data: Annotated[Path, typer.Option(help="folder with the cases of that family")],
    json: Annotated[Path, typer.Option(help="where each ratio, median and worst are written")],
) -> None:
    """Plays cases whose best answer is known, and says how far ours is from it."""
    from services.replenishment.main import play_oracles  # noqa: PLC0415  the outermost door

    play_oracles()(family, data, json)


@app.command()
def generate(
    out: Annotated[Path, typer.Option(help="where the problem is written, .npz")],
    item_sites: Annotated[int, typer.Option(help="how many item-sites, at least 2", min=2)] = 1000,
    seed: Annotated[int, typer.Option(help="same seed, same problem", min=0)] = 1,
    *,
    day_after: Annotated[
        Path | None, typer.Option(help="instead: the day after this problem, .npz")
    ] = None,
    plan: Annotated[
        Path | None, typer.Option(help="with --day-after: the plan whose first day was ordered")
    ] = None,
) -> None:
    """Makes a planning problem of any size, drawn like the benchmark instances."""
    from services.replenishment.main import (  # noqa: PLC0415  the outermost door
        generate_day_after,
        generate_file,
    )

    if day_after is None:
        generate_file(item_sites, seed, out)
    else:
        generate_day_after(day_after, plan, seed, out)


@app.command()
def transfers(
    json: Annotated[Path, typer.Option(help="where everything measured is written")],
    items: Annotated[int, typer.Option(help="items, each at five sites", min=1)] = 400,
    seconds: Annotated[float, typer.Option(help="wall seconds for each of the two plans")] = 20.0,
    seed: Annotated[int, typer.Option(help="same seed, same group", min=0)] = 1,
) -> None:
    """Plans a made hospital group with transfers between its sites and without them."""
    from services.replenishment.main import try_transfers  # noqa: PLC0415  the outermost door

    try_transfers(items, seconds, seed, json)


@app.command()
def warm() -> None:
    """Compiles the solver's loops ahead of the first plan, and keeps them on disk."""
    from services.replenishment.main import warm_up  # noqa: PLC0415  the outermost door

    warm_up()


@app.command()
def simulate(
    data: Annotated[Path, typer.Option(help="folder with demand files: unique_id, ds, y")],
    json: Annotated[Path, typer.Option(help="where everything measured is written")],
    plots: Annotated[Path | None, typer.Option(help="folder for the pictures")] = None,
) -> None:
    """Plays ordering policies day by day on real demand, in calm and under stress."""
    from services.replenishment.main import simulate_files  # noqa: PLC0415  the outermost door

    simulate_files()(data, json, plots)


@app.command()
def supply_status(
    file: Annotated[Path, typer.Option(help="CIS_CIP_Dispo_Spec.txt of the BDPM")],
    address: Annotated[str, typer.Option(help="host:port of the running service")],
    packs: Annotated[Path | None, typer.Option(help="CIS_CIP_bdpm.txt of the BDPM")] = None,
    *,
    ca: Annotated[Path | None, typer.Option(help="certificate of who signed the service's")] = None,
    cert: Annotated[Path | None, typer.Option(help="our certificate, for mutual TLS")] = None,
    key: Annotated[Path | None, typer.Option(help="the key of our certificate")] = None,
    token: Annotated[Path | None, typer.Option(help="file with a bearer token")] = None,
) -> None:
    """Sends the ANSM's list of shortages, tensions and stops; it replaces the one before."""
    from services.replenishment.main import supply_status as command  # noqa: PLC0415
    from shared.rpc.client import ClientFiles  # noqa: PLC0415  gRPC only for who calls

    command()(file, packs, address, ClientFiles(ca=ca, cert=cert, key=key, token=token))
