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
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text

from shared.errors import NotNow
from shared.storage.turns import number_of

# Alembic's `context` is one per process, whatever the number of databases.
ALEMBIC = threading.Lock()


def run() -> None:
    """What env.py calls: the revisions run inside the transaction they were given."""
    context.configure(connection=context.config.attributes["connection"], render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


def upgrade(connection: Connection, script_location: str) -> None:
    """Runs every missing revision in the transaction of `connection`.

    Refuses NotNow STORE_NEWER when the stored revision is not in the folder.
    """
    config = Config()
    config.set_main_option("script_location", script_location.replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    with ALEMBIC:
        ScriptDirectory.from_config(config)  # a wrong folder is our bug, said as such
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            if "Can't locate revision" not in str(error):
                raise
            raise NotNow(
                "STORE_NEWER",
                "The tables were made by a newer version of this service. Start that "
                "version, or restore the backup taken before it.",
            ) from error


def wait_in_line(connection: Connection) -> None:
    """On PostgreSQL: waits for other migrating processes, until this one commits."""
    connection.execute(text("SET LOCAL lock_timeout = 0"))
    connection.execute(
        text("SELECT pg_advisory_xact_lock(:number)"), {"number": number_of("migrate")}
    )
