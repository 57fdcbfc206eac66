"""Commands of the demand service: `larrey demand …`."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer

from services.demand.entrypoints import bench
from services.demand.entrypoints.commands import Paths, register

app = typer.Typer(
    name="demand",
    help="How much of each item each site will use, and how sure we are.",
    no_args_is_help=True,
)


@app.callback()
def demand() -> None:
    """Keeps `serve` a command of its own, also while it is the only one."""


@app.command()
def serve(
    backend: Annotated[
        str,
        typer.Option(help="Where forecasts are made: local or ray. Sets LARREY_DEMAND_BACKEND."),
    ] = "",
) -> None:
    """Run the service; its settings are environment variables (see its settings.py)."""
    if backend:
        os.environ["LARREY_DEMAND_BACKEND"] = backend
    # The engines and the store are loaded only by whoever serves.
    from services.demand.main import main  # noqa: PLC0415

    main()


def _forecaster(paths: Paths, workers: int) -> Any:
    from services.demand.main import forecast_file  # noqa: PLC0415

    return forecast_file(paths, workers)


def _backtester(paths: Paths, workers: int) -> Any:
    from services.demand.main import backtest_file  # noqa: PLC0415

    return backtest_file(paths, workers)


def _prover(hospitals: int, items: int) -> Any:
    from services.demand.main import prove_drivers  # noqa: PLC0415

    return prove_drivers(hospitals, items)


def _measures() -> Any:
    from services.demand.main import measures  # noqa: PLC0415

    return measures()


register(app, _forecaster, _backtester, _prover)
bench.register(app, _measures)
