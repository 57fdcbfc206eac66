"""The shipped tables: nomenclatures, motives, rules, communes, sites, schemas."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from services.orientation.domain.features import Complaints, complaints_from
from services.orientation.domain.hub.freetext import Phrases
from services.orientation.domain.hub.reading import Lexicon
from services.orientation.domain.hub.schema import Check, compile_schema
from services.orientation.domain.motives import Complaint, GroupMeaning, Motive, Vocabulary
from services.orientation.domain.orient import Knowledge
from services.orientation.domain.pathways import Need, Pathway
from services.orientation.domain.places import Commune, Communes
from services.orientation.domain.response import LocalHabits, ResponseRule, ResponseTable
from services.orientation.domain.severity import Band, RedFlag, RedFlags
from services.orientation.domain.synthetic import Site

DATA = Path(__file__).resolve().parent.parent / "data"
BUNDLE = DATA / "bundle"


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        yield from csv.DictReader(handle)


def _number(text: str) -> float | None:
    return float(text) if text else None


@dataclass(frozen=True, slots=True)
class Reference:
    """Everything that is shipped beside the code and does not change while a service runs."""

    lexicon: Lexicon = field(repr=False)
    knowledge: Knowledge = field(repr=False)
    sites: tuple[Site, ...] = field(repr=False)
    resource_types: frozenset[str]
    flags: frozenset[str]
    complaints: Complaints = field(repr=False)


def load_reference(habits: LocalHabits | None = None, data: Path = DATA) -> Reference:
    """Reads the folder once, about a third of a second."""
    vocabulary = _vocabulary(data)
    rules = load_rules(data)
    knowledge = Knowledge(
        vocabulary,
        load_communes(data),
        RedFlags.of(rules),
        _pathways(data),
        ResponseTable(_responses(data)),
        habits or LocalHabits({}),
        _version(data),
    )
    lexicon = Lexicon(
        load_schemas(data),
        vocabulary,
        _codes(data, "fait"),
        _codes(data, "typeVecteur"),
        frozenset(row["finess_geo"] for row in _rows(data / "hospitals_fr_2020.csv")),
        frozenset(rule.flag for rule in rules if rule.flag),
        Phrases.of((row["flag"], row["phrase"]) for row in _rows(data / "free_text.csv")),
    )
    return Reference(
        lexicon,
        knowledge,
        load_sites(data),
        _codes(data, "typeRessource"),
        lexicon.flags,
        load_complaints(data),
    )


RULE_FILES = ("redflags.csv", "responses.csv", "pathways.csv", "motives.csv")


def _version(data: Path) -> str:
    """Of the tables of rules together: it changes with any of them."""
    digest = hashlib.sha256()
    for name in RULE_FILES:
        digest.update((data / name).read_bytes())
    return f"rules-{digest.hexdigest()[:12]}"


def load_complaints(data: Path = DATA) -> Complaints:
    rows = _rows(data / "complaint_codes.csv")
    return complaints_from([(int(r["complaint_code"]), r["complaint_group"]) for r in rows])


def load_schemas(data: Path = DATA) -> dict[str, Check]:
    """Schema name → compiled check."""
    return {
        path.name.removesuffix(".schema.json"): compile_schema(
            json.loads(path.read_text(encoding="utf-8"))
        )
        for path in sorted((data / "hub" / "schemas").glob("*.schema.json"))
    }


def _codes(data: Path, name: str) -> frozenset[str]:
    path = data / "hub" / "nomenclatures" / f"HubSante.{name}.csv"
    return frozenset(row["code"] for row in _rows(path))


def _vocabulary(data: Path) -> Vocabulary:
    motives = [
        Motive(
            row["code"],
            row["nomenclature"],
            row["label"],
            int(row["complaint_code"]) if row["complaint_code"] else None,
            row["syndrome_group"],
            row["pathway"],
            row["flag"],
            row["provenance"],
            row["needs_doctor_approval"] == "true",
        )
        for row in _rows(data / "motives.csv")
    ]
    complaints = [
        Complaint(int(r["complaint_code"]), r["complaint_label"], r["complaint_group"])
        for r in _rows(data / "complaint_codes.csv")
    ]
    groups, codes = {}, {}
    for row in _rows(data / "complaint_meanings.csv"):
        meaning = GroupMeaning(row["syndrome_group"], row["pathway"], row["flag"])
        if row["kind"] == "group":
            groups[row["key"]] = meaning
        else:
            codes[int(row["key"])] = meaning
    return Vocabulary.of(motives, complaints, groups, codes)


def load_rules(data: Path = DATA) -> tuple[RedFlag, ...]:
    return tuple(
        RedFlag(
            row["rule"],
            row["flag"],
            row["vital"],
            _number(row["below"]),
            _number(row["from"]),
            _number(row["age_from"]),
            _number(row["age_until"]),
            Band[row["floor"]],
            row["pathway"],
            row["text"],
            row["hazard"],
        )
        for row in _rows(data / "redflags.csv")
    )


def _pathways(data: Path) -> dict[str, Pathway]:
    found = {}
    for row in _rows(data / "pathways.csv"):
        needs = []
        for need in row["needs"].split():
            codes, _, minutes = need.partition(":")
            needs.append(Need(tuple(codes.split("|")), float(minutes)))
        resources = tuple(row["critical_resources"].split())
        found[row["pathway"]] = Pathway(row["pathway"], row["label"], tuple(needs), resources)
    return found


def _responses(data: Path) -> tuple[ResponseRule, ...]:
    return tuple(
        ResponseRule(
            row["pathway"],
            row["band"],
            int(row["rank"]),
            row["decision_type"],
            row["resource_type"],
            row["vehicle_type"],
            row["text"],
        )
        for row in _rows(data / "responses.csv")
    )


def load_communes(data: Path = DATA) -> Communes:
    return Communes.of(
        Commune(
            row["insee"],
            row["name"],
            row["department"],
            tuple(row["postcodes"].split("|")),
            int(row["population"] or 0),
            _number(row["lat"]),
            _number(row["lon"]),
        )
        for row in _rows(data / "communes_fr.csv")
    )


def load_sites(data: Path = DATA) -> tuple[Site, ...]:
    """Every site of the 2020 list that has a position."""
    return tuple(
        Site(
            row["finess_geo"],
            row["name"] + (f", {row['site']}" if row["site"] else ""),
            row["facility_type"],
            row["department"],
            float(row["lat"]),
            float(row["lon"]),
        )
        for row in _rows(data / "hospitals_fr_2020.csv")
        if row["lat"] and row["lon"]
    )
