"""The commands `larrey replenishment ...`."""

from __future__ import annotations

import typer

app = typer.Typer(help="What to order, and why: the replenishment service.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Keeps `serve` a command of its own while it is the only one."""


@app.command()
def serve() -> None:
    """Runs the service until it is told to stop; settings come from LARREY_ variables."""
    from services.replenishment.main import main  # noqa: PLC0415  the outermost door

    main()
