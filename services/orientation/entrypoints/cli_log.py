"""The commands `larrey orientation log ...`: verify, export and shorten the decision log."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Protocol

import typer
from rich.console import Console

from services.orientation.domain.ledger import Anchor, Checkpoint, Linked, Verdict


class Ledger(Protocol):
    """The log of one store."""

    def rows(self) -> Iterator[Linked]: ...

    def start(self) -> Checkpoint | None: ...

    def head(self) -> Anchor: ...

    def verify(self) -> Verdict: ...

    def prune(self, before_us: int, now_us: int) -> int: ...


OpenLedger = Callable[[str, Path | None], AbstractContextManager[Ledger]]
Database = Annotated[
    str, typer.Option("--database", help="sqlite:///file or postgresql://user@host/name")
]
DataDir = Annotated[
    Path | None,
    typer.Option(help="Folder with case.key; LARREY_CASE_KEY when left out."),
]


def log_commands(open_ledger: OpenLedger) -> typer.Typer:
    """The commands around a ledger, which the wiring opens."""
    app = typer.Typer(name="log", help="The decision log.", no_args_is_help=True)

    @app.command()
    def verify(database: Database, data_dir: DataDir = None) -> None:
        """Checks every hash from the last checkpoint on; ends with 1 at the first fault."""
        with open_ledger(database, data_dir) as ledger:
            verdict = ledger.verify()
        if not verdict.sound:
            print(  # noqa: T201
                f"The decision log is broken at entry {verdict.broken_at}: {verdict.why}. "
                "Keep a copy of the store and find out what happened.",
                file=sys.stderr,
            )
            raise typer.Exit(1)
        Console().print(
            f"{verdict.entries} entries verified, from {verdict.first_seq} to "
            f"{verdict.last.seq}; last hash {verdict.last.hash}"
        )

    @app.command()
    def export(
        database: Database,
        out: Annotated[Path, typer.Option(help="File to write, one JSON object a line.")],
        data_dir: DataDir = None,
    ) -> None:
        """Writes the checkpoint, then every entry with its hash, oldest first."""
        with open_ledger(database, data_dir) as ledger, out.open("w", encoding="utf-8") as file:
            start = ledger.start()
            anchor = start.anchor if start else Anchor()
            file.write(json.dumps({"seq": anchor.seq, "hash": anchor.hash}) + "\n")
            count = 0
            for row in ledger.rows():
                count += 1
                file.write(json.dumps(_as_json(row), sort_keys=True) + "\n")
        Console().print(f"{count} entries written to {out}")

    @app.command()
    def prune(
        database: Database,
        older_than_days: Annotated[
            float, typer.Option(min=0, help="Entries younger than this many days stay.")
        ],
        data_dir: DataDir = None,
    ) -> None:
        """Removes the oldest entries as one prefix behind a signed checkpoint."""
        now = datetime.now(UTC)
        with open_ledger(database, data_dir) as ledger:
            removed = ledger.prune(_us(now - timedelta(days=older_than_days)), _us(now))
        Console().print(f"{removed} entries removed")

    return app


def _us(instant: datetime) -> int:
    return round(instant.timestamp() * 1_000_000)


def _as_json(row: Linked) -> dict[str, object]:
    return {
        "seq": row.seq,
        "hash": row.hash,
        "kind": row.entry.kind,
        "at_us": row.entry.at_us,
        "body": row.entry.body,  # as text: its bytes are what was hashed
    }
