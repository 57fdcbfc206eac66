"""Runs the revisions of the demand service's tables."""

from __future__ import annotations

from shared.storage import migrations

migrations.run()
