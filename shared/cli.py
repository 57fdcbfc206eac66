"""The command `larrey`: collects the commands that each installed service brings."""

from __future__ import annotations

import os
import sys
from importlib.metadata import entry_points

import typer

from shared.errors import Refusal
from shared.settings import BadSettings

GROUP = "larrey.commands"


def build() -> typer.Typer:
    """One sub-command per service; a service whose extra is not installed is left out."""
    app = typer.Typer(
        name="larrey",
        help="Forecast, replenish, orient: commands of the three services.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
    )
    for entry in sorted(entry_points(group=GROUP), key=lambda e: e.name):
        try:
            commands = entry.load()
        except ModuleNotFoundError as error:
            if (error.name or "").split(".")[0] in ("services", "shared", "larrey"):
                raise  # a fault of ours, not an extra that was left out
            continue
        app.add_typer(commands, name=entry.name)
    return app


def main() -> None:
    """Exit code 0 when the command ran, 1 with one clear line on stderr when it could not."""
    # Small matrices: threads of the linear algebra cost twenty times what they save.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        build()()
    except Refusal as refusal:
        where = f"{refusal.field}: " if refusal.field else ""
        print(f"larrey: {where}{refusal.message} ({refusal.reason})", file=sys.stderr)  # noqa: T201
        sys.exit(1)
    except BadSettings as bad:
        print(f"larrey: {bad}", file=sys.stderr)  # noqa: T201
        sys.exit(2)
