"""Named situations and small fakes for the tests of orientation."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from services.orientation.adapters.bundle import load_bundle
from services.orientation.adapters.keys import KeyedHash
from services.orientation.adapters.reference import BUNDLE, DATA, Reference, load_reference
from services.orientation.adapters.store.texts import state_to_text
from services.orientation.domain.case import CaseState
from services.orientation.domain.decision import Decision
from services.orientation.domain.directory import Directory
from services.orientation.domain.facilities import Facility, Shortages
from services.orientation.domain.measured import Measured
from services.orientation.domain.model import SeverityModel
from services.orientation.domain.modes import Mode
from services.orientation.domain.orient import Surroundings
from services.orientation.domain.records import (
    CaseKey,
    Counted,
    StoredCase,
    text_hash,
)
from services.orientation.domain.severity import Band
from services.orientation.domain.synthetic import synthetic_layer
from services.orientation.domain.typed import TypedUpdate
from services.orientation.domain.vehicles import Vehicle
from services.orientation.use_cases.score import ScoreCase
from shared.clock import FixedClock

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
EXAMPLES = DATA / "hub" / "examples"
INVALID = DATA / "hub" / "invalid"
NANTES = (47.2184, -1.5536)
CHEST_PAIN, ARREST, FEVER, ADVICE = "M03.06", "M01.01", "M03.14", "M06.02"


@functools.cache
def reference() -> Reference:
    return load_reference()


@functools.cache
def shipped_model() -> SeverityModel:
    return load_bundle(BUNDLE, reference().complaints)


@functools.cache
def synthetic_france() -> Surroundings:
    return Surroundings(Directory.of(synthetic_layer(reference().sites)), Shortages())


def example(name: str) -> bytes:
    """An official example by the end of its path, such as "RS-EDA/RS-EDA_x.json"."""
    found = [path for path in EXAMPLES.rglob("*.json") if str(path).endswith(name)]
    assert len(found) == 1, name
    return found[0].read_bytes()


def every_example() -> list[Path]:
    return sorted(EXAMPLES.rglob("*.json"))


def a_call(minute: int = 0, **said: object) -> TypedUpdate:
    """A typed update of one case; `minute` says when it was said."""
    base = TypedUpdate(
        case_id="fr.health.samu440.TEST.1",
        update_id=hashlib.sha256(f"{minute} {sorted(said.items())!r}".encode()).hexdigest(),
        said=NOW + timedelta(minutes=minute - 30),
    )
    return replace(base, **said)  # type: ignore[arg-type]  # the test names real fields


def a_site(
    finess: str, *, km_north: float, capabilities: Sequence[str] = (), **more: object
) -> Facility:
    """A site so many kilometres north of the middle of Nantes."""
    site = Facility(
        finess, f"Site {finess}", NANTES[0] + km_north / 111.2, NANTES[1], frozenset(capabilities)
    )
    return replace(site, **more)  # type: ignore[arg-type]  # the test names real fields


@dataclass
class MemoryRecords:
    """The store as dictionaries; the same suite runs on it and on the real one."""

    cases: dict[CaseKey, StoredCase] = field(default_factory=dict)
    kept: dict[str, tuple[CaseKey, Decision]] = field(default_factory=dict)
    facilities: dict[str, tuple[Facility, datetime]] = field(default_factory=dict)
    oriented: list[tuple[CaseKey, Counted]] = field(default_factory=list)
    decided: list[tuple[CaseKey, Decision]] = field(default_factory=list)
    capacity: list[Facility] = field(default_factory=list)
    fleet: dict[tuple[str, bool], Vehicle] = field(default_factory=dict)
    moved: list[Vehicle] = field(default_factory=list)
    modes: dict[str, tuple[Mode, str]] = field(default_factory=dict)
    logged: list[tuple[str, CaseKey, dict[str, Any]]] = field(default_factory=list)
    away: bool = False
    moved_on: bool = False  # drafts are made from something else than the store holds

    @contextmanager
    def open(self) -> Iterator[MemoryRecords]:
        before = (dict(self.cases), dict(self.kept), dict(self.facilities), list(self.oriented))
        try:
            yield self
        except BaseException:
            self.cases, self.kept, self.facilities, self.oriented = before
            raise

    def draft(self) -> MemoryDraft:
        return MemoryDraft(self)

    def hot(self, key: CaseKey) -> CaseState | None:
        return self.cases[key].state if key in self.cases else None

    def hold(self, keys: Sequence[CaseKey]) -> None:
        """Nothing to hold: one test is the only writer."""

    def log(self, kind: str, key: CaseKey, content: Mapping[str, Any]) -> None:
        self.logged.append((kind, key, dict(content)))

    def case(self, key: CaseKey) -> StoredCase | None:
        return self.cases.get(key)

    def others(self, key: CaseKey) -> list[CaseState]:
        return [c.state for k, c in self.cases.items() if k != key and k.exercise == key.exercise]

    def put_case(self, key: CaseKey, case: StoredCase) -> str:
        self.cases[key] = case
        return text_hash(state_to_text(case.state))

    def tell_oriented(self, key: CaseKey, counted: Counted) -> None:
        self.oriented.append((key, counted))

    def decision(self, decision_id: str) -> Decision | None:
        return self.kept[decision_id][1] if decision_id in self.kept else None

    def put_decision(self, key: CaseKey, decision: Decision) -> None:
        self.kept[decision.decision_id] = (key, decision)

    def decisions(self, key: CaseKey) -> list[Decision]:
        return [d for k, d in self.kept.values() if k == key]

    def tell_decided(self, key: CaseKey, decision: Decision) -> None:
        self.decided.append((key, decision))

    def facility(self, finess_geo: str) -> tuple[Facility, datetime] | None:
        return self.facilities.get(finess_geo)

    def put_facility(self, facility: Facility, counted: datetime) -> None:
        self.facilities[facility.finess_geo] = (facility, counted)

    def tell_capacity(self, facility: Facility) -> None:
        self.capacity.append(facility)

    def vehicle(self, resource_id: str, *, exercise: bool) -> Vehicle | None:
        return self.fleet.get((resource_id, exercise))

    def put_vehicle(self, vehicle: Vehicle) -> None:
        self.fleet[vehicle.resource_id, vehicle.exercise] = vehicle

    def tell_moved(self, vehicle: Vehicle) -> None:
        self.moved.append(vehicle)

    def put_mode(self, owner: str, mode: Mode, set_by: str) -> None:
        self.modes[owner] = (mode, set_by)


@dataclass
class MemoryDraft:
    """What is to be kept, beside the dictionaries; `moved_on` says that others wrote meanwhile."""

    records: MemoryRecords
    cases: dict[CaseKey, StoredCase] = field(default_factory=dict)
    oriented: list[tuple[CaseKey, Counted]] = field(default_factory=list)
    logged: list[tuple[str, CaseKey, dict[str, Any]]] = field(default_factory=list)

    def case(self, key: CaseKey) -> StoredCase | None:
        return self.cases.get(key) or self.records.cases.get(key)

    def others(self, key: CaseKey) -> list[CaseState]:
        return self.records.others(key)

    def put_case(self, key: CaseKey, case: StoredCase) -> str:
        self.cases[key] = case
        return text_hash(state_to_text(case.state))

    def log(self, kind: str, key: CaseKey, content: Mapping[str, Any]) -> None:
        self.logged.append((kind, key, dict(content)))

    def tell_oriented(self, key: CaseKey, counted: Counted) -> None:
        self.oriented.append((key, counted))

    def keep(self) -> bool:
        if self.records.moved_on:
            return False
        self.records.cases |= self.cases
        self.records.oriented += self.oriented
        self.records.logged += self.logged
        return True

    def drop(self) -> None:
        """Nothing of it was in the records."""


@dataclass
class StillAround:
    """Surroundings that the test sets."""

    surroundings: Surroundings
    refreshed: int = 0
    prepared: list[tuple[float, float]] = field(default_factory=list)

    def now(self) -> Surroundings:
        return self.surroundings

    def prepare(self, latitude: float, longitude: float) -> None:
        self.prepared.append((latitude, longitude))

    def refresh(self) -> None:
        self.refreshed += 1


@dataclass
class CountingMeter:
    answers: list[Measured] = field(default_factory=list)
    rules: list[str] = field(default_factory=list)
    decisions: list[tuple[bool, str]] = field(default_factory=list)

    def answered(self, measured: Measured) -> None:
        self.answers.append(measured)
        if measured.rules_only:
            self.rules.append(measured.rules_only)

    def decided(self, decided: Decision, band: Band, mode: Mode, reason: str) -> None:
        self.decisions.append((decided.followed, reason))

    def vehicles(self, accepted: int, superseded: int, refused: int) -> None:
        self.rules.append(f"vehicles {accepted} {superseded} {refused}")

    def capacity(self, accepted: int, superseded: int, refused: int) -> None:
        self.rules.append(f"capacity {accepted} {superseded} {refused}")


KEYER = KeyedHash(b"a secret for the tests")


def scoring(
    records: MemoryRecords,
    *,
    surroundings: Surroundings | None = None,
    model: SeverityModel | None = None,
    meter: CountingMeter | None = None,
    clock: FixedClock | None = None,
) -> ScoreCase:
    """The use case on fakes, without a model unless one is given."""
    shipped = reference()
    return ScoreCase(
        records,
        StillAround(surroundings or Surroundings(Directory.of(()), Shortages())),
        shipped.knowledge,
        shipped.lexicon,
        model,
        KEYER,
        meter or CountingMeter(),
        clock or FixedClock(NOW),
    )
