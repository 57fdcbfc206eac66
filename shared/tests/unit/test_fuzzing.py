"""Fuzzing finds a planted fault, keeps what broke it, and calls no refusal a crash."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from shared.errors import Malformed
from shared.testing.fuzzing import Target, apart, keep, rounds
from shared.testing.mutants import arrays_mutant, bytes_mutant, json_mutant, table_mutant

SEEDS = [json.dumps({"age": 40, "names": ["a", "b"]}).encode()]
TRIES = 400


def careful(data: bytes) -> object:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise Malformed("NOT_JSON", "Send JSON.") from None


def careless(data: bytes) -> object:
    told = careful(data)
    return told["age"] + 1 if isinstance(told, dict) else told


def deadly(data: bytes) -> object:
    if b"age" not in data:
        os._exit(77)
    return None


def targets(_: Path) -> Sequence[Target]:
    return [Target("deadly", SEEDS, json_mutant, deadly)]


def test_a_decoder_that_refuses_what_is_broken_has_no_crash(tmp_path: Path) -> None:
    target = Target("careful", SEEDS, json_mutant, careful)
    found = rounds(target, 60, 1, tmp_path / "note", TRIES)
    assert not found.crashes
    assert found.tries == TRIES
    assert found.taken > 0
    assert found.refused > 0


def test_a_field_that_is_taken_for_granted_is_found_and_kept(tmp_path: Path) -> None:
    target = Target("careless", SEEDS, json_mutant, careless)
    found = rounds(target, 60, 1, tmp_path / "note", TRIES)
    kinds = {place.split()[0] for place in found.crashes}
    assert kinds >= {"KeyError", "TypeError"}
    for crash in found.crashes.values():
        kept = keep(crash, found.name, tmp_path / "kept")
        with pytest.raises((KeyError, TypeError)):
            careless(kept.read_bytes())


def test_a_decoder_that_refuses_its_own_example_is_no_test(tmp_path: Path) -> None:
    target = Target("careful", [b"{"], json_mutant, careful)
    with pytest.raises(ValueError, match="does not take its own example"):
        rounds(target, 1, 1, tmp_path / "note")


@pytest.mark.slow
def test_a_process_that_dies_of_an_input_is_a_crash_with_that_input(tmp_path: Path) -> None:
    found = apart(targets, "deadly", 30, 1, tmp_path)
    (crash,) = found.crashes.values()
    assert "77" in crash.where
    assert b"age" not in crash.data


@pytest.mark.parametrize("mutant", [bytes_mutant, json_mutant, table_mutant("csv"), arrays_mutant])
def test_the_same_seed_breaks_in_the_same_way(mutant: object) -> None:
    def made() -> list[bytes]:
        draw = random.Random(5)
        return [mutant(draw, SEEDS) for _ in range(20)]  # type: ignore[operator]

    first = made()
    assert first == made()
    assert len(set(first)) > 2
