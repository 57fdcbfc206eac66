"""Runs as resources: started once per key, resumed without doing anything twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

import numpy as np
import pytest

from services.demand.domain.drivers.signals import Reported
from services.demand.domain.periods import Period
from services.demand.domain.runs import RunOrder, RunState
from services.demand.domain.series import Series
from services.demand.ports import Part, PartMade
from services.demand.tests.memory import Counts, MemoryStore
from services.demand.tests.situations import MONDAY, NANTES, a_steady_item, movement, site, tablets
from services.demand.tests.unit.test_making import maker
from services.demand.use_cases.accuracy import ReadAccuracy
from services.demand.use_cases.carry_out import CarryOutRun
from services.demand.use_cases.runs import Question, ReadRun, StartRun
from shared.clock import FixedClock
from shared.errors import Malformed, Missing, NotNow

ITEMS = [f"ITEM-{n:02}" for n in range(30)]


@dataclass
class HereAndNow:
    """Workers that work in this very thread, and remember what they were given."""

    seen: list[str] = field(default_factory=list)
    parts: list[int] = field(default_factory=list)
    taught: list[int] = field(default_factory=list)
    bundles: set[str] = field(default_factory=set)
    signals: set[str] = field(default_factory=set)
    zones: dict[str, str] = field(default_factory=dict)

    def forecast(self, parts: Sequence[Part], stopped: Callable[[], bool]) -> Iterator[PartMade]:
        for part in parts:
            if stopped():
                return
            self.parts.append(len(part.series))
            self.bundles.add(part.bundle)
            self.signals |= {one.name for one in part.signals}
            self.zones |= part.zones
            self.seen.extend(series.item_id for series in part.series)
            yield maker()(part)

    def teach(self, sample: Part, folder: str, stopped: Callable[[], bool]) -> str:
        self.taught.append(len(sample.series))
        return folder


@dataclass
class NoModels:
    """No bundle was ever learnt; remembers the questions."""

    asked: list[str] = field(default_factory=list)

    def place(self, question: str) -> str:
        return f"models/{question}"

    def newest(self, question: str, not_before: datetime) -> str:
        self.asked.append(question)
        return ""


@dataclass
class FixedHistory:
    found: list[Series]

    def compact(self) -> int:
        return 0

    def ends(self, order: RunOrder) -> dict[str, int]:
        return {s.site_id: s.end for s in self.found}

    def series(self, order: RunOrder, since: int | None = None) -> list[Series]:
        return [s for s in self.found if not order.item_ids or s.item_id in order.item_ids]

    def ward_use(
        self, site_id: str, item_ids: Sequence[str], since: int
    ) -> dict[str, dict[str, float]]:
        return {}


@dataclass
class World:
    store: MemoryStore
    workers: HereAndNow
    watch: Counts
    start: StartRun
    carry_out: CarryOutRun
    woken: list[int]


@pytest.fixture
def thirty_items() -> World:
    store, watch, workers, woken = MemoryStore(), Counts(), HereAndNow(), []
    clock = FixedClock(MONDAY)
    store.books.catalogue.put_sites([site()])
    store.books.catalogue.put_items([tablets(item_id) for item_id in ITEMS])
    store.books.movements.add([movement()])
    base = a_steady_item()
    history = FixedHistory(
        [Series(i, NANTES, Period.MONTH, base.first, base.values) for i in ITEMS]
    )
    numbers = iter(range(100))
    start = StartRun(
        store, clock, "Europe/Paris", lambda: woken.append(1), lambda: f"run-{next(numbers)}"
    )
    return World(
        store,
        workers,
        watch,
        start,
        CarryOutRun(store, history, workers, clock, watch, NoModels(), 10, 30),
        woken,
    )


def _start(world: World, key: str = "", horizon: int = 3, **more: Any) -> str:
    return world.start(Question(Period.MONTH, horizon, **more), key).run_id


def test_a_run_is_remembered_as_asked_and_the_job_is_woken(thirty_items: World) -> None:
    run_id = _start(thirty_items, sites=("440000008",), item_ids=("ITEM-01",))
    run = ReadRun(thirty_items.store)(run_id)
    assert run.state is RunState.WAITING
    assert run.order == RunOrder(Period.MONTH, 3, date(2026, 1, 5), (NANTES,), ("ITEM-01",))
    assert thirty_items.woken


def test_the_same_key_starts_the_same_run_once(thirty_items: World) -> None:
    assert _start(thirty_items, "nightly") == _start(thirty_items, "nightly")
    assert _start(thirty_items) != _start(thirty_items)


def test_a_key_cannot_be_used_for_another_question(thirty_items: World) -> None:
    _start(thirty_items, "nightly")
    with pytest.raises(NotNow) as refused:
        _start(thirty_items, "nightly", horizon=4)
    assert refused.value.reason == "REQUEST_KEY_TAKEN"


def test_without_any_movement_there_is_nothing_to_forecast(thirty_items: World) -> None:
    thirty_items.store.books.movements.known.clear()
    with pytest.raises(NotNow) as refused:
        _start(thirty_items)
    assert refused.value.reason == "NO_HISTORY"


@pytest.mark.parametrize(
    ("asked", "reason", "field"),
    [
        ({"sites": ("440000008", "490000007")}, "SITE_UNKNOWN", "site_ids[1]"),
        ({"item_ids": ("ITEM-00", "NOBODY")}, "ITEM_UNKNOWN", "item_ids[1]"),
    ],
)
def test_an_unknown_site_or_item_is_named_by_its_place(
    thirty_items: World, asked: dict[str, Any], reason: str, field: str
) -> None:
    with pytest.raises(Missing) as refused:
        _start(thirty_items, **asked)
    assert (refused.value.reason, refused.value.field) == (reason, field)


@pytest.mark.parametrize(
    ("key", "item_id", "field"),
    [("a\x00b", "ITEM-00", "request_key"), ("", "A\x00", "item_ids[0]")],
)
def test_what_no_database_can_hold_is_malformed(
    thirty_items: World, key: str, item_id: str, field: str
) -> None:
    with pytest.raises(Malformed) as refused:
        _start(thirty_items, key, item_ids=(item_id,))
    assert refused.value.field == field


@pytest.mark.parametrize("run_id", ["run-404", "run\x00"])
def test_an_unknown_run_is_missing(thirty_items: World, run_id: str) -> None:
    with pytest.raises(Missing) as refused:
        ReadRun(thirty_items.store)(run_id)
    assert refused.value.reason == "RUN_MISSING"


def test_a_run_forecasts_every_series_and_ends(thirty_items: World) -> None:
    run_id = _start(thirty_items)
    assert thirty_items.carry_out(run_id, lambda: False)
    run = ReadRun(thirty_items.store)(run_id)
    assert (run.state, run.series, run.series_done) == (RunState.DONE, 30, 30)
    assert len(thirty_items.store.books.forecasts.newest_by_place) == 30
    assert thirty_items.watch.ended == [RunState.DONE]


def test_series_are_forecast_together_as_far_as_memory_allows(thirty_items: World) -> None:
    thirty_items.carry_out(_start(thirty_items), lambda: False)
    assert thirty_items.workers.parts == [10, 10, 10]


def test_a_pool_of_several_parts_is_taught_once_for_all_of_them(thirty_items: World) -> None:
    thirty_items.carry_out(_start(thirty_items), lambda: False)
    assert thirty_items.workers.taught == [30]
    assert thirty_items.workers.bundles == {"models/MONTH-3-0-demand"}


def test_a_lead_time_longer_than_the_horizon_is_malformed(thirty_items: World) -> None:
    with pytest.raises(Malformed) as refused:
        _start(thirty_items, lead=4)
    assert (refused.value.reason, refused.value.field) == ("LEAD_TIME_OUT_OF_RANGE", "lead_time")


def test_the_next_run_measures_what_the_last_one_said(thirty_items: World) -> None:
    thirty_items.carry_out(_start(thirty_items), lambda: False)
    assert thirty_items.watch.figures == {}
    history: Any = thirty_items.carry_out.history
    history.found = [replace(s, values=np.append(s.values, 100.0)) for s in history.found]
    thirty_items.carry_out(_start(thirty_items), lambda: False)
    [told] = thirty_items.watch.figures.values()
    assert told.actuals == 30
    whole, _ = ReadAccuracy(thirty_items.store)("", "ITEM-01")
    assert whole is not None
    assert whole.actuals == 1


def test_an_update_moves_forecasts_on_and_learns_nothing(thirty_items: World) -> None:
    thirty_items.carry_out(_start(thirty_items), lambda: False)
    forecasts = thirty_items.store.books.forecasts
    before = forecasts.newest(NANTES, "ITEM-01")
    history: Any = thirty_items.carry_out.history
    history.found = [replace(s, values=np.append(s.values, 500.0)) for s in history.found]
    learnt = len(thirty_items.workers.parts)
    run_id = _start(thirty_items, update=True)
    assert thirty_items.carry_out(run_id, lambda: False)
    after = forecasts.newest(NANTES, "ITEM-01")
    assert before is not None
    assert after is not None
    assert len(thirty_items.workers.parts) == learnt
    assert [p.start for p in after.periods] == [p.start for p in before.periods[1:]]
    assert after.periods[0].mean > before.periods[1].mean
    run = ReadRun(thirty_items.store)(run_id)
    assert (run.state, run.series, run.series_done) == (RunState.DONE, 30, 30)


def test_an_update_measures_what_came_true_also_of_what_nobody_used(thirty_items: World) -> None:
    thirty_items.carry_out(_start(thirty_items), lambda: False)
    history: Any = thirty_items.carry_out.history
    used, rest = history.found[:10], history.found[10:]
    assert len(rest) == 20
    history.found = [replace(s, values=np.append(s.values, 40.0)) for s in used]
    assert thirty_items.carry_out(_start(thirty_items, update=True), lambda: False)
    told, _ = ReadAccuracy(thirty_items.store)("", "")
    assert told is not None
    assert told.actuals == 30
    # ten used 40 and twenty nothing, where some 45 were foreseen of each
    assert told.bias > 1


def test_an_update_that_finds_nothing_to_move_says_so(thirty_items: World) -> None:
    run_id = _start(thirty_items, update=True)
    thirty_items.carry_out(run_id, lambda: False)
    assert [f.reason for f in ReadRun(thirty_items.store)(run_id).findings] == ["NO_SERIES"]


def test_a_forecast_whose_periods_have_all_passed_is_a_finding(thirty_items: World) -> None:
    thirty_items.carry_out(_start(thirty_items), lambda: False)
    history: Any = thirty_items.carry_out.history
    history.found = [replace(s, values=np.append(s.values, [1.0] * 3)) for s in history.found]
    run_id = _start(thirty_items, update=True)
    thirty_items.carry_out(run_id, lambda: False)
    findings = ReadRun(thirty_items.store)(run_id).findings
    assert {f.reason for f in findings} == {"FORECAST_ENDED"}


def test_a_run_that_was_stopped_goes_on_with_the_series_that_are_missing(
    thirty_items: World,
) -> None:
    run_id = _start(thirty_items)
    finished = thirty_items.carry_out(run_id, lambda: len(thirty_items.workers.seen) > 10)
    done = len(thirty_items.store.books.forecasts.newest_by_place)
    assert not finished
    assert 0 < done < 30
    assert ReadRun(thirty_items.store)(run_id).series_done == done
    assert thirty_items.carry_out(run_id, lambda: False)
    assert sorted(thirty_items.workers.seen) == ITEMS
    assert ReadRun(thirty_items.store)(run_id).series_done == 30


def test_a_run_that_ended_is_not_carried_out_again(thirty_items: World) -> None:
    run_id = _start(thirty_items)
    thirty_items.carry_out(run_id, lambda: False)
    thirty_items.carry_out(run_id, lambda: False)
    assert len(thirty_items.workers.seen) == 30


def test_a_failed_run_goes_on_when_its_key_is_sent_again(thirty_items: World) -> None:
    run_id = _start(thirty_items, "nightly")
    thirty_items.store.books.runs.set_state(run_id, RunState.FAILED, failure="away")
    assert _start(thirty_items, "nightly") == run_id
    assert ReadRun(thirty_items.store)(run_id).state is RunState.WAITING


def test_a_run_without_series_says_so_rather_than_end_in_silence(thirty_items: World) -> None:
    thirty_items.store.books.catalogue.put_items([tablets("UNUSED")])
    run_id = _start(thirty_items, item_ids=("UNUSED",))
    thirty_items.carry_out(run_id, lambda: False)
    run = ReadRun(thirty_items.store)(run_id)
    assert run.state is RunState.DONE
    assert [finding.reason for finding in run.findings] == ["NO_SERIES"]


def test_a_run_hands_on_what_was_known_of_signals_the_day_before(thirty_items: World) -> None:
    books = thirty_items.store.books
    books.catalogue.put_sites([site()])
    yesterday, tomorrow = date(2026, 1, 4), date(2026, 1, 6)
    books.signals.count(yesterday, "cardiac", 3)
    books.signals.count(tomorrow, "trauma", 3)
    books.signals.put_reported([Reported("acts", yesterday, 1), Reported("late", tomorrow, 1)])
    run_id = _start(thirty_items)
    assert replace(thirty_items.carry_out, driven=50)(run_id, lambda: False)
    assert thirty_items.workers.signals == {"calls cardiac", "acts"}
    assert thirty_items.workers.zones == {NANTES: "B"}
    [said] = ReadRun(thirty_items.store)(run_id).findings
    assert (said.reason, said.series) == ("SIGNALS_TOO_SHORT", "")
    assert "By month: calls cardiac (0), acts (0)." in said.message


def test_a_run_that_tries_no_drivers_hands_on_no_signals(thirty_items: World) -> None:
    thirty_items.store.books.signals.count(date(2026, 1, 4), "cardiac", 3)
    assert thirty_items.carry_out(_start(thirty_items), lambda: False)
    assert not thirty_items.workers.signals
