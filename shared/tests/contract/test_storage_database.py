"""The embedded store keeps what every store promises."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.testing.suites.database import DatabaseSuite


class TestSqlite(DatabaseSuite):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path}/store.db"
