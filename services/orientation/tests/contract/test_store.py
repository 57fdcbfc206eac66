"""The store's suite, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import MetaData, func, select

from services.orientation.adapters.store.facilities import Snapshot, SqlShortages
from services.orientation.adapters.store.ledger import SqlLedger
from services.orientation.adapters.store.records import SqlRecords
from services.orientation.adapters.store.tables import from_us, tables, to_us
from services.orientation.domain.case import CaseUpdate, Fact, merge, merge_all
from services.orientation.domain.decision import Decision
from services.orientation.domain.facilities import BedCount, Shortage
from services.orientation.domain.ledger import SUGGESTION
from services.orientation.domain.records import CaseKey, Counted, StoredCase, Suggestion
from services.orientation.domain.severity import Band
from services.orientation.main import MIGRATIONS
from services.orientation.tests.situations import NOW, a_site
from shared.clock import FixedClock
from shared.errors import Unavailable
from shared.storage import Database

KEY = CaseKey("0123456789abcdef", exercise=False)
DRILL = CaseKey("0123456789abcdef", exercise=True)


def a_case(*fields: str) -> StoredCase:
    updates = [
        CaseUpdate("case", name, (Fact(name, f"value of {name}", NOW),), opens=True)
        for name in fields
    ]
    state = merge_all(updates)
    suggestion = Suggestion("INTER", "SMUR", "440000271")
    return StoredCase(state, suggestion, "cardiac", Band.SEVERE, "44", "fr.health.samu440", NOW)


def a_decision(name: str) -> Decision:
    suggestion = Suggestion("INTER", "SMUR", "")
    return Decision(
        name, "dr-17", "MEDECIN", "INTER", "SMUR", "", "", None, 0, NOW, True, suggestion, "p.1"
    )


class StoreSuite:
    """What the use cases lean on, whatever the database."""

    @pytest.fixture
    def records(self, database: Database) -> SqlRecords:
        return SqlRecords(database, FixedClock(NOW))

    def published(self, database: Database) -> int:
        with database.read() as tx:
            return int(
                tx.connection.execute(
                    select(func.count()).select_from(database.plumbing.outbox)
                ).scalar_one()
            )

    def test_a_case_comes_back_as_it_was_kept(
        self, records: SqlRecords, database: Database
    ) -> None:
        case = a_case("priority", "motive_code")
        with records.open() as record:
            assert record.case(KEY) is None
            record.put_case(KEY, case)
        fresh = SqlRecords(database, FixedClock(NOW))
        with fresh.open() as record:
            assert record.case(KEY) == case
        assert records.hot(KEY) == case.state

    def test_an_exercise_case_is_another_case(self, records: SqlRecords) -> None:
        with records.open() as record:
            record.case(KEY)
            record.put_case(KEY, a_case("priority"))
        with records.open() as record:
            assert record.case(DRILL) is None

    def test_what_fails_leaves_nothing_behind(
        self, records: SqlRecords, database: Database
    ) -> None:
        counted = Counted("cardiac", "", Band.SEVERE, "44", NOW, NOW)

        def half_done() -> None:
            with records.open() as record:
                record.case(KEY)
                record.put_case(KEY, a_case("priority"))
                record.tell_oriented(KEY, counted)
                raise RuntimeError("stop")

        with pytest.raises(RuntimeError, match="stop"):
            half_done()
        with records.open() as record:
            assert record.case(KEY) is None
        assert self.published(database) == 0
        assert records.hot(KEY) is None

    def test_a_case_and_its_fact_are_kept_together(
        self, records: SqlRecords, database: Database
    ) -> None:
        with records.open() as record:
            record.case(KEY)
            record.put_case(KEY, a_case("priority"))
            record.tell_oriented(KEY, Counted("cardiac", "", Band.SEVERE, "44", NOW, NOW))
        assert self.published(database) == 1

    def test_a_draft_is_kept_whole_while_nobody_else_writes(
        self, records: SqlRecords, database: Database
    ) -> None:
        draft = records.draft()
        assert draft.case(KEY) is None
        draft.put_case(KEY, a_case("priority"))
        draft.tell_oriented(KEY, Counted("cardiac", "", Band.SEVERE, "44", NOW, NOW))
        draft.log(SUGGESTION, KEY, {"case": KEY.value})
        assert draft.keep()
        assert self.published(database) == 1
        assert SqlLedger(database, b"secret").head().seq == 1
        with SqlRecords(database, FixedClock(NOW)).open() as record:
            assert record.case(KEY) == a_case("priority")

    def test_of_a_draft_that_the_store_has_overtaken_nothing_is_kept(
        self, records: SqlRecords, database: Database
    ) -> None:
        with records.open() as record:
            record.case(KEY)
            record.put_case(KEY, a_case("priority"))
        draft = records.draft()
        assert draft.case(KEY) == a_case("priority")
        draft.put_case(KEY, a_case("priority", "motive_code"))
        draft.tell_oriented(KEY, Counted("cardiac", "", Band.SEVERE, "44", NOW, NOW))
        draft.log(SUGGESTION, KEY, {"case": KEY.value})
        other = SqlRecords(database, FixedClock(NOW))
        with other.open() as record:
            record.case(KEY)
            record.put_case(KEY, a_case("priority", "owner"))
        assert not draft.keep()
        assert self.published(database) == 0
        assert SqlLedger(database, b"secret").head().seq == 0
        assert records.hot(KEY) == a_case("priority").state
        with other.open() as record:
            assert record.case(KEY) == a_case("priority", "owner")

    def test_a_draft_of_a_process_that_never_saw_the_case_is_not_kept(
        self, records: SqlRecords, database: Database
    ) -> None:
        with records.open() as record:
            record.case(KEY)
            record.put_case(KEY, a_case("priority"))
        draft = SqlRecords(database, FixedClock(NOW)).draft()
        assert draft.case(KEY) is None
        draft.put_case(KEY, a_case("owner"))
        assert not draft.keep()

    @pytest.mark.parametrize("first_is_kept", [True, False])
    def test_a_draft_expects_the_one_before_it_and_falls_with_it(
        self, records: SqlRecords, first_is_kept: bool
    ) -> None:
        first = records.draft()
        first.case(KEY)
        first.put_case(KEY, a_case("priority"))
        second = records.draft()
        assert second.case(KEY) == a_case("priority")
        second.put_case(KEY, a_case("priority", "owner"))
        if first_is_kept:
            assert first.keep()
        else:
            first.drop()
        assert second.keep() is first_is_kept
        assert records.draft().case(KEY) == (a_case("priority", "owner") if first_is_kept else None)

    def test_a_case_changed_by_another_copy_of_the_service_is_read_again(
        self, records: SqlRecords, database: Database
    ) -> None:
        other = SqlRecords(database, FixedClock(NOW))
        for store, case in ((records, a_case("priority")), (other, a_case("priority", "owner"))):
            with store.open() as record:
                record.case(KEY)
                record.put_case(KEY, case)
        with records.open() as record:
            known = record.case(KEY)
        assert known is not None
        assert known.state.text("owner") == "value of owner"

    def test_two_that_open_the_same_case_at_once_lose_nothing(self, database: Database) -> None:
        def say(name: str) -> None:
            store = SqlRecords(database, FixedClock(NOW))
            with store.open() as record:
                known = record.case(KEY)
                update = CaseUpdate("case", name, (Fact(name, name, NOW),), opens=True)
                state = merge(known.state if known else merge_all([]), update)
                record.put_case(KEY, StoredCase(state, Suggestion(), "", Band.MILD, "", "", NOW))

        def insist(name: str) -> None:
            """A busy store asks for the same again: on a starved machine it may be one."""
            while True:
                with contextlib.suppress(Unavailable):
                    return say(name)

        names = [f"field{number}" for number in range(8)]
        threads = [threading.Thread(target=insist, args=(name,)) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with SqlRecords(database, FixedClock(NOW)).open() as record:
            case = record.case(KEY)
        assert case is not None
        assert set(case.state.facts) == set(names)

    def test_decisions_come_back_in_order(self, records: SqlRecords, database: Database) -> None:
        with records.open() as record:
            for name in ("d2", "d1"):
                record.put_decision(KEY, a_decision(name))
                record.tell_decided(KEY, a_decision(name))
            assert record.decisions(KEY) == [a_decision("d1"), a_decision("d2")]
            assert record.decisions(DRILL) == []
            assert record.decision("d1") == a_decision("d1")
            assert record.decision("d9") is None
        assert self.published(database) == 2

    def test_the_snapshot_sees_reported_facilities_beside_synthetic_ones(
        self, records: SqlRecords, database: Database
    ) -> None:
        made_up = a_site("440000001", km_north=1, capabilities=["157"], synthetic=True)
        hidden = a_site("440000002", km_north=2, capabilities=["160"], synthetic=True)
        snapshot = Snapshot(database, [made_up, hidden])
        reported = a_site(
            "440000002",
            km_north=2,
            capabilities=["157", "014"],
            beds=(BedCount("02", "01", 3, NOW),),
        )
        with records.open() as record:
            assert record.facility("440000002") is None
            record.put_facility(reported, NOW)
            record.tell_capacity(reported)
            assert record.facility("440000002") == (reported, NOW)
        assert snapshot.now().directory.by_finess["440000002"] == hidden
        snapshot.refresh()
        assert snapshot.now().directory.by_finess["440000002"] == reported
        assert snapshot.now().directory.by_finess["440000001"] == made_up

    def test_a_shortage_stands_until_it_is_lifted_and_an_older_word_changes_nothing(
        self, database: Database
    ) -> None:
        snapshot = Snapshot(database, [])

        def told(minute: int, *, lifted: bool) -> bool:
            when = NOW + timedelta(minutes=minute)
            shortage = Shortage("440000271", "ITEM", "BLOOD", "Red cells", 0.7, NOW.date(), when)
            with database.transaction() as tx:
                SqlShortages(tx, when).put(shortage, lifted=lifted)
            snapshot.refresh()
            return snapshot.now().shortages.at("440000271", "BLOOD") is not None

        assert told(1, lifted=False)
        assert told(1, lifted=False)
        assert not told(3, lifted=True)
        assert not told(2, lifted=False)
        assert told(4, lifted=False)

    @pytest.mark.parametrize("size", [1, 9, 41])  # one at a time, and steps of several sizes
    def test_a_group_s_entries_and_cases_are_all_there_and_the_log_verifies(
        self, records: SqlRecords, database: Database, size: int
    ) -> None:
        keys = [CaseKey(f"{number:032x}", exercise=number % 2 == 0) for number in range(size)]
        for _ in range(2):  # the second time they are known
            with records.open() as record:
                record.hold(keys)
                for key in keys:
                    record.put_case(key, a_case("said"))
                    record.log(SUGGESTION, key, {"case": key.value})
        ledger = SqlLedger(database, b"secret")
        verdict = ledger.verify()
        assert (verdict.why, verdict.entries) == ("", 2 * size)
        assert ledger.head().seq == 2 * size
        with SqlRecords(database, FixedClock(NOW)).open() as record:
            found = [record.case(key) for key in keys]
        assert all(case is not None and case.suggestion.finess_geo for case in found)

    def test_no_table_has_a_column_for_a_name_a_phone_a_text_or_a_case_id(self) -> None:
        at = tables(MetaData())
        columns = {c.name for t in (at.cases, at.decisions) for c in t.columns}
        assert not columns & {"case_id", "name", "phone", "address", "freetext", "note"}


class TestSqlite(StoreSuite):
    @pytest.fixture
    def database(self, tmp_path: Path) -> Iterator[Database]:
        database = Database.open(f"sqlite:///{tmp_path}/orientation.db", clock=FixedClock(NOW))
        database.migrate(str(MIGRATIONS))
        yield database
        database.close()


@pytest.mark.real
class TestPostgres(StoreSuite):
    @pytest.fixture
    def database(self, real_postgres: Callable[[], str]) -> Iterator[Database]:
        database = Database.open(real_postgres(), clock=FixedClock(NOW))
        database.migrate(str(MIGRATIONS))
        yield database
        database.close()


def test_an_instant_survives_the_store_to_the_microsecond() -> None:
    instant = NOW + timedelta(microseconds=123457)
    assert from_us(to_us(instant)) == instant
