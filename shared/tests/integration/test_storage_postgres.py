"""A real PostgreSQL keeps what every store promises."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from shared.testing.suites.database import DatabaseSuite


@pytest.mark.real
class TestPostgres(DatabaseSuite):
    @pytest.fixture
    def url(self, real_postgres: Callable[[], str]) -> str:
        return real_postgres()
