"""The model bundle: whole and unchanged, or refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from services.orientation.adapters.bundle import (
    CARD,
    CARD_TEXT,
    FEATURES,
    MANIFEST,
    MODEL,
    TABLES,
    load_bundle,
    write_bundle,
)
from services.orientation.adapters.reference import BUNDLE
from services.orientation.adapters.training.visits import read_visits
from services.orientation.domain.features import PatientInputs, complaints_from
from services.orientation.domain.model import probability
from services.orientation.main import load_model
from services.orientation.tests.situations import reference, shipped_model
from shared.errors import Malformed, Missing, Refusal


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return Path(shutil.copytree(BUNDLE, tmp_path / "bundle"))


def test_the_shipped_bundle_loads() -> None:
    assert shipped_model().version.startswith("glass-")


@pytest.mark.parametrize("name", [TABLES, MODEL, FEATURES, CARD, CARD_TEXT])
def test_one_changed_byte_is_enough_to_be_refused(bundle: Path, name: str) -> None:
    content = bytearray((bundle / name).read_bytes())
    content[len(content) // 2] ^= 1
    (bundle / name).write_bytes(content)
    with pytest.raises(Malformed) as caught:
        load_bundle(bundle, reference().complaints)
    assert caught.value.reason == "BUNDLE_CHECKSUM_WRONG"
    assert caught.value.field == name


def test_a_missing_file_or_manifest_is_refused(bundle: Path) -> None:
    (bundle / CARD).unlink()
    with pytest.raises(Malformed, match="BUNDLE_CHECKSUM_WRONG"):
        load_bundle(bundle, reference().complaints)
    (bundle / MANIFEST).write_text("{}")
    with pytest.raises(Malformed, match="BUNDLE_CHECKSUM_WRONG"):
        load_bundle(bundle, reference().complaints)
    (bundle / MANIFEST).unlink()
    with pytest.raises(Missing, match="BUNDLE_MISSING"):
        load_bundle(bundle, reference().complaints)


def test_a_model_for_other_features_is_refused() -> None:
    with pytest.raises(Malformed, match="BUNDLE_SCHEMA_WRONG"):
        load_bundle(BUNDLE, complaints_from([(10501, "chest_pain")]))


def test_a_refused_model_leaves_the_service_on_rules(bundle: Path) -> None:
    (bundle / TABLES).write_bytes(b"something else")
    assert load_model(bundle, reference()) is None


def test_a_bundle_written_again_is_the_same_model(tmp_path: Path) -> None:
    model = shipped_model()
    version = write_bundle(tmp_path / "again", model, {"name": "test"}, "card {version}")
    again = load_bundle(tmp_path / "again", reference().complaints)
    assert version == model.version == again.version
    someone = PatientInputs(63.0, "F", (model.complaints.cell(10501),), {"heart_rate": 112.0})
    assert again.score(someone) == model.score(someone)


def test_the_card_says_what_the_model_is_made_of() -> None:
    card = json.loads((BUNDLE / CARD).read_text(encoding="utf-8"))
    assert card["window"]["last_year"] == 2021
    assert card["data_licence"].startswith("public domain")
    assert card["approved_for_care"] is False
    groups = {name.rsplit("auroc_", 1)[1] for name in card["validation_by_subgroup"]}
    assert {"women", "men", "under_16", "65_and_over", "by_ambulance"} <= groups
    assert shipped_model().version in (BUNDLE / CARD_TEXT).read_text(encoding="utf-8")


def test_a_bundle_refusal_is_one_that_an_operator_understands(bundle: Path) -> None:
    (bundle / MODEL).write_text("{}")
    with pytest.raises(Refusal) as caught:
        load_bundle(bundle, reference().complaints)
    assert "train it again" in caught.value.message


def test_a_folder_without_the_visits_cannot_train(tmp_path: Path) -> None:
    with pytest.raises(Missing, match="TRAINING_DATA_MISSING"):
        read_visits(tmp_path, reference().complaints)


def test_the_interval_of_a_chance_holds_the_chance_and_comes_back_from_the_bundle() -> None:
    model = shipped_model()
    for kind in ("call", "partial", "vitals"):
        _, curve = model.icu.pick(kind)
        for x in (-12.0, -6.0, -4.0, -3.0, -1.0, 2.0):
            found = curve.interval(x)
            assert found is not None
            assert found[0] <= probability(curve(x)) <= found[1]
