"""Runs the revisions of the orientation service's tables."""

from __future__ import annotations

from shared.storage import migrations

migrations.run()
