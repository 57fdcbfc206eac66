"""A trained model as a folder: written once, loaded only if every checksum and the schema fit."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from services.orientation.domain.features import CALL, PARTIAL, VITALS_KIND, Complaints, schema
from services.orientation.domain.model import Curve, Outcome, SeverityModel, TableSet, Term
from shared.errors import Malformed, Missing

MANIFEST, TABLES, MODEL = "manifest.json", "tables.npz", "model.json"
FEATURES, CARD, CARD_TEXT = "features.json", "card.json", "CARD.md"
OUTCOMES = ("icu", "admission", "high_triage", "icu_history")
KINDS = (CALL, PARTIAL, VITALS_KIND)
PARTS = ("terms", "others", "gravity")


def write_bundle(
    folder: Path, model: SeverityModel, card: Mapping[str, Any], card_text: str
) -> str:
    """Writes the model with its card and manifest; returns its version."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, Any] = {}
    described = {}
    for name, tables, curve in _parts(model):
        described[name] = {
            "intercept": tables.intercept,
            "worst": tables.worst,
            "curve": [list(part) for part in (curve.knots, curve.values, curve.low, curve.high)],
        } | {part: [_described(t, arrays) for t in getattr(tables, part)] for part in PARTS}
    save: Any = np.savez_compressed  # its stub takes names only for flags
    save(folder / TABLES, **arrays)
    _write(folder / FEATURES, schema(model.complaints))
    version = f"glass-2-{_sum(folder / TABLES)[:12]}"
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
        entries = {n: array("f", a.astype(np.float32).tobytes()) for n, a in arrays.items()}
    made: dict[str, Term] = {}
    loaded = {name: _set(found, entries, made) for name, found in described["sets"].items()}
    outcomes = [Outcome(*(loaded[f"{name}_{kind}"] for kind in KINDS)) for name in OUTCOMES]
    groups = [int(g) for g in complaints.group_of_cell()]
    return SeverityModel(described["version"], complaints, groups, *outcomes)


def _parts(model: SeverityModel) -> list[tuple[str, TableSet, Curve]]:
    parts = []
    for name in OUTCOMES:
        outcome: Outcome = getattr(model, name)
        parts += [(f"{name}_{kind}", *outcome.pick(kind)) for kind in KINDS]
    return parts


def _described(term: Term, arrays: dict[str, Any]) -> list[object]:
    """A term by the name of its entries; equal entries are stored once."""
    entries = np.asarray(term.entries, dtype=np.float32)
    name = hashlib.sha256(entries.tobytes()).hexdigest()[:16]
    arrays[name] = entries
    return [term.reason, term.first, term.second, term.width, name]


def _set(
    found: Mapping[str, Any], entries: Mapping[str, Sequence[float]], made: dict[str, Term]
) -> tuple[TableSet, Curve]:
    def terms(part: str) -> tuple[Term, ...]:
        return tuple(
            made.setdefault(
                "/".join(map(str, row)), Term(row[0], row[1], row[2], row[3], entries[row[4]])
            )
            for row in found[part]
        )

    curve = Curve(*(tuple(part) for part in found["curve"]))
    tables = TableSet(
        found["intercept"], terms("terms"), terms("others"), terms("gravity"), found["worst"]
    )
    return tables, curve


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
