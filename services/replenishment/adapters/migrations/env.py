"""Runs the revisions of the replenishment service's tables."""

from __future__ import annotations

from shared.storage import migrations

migrations.run()
