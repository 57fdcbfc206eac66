"""Alembic, run on a connection that the database hands over.

A service's migrations folder holds `env.py` with

    from shared.storage import migrations

    migrations.run()

and `versions/0001_*.py`, each with `revision`, `down_revision` and `upgrade()`.
"""

from __future__ import annotations

import threading

from alembic import command, context
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text

from shared.errors import NotNow, Unavailable
from shared.storage.turns import number_of

# Alembic's `context` is one per process, whatever the number of databases.
ALEMBIC = threading.Lock()


def run() -> None:
    """What env.py calls: the revisions run inside the transaction they were given."""
    context.configure(connection=context.config.attributes["connection"], render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


def _config(script_location: str) -> Config:
    config = Config()
    config.set_main_option("script_location", script_location.replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _newer() -> NotNow:
    return NotNow(
        "STORE_NEWER",
        "The tables were made by a newer version of this service. Start that "
        "version, or restore the backup taken before it.",
    )


def upgrade(connection: Connection, script_location: str) -> None:
    """Runs every missing revision in the transaction of `connection`.

    Refuses NotNow STORE_NEWER when the stored revision is not in the folder.
    """
    config = _config(script_location)
    config.attributes["connection"] = connection
    with ALEMBIC:
        ScriptDirectory.from_config(config)  # a wrong folder is our bug, said as such
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            if "Can't locate revision" not in str(error):
                raise
            raise _newer() from error


def check(connection: Connection, script_location: str) -> None:
    """Refuses Unavailable STORE_OLDER while a revision of the folder is still missing.

    Refuses NotNow STORE_NEWER like `upgrade`.
    """
    scripts = ScriptDirectory.from_config(_config(script_location))
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in {s.revision for s in scripts.walk_revisions()}:
        raise _newer()
    if current != scripts.get_current_head():
        raise Unavailable(
            "STORE_OLDER",
            "The tables are not those of this version. Run the service once with "
            "LARREY_MIGRATE=only; it is looked at again.",
        )


def wait_in_line(connection: Connection) -> None:
    """On PostgreSQL: waits for other migrating processes, until this one commits."""
    connection.execute(text("SET LOCAL lock_timeout = 0"))
    connection.execute(
        text("SELECT pg_advisory_xact_lock(:number)"), {"number": number_of("migrate")}
    )
