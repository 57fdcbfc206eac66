"""A short round of the fuzzing of `python -m loadtests.fuzz`: the examples still pass."""

from __future__ import annotations

from pathlib import Path

from services.replenishment.tests.fuzz_targets import targets
from shared.testing.fuzzing import rounds

TRIES, SECONDS = 15, 5.0


def test_what_is_broken_is_refused_and_crashes_nothing(tmp_path: Path) -> None:
    for target in targets(tmp_path):
        found = rounds(target, SECONDS, 1, tmp_path / "note", TRIES)
        assert not found.crashes, next(iter(found.crashes.values())).trace
        assert found.tries
