"""One suite for every store: in memory, SQLite, and a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from services.demand.domain.accuracy import claim_of, sums_of
from services.demand.domain.drivers.signals import Reported
from services.demand.domain.forecasts import Finding, Outcome
from services.demand.domain.history_files import Target
from services.demand.domain.periods import Period
from services.demand.domain.runs import Run, RunOrder, RunState
from services.demand.domain.signals import Case
from services.demand.domain.uses import Use
from services.demand.ports import Store
from services.demand.tests.memory import MemoryStore
from services.demand.tests.situations import (
    ANGERS,
    MONDAY,
    NANTES,
    a_forecast,
    movement,
    site,
    tablets,
)
from shared.catalogue.codes import Code, CodeSystem
from shared.catalogue.items import Site

ORDER = RunOrder(Period.MONTH, 12, date(2026, 1, 5), (NANTES,), ("A", "B"))


def a_run(run_id: str = "run-1", order: RunOrder = ORDER) -> Run:
    return Run(run_id, order, RunState.WAITING, 0, 0, MONDAY)


def outcome(item_id: str, *, forecast: bool, reason: str = "") -> Outcome:
    finding = Finding(item_id, NANTES, reason, "A sentence.") if reason else None
    made = a_forecast(item_id) if forecast else None
    return Outcome(item_id, NANTES, made, finding)


def _fail_half_way(store: Store) -> None:
    with store.write() as books:
        books.movements.add([movement()])
        raise ZeroDivisionError


class StoreSuite:
    """What every use case relies on."""

    @pytest.fixture
    def store(self) -> Store:
        raise NotImplementedError

    def test_what_was_written_is_read_in_the_next_transaction(self, store: Store) -> None:
        with store.write() as books:
            books.movements.add([movement("m-1", fingerprint=-(2**63)), movement("m-2")])
        with store.read() as books:
            known = books.movements.fingerprints(["m-1", "m-2", "m-3"])
        assert known == {"m-1": -(2**63), "m-2": 7}

    def test_nothing_of_a_failed_transaction_stays(self, store: Store) -> None:
        with pytest.raises(ZeroDivisionError):
            _fail_half_way(store)
        with store.read() as books:
            assert not books.movements.any()

    def test_thousands_of_ids_are_looked_up_at_once(self, store: Store) -> None:
        many = [movement(f"m-{n}", fingerprint=n) for n in range(5000)]
        with store.write() as books:
            books.movements.add(many)
            found = books.movements.fingerprints([m.movement_id for m in many])
        assert len(found) == 5000
        assert found["m-4999"] == 4999

    def test_adding_nothing_is_allowed(self, store: Store) -> None:
        with store.write() as books:
            books.movements.add([])
            books.forecasts.put([])
            assert books.movements.fingerprints([]) == {}

    def test_a_run_comes_back_as_it_was_added(self, store: Store) -> None:
        with store.write() as books:
            assert books.runs.add(a_run(), "nightly")
        with store.read() as books:
            assert books.runs.get("run-1") == a_run()
            assert books.runs.by_key("nightly") == a_run()
            assert books.runs.get("run-2") is None
            assert books.runs.by_key("weekly") is None

    def test_a_key_is_taken_once_and_no_key_as_often_as_one_likes(self, store: Store) -> None:
        with store.write() as books:
            assert books.runs.add(a_run("run-1"), "nightly")
            assert not books.runs.add(a_run("run-2"), "nightly")
            assert books.runs.add(a_run("run-3"), "")
            assert books.runs.add(a_run("run-4"), "")
            assert books.runs.get("run-2") is None
            assert list(books.runs.unfinished()) == ["run-1", "run-3", "run-4"]

    def test_a_run_moves_through_its_states(self, store: Store) -> None:
        with store.write() as books:
            books.runs.add(a_run(), "")
            books.runs.set_state("run-1", RunState.FAILED, end_time=MONDAY, failure="Away.")
            assert list(books.runs.unfinished()) == []
            assert list(books.runs.failed_since(MONDAY)) == ["run-1"]
            assert list(books.runs.failed_since(MONDAY + timedelta(seconds=1))) == []
            failed = books.runs.get("run-1")
            books.runs.set_state("run-1", RunState.RUNNING)
            running = books.runs.get("run-1")
        assert failed is not None
        assert running is not None
        assert (failed.end_time, failed.failure) == (MONDAY, "Away.")
        assert (running.end_time, running.failure) == (None, "")

    def test_progress_counts_every_series_and_keeps_what_was_found(self, store: Store) -> None:
        with store.write() as books:
            books.runs.add(a_run(), "")
            books.runs.set_series("run-1", 4, 0)
            outcomes = [
                outcome("B", forecast=False, reason="SITE_SILENT"),
                outcome("A", forecast=True, reason="METHOD_FAILED"),
                outcome("C", forecast=True),
            ]
            books.forecasts.put([o.forecast for o in outcomes if o.forecast])
            books.runs.advance("run-1", outcomes)
        with store.read() as books:
            run = books.runs.get("run-1")
            done = books.runs.done_in("run-1")
        assert run is not None
        assert (run.series, run.series_done) == (4, 3)
        assert [(f.item_id, f.reason) for f in run.findings] == [
            ("A", "METHOD_FAILED"),
            ("B", "SITE_SILENT"),
        ]
        assert done == {("A", NANTES), ("B", NANTES), ("C", NANTES)}

    def test_a_note_on_the_whole_run_marks_no_series_as_done(self, store: Store) -> None:
        with store.write() as books:
            books.runs.add(a_run(), "")
            books.runs.note("run-1", Finding("", "", "NO_SERIES", "Nothing."))
            assert books.runs.done_in("run-1") == frozenset()

    def test_a_newer_forecast_replaces_the_old_one(self, store: Store) -> None:
        newer = a_forecast(made_time=MONDAY + timedelta(days=1), run_id="run-2")
        with store.write() as books:
            books.forecasts.put([a_forecast()])
            books.forecasts.put([newer])
        with store.read() as books:
            assert books.forecasts.newest(NANTES, "PARACETAMOL") == newer
            assert books.forecasts.newest_made() == newer.made_time

    def test_nothing_forecast_is_none_not_an_error(self, store: Store) -> None:
        with store.read() as books:
            assert books.forecasts.newest(NANTES, "PARACETAMOL") is None
            assert books.forecasts.newest_made() is None
            assert list(books.forecasts.some((), (), None, 10)) == []

    def test_pages_go_by_site_and_item(self, store: Store) -> None:
        places = [(NANTES, "B"), (NANTES, "A"), (ANGERS, "A"), (NANTES, "C")]
        with store.write() as books:
            books.forecasts.put([a_forecast(item, place) for place, item in places])
        with store.read() as books:
            everything = books.forecasts.some((), (), None, 10)
            rest = books.forecasts.some((), (), (NANTES, "B"), 10)
            nantes = books.forecasts.some((NANTES,), (), (NANTES, "A"), 1)
        assert [(f.site_id, f.item_id) for f in everything] == sorted(places)
        assert [(f.site_id, f.item_id) for f in rest] == [(NANTES, "C"), (ANGERS, "A")]
        assert [(f.site_id, f.item_id) for f in nantes] == [(NANTES, "B")]

    def test_calls_add_up_by_day_and_group(self, store: Store) -> None:
        monday, friday = date(2026, 1, 5), date(2026, 1, 2)
        with store.write() as books:
            for day, group, change in [
                (monday, "cardiac", 1),
                (monday, "cardiac", 1),
                (friday, "trauma", 1),
                (monday, "cardiac", -1),
            ]:
                books.signals.count(day, group, change)
        with store.read() as books:
            assert books.signals.calls(monday, monday) == {(monday, "cardiac"): 1}
            assert books.signals.calls(friday, monday) == {
                (monday, "cardiac"): 1,
                (friday, "trauma"): 1,
            }

    def test_the_newest_value_of_a_signal_and_day_counts(self, store: Store) -> None:
        monday, friday = date(2026, 1, 5), date(2026, 1, 2)
        with store.write() as books:
            books.signals.put_reported([Reported("acts", monday, 3.0), Reported("a", friday, 1.5)])
            books.signals.put_reported([Reported("acts", monday, 4.0)])
        with store.read() as books:
            assert list(books.signals.reported(friday, monday)) == [
                Reported("a", friday, 1.5),
                Reported("acts", monday, 4.0),
            ]
            assert list(books.signals.reported(monday, monday)) == [Reported("acts", monday, 4.0)]

    def test_the_newest_report_of_a_use_counts(self, store: Store) -> None:
        out, back = Use("u-1", "PUMP", NANTES, "P1", 100, None), Use("u-2", "A", ANGERS, "", 50, 90)
        with store.write() as books:
            assert not books.uses.any()
            books.uses.put([out, back])
            books.uses.put([replace(out, end=300)])
        with store.read() as books:
            assert books.uses.any()
            assert list(books.uses.of((), ())) == [back, replace(out, end=300)]
            assert list(books.uses.of(["PUMP"], [NANTES])) == [replace(out, end=300)]
            assert list(books.uses.of(["PUMP"], [ANGERS])) == []
            assert dict(books.uses.newest()) == {NANTES: 300, ANGERS: 90}

    def test_school_zones_are_told_where_they_are_known(self, store: Store) -> None:
        with store.write() as books:
            books.catalogue.put_sites([site(), Site("750000002", "P")])
        with store.read() as books:
            assert dict(books.catalogue.school_zones()) == {"440000008": "B"}

    def test_a_case_is_kept_as_it_was_told_last(self, store: Store) -> None:
        case = Case("k", "cardiac", date(2026, 1, 5), MONDAY)
        moved = Case("k", "trauma", date(2026, 1, 5), MONDAY + timedelta(microseconds=1))
        with store.write() as books:
            assert books.signals.case("k") is None
            books.signals.put_case(case)
            books.signals.put_case(moved)
            assert books.signals.case("k") == moved

    def test_items_are_found_by_every_code(self, store: Store) -> None:
        item = tablets()
        own, pack = Code(CodeSystem.LOCAL, "PARACETAMOL"), Code(CodeSystem.CIP13, "3400930000076")
        with store.write() as books:
            books.catalogue.put_items([item])
            books.catalogue.put_sites([site(NANTES), site(ANGERS)])
        with store.read() as books:
            found = books.catalogue.items([own, pack, Code(CodeSystem.LOCAL, "NOBODY")])
            assert {code: i.item_id for code, i in found.items()} == {
                own: "PARACETAMOL",
                pack: "PARACETAMOL",
            }
            assert books.catalogue.packings([own, pack, Code(CodeSystem.LOCAL, "NOBODY")]) == {
                own: ("PARACETAMOL", item.packing),
                pack: ("PARACETAMOL", item.packing),
            }
            assert [i.item_id for i in books.catalogue.all_items()] == ["PARACETAMOL"]
            assert books.catalogue.site_ids() == {NANTES, ANGERS}

    def test_the_newest_claim_of_a_period_counts_and_keeps_what_came_true(
        self, store: Store
    ) -> None:
        old = claim_of(a_forecast(), np.array([1.0, 2.0]))
        new = old._replace(mean=9.0)
        other = claim_of(a_forecast("B", ANGERS), np.array([1.0, 2.0]))
        with store.write() as books:
            books.accuracy.claim([old, other])
            books.accuracy.claim([new])
            books.accuracy.settle(new.period, new.number, [(new, 7.0), (other, 3.0)])
        with store.read() as books:
            assert books.accuracy.claims_of(new.period, new.number) == [(other, 3.0), (new, 7.0)]
            assert books.accuracy.settled("PARACETAMOL", "") == [(new, 7.0)]
            assert books.accuracy.settled("PARACETAMOL", ANGERS) == []
            both = sums_of([(new, 7.0), (other, 3.0)])
            assert books.accuracy.sums("") == both
            assert set(books.accuracy.sums(NANTES)) == set(sums_of([(new, 7.0)]))

    def test_a_period_is_added_up_anew_when_what_came_true_is_corrected(self, store: Store) -> None:
        claim = claim_of(a_forecast(), np.array([1.0, 2.0]))
        with store.write() as books:
            books.accuracy.claim([claim])
            books.accuracy.settle(claim.period, claim.number, [(claim, 7.0)])
            books.accuracy.settle(claim.period, claim.number, [(claim, 8.0)])
        with store.read() as books:
            assert books.accuracy.sums("") == sums_of([(claim, 8.0)])

    def test_periods_are_judged_inside_the_spans_asked_for(self, store: Store) -> None:
        claim = claim_of(a_forecast(), np.array([1.0, 2.0]))
        first = claim.number
        later = [claim._replace(number=first + k) for k in range(4)]
        with store.write() as books:
            books.accuracy.claim(later)
        with store.read() as books:
            spans = {Period.MONTH: range(first + 1, first + 3), Period.DAY: range(first)}
            assert books.accuracy.to_judge(spans) == [
                (Period.MONTH, first + 1),
                (Period.MONTH, first + 2),
            ]
            assert books.accuracy.to_judge({}) == []

    def test_what_came_true_and_stands_in_no_sum_is_added_up(self, store: Store) -> None:
        claim = claim_of(a_forecast(), np.array([1.0, 2.0]))
        period, number = claim.period, claim.number
        with store.write() as books:
            books.accuracy.claim([claim])
            books.accuracy.settle(period, number, [(claim, 7.0)])
            books.accuracy.forget_sums(period, number + 1)
            assert books.accuracy.to_judge({}) == [(period, number)]
            books.accuracy.settle(period, number, [])
            assert books.accuracy.to_judge({}) == []
            assert books.accuracy.sums("") == sums_of([(claim, 7.0)])

    def test_old_claims_are_forgotten_and_their_sums_later(self, store: Store) -> None:
        claim = claim_of(a_forecast(), np.array([1.0]))
        period, number = claim.period, claim.number
        with store.write() as books:
            books.accuracy.claim([claim])
            books.accuracy.settle(period, number, [(claim, 2.0)])
            books.accuracy.forget(period, MONDAY)
            books.accuracy.forget(Period.DAY, MONDAY + timedelta(days=1))
            assert len(books.accuracy.claims_of(period, number)) == 1
            books.accuracy.forget(period, MONDAY + timedelta(days=1))
            assert books.accuracy.claims_of(period, number) == []
            books.accuracy.forget_sums(period, number)
            assert len(books.accuracy.sums("")) == 1
            books.accuracy.forget_sums(period, number + 1)
            assert books.accuracy.sums("") == {}

    def test_some_forecasts_are_found_by_site_and_item(self, store: Store) -> None:
        with store.write() as books:
            books.forecasts.put([a_forecast("A"), a_forecast("B"), a_forecast("A", ANGERS)])
        with store.read() as books:

            def some(sites: Sequence[str], items: Sequence[str]) -> list[tuple[str, str]]:
                found = books.forecasts.some(sites, items, None, 9)
                return [(f.site_id, f.item_id) for f in found]

            assert some((), ()) == [(NANTES, "A"), (NANTES, "B"), (ANGERS, "A")]
            assert some((NANTES,), ()) == [(NANTES, "A"), (NANTES, "B")]
            assert some((ANGERS, NANTES), ("A",)) == [(NANTES, "A"), (ANGERS, "A")]
            after = books.forecasts.some((), ("A",), (NANTES, "A"), 9)
            assert [(f.site_id, f.item_id) for f in after] == [(ANGERS, "A")]

    def test_a_run_remembers_lead_time_target_and_free_grids(self, store: Store) -> None:
        order = replace(
            ORDER, period=Period.DAY, lead=7, target=Target.RECORDED, auto=True, update=True
        )
        with store.write() as books:
            books.runs.add(a_run(order=order), "")
        with store.read() as books:
            found = books.runs.get("run-1")
        assert found is not None
        assert found.order == order


class TestInMemory(StoreSuite):
    @pytest.fixture
    def store(self) -> Store:
        return MemoryStore()


class TestOnSqlite(StoreSuite):
    @pytest.fixture
    def store(self, sqlite_store: Store) -> Store:
        return sqlite_store


@pytest.mark.real
class TestOnPostgres(StoreSuite):
    @pytest.fixture
    def store(self, postgres_store: Store) -> Store:
        return postgres_store
