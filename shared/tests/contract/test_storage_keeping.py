"""The embedded store's backups keep what every store's do."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from shared.errors import Malformed
from shared.storage import keeping
from shared.testing.suites.keeping import KeepingSuite


class TestSqlite(KeepingSuite):
    @pytest.fixture
    def new_database(self, tmp_path: Path) -> Callable[[], str]:
        numbers = count()
        return lambda: f"sqlite:///{tmp_path}/store-{next(numbers)}.db"


def test_a_file_that_is_not_there_is_refused_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(Malformed, match="STORE_MISSING"):
        keeping.backup(f"sqlite:///{tmp_path}/none.db", tmp_path / "kept")
    assert not (tmp_path / "none.db").exists()
    assert not (tmp_path / "kept").exists()


def test_a_backup_of_the_other_engine_is_refused(tmp_path: Path) -> None:
    (tmp_path / "store.db").touch()
    keeping.backup(f"sqlite:///{tmp_path}/store.db", tmp_path / "kept")
    with pytest.raises(Malformed, match="BACKUP_OF_OTHER_ENGINE"):
        keeping.restore(tmp_path / "kept", "postgresql://nobody@127.0.0.1:1/x")


def test_a_folder_that_is_no_backup_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Malformed, match="BACKUP_BROKEN"):
        keeping.verify(tmp_path)
