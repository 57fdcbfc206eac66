"""Cases and decisions in SQL, with the events they cause in the same transaction."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, MetaData, Row, bindparam, insert, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from services.orientation.adapters.store.facilities import facility_from, facility_row
from services.orientation.adapters.store.ledger import Appending
from services.orientation.adapters.store.tables import Tables, from_us, tables, to_us
from services.orientation.adapters.store.texts import canonical, state_to_text
from services.orientation.adapters.store.vehicles import vehicle_from, vehicle_row
from services.orientation.domain.board import ENDED
from services.orientation.domain.case import CaseState
from services.orientation.domain.decision import Decision
from services.orientation.domain.facilities import Facility
from services.orientation.domain.ledger import Entry
from services.orientation.domain.modes import Mode
from services.orientation.domain.records import (
    CaseKey,
    Counted,
    StoredCase,
    Suggestion,
    state_from_text,
    text_hash,
)
from services.orientation.domain.severity import Band
from services.orientation.domain.vehicles import Vehicle
from services.orientation.wire.events import (
    capacity_event,
    decided_event,
    moved_event,
    oriented_event,
)
from shared.clock import Clock
from shared.storage import Batch, Database, Query, Transaction, upsert

HOT_CASES = 20_000
# Looked at when an update seems to be another case's: what is open at once, at the busiest centre.
MOST_OTHERS = 256
Hot = OrderedDict[CaseKey, tuple[str, StoredCase]]


class SqlRecord:
    """One open transaction. What is written is gathered and goes out at the end, at once."""

    def __init__(self, tx: Transaction, at: Tables, hot: SqlRecords, now: datetime) -> None:
        self._tx, self._at, self._hot, self._now = tx, at, hot, now
        self._held: dict[CaseKey, StoredCase | None] = {}
        self._entries: list[tuple[Entry, str]] = []
        self.written: dict[CaseKey, tuple[str, StoredCase]] = {}

    def hold(self, keys: Sequence[CaseKey]) -> None:
        """Reads these cases and holds them against other writers, all in one order.

        A new case has no row to lock yet, so where others may write at the same time an
        empty one is put there first: whoever comes second waits for the first one's commit
        and then reads what it wrote. SQLite lets one writer in at a time.
        """
        wanted = sorted({key for key in keys if key not in self._held}, key=CaseKey.order)
        if not wanted:
            return
        connection = self._tx.connection
        if not self._hot.alone:
            self._hot.claim.write(connection, [_blank(key) for key in wanted])
        rows = self._hot.find(connection, [key.value for key in wanted])
        found = {CaseKey(row.case_key, exercise=bool(row.exercise)): row for row in rows}
        for key in wanted:
            row = found.get(key)
            known = row is not None and row.state != ""
            self._held[key] = self._hot.known(key, row) if known else None

    def case(self, key: CaseKey) -> StoredCase | None:
        if key in self.written:
            return self.written[key][1]
        self.hold([key])
        return self._held[key]

    def others(self, key: CaseKey) -> Sequence[CaseState]:
        """At most MOST_OTHERS; another copy of the service knows others."""
        found = {k: case.state for k, (_, case) in self.written.items()}
        for other, state in self._hot.newest(MOST_OTHERS):
            found.setdefault(other, state)
        return [s for k, s in found.items() if k != key and k.exercise == key.exercise]

    def put_case(self, key: CaseKey, case: StoredCase) -> str:
        text = state_to_text(case.state)
        self.written[key] = text, case
        return text_hash(text)

    def log(self, kind: str, key: CaseKey, content: Mapping[str, Any]) -> None:
        """One entry of the decision log; it gets its place in the chain at the end."""
        entry = Entry(kind, to_us(self._now), canonical(content))
        self._entries.append((entry, key.value))

    def flush(self) -> None:
        """Writes what was gathered: rows of cases, then entries of the log."""
        connection = self._tx.connection
        if self.written:
            rows = [_row(key, text, case) for key, (text, case) in self.written.items()]
            rows.sort(key=itemgetter(0, 1))  # by key, as they were held
            self._hot.keep.write(connection, rows)
        if self._entries:
            self._hot.append(connection, self._entries)
            self._entries = []

    def tell_oriented(self, key: CaseKey, counted: Counted) -> None:
        self._tx.publish(oriented_event(key, counted))

    def decision(self, decision_id: str) -> Decision | None:
        at = self._at.decisions
        query = select(at).where(at.c.decision_id == decision_id)
        row = self._tx.connection.execute(query).mappings().first()
        return None if row is None else _decision(row)

    def put_decision(self, key: CaseKey, decision: Decision) -> None:
        self._tx.connection.execute(
            insert(self._at.decisions).values(
                decision_id=decision.decision_id,
                case_key=key.value,
                exercise=key.exercise,
                decided_by=decision.decided_by,
                operator_role=decision.operator_role,
                decision_type=decision.decision_type,
                resource_type=decision.resource_type,
                orientation_type=decision.orientation_type,
                finess_geo=decision.finess_geo,
                medical_transport=decision.medical_transport,
                override_reason=decision.override_reason,
                decided_us=to_us(decision.decided),
                followed=decision.followed,
                suggested_decision=decision.suggestion.decision_type,
                suggested_resource=decision.suggestion.resource_type,
                suggested_finess=decision.suggestion.finess_geo,
                patient_id=decision.patient_id,
            )
        )

    def decisions(self, key: CaseKey) -> Sequence[Decision]:
        at = self._at.decisions
        query = (
            select(at)
            .where(at.c.case_key == key.value, at.c.exercise == key.exercise)
            .order_by(at.c.decided_us, at.c.decision_id)
        )
        return [_decision(row) for row in self._tx.connection.execute(query).mappings()]

    def tell_decided(self, key: CaseKey, decision: Decision) -> None:
        self._tx.publish(decided_event(key, decision), event_id=f"decided:{decision.decision_id}")

    def facility(self, finess_geo: str) -> tuple[Facility, datetime] | None:
        at = self._at.facilities
        query = select(at).where(at.c.finess_geo == finess_geo).with_for_update()
        row = self._tx.connection.execute(query).mappings().first()
        return None if row is None else (facility_from(row), from_us(row["counted_us"]))

    def put_facility(self, facility: Facility, counted: datetime) -> None:
        row = facility_row(facility) | {
            "counted_us": to_us(counted),
            "changed_us": to_us(self._now),
        }
        upsert(self._tx.connection, self._at.facilities, [row], key=["finess_geo"])

    def tell_capacity(self, facility: Facility) -> None:
        self._tx.publish(capacity_event(facility))

    def vehicle(self, resource_id: str, *, exercise: bool) -> Vehicle | None:
        at = self._at.vehicles
        query = select(at).where(at.c.resource_id == resource_id, at.c.exercise == exercise)
        row = self._tx.connection.execute(query.with_for_update()).mappings().first()
        return None if row is None else vehicle_from(row)

    def put_vehicle(self, vehicle: Vehicle) -> None:
        row = vehicle_row(vehicle) | {"changed_us": to_us(self._now)}
        upsert(self._tx.connection, self._at.vehicles, [row], key=["resource_id", "exercise"])

    def tell_moved(self, vehicle: Vehicle) -> None:
        self._tx.publish(moved_event(vehicle))

    def put_mode(self, owner: str, mode: Mode, set_by: str) -> None:
        row = {
            "owner": owner,
            "mode": mode.value,
            "set_by": set_by,
            "changed_us": to_us(self._now),
        }
        upsert(self._tx.connection, self._at.modes, [row], key=["owner"])


CASE_COLUMNS = (
    "case_key",
    "exercise",
    "state",
    "revision",
    "suggested_decision",
    "suggested_resource",
    "suggested_finess",
    "counted_group",
    "band",
    "department",
    "owner",
    "changed_us",
    "ended",
)
CaseRow = tuple[str, bool, str, int, str, str, str, str, int, str, str, int, bool]


def _row(key: CaseKey, text: str, case: StoredCase) -> CaseRow:
    """In the order of CASE_COLUMNS."""
    return (
        key.value,
        key.exercise,
        text,
        case.state.revision,
        case.suggestion.decision_type,
        case.suggestion.resource_type,
        case.suggestion.finess_geo,
        case.counted_group,
        int(case.band),
        case.department,
        case.owner,
        to_us(case.changed),
        case.state.text("status") in ENDED,
    )


def _blank(key: CaseKey) -> CaseRow:
    return key.value, key.exercise, "", 0, "", "", "", "", 0, "", "", 0, False


def _decision(row: Any) -> Decision:
    return Decision(
        row["decision_id"],
        row["decided_by"],
        row["operator_role"],
        row["decision_type"],
        row["resource_type"],
        row["orientation_type"],
        row["finess_geo"],
        row["medical_transport"],
        row["override_reason"],
        from_us(row["decided_us"]),
        row["followed"],
        Suggestion(row["suggested_decision"], row["suggested_resource"], row["suggested_finess"]),
        row["patient_id"],
    )


class SqlRecords:
    """The store is the truth; the newest cases are also held parsed in memory.

    A held case is used only when its text equals the stored one, so several copies of
    the service may write to the same store.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._tables = tables(MetaData())
        self._hot: Hot = OrderedDict()
        self._lock = threading.Lock()
        # Built once: putting a statement together takes longer than running it.
        at = self._tables.cases
        build = postgresql if database.engine.dialect.name == "postgresql" else sqlite
        fresh = build.insert(at)
        key = ["case_key", "exercise"]
        others = {c.name: fresh.excluded[c.name] for c in at.columns if c.name not in key}
        self.claim = Batch(fresh.on_conflict_do_nothing(index_elements=key), CASE_COLUMNS)
        self.keep = Batch(
            fresh.on_conflict_do_update(index_elements=key, set_=others), CASE_COLUMNS
        )
        self._find: dict[int, Query] = {}
        self.append = Appending(self._tables)
        self.alone = database.engine.dialect.name == "sqlite"

    def find(self, connection: Connection, keys: Sequence[str]) -> Sequence[Row[Any]]:
        """Rows of these keys, locked in one order; of a few sizes, so that few are put together."""
        size = 1 << (len(keys) - 1).bit_length()
        query = self._find.get(size)
        if query is None:
            at, names = self._tables.cases, [f"key_{number}" for number in range(size)]
            statement = (
                select(at)
                .where(or_(*(at.c.case_key == bindparam(name) for name in names)))
                .order_by(at.c.case_key, at.c.exercise)
                .with_for_update()
            )
            query = self._find[size] = Query(statement, names)
        return query.rows(connection, *keys, *[keys[-1]] * (size - len(keys)))

    @contextmanager
    def open(self) -> Iterator[SqlRecord]:
        with self._database.transaction() as tx:
            record = SqlRecord(tx, self._tables, self, self._clock.now())
            yield record
            record.flush()
        with self._lock:
            for key, held in record.written.items():
                self._hot[key] = held
                self._hot.move_to_end(key)
            while len(self._hot) > HOT_CASES:
                self._hot.popitem(last=False)

    def hot(self, key: CaseKey) -> CaseState | None:
        with self._lock:
            held = self._hot.get(key)
        return None if held is None else held[1].state

    def newest(self, most: int) -> list[tuple[CaseKey, CaseState]]:
        with self._lock:
            return [(k, held[1].state) for k, held in islice(reversed(self._hot.items()), most)]

    def known(self, key: CaseKey, row: Any) -> StoredCase:
        """The case of a row, parsed only when it is not the one already held."""
        with self._lock:
            held = self._hot.get(key)
        if held is not None and held[0] == row.state:
            state = held[1].state
        else:
            state = state_from_text(row.state)
        return StoredCase(
            state,
            Suggestion(row.suggested_decision, row.suggested_resource, row.suggested_finess),
            row.counted_group,
            Band(row.band),
            row.department,
            row.owner,
            from_us(row.changed_us),
        )
