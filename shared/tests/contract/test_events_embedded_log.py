"""The embedded event log keeps what every event log promises."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.testing.suites.event_log import EventLogSuite


class TestEmbeddedLog(EventLogSuite):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path}/events.db"

    @pytest.fixture
    def away_url(self, tmp_path: Path) -> str:
        (tmp_path / "file").write_text("no folder")
        return f"sqlite:///{tmp_path}/file/events.db"
