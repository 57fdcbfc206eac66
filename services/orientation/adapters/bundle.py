"""A trained model as a folder: written once, loaded only if every checksum and the schema fit."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from services.orientation.domain.features import Complaints, schema
from services.orientation.domain.model import Curve, Outcome, SeverityModel, TableSet, Term
from shared.errors import Malformed, Missing

MANIFEST, TABLES, MODEL = "manifest.json", "tables.npz", "model.json"
FEATURES, CARD, CARD_TEXT = "features.json", "card.json", "CARD.md"
SETS = ("icu_call", "icu_vitals", "admission_call", "admission_vitals")


def write_bundle(
    folder: Path, model: SeverityModel, card: Mapping[str, Any], card_text: str
) -> str:
    """Writes the model with its card and manifest; returns its version."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays, described = {}, {}
    for name, tables, curve in _parts(model):
        terms = []
        for index, term in enumerate(tables.terms):
            arrays[f"{name}.{index}"] = np.asarray(term.entries, dtype=np.float32)
            terms.append([term.reason, term.first, term.second, term.width])
        described[name] = {
            "intercept": tables.intercept,
            "terms": terms,
            "curve": [list(curve.knots), list(curve.values)],
        }
    save: Any = np.savez_compressed  # its stub takes names only for flags
    save(folder / TABLES, **arrays)
    _write(folder / FEATURES, schema(model.complaints))
    version = f"glass-1-{_sum(folder / TABLES)[:12]}"
    _write(folder / MODEL, {"version": version, "sets": described})
    _write(folder / CARD, {**card, "version": version})
    (folder / CARD_TEXT).write_text(card_text.replace("{version}", version), encoding="utf-8")
    names = (TABLES, MODEL, FEATURES, CARD, CARD_TEXT)
    _write(folder / MANIFEST, {"sha256": {name: _sum(folder / name) for name in names}})
    return version


def load_bundle(folder: Path, complaints: Complaints) -> SeverityModel:
    """The model of a folder.

    Refuses Missing BUNDLE_MISSING; Malformed BUNDLE_CHECKSUM_WRONG, BUNDLE_SCHEMA_WRONG.
    """
    _check(folder)
    features = json.loads((folder / FEATURES).read_text(encoding="utf-8"))
    if features != json.loads(json.dumps(schema(complaints))):
        raise Malformed(
            "BUNDLE_SCHEMA_WRONG",
            "The model was trained for other features than this service has. Train it "
            "again with `larrey orientation train`, or start the version it was made for.",
            field=FEATURES,
        )
    described = json.loads((folder / MODEL).read_text(encoding="utf-8"))
    with np.load(folder / TABLES) as arrays:
        loaded = {name: _set(name, described["sets"][name], arrays) for name in SETS}
    outcomes = [
        Outcome(
            loaded[f"{o}_call"][0],
            loaded[f"{o}_vitals"][0],
            loaded[f"{o}_call"][1],
            loaded[f"{o}_vitals"][1],
        )
        for o in ("icu", "admission")
    ]
    groups = [int(g) for g in complaints.group_of_cell()]
    return SeverityModel(described["version"], complaints, groups, outcomes[0], outcomes[1])


def _parts(model: SeverityModel) -> list[tuple[str, TableSet, Curve]]:
    parts = []
    for name, outcome in (("icu", model.icu), ("admission", model.admission)):
        parts.append((f"{name}_call", outcome.call, outcome.call_curve))
        parts.append((f"{name}_vitals", outcome.vitals, outcome.vitals_curve))
    return parts


def _set(name: str, described: Mapping[str, Any], arrays: Any) -> tuple[TableSet, Curve]:
    terms = []
    for index, (reason, first, second, width) in enumerate(described["terms"]):
        entries = array("f", arrays[f"{name}.{index}"].astype(np.float32).tobytes())
        terms.append(Term(reason, first, second, width, entries))
    knots, values = described["curve"]
    return TableSet(described["intercept"], tuple(terms)), Curve(tuple(knots), tuple(values))


def _check(folder: Path) -> None:
    path = folder / MANIFEST
    if not path.is_file():
        raise Missing(
            "BUNDLE_MISSING",
            f"There is no {MANIFEST} in the model folder. Name the folder that "
            "`larrey orientation train` wrote.",
            field=MANIFEST,
        )
    try:
        sums = json.loads(path.read_text(encoding="utf-8"))["sha256"]
        named = {name: str(sums[name]) for name in (TABLES, MODEL, FEATURES, CARD, CARD_TEXT)}
    except (ValueError, KeyError, TypeError) as error:
        raise Malformed(
            "BUNDLE_CHECKSUM_WRONG",
            f"{MANIFEST} cannot be read. Train the model again.",
            field=MANIFEST,
        ) from error
    for name, wanted in named.items():
        if not (folder / name).is_file() or _sum(folder / name) != wanted:
            raise Malformed(
                "BUNDLE_CHECKSUM_WRONG",
                f"{name} is not the file that the manifest names: it was changed or is "
                "missing. Copy the whole model folder again, or train it again.",
                field=name,
            )


def _sum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _write(path: Path, content: Mapping[str, Any]) -> None:
    text = json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")
