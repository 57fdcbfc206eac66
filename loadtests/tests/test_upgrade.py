"""The upgrade with the last release's own code: what it says when there is no such code."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadtests.upgrade import ITEMS, NoRelease, main, movements, old_tree


def test_a_version_that_cannot_be_had_is_refused_with_the_remedy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(NoRelease, match="--old"):
        old_tree("no-such-version", tmp_path)
    assert main(["--old", "no-such-version"]) == 2
    assert "no-such-version" in capsys.readouterr().err


def test_the_old_version_alone_hears_only_of_the_item_that_it_knows() -> None:
    rows = movements(400, 100)
    assert len({row.movement_id for row in rows}) == 400
    assert {row.item.code for row in rows[:100]} == {ITEMS[0]}
    assert {row.item.code for row in rows} == set(ITEMS)
