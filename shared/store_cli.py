"""Commands on a service's store: `larrey store backup|verify|restore`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Url = Annotated[
    str, typer.Option(help="sqlite:///file or postgresql://…", envvar="LARREY_DATABASE_URL")
]
Files = Annotated[Path | None, typer.Option(help="folder that belongs to the state, if any")]

app = typer.Typer(name="store", help="Back up and restore a service's state.", no_args_is_help=True)


@app.command()
def backup(
    out: Annotated[Path, typer.Option(help="new folder for the backup")],
    database_url: Url,
    files: Files = None,
    turn: Annotated[
        str, typer.Option(help="work that changes the files, such as forecast-runs")
    ] = "",
) -> None:
    """Take a backup while the service runs."""
    from shared.storage import keeping  # noqa: PLC0415  the store is loaded only when asked

    size = keeping.backup(database_url, out, files=files, turn=turn)
    typer.echo(f"{size} bytes in {out}")


@app.command()
def verify(folder: Annotated[Path, typer.Option("--from", help="a backup's folder")]) -> None:
    """Check that a backup is as it was taken."""
    from shared.storage import keeping  # noqa: PLC0415

    manifest = keeping.verify(folder)
    typer.echo(f"{len(manifest['sha256'])} files of {manifest['taken']} are whole")


@app.command()
def restore(
    folder: Annotated[Path, typer.Option("--from", help="a backup's folder")],
    database_url: Url,
    files: Files = None,
) -> None:
    """Bring a backup into an empty database and folder."""
    from shared.storage import keeping  # noqa: PLC0415

    keeping.restore(folder, database_url, files=files)
    typer.echo(f"{folder} is restored")
