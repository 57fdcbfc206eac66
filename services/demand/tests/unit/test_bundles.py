"""Forests learnt once: the same answers after they were kept, and none when they were changed."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from services.demand.adapters.bundles import CARD, BadBundle, ModelFolder
from services.demand.adapters.engines.bundles import learnt as learning
from services.demand.adapters.engines.bundles.files import load, save
from services.demand.adapters.engines.bundles.learnt import HandedOn, LearntForests, Mismatch, learn
from services.demand.domain.panels import table_of
from services.demand.domain.quantiles import LEVELS
from services.demand.domain.routing import Group, Judged
from services.demand.domain.tables import Asked, HistoryTable
from services.demand.tests.situations import MONDAY, a_rare_item

pytestmark = pytest.mark.slow  # growing forests takes ten seconds

CHOSEN = {Group.RARE: Judged(learning.NAME, "Because.", {learning.NAME: 1.0})}


@pytest.fixture(scope="module")
def table() -> HistoryTable:
    return table_of([a_rare_item(40, f"I{n}", n) for n in range(40)], 2).table


@pytest.fixture(scope="module")
def asked() -> Asked:
    ahead = table_of([a_rare_item(40)], 2).ahead
    return Asked(ahead, LEVELS, 2)


@pytest.fixture(scope="module")
def forests(table: HistoryTable, asked: Asked) -> LearntForests:
    return learn(table, asked)


def test_forests_that_were_kept_answer_as_before(
    tmp_path: Path, table: HistoryTable, asked: Asked, forests: LearntForests
) -> None:
    version = save(tmp_path, forests, CHOSEN, {"made": "2026-01-05"})
    kept = load(tmp_path / version)
    assert kept.chosen == CHOSEN
    before, after = HandedOn(forests)(table, asked), HandedOn(kept.forests)(table, asked)
    assert np.array_equal(before.quantiles, after.quantiles)
    assert before.lead_quantiles is not None
    assert after.lead_quantiles is not None
    assert np.array_equal(before.lead_quantiles, after.lead_quantiles)


def test_a_part_of_a_pool_is_foreseen_as_in_the_whole(
    table: HistoryTable, asked: Asked, forests: LearntForests
) -> None:
    engine = HandedOn(forests)
    some = np.array([3, 17, 30])
    alone, whole = engine(table.rows(some), asked), engine(table, asked).rows(some)
    assert alone.quantiles.shape == whole.quantiles.shape
    assert alone.mean == pytest.approx(whole.mean, rel=0.35, abs=0.2)


def test_the_same_content_has_the_same_version_and_is_kept_once(
    tmp_path: Path, forests: LearntForests
) -> None:
    assert save(tmp_path, forests, CHOSEN, {}) == save(tmp_path, forests, CHOSEN, {})
    assert len(list(tmp_path.iterdir())) == 1


def test_a_changed_model_is_refused(tmp_path: Path, forests: LearntForests) -> None:
    folder = tmp_path / save(tmp_path, forests, CHOSEN, {})
    model = next(folder.glob("*.txt"))
    model.write_text(model.read_text() + " ")
    with pytest.raises(BadBundle, match="is not the file"):
        load(folder)


def test_a_changed_card_is_refused(tmp_path: Path, forests: LearntForests) -> None:
    folder = tmp_path / save(tmp_path, forests, CHOSEN, {})
    card = json.loads((folder / CARD).read_text())
    card["learnt_from"] = 1_000_000
    (folder / CARD).write_text(json.dumps(card, indent=1, sort_keys=True))
    with pytest.raises(BadBundle, match="was changed"):
        load(folder)


def test_a_missing_file_is_refused(tmp_path: Path, forests: LearntForests) -> None:
    folder = tmp_path / save(tmp_path, forests, CHOSEN, {})
    next(folder.glob("*.txt")).unlink()
    with pytest.raises(BadBundle, match="cannot be read"):
        load(folder)


def test_forests_answer_only_what_they_were_learnt_for(
    table: HistoryTable, asked: Asked, forests: LearntForests
) -> None:
    shorter = Asked(asked.ahead[:1], LEVELS, 2)
    with pytest.raises(Mismatch):
        HandedOn(forests)(table, shorter)


def test_the_newest_sound_bundle_of_a_question_is_found(
    tmp_path: Path, forests: LearntForests
) -> None:
    shelf = ModelFolder(tmp_path)
    place = Path(shelf.place("DAY-28"))
    old = save(place, forests, CHOSEN, {"made": (MONDAY - timedelta(days=6)).isoformat()})
    new = save(place, forests, CHOSEN, {"made": MONDAY.isoformat()})
    assert shelf.newest("DAY-28", MONDAY - timedelta(days=7)) == str(place / new)
    assert shelf.newest("DAY-28", MONDAY + timedelta(days=1)) == ""
    assert shelf.newest("DAY-14", MONDAY - timedelta(days=7)) == ""
    (place / new / "arrays.npz").write_bytes(b"")
    assert shelf.newest("DAY-28", MONDAY - timedelta(days=7)) == str(place / old)
