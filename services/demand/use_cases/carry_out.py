"""Carry out a forecast run, from where it was left to its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from services.demand.domain.accuracy import (
    CLAIMS_KEPT,
    SUMS_KEPT,
    Claim,
    by_place,
    came_true,
    claim_of,
    judged_by,
)
from services.demand.domain.classes import LONGEST
from services.demand.domain.drivers.signals import (
    Signal,
    call_signals,
    reported_signals,
    too_short,
)
from services.demand.domain.forecasts import Finding, Outcome, kinds_of
from services.demand.domain.grids import periods_for
from services.demand.domain.periods import Period, number_of
from services.demand.domain.runs import Run, RunState
from services.demand.domain.series import Series
from services.demand.ports import Array, History, Models, Part, RunWatch, Store, Workers
from services.demand.use_cases.move_on import MoveOn
from shared.catalogue.codes import Code, CodeSystem
from shared.clock import Clock

# Outcomes of one transaction, and one step of the progress.
STORED_AT_ONCE = 250
# Amounts of histories in one part at most: eight bytes each, several times over.
MOST_CELLS = 8_000_000
# A pool of several parts is taught with so many of its series, and anew after so long.
LEARN_FROM = 2500
RELEARN_AFTER = timedelta(days=7)
# No history that is learnt from is longer.
SIGNALS_KEPT = timedelta(days=LONGEST[Period.MONTH] * 31)

Places = Mapping[tuple[str, str], Series]


@dataclass(frozen=True, slots=True)
class CarryOutRun:
    """Forecasts every series of a run that is not done yet; False when told to stop.

    The series of one grid are forecast together, at most `together` of them (they learn
    from each other; memory sets the bound). Outcomes are stored, told to the world and
    counted as progress in one transaction, so a run that was killed goes on with the parts
    that are missing. A grid of several parts and `teach_from` series or more is taught once
    for all of them; parts of a smaller one choose for themselves. Calendars and signals are
    tried on at most `driven` series of each part.
    """

    store: Store
    history: History
    workers: Workers
    clock: Clock
    watch: RunWatch
    models: Models
    together: int = 20_000
    teach_from: int = 1000
    driven: int = 0

    def __call__(self, run_id: str, stopped: Callable[[], bool]) -> bool:
        with self.store.write() as books:
            run = books.runs.get(run_id)
            if run is None or run.state.ended:
                return True
            books.runs.set_state(run_id, RunState.RUNNING)
            done = books.runs.done_in(run_id)
        self.history.compact()
        if run.order.update:
            return self._move_on(run, done, stopped)
        series = self._described(self.history.series(run.order))
        places = {(one.item_id, one.site_id): one for one in series}
        with self.store.write() as books:
            missing = len(places.keys() - done)
            books.runs.set_series(run_id, missing + len(done), len(done))
        self._measure(places)
        if missing and not self._forecast(run, series, done, stopped):
            return False
        self._end(run, nothing=not series)
        return True

    def _move_on(
        self, run: Run, done: frozenset[tuple[str, str]], stopped: Callable[[], bool]
    ) -> bool:
        def begin(waiting: int) -> None:
            with self.store.write() as books:
                books.runs.set_series(run.run_id, waiting + len(done), len(done))

        nothing = not done
        for outcomes in MoveOn(self.store, self.history)(run, begin, self._measure, stopped):
            nothing = False
            self._keep(run, outcomes, {})
            self.watch.forecast_made(self.clock.now())
        if stopped():
            return False
        self._end(run, nothing=nothing)
        return True

    def _described(self, found: Sequence[Series]) -> list[Series]:
        with self.store.read() as books:
            codes = {Code(CodeSystem.LOCAL, s.item_id) for s in found}
            items = {code.value: item for code, item in books.catalogue.items(codes).items()}
        return [
            s.described(items[s.item_id].item_class, items[s.item_id].packing.base_unit)
            for s in found
            if s.item_id in items
        ]

    def _measure(self, places: Places) -> None:
        """Compares what earlier runs said with what has come true since, period by period."""
        with self.store.read() as books:
            waiting = books.accuracy.to_judge(judged_by(places.values()))
            summed = {(cell.period, cell.number) for cell in books.accuracy.sums("")}
        for period, number in waiting:
            with self.store.read() as books:
                claims = books.accuracy.claims_of(period, number)
            true = came_true([claim for claim, _ in claims], places)
            came = [
                (claim, value)
                for (claim, known), value in zip(claims, true, strict=True)
                if value is not None and value != known
            ]
            if came or (period, number) not in summed:
                with self.store.write() as books:
                    books.accuracy.settle(period, number, came)
        now = self.clock.now()
        with self.store.write() as books:
            for period, kept in CLAIMS_KEPT.items():
                books.accuracy.forget(period, now - kept)
                books.accuracy.forget_sums(period, number_of((now - SUMS_KEPT).date(), period))
            cells = books.accuracy.sums("")
        self.watch.accuracy(by_place(cells))

    def _forecast(
        self,
        run: Run,
        series: Sequence[Series],
        done: frozenset[tuple[str, str]],
        stopped: Callable[[], bool],
    ) -> bool:
        made_time = self.clock.now()
        signals, zones = self._signals(run)
        places = {(one.item_id, one.site_id): one for one in series}
        # parts are the same whatever was done before: what is left of one is learnt with all
        parts = []
        self._note_signals(run, signals, {one.period for one in series if not one.peak})
        for pool in self._pools(run, series, made_time):
            left = [
                replace(part, driven=self.driven, signals=signals, zones=zones)
                for part in pool
                if any((one.item_id, one.site_id) not in done for one in part.series)
            ]
            if left and len(pool) > 1 and sum(len(p.series) for p in pool) >= self.teach_from:
                left = self._taught(pool, left, stopped)
            parts += left
        if stopped():
            return False
        for made in self.workers.forecast(parts, stopped):
            if made.drivers_failed:
                self.watch.drivers_failed(made.drivers_failed)
            fresh = [one for one in made.outcomes if (one.item_id, one.site_id) not in done]
            for start in range(0, len(fresh), STORED_AT_ONCE):
                if start and stopped():
                    return False
                self._keep(run, fresh[start : start + STORED_AT_ONCE], places)
            self.watch.forecast_made(made_time)
        return not stopped()

    def _signals(self, run: Run) -> tuple[tuple[Signal, ...], Mapping[str, str]]:
        """What was known of signals on the day before the run, and school zones by site."""
        if not self.driven:
            return (), {}
        until = run.order.as_of
        with self.store.read() as books:
            calls = books.signals.calls(until - SIGNALS_KEPT, until)
            reported = books.signals.reported(until - SIGNALS_KEPT, until)
            zones = books.catalogue.school_zones()
        return (*call_signals(calls, until), *reported_signals(reported, until)), zones

    def _note_signals(
        self, run: Run, signals: Sequence[Signal], grids: AbstractSet[Period]
    ) -> None:
        words = too_short(signals, grids, run.order.as_of)
        if words:
            with self.store.write() as books:
                books.runs.note(run.run_id, Finding("", "", "SIGNALS_TOO_SHORT", words))

    def _pools(
        self, run: Run, series: Sequence[Series], made_time: datetime
    ) -> Iterator[list[Part]]:
        """The parts of each grid: site by site, at most `together` series in each, fewer when
        their histories are long."""
        order = run.order
        kinds = {(one.period, one.peak) for one in series}
        for period, peak in sorted(kinds, key=lambda kind: (kind[0].value, kind[1])):
            mine = [one for one in series if (one.period, one.peak) == (period, peak)]
            mine.sort(key=lambda one: (one.site_id, one.item_id))
            horizon, lead = order.horizon, order.lead
            if order.auto:
                horizon = periods_for(order.as_of, order.horizon, period)
                lead = periods_for(order.as_of, order.lead, period)
            longest = min(LONGEST[period], max(len(one.values) for one in mine))
            most = max(1, min(self.together, MOST_CELLS // longest))
            count = -(-len(mine) // most)
            size = -(-len(mine) // count)
            yield [
                Part(
                    run.run_id,
                    made_time,
                    horizon,
                    lead,
                    order.target,
                    mine[start : start + size],
                    uniform=count > 1,
                )
                for start in range(0, len(mine), size)
            ]

    def _taught(
        self, pool: Sequence[Part], left: Sequence[Part], stopped: Callable[[], bool]
    ) -> list[Part]:
        """The parts that are left, with the models of their pool: those of the last days, or
        new ones, learnt from a sample of all parts."""
        first = pool[0]
        question = (
            f"{first.series[0].period.value}-{first.horizon}-{first.lead}-{first.target.value}"
        )
        bundle = self.models.newest(question, first.made_time - RELEARN_AFTER)
        if not bundle:
            everyone = [one for part in pool for one in part.series]
            step = -(-len(everyone) // LEARN_FROM)
            sample = replace(first, series=everyone[::step])
            bundle = self.workers.teach(sample, self.models.place(question), stopped)
        return [replace(part, bundle=bundle) for part in left]

    def _keep(self, run: Run, outcomes: Sequence[Outcome], places: Places) -> None:
        claims: list[Claim] = [
            claim_of(one.forecast, _history(places.get((one.item_id, one.site_id))))
            for one in outcomes
            if one.forecast is not None
        ]
        with self.store.write() as books:
            books.forecasts.put([o.forecast for o in outcomes if o.forecast is not None])
            books.accuracy.claim(claims)
            books.runs.advance(run.run_id, outcomes)
        self.watch.series(kinds_of(outcomes))

    def _end(self, run: Run, *, nothing: bool) -> None:
        now = self.clock.now()
        with self.store.write() as books:
            if nothing:
                books.runs.note(
                    run.run_id,
                    Finding(
                        "",
                        "",
                        "NO_SERIES",
                        "No movement of the sites and items asked for lies in a period that is "
                        "over: nothing was forecast or moved on.",
                    ),
                )
            books.runs.set_state(run.run_id, RunState.DONE, end_time=now)
        # a simulated clock starts again with the process
        seconds = max(0.0, (now - run.start_time).total_seconds())
        self.watch.run_ended(RunState.DONE, seconds)


def _history(one: Series | None) -> Array:
    """What a claim is scaled by: nothing is known of it when nothing was learnt."""
    return np.zeros(0) if one is None else one.values
