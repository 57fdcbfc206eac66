"""Cases and decisions in SQL, with the events they cause in the same transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, MetaData, Row, bindparam, insert, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from services.orientation.adapters.store.drafts import (
    CASE_COLUMNS,
    Gathered,
    HotCases,
    Remembered,
    SqlDraft,
    blank,
    case_row,
)
from services.orientation.adapters.store.facilities import facility_from, facility_row
from services.orientation.adapters.store.ledger import Appending
from services.orientation.adapters.store.tables import Tables, from_us, tables, to_us
from services.orientation.adapters.store.vehicles import vehicle_from, vehicle_row
from services.orientation.domain.case import CaseState
from services.orientation.domain.decision import Decision
from services.orientation.domain.facilities import Facility
from services.orientation.domain.modes import Mode
from services.orientation.domain.records import (
    CaseKey,
    Counted,
    StoredCase,
    Suggestion,
    state_from_text,
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


class SqlRecord(Gathered):
    """One open transaction. What is written is gathered and goes out at the end, at once."""

    def __init__(
        self, tx: Transaction, at: Tables, hot: HotCases, records: SqlRecords, now: datetime
    ) -> None:
        super().__init__(hot, now)
        self._tx, self._at, self._records = tx, at, records
        self._held: dict[CaseKey, StoredCase | None] = {}

    def hold(self, keys: Sequence[CaseKey]) -> None:
        """Reads these cases and holds them against other writers."""
        wanted = sorted({key for key in keys if key not in self._held}, key=CaseKey.order)
        if not wanted:
            return
        for key, row in self._records.rows(self._tx.connection, wanted).items():
            known = row is not None and row.state != ""
            self._held[key] = self._records.known(key, row) if known else None

    def case(self, key: CaseKey) -> StoredCase | None:
        if key in self.written:
            return self.written[key][1]
        self.hold([key])
        return self._held[key]

    def flush(self) -> None:
        """Writes what was gathered."""
        self._records.write(self._tx.connection, self)

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


class _MovedOn(Exception):
    """The store holds something else of a case than a draft was made from."""


class SqlRecords:
    """The store is the truth; the newest cases are also held parsed in memory.

    A held case is used only when its text equals the stored one, so several copies of
    the service may write to the same store.
    """

    def __init__(
        self, database: Database, clock: Clock, remembered: Remembered | None = None
    ) -> None:
        self._database, self._clock = database, clock
        self._tables = tables(MetaData())
        self._hot = HotCases(remembered)
        # Built once: putting a statement together takes longer than running it.
        at = self._tables.cases
        build = postgresql if database.engine.dialect.name == "postgresql" else sqlite
        fresh = build.insert(at)
        key = ["case_key", "exercise"]
        others = {c.name: fresh.excluded[c.name] for c in at.columns if c.name not in key}
        self._claim = Batch(fresh.on_conflict_do_nothing(index_elements=key), CASE_COLUMNS)
        self._keep = Batch(
            fresh.on_conflict_do_update(index_elements=key, set_=others), CASE_COLUMNS
        )
        self._find: dict[int, Query] = {}
        self._append = Appending(self._tables)
        self._alone = database.engine.dialect.name == "sqlite"

    def rows(
        self, connection: Connection, keys: Sequence[CaseKey]
    ) -> dict[CaseKey, Row[Any] | None]:
        """Reads the rows of these cases and holds them, all in one order.

        A new case has no row to lock yet, so where others may write at the same time an
        empty one is put there first: whoever comes second waits for the first one's commit
        and then reads what it wrote. SQLite lets one writer in at a time.
        """
        if not self._alone:
            self._claim.write(connection, [blank(key) for key in keys])
        found = {
            CaseKey(row.case_key, exercise=bool(row.exercise)): row
            for row in self._find_all(connection, [key.value for key in keys])
        }
        return {key: found.get(key) for key in keys}

    def _find_all(self, connection: Connection, keys: Sequence[str]) -> Sequence[Row[Any]]:
        """Locked in one order; asked in a few sizes, so that few questions are put together."""
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

    def write(self, connection: Connection, gathered: Gathered) -> None:
        """Rows of cases, then entries of the log."""
        if gathered.written:
            rows = [case_row(key, text, case) for key, (text, case) in gathered.written.items()]
            rows.sort(key=itemgetter(0, 1))  # by key, as they were held
            self._keep.write(connection, rows)
        if gathered.entries:
            self._append(connection, gathered.entries)

    @contextmanager
    def open(self) -> Iterator[SqlRecord]:
        with self._database.transaction() as tx:
            record = SqlRecord(tx, self._tables, self._hot, self, self._clock.now())
            yield record
            record.flush()
        self._hot.remember(record.written)

    def draft(self) -> SqlDraft:
        return SqlDraft(self._hot, self._clock.now(), self._database.event, self._keep_draft)

    def _keep_draft(self, draft: SqlDraft) -> bool:
        try:
            with self._database.transaction() as tx:
                self._check(tx.connection, draft)
                for event in draft.events:
                    tx.publish_event(event)
                self.write(tx.connection, draft)
        except _MovedOn:
            return False
        else:
            self._hot.remember(draft.written)
            return True

    def _check(self, connection: Connection, draft: SqlDraft) -> None:
        """Holds the cases of the draft; raises _MovedOn where one is not what was expected."""
        keys = sorted(draft.made_from, key=CaseKey.order)
        for key, row in self.rows(connection, keys).items():
            stored = None
            if row is not None and row.state != "":
                stored = row.state, row.counted_group
            held = draft.made_from[key]
            if stored != (None if held is None else (held[0], held[1].counted_group)):
                raise _MovedOn

    def hot(self, key: CaseKey) -> CaseState | None:
        return self._hot.state(key)

    def heard(self, cases: Iterable[tuple[CaseKey, str]]) -> None:
        """Another process that answers for this one kept these states, as text."""
        self._hot.heard(cases)

    def known(self, key: CaseKey, row: Any) -> StoredCase:
        """The case of a row, parsed only when it is not the one already held."""
        held = self._hot.last(key)
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
