"""A real PostgreSQL's backups, by its own tools, keep what every store's do."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from shared.errors import Unavailable
from shared.storage import keeping
from shared.testing.postgres import programs
from shared.testing.suites.keeping import KeepingSuite


@pytest.mark.real
class TestPostgres(KeepingSuite):
    @pytest.fixture(autouse=True)
    def tools(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", f"{programs()}{os.pathsep}{os.environ['PATH']}")

    @pytest.fixture
    def new_database(self, real_postgres: Callable[[], str]) -> Callable[[], str]:
        return real_postgres

    def test_a_missing_tool_is_named(
        self,
        real_postgres: Callable[[], str],
        tmp_path_factory: pytest.TempPathFactory,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("PATH", str(tmp_path_factory.mktemp("nothing")))
        with pytest.raises(Unavailable, match="TOOL_MISSING"):
            keeping.backup(real_postgres(), tmp_path_factory.mktemp("out") / "kept")
