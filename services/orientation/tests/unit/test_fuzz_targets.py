"""A short round of the fuzzing of `python -m loadtests.fuzz`: the examples still pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.orientation.adapters.volume.files import read_hours
from services.orientation.domain.volume.almanac import almanac
from services.orientation.tests.fuzz_targets import hours, targets
from shared.errors import Malformed
from shared.testing.fuzzing import rounds

TRIES, SECONDS = 15, 5.0


def test_what_is_broken_is_refused_and_crashes_nothing(tmp_path: Path) -> None:
    for target in targets(tmp_path):
        found = rounds(target, SECONDS, 1, tmp_path / "note", TRIES)
        assert not found.crashes, next(iter(found.crashes.values())).trace
        assert found.tries


def test_a_column_whose_name_is_no_text_is_no_parquet(tmp_path: Path) -> None:
    path = tmp_path / "hours.parquet"
    path.write_bytes(hours(tmp_path).replace(b"calls_total", b"call\xff_total"))
    with pytest.raises(Malformed, match="NOT_PARQUET"):
        read_hours(path, "history", almanac("fr"))
