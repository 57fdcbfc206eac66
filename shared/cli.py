"""The command `larrey`: collects the commands that each installed service brings."""

from __future__ import annotations

import os
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated

import typer

from shared import store_cli
from shared.errors import Refusal
from shared.settings import BadSettings

GROUP = "larrey.commands"


def build(wanted: str | None = None) -> typer.Typer:
    """One sub-command per service; a service whose extra is not installed is left out.

    Where `wanted` names one of them, only that one is loaded: what the others import
    would take a second and more memory than many a command needs.
    """
    app = typer.Typer(
        name="larrey",
        help="Forecast, replenish, orient: commands of the three services.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
    )
    app.command("call")(call)
    app.add_typer(store_cli.app, name="store")
    found = sorted(entry_points(group=GROUP), key=lambda e: e.name)
    for entry in [one for one in found if one.name == wanted] or found:
        try:
            commands = entry.load()
        except ModuleNotFoundError as error:
            if (error.name or "").split(".")[0] in ("services", "shared", "larrey"):
                raise  # a fault of ours, not an extra that was left out
            continue
        app.add_typer(commands, name=entry.name)
    return app


def call(
    address: Annotated[str, typer.Argument(help="host:port of a running service")],
    method: Annotated[str, typer.Argument(help="larrey.demand.v1.DemandService/GetForecast")],
    body: Annotated[str, typer.Argument(help="the request as JSON")] = "{}",
    *,
    seconds: Annotated[float, typer.Option(help="how long the call may take")] = 30.0,
    ca: Annotated[Path | None, typer.Option(help="certificate of who signed the service's")] = None,
    cert: Annotated[Path | None, typer.Option(help="our certificate, for mutual TLS")] = None,
    key: Annotated[Path | None, typer.Option(help="the key of our certificate")] = None,
    token: Annotated[Path | None, typer.Option(help="file with a bearer token")] = None,
) -> None:
    """Call one RPC of a running service and print its answers as JSON."""
    # gRPC is loaded only by whoever calls.
    from shared.rpc.call import call as send  # noqa: PLC0415
    from shared.rpc.client import ClientFiles, channel  # noqa: PLC0415

    files = ClientFiles(ca=ca, cert=cert, key=key, token=token)
    with channel(address, files=files) as opened:
        for answer in send(opened, method, body, seconds):
            typer.echo(answer)


def main() -> None:
    """Exit code 0 when the command ran, 1 with one clear line on stderr when it could not."""
    # Small matrices: threads of the linear algebra cost twenty times what they save.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        build(sys.argv[1] if len(sys.argv) > 1 else None)()
    except Refusal as refusal:
        where = f"{refusal.field}: " if refusal.field else ""
        print(f"larrey: {where}{refusal.message} ({refusal.reason})", file=sys.stderr)  # noqa: T201
        sys.exit(1)
    except BadSettings as bad:
        print(f"larrey: {bad}", file=sys.stderr)  # noqa: T201
        sys.exit(2)
