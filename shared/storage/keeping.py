"""Backup and restore of one service's state: its database and the files beside it.

A backup is a folder: `database`, `files/…` and `manifest.json` with the SHA-256 of each.
It is taken while the service runs. Restoring checks every sum first and writes only where
nothing is.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import URL

from shared.errors import Malformed, NotNow, Unavailable
from shared.storage.database import Database
from shared.storage.engines import parse

FORM = 1
MANIFEST, DATABASE, FILES = "manifest.json", "database", "files"
TURN_WAIT_S = 60.0


def backup(database_url: str, out: Path, *, files: Path | None = None, turn: str = "") -> int:
    """Writes a backup into the new folder `out`; returns its bytes.

    `files` is a folder that belongs to the state (demand's history). `turn` names the work
    that changes those files, for instance `forecast-runs`: it is kept from running
    meanwhile, so that the database lists exactly the files that are copied.
    Refuses NotNow when `out` is there or the turn is not free within a minute, Malformed a
    wrong address, Unavailable when the database or its tool is away.
    """
    url = parse(database_url)
    if out.exists():
        raise NotNow("BACKUP_THERE", f"{out} is there already: name a new folder.", field="out")
    draft = out.with_name(f"{out.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    with _held(database_url, turn):
        if url.get_backend_name() == "sqlite":
            _copy_sqlite(Path(str(url.database)), draft / DATABASE)
        else:
            _run(url, "pg_dump", "--format=custom", "--no-owner", "--file", str(draft / DATABASE))
        if files is not None and files.is_dir():
            shutil.copytree(files, draft / FILES)
    kept = {str(p.relative_to(draft)): _sum(p) for p in sorted(draft.rglob("*")) if p.is_file()}
    manifest = {
        "form": FORM,
        "engine": url.get_backend_name(),
        "taken": datetime.now(UTC).isoformat(timespec="seconds"),
        "sha256": kept,
    }
    (draft / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")
    draft.replace(out)
    return sum((out / name).stat().st_size for name in kept)


def verify(folder: Path) -> dict[str, Any]:
    """The manifest of a whole backup; refuses Malformed one that is not as it was taken."""
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
        told = dict(manifest["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        raise _broken(f"{folder} holds no readable {MANIFEST}") from None
    if manifest.get("form") != FORM:
        raise _broken(f"its form is {manifest.get('form')} and this version reads {FORM}")
    there = {
        str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file() and p.name != MANIFEST
    }
    for name in sorted(there ^ set(told)):
        raise _broken(f"{name} is {'not listed' if name in there else 'missing'}")
    for name, digest in told.items():
        if _sum(folder / name) != digest:
            raise _broken(f"{name} is not as it was written")
    return manifest


def restore(folder: Path, database_url: str, *, files: Path | None = None) -> None:
    """Brings a verified backup into an empty place.

    Refuses NotNow when the database has tables or `files` is not empty; Malformed a broken
    backup or one of the other engine.
    """
    manifest = verify(folder)
    url = parse(database_url)
    if manifest["engine"] != url.get_backend_name():
        raise Malformed(
            "BACKUP_OF_OTHER_ENGINE",
            f"The backup is of {manifest['engine']}: restore it into the same engine.",
            field="database_url",
        )
    kept = folder / FILES
    if kept.is_dir() and files is None:
        raise Malformed("FILES_NEEDED", "The backup holds files: say where they go.", field="files")
    if files is not None and files.is_dir() and any(files.iterdir()):
        raise _not_empty(str(files))
    if url.get_backend_name() == "sqlite":
        target = Path(str(url.database))
        if target.exists():
            raise _not_empty(str(target))
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f"{target.name}.draft")
        shutil.copyfile(folder / DATABASE, draft)
        draft.replace(target)
    else:
        _refuse_tables(database_url)
        _run(url, "pg_restore", "--single-transaction", "--no-owner", str(folder / DATABASE))
    if kept.is_dir() and files is not None:
        shutil.copytree(kept, files, dirs_exist_ok=True)


@contextmanager
def _held(database_url: str, turn: str) -> Iterator[None]:
    if not turn:
        yield
        return
    database = Database.open(database_url)
    try:
        end = time.monotonic() + TURN_WAIT_S
        while (held := database.try_turn(turn)) is None:
            if time.monotonic() > end:
                raise NotNow("TURN_TAKEN", f"{turn} is still running: take the backup after it.")
            time.sleep(0.2)
        try:
            yield
        finally:
            held.release()
    finally:
        database.close()


def _copy_sqlite(source: Path, target: Path) -> None:
    """A consistent copy while others write, checked page by page."""
    if not source.exists():
        raise Malformed("STORE_MISSING", f"There is no file {source}.", field="database_url")
    old, new = sqlite3.connect(f"file:{source}?mode=ro", uri=True), sqlite3.connect(target)
    try:
        old.backup(new)
        new.execute("PRAGMA journal_mode = DELETE")
        (told,) = new.execute("PRAGMA integrity_check").fetchone()
    except sqlite3.OperationalError:
        raise Unavailable("STORE_AWAY", "The database could not be copied: try again.") from None
    finally:
        old.close()
        new.close()
    if told != "ok":
        raise _broken("the database itself is damaged")


def _run(url: URL, tool: str, *args: str) -> None:
    """One of PostgreSQL's own tools on the database; its password is in no argument."""
    program = shutil.which(tool)
    if program is None:
        raise Unavailable(
            "TOOL_MISSING", f"{tool} is not here: install PostgreSQL's client, of the server's age."
        )
    plain = url.set(drivername="postgresql", password=None)
    environ = {"PATH": str(Path(program).parent), "LC_ALL": "C.UTF-8"}
    if url.password:
        environ["PGPASSWORD"] = str(url.password)
    done = subprocess.run(
        [program, *args, "--dbname", plain.render_as_string(hide_password=False)],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Unavailable("STORE_AWAY", f"{tool} failed: {done.stderr.strip()[-300:]}")


def _refuse_tables(database_url: str) -> None:
    database = Database.open(database_url)
    try:
        with database.read() as tx:
            count = tx.connection.exec_driver_sql(
                "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"
            ).scalar_one()
    finally:
        database.close()
    if count:
        raise _not_empty("the database")


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _broken(why: str) -> Malformed:
    return Malformed("BACKUP_BROKEN", f"The backup cannot be used: {why}.", field="from")


def _not_empty(what: str) -> NotNow:
    return NotNow(
        "NOT_EMPTY", f"{what} is not empty: restore into an empty place, so that nothing is lost."
    )
