"""What the use cases of orientation need from outside, in our words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from services.orientation.domain.board import Board
from services.orientation.domain.case import CaseState
from services.orientation.domain.decision import Decision
from services.orientation.domain.distribution.network import Ints, Network
from services.orientation.domain.facilities import Facility, Shortage
from services.orientation.domain.measured import Measured
from services.orientation.domain.modes import Mode
from services.orientation.domain.orient import Surroundings
from services.orientation.domain.records import CaseKey, Counted, StoredCase
from services.orientation.domain.severity import Band
from services.orientation.domain.vehicles import Vehicle


class CaseBook(Protocol):
    """Where cases are read and written down while they are answered."""

    def log(self, kind: str, key: CaseKey, content: Mapping[str, Any]) -> None:
        """Appends an entry to the decision log; its content names nobody."""
        ...

    def case(self, key: CaseKey) -> StoredCase | None:
        """The case; None when it is new."""
        ...

    def others(self, key: CaseKey) -> Sequence[CaseState]:
        """The cases of the same world that this process touched last, newest first."""
        ...

    def put_case(self, key: CaseKey, case: StoredCase) -> str:
        """Keeps the case; returns a hash of everything known of it, which names nobody."""
        ...

    def tell_oriented(self, key: CaseKey, counted: Counted) -> None: ...


class Draft(CaseBook, Protocol):
    """Written before the store is asked: cases are those that this process saw last.

    What it holds is expected by the drafts that come after it, until it is kept or dropped.
    """

    def keep(self) -> bool:
        """Keeps all of it at once if the store still holds what it was made from.

        False where it does not: nothing was kept then. Either way the draft is done with.
        """
        ...

    def drop(self) -> None:
        """Forgets it: nothing of it is expected any more."""
        ...


class Record(CaseBook, Protocol):
    """One transaction on the store: all of it is kept, with the facts it tells, or none.

    A case that was read is held against other writers until the end.
    """

    def hold(self, keys: Sequence[CaseKey]) -> None:
        """Reads these cases at once and holds them; `case` then asks the store no more."""
        ...

    def decision(self, decision_id: str) -> Decision | None: ...

    def put_decision(self, key: CaseKey, decision: Decision) -> None: ...

    def decisions(self, key: CaseKey) -> Sequence[Decision]: ...

    def tell_decided(self, key: CaseKey, decision: Decision) -> None: ...

    def facility(self, finess_geo: str) -> tuple[Facility, datetime] | None:
        """The facility as reported, and when its newest count was taken."""
        ...

    def put_facility(self, facility: Facility, counted: datetime) -> None: ...

    def tell_capacity(self, facility: Facility) -> None: ...

    def vehicle(self, resource_id: str, *, exercise: bool) -> Vehicle | None: ...

    def put_vehicle(self, vehicle: Vehicle) -> None: ...

    def tell_moved(self, vehicle: Vehicle) -> None: ...

    def put_mode(self, owner: str, mode: Mode, set_by: str) -> None: ...


class Records(Protocol):
    def open(self) -> AbstractContextManager[Record]: ...

    def draft(self) -> Draft: ...

    def hot(self, key: CaseKey) -> CaseState | None:
        """The case as this process last saw it, without asking the store."""
        ...


class Around(Protocol):
    """Facilities and shortages as they are known now."""

    def now(self) -> Surroundings: ...

    def prepare(self, latitude: float, longitude: float) -> None:
        """Finds out what takes time to find out about a place, such as its roads."""
        ...

    def refresh(self) -> None: ...


class BoardReader(Protocol):
    """The board as the store has it."""

    def seen(self) -> tuple[object, ...]:
        """Another value whenever something on the board changed."""
        ...

    def read(self, owner: str, now: datetime) -> Board: ...


class Keyer(Protocol):
    """Turns a case id into a key that nobody can turn back."""

    def key(self, case_id: str, *, exercise: bool) -> CaseKey: ...


class ShortageBook(Protocol):
    """Foreseen shortages, inside the transaction of the event that told of them."""

    def put(self, shortage: Shortage, *, lifted: bool) -> None: ...


class ScoringMeter(Protocol):
    """What operations staff watch of the answers."""

    def answered(self, measured: Measured) -> None: ...


class Told(NamedTuple):
    """What a process that answers for another tells it besides the answers."""

    counted: list[tuple[str, tuple[Any, ...]]]  # methods of its meter, and what they are given
    kept: list[tuple[CaseKey, str]]  # states of cases, as text
    published: bool  # facts wait in the outbox


class Meter(Protocol):
    """What operations staff watch of what people and others report."""

    def decided(self, decided: Decision, band: Band, mode: Mode, reason: str) -> None: ...

    def capacity(self, accepted: int, superseded: int, refused: int) -> None: ...

    def vehicles(self, accepted: int, superseded: int, refused: int) -> None: ...


class MessageCheck(Protocol):
    """Checks an outgoing message against the schemas of the Hub."""

    def problems(self, envelope: object) -> list[str]: ...


class FlowSolver(Protocol):
    """Finds the cheapest flow of a network."""

    def solve(self, network: Network) -> Ints:
        """Units on each arc, in the order of the arcs."""
        ...
