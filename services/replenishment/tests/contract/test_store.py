"""What the use cases may rely on from the store, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, update

from services.replenishment.adapters.store.books import SqlStore
from services.replenishment.adapters.store.tables import tables
from services.replenishment.domain.agreed import GroupAllotment, GroupLimits
from services.replenishment.domain.availability import Availability, SupplyStatus
from services.replenishment.domain.collisions import Collision
from services.replenishment.domain.expiry import UseFirst
from services.replenishment.domain.kept_prices import KeptPrices
from services.replenishment.domain.lanes import Lane
from services.replenishment.domain.limits import LimitPrice
from services.replenishment.domain.plans import (
    Asked,
    Decision,
    DecisionReason,
    MovedLot,
    Plan,
    PlanState,
    Verdict,
)
from services.replenishment.domain.positions import ApprovedOrder, NoSuggestion
from services.replenishment.domain.prices import Prices
from services.replenishment.domain.releases import Release, ReleaseReason
from services.replenishment.domain.shelves import StorageLimit
from services.replenishment.domain.stock import Lot
from services.replenishment.domain.terms import PriceBreak
from services.replenishment.domain.warnings import Foreseen
from services.replenishment.main import MIGRATIONS
from services.replenishment.tests.situations import (
    ANGERS,
    MONDAY,
    MORNING,
    NANTES,
    antivenom,
    monthly,
    site,
    stock,
    tablets,
    terms,
)
from services.replenishment.tests.unit.test_deciding import LINE
from shared.catalogue.codes import Code, CodeSystem
from shared.catalogue.items import Storage
from shared.clock import FixedClock
from shared.errors import NotNow
from shared.storage import Database
from shared.storage.schema import plumbing_tables

KEY = ("PARACETAMOL", NANTES)
LATER = MORNING + timedelta(minutes=5)
PLAN = Plan("plan-1", Asked(28, 99.5, 10.0, 1, "k"), PlanState.WAITING, MONDAY, MORNING)
ORDER = ApprovedOrder(
    "order-1", *KEY, 4, 40.0, 80.0, MONDAY, MONDAY + timedelta(days=2), known_elsewhere=False
)


class StoreSuite:
    """Runs on any store; a subclass says which."""

    @pytest.fixture
    def store(self, database: Database) -> SqlStore:
        found = SqlStore(database, tables())
        with found.write() as books:
            books.catalogue.put_sites([site(), site(ANGERS)])
            books.catalogue.put_items([tablets(), antivenom()])
        return found

    def test_the_migrations_make_the_tables_that_the_code_names(self, database: Database) -> None:
        metadata = MetaData()
        tables(metadata)
        plumbing_tables(metadata)
        with database.read() as tx:
            context = MigrationContext.configure(tx.connection)
            differences = [
                d for d in compare_metadata(context, metadata) if "alembic_version" not in str(d)
            ]
        assert differences == []

    def test_what_is_put_comes_back_whole(self, store: SqlStore) -> None:
        offer = replace(
            terms(tablets(), allocation=50),
            price_breaks=(PriceBreak(10, 0.05),),
            lead_weights=(0.5, 0.25, 0.25),
        )
        report = stock(tablets(), 60.0, expiry=MONDAY, reserved=1.5, crisis=2.0)
        kept = Lot("K", 4.0, None, crisis=True)
        report = replace(report, lots=(*report.lots, kept))
        forecast = monthly(tablets(), 300.0)
        with store.write() as books:
            books.supply.put_terms([offer])
            books.supply.put_reports([report])
            books.supply.put_forecast(forecast)
            books.orders.add([ORDER], "plan-1")
        with store.read() as books:
            (one,) = books.supply.known([KEY, ("NOBODY", NANTES)])
            everything = books.supply.all_known()
        assert one.item.item_id == tablets().item_id
        assert one.item.packing == tablets().packing
        assert (one.terms, one.report, one.forecast) == (offer, report, forecast)
        assert one.approved == (ORDER,)
        assert everything == [one]

    def test_a_transfer_leaves_one_site_and_comes_to_the_other(self, store: SqlStore) -> None:
        move = replace(
            ORDER,
            order_id="order-t1",
            from_site_id=ANGERS,
            lots=(MovedLot("L1", 30.0, MONDAY), MovedLot("L2", 10.0, None)),
        )
        there = (KEY[0], ANGERS)
        with store.write() as books:
            books.supply.put_terms([terms(tablets()), terms(tablets(), site_id=ANGERS)])
            books.orders.add([ORDER, move], "plan-1")
            taker, giver = books.supply.all_known()
            assert (giver.site_id, giver.leaving, giver.approved) == (ANGERS, (move,), ())
            assert (taker.leaving, taker.approved) == ((), (ORDER, move))
            (only,) = books.supply.all_known(ANGERS)
            assert only.leaving == (move,)
            assert books.orders.leaving([there, KEY]) == [move]
            books.orders.settle_left(["order-t1"])
        with store.read() as books:
            assert books.orders.leaving([there]) == []
            assert books.orders.open([KEY]) == [ORDER, replace(move, left_elsewhere=True)]

    def test_the_newest_entry_of_a_lots_record_counts(self, store: SqlStore) -> None:
        reason = ReleaseReason.NO_ALTERNATIVE
        first = Release(*KEY, "L1", MONDAY, reason, "why", "Dr A", MORNING)
        later = replace(first, last_day=MONDAY + timedelta(days=3), released_time=LATER)
        with store.write() as books:
            books.supply.put_reports([stock(tablets(), 5.0)])
            books.supply.add_release(first)
            assert books.supply.known([KEY])[0].releases == (first,)
            books.supply.add_release(later)
            assert books.supply.known([KEY])[0].releases == (later,)
            gone = replace(later, last_day=None, released_time=LATER + timedelta(seconds=1))
            books.supply.add_release(gone)
        with store.read() as books:
            assert books.supply.known([KEY])[0].releases == ()

    def test_limits_of_sites_and_of_the_group_are_kept_replaced_and_taken_away(
        self, store: SqlStore
    ) -> None:
        cold = StorageLimit(NANTES, Storage.COLD, 1.5)
        ambient = StorageLimit(NANTES, Storage.AMBIENT, 20.0)
        shared = GroupAllotment("PARACETAMOL", "supplier-1", 30)
        lane = Lane(NANTES, ANGERS, 1, frozenset({1, 4}), 20.0, 2.5, carries_cold=True)
        with store.write() as books:
            assert books.agreed.limits() == GroupLimits()
            books.agreed.put_storage_limits([cold, ambient])
            books.agreed.put_allotments([shared])
            books.agreed.put_lanes([lane])
            assert books.agreed.limits() == GroupLimits((ambient, cold), (shared,), (lane,))
            books.agreed.put_lanes([replace(lane, days=2)])
            books.agreed.put_storage_limits(
                [replace(cold, capacity_m3=2.0), replace(ambient, capacity_m3=None)]
            )
            books.agreed.put_allotments([replace(shared, packs=None)])
        with store.write() as books:
            assert books.agreed.limits() == GroupLimits(
                (replace(cold, capacity_m3=2.0),), (), (replace(lane, days=2),)
            )
            books.agreed.withdraw_lanes([lane.key])
            assert books.agreed.limits().lanes == ()

    def test_an_item_of_which_only_the_stock_is_known_is_listed_too(self, store: SqlStore) -> None:
        with store.write() as books:
            books.supply.put_reports([stock(tablets(), 5.0), stock(antivenom(), 5.0)])
            assert not books.supply.plannable()
        with store.read() as books:
            found = books.supply.all_known(NANTES)
            assert [(k.item.item_id, k.terms, k.forecast) for k in found] == [
                ("ANTIVENOM", None, None),
                ("PARACETAMOL", None, None),
            ]
            assert books.supply.all_known(ANGERS) == []

    def test_plannable_needs_all_three_at_the_same_site(self, store: SqlStore) -> None:
        with store.write() as books:
            books.supply.put_terms([terms(tablets())])
            books.supply.put_reports([stock(tablets(), 5.0)])
            books.supply.put_forecast(monthly(tablets(), 1.0, site_id=ANGERS))
            assert not books.supply.plannable()
            books.supply.put_forecast(monthly(tablets(), 1.0))
            assert books.supply.plannable()

    def test_a_later_report_and_forecast_replace_the_earlier(self, store: SqlStore) -> None:
        later = MORNING + timedelta(hours=1)
        with store.write() as books:
            books.supply.put_reports([stock(tablets(), 5.0)])
            books.supply.put_reports([stock(tablets(), 9.0, counted=later)])
            books.supply.put_forecast(monthly(tablets(), 1.0))
            books.supply.put_forecast(monthly(tablets(), 2.0, made=later))
        with store.read() as books:
            assert books.supply.counted([KEY]) == {KEY: later}
            assert books.supply.forecast_made(*KEY) == later
            (one,) = books.supply.known([KEY])
        assert one.report is not None
        assert one.report.lots[0].quantity_base == 9.0

    def test_a_settled_order_is_no_longer_open_and_still_counted(self, store: SqlStore) -> None:
        with store.write() as books:
            books.orders.add([ORDER], "plan-1")
            assert books.orders.open([KEY]) == [ORDER]
            books.orders.settle([ORDER.order_id])
            assert books.orders.open([KEY]) == []
            assert books.orders.count() == 1

    def test_lots_to_use_first_come_back_whole_and_in_pages(self, store: SqlStore) -> None:
        lots = [
            UseFirst(*KEY, f"L{k}", MONDAY, 60.0, 7.25, None if k else 14.5, "tablet")
            for k in range(3)
        ]
        figures = replace(PLAN, expected_expiry_eur=14.5, use_first_count=3)
        with store.write() as books:
            books.plans.add(PLAN)
            books.plans.put(figures)
            books.plans.put_use_first("plan-1", lots[:1])
            books.plans.put_use_first("plan-1", lots)
        with store.read() as books:
            assert books.plans.use_first("plan-1", 0, 2) == lots[:2]
            assert books.plans.use_first("plan-1", 2, 9) == lots[2:]
            assert books.plans.get("plan-1") == figures

    def test_prices_of_limits_come_back_whole(self, store: SqlStore) -> None:
        prices = [
            LimitPrice("BUDGET", NANTES, "", MONDAY, "EUR", 500.0, 520.5, 0.1),
            LimitPrice("ALLOCATION", NANTES, "PARACETAMOL", None, "pack", 10.0, 10.0, 0.05),
            LimitPrice("STORAGE", NANTES, "", MONDAY, "m3", 2.0, 1.9, 30.0, "", "COLD"),
        ]
        collide = Collision("PARACETAMOL", NANTES, ("MINIMUM", "BUDGET"), 12, 4, "Why.")
        with store.write() as books:
            books.plans.add(PLAN)
            books.plans.put(replace(PLAN, limits_priced=True))
            books.plans.put_limit_prices("plan-1", prices[1:])
            books.plans.put_limit_prices("plan-1", prices)
            books.plans.put_collisions("plan-1", [collide])
        with store.read() as books:
            assert books.plans.limit_prices("plan-1") == prices
            assert books.plans.collisions("plan-1") == [collide]
            assert books.plans.get("plan-1") == replace(PLAN, limits_priced=True)

    def test_kept_prices_replace_those_before_and_what_cannot_be_read_is_none(
        self, store: SqlStore
    ) -> None:
        prices = Prices(np.ones((1, 4)), np.array([2.0]), np.zeros((0, 28)), np.ones((1, 28)))
        names = ((NANTES,), (("A", "S", ""),), (), (KEY,))
        with store.write() as books:
            assert books.plans.kept_prices() is None
            books.plans.keep_prices(KeptPrices(1, MONDAY, *names, replace(prices, cap=np.zeros(1))))
            books.plans.keep_prices(KeptPrices(2, MONDAY, *names, prices))
            found = books.plans.kept_prices()
            assert found is not None
            assert (found.version, found.caps, found.stores, found.rows) == (2, *names[1:])
            assert found.prices.cap.tolist() == [2.0]
            books.plans._connection.execute(update(store.tables.kept_prices).values(prices=b"?"))
            assert books.plans.kept_prices() is None

    def test_the_agencys_list_replaces_the_one_before(self, store: SqlStore) -> None:
        short = SupplyStatus(Availability.SHORTAGE, MONDAY, MONDAY)
        tense = SupplyStatus(Availability.TENSION, None, MONDAY, partly=True)
        with store.write() as books:
            books.supply.put_reports([stock(tablets(), 5.0), stock(antivenom(), 5.0)])
            books.supply.replace_statuses({"ANTIVENOM": short})
            books.supply.replace_statuses({"PARACETAMOL": tense})
        with store.read() as books:
            found = {one.item.item_id: one.status for one in books.supply.all_known()}
            assert found == {"ANTIVENOM": None, "PARACETAMOL": tense}
            assert books.supply.known([KEY])[0].status == tense

    def test_a_request_key_takes_one_plan(self, store: SqlStore) -> None:
        with store.write() as books:
            assert books.plans.add(PLAN)
            assert not books.plans.add(replace(PLAN, plan_id="plan-2"))
            assert books.plans.by_key("k") == PLAN
            other = replace(PLAN, plan_id="plan-3", asked=replace(PLAN.asked, request_key=""))
            assert books.plans.add(other)
            assert books.plans.add(replace(other, plan_id="plan-4"))

    def test_plans_are_listed_newest_first_and_found_unfinished_oldest_first(
        self, store: SqlStore
    ) -> None:
        keyless = replace(PLAN.asked, request_key="")
        plans = [replace(PLAN, plan_id=f"plan-{k}", asked=keyless) for k in range(5)]
        with store.write() as books:
            for plan in plans:
                books.plans.add(plan)
            books.plans.put(replace(plans[1], state=PlanState.FAILED, failure="why"))
            books.plans.put(replace(plans[2], state=PlanState.RUNNING))
            assert books.plans.unfinished() == ["plan-0", "plan-2", "plan-3", "plan-4"]
            first = books.plans.page(None, 2)
            second = books.plans.page(first[-1][0], 10)
        names = [plan.plan_id for _, plan in (*first, *second)]
        assert names == ["plan-4", "plan-3", "plan-2", "plan-1", "plan-0"]

    def test_only_proposed_plans_become_outdated(self, store: SqlStore) -> None:
        keyless = replace(PLAN.asked, request_key="")
        with store.write() as books:
            for state in PlanState:
                books.plans.add(replace(PLAN, plan_id=state.value, asked=keyless, state=state))
            books.plans.outdate_proposed()
            for state in PlanState:
                found = books.plans.get(state.value)
                assert found is not None
                expected = PlanState.OUTDATED if state is PlanState.PROPOSED else state
                assert found.state is expected

    def test_lines_come_in_pages_in_their_order(self, store: SqlStore) -> None:
        lines = [replace(LINE, line_id=f"plan-1-{k:05d}") for k in range(7)]
        out = [NoSuggestion("ITEM", NANTES, "NO_TERMS", "why") for _ in range(3)]
        with store.write() as books:
            books.plans.add(PLAN)
            books.plans.put_lines("plan-1", lines)
            books.plans.put_left_out("plan-1", out)
        with store.read() as books:
            assert books.plans.lines("plan-1", 0, 4) == lines[:4]
            assert books.plans.lines("plan-1", 4, 4) == lines[4:]
            assert books.plans.left_out("plan-1", 1, 9) == out[1:]
            assert books.plans.line("plan-1", "plan-1-00003") == lines[3]
            assert books.plans.line("plan-2", "plan-1-00003") is None

    def test_a_decision_is_kept_with_who_and_why(self, store: SqlStore) -> None:
        verdict = Verdict(LINE.line_id, Decision.CHANGED, 9, DecisionReason.BUDGET)
        changed = replace(
            LINE, decision=Decision.CHANGED, packs=9, quantity_base=90.0, price_eur=180.0
        )
        with store.write() as books:
            books.plans.add(PLAN)
            books.plans.put_lines("plan-1", [LINE])
            assert books.plans.approved_lines("plan-1") == []
            books.plans.put_decisions("plan-1", [(changed, verdict)], "Dr A", MORNING)
            assert books.plans.line("plan-1", LINE.line_id) == changed
            assert books.plans.approved_lines("plan-1") == [changed]

    def test_a_warning_is_active_until_it_is_not(self, store: SqlStore) -> None:
        foreseen = Foreseen(
            *KEY, active=True, probability=0.5, stockout_day=MONDAY, days_of_cover=2
        )
        with store.write() as books:
            assert books.warnings.active([KEY]) == frozenset()
            books.warnings.put(foreseen)
            assert books.warnings.active([KEY, ("ANTIVENOM", NANTES)]) == {KEY}
            books.warnings.put(replace(foreseen, active=False, stockout_day=None))
            assert books.warnings.active([KEY]) == frozenset()

    def test_a_code_names_one_item(self, store: SqlStore) -> None:
        shared = (Code(CodeSystem.LOCAL, "SAME"),)
        with store.write() as books:
            books.catalogue.put_items([replace(tablets(), codes=shared)])
        with pytest.raises(NotNow, match="CODE_TAKEN"), store.write() as books:
            books.catalogue.put_items([replace(antivenom(), codes=shared)])

    def test_nothing_of_a_broken_transaction_stays(self, store: SqlStore) -> None:
        def broken() -> None:
            with store.write() as books:
                books.plans.add(PLAN)
                books.orders.add([ORDER], "plan-1")
                raise RuntimeError("broken")

        with pytest.raises(RuntimeError):
            broken()
        with store.read() as books:
            assert books.plans.get("plan-1") is None
            assert books.orders.count() == 0


def opened(url: str) -> Iterator[Database]:
    database = Database.open(url, clock=FixedClock(MORNING), producer="replenishment")
    database.migrate(str(MIGRATIONS))
    yield database
    database.close()


class TestOnSqlite(StoreSuite):
    @pytest.fixture
    def database(self, tmp_path: Path) -> Iterator[Database]:
        yield from opened(f"sqlite:///{tmp_path}/store.db")


@pytest.mark.real
class TestOnPostgres(StoreSuite):
    @pytest.fixture
    def database(self, real_postgres: Callable[[], str]) -> Iterator[Database]:
        yield from opened(real_postgres())
