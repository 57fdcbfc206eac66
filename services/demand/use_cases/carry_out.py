"""Carry out a forecast run, from where it was left to its end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from services.demand.domain.classes import DemandClass, profile
from services.demand.domain.forecasts import Finding, chunks_by_cost
from services.demand.domain.newcomers import learn
from services.demand.domain.residuals import Pool, ScaledErrors
from services.demand.domain.runs import Run, RunState
from services.demand.domain.series import Series
from services.demand.ports import History, Panel, Store, Watch, Workers
from services.demand.use_cases.make import cost_of
from shared.catalogue.codes import Code, CodeSystem
from shared.clock import Clock

# One chunk is one transaction and one step of the progress: about half a second.
CHUNK_COST = 12.0
BACKTEST_CHUNK = 500


@dataclass(frozen=True, slots=True)
class CarryOutRun:
    """Forecasts every series of a run that is not done yet; False when told to stop.

    Each chunk is stored, told to the world and counted as progress in one transaction,
    so a run that was killed goes on with the first series that is missing.
    """

    store: Store
    history: History
    workers: Workers
    clock: Clock
    watch: Watch

    def __call__(self, run_id: str, stopped: Callable[[], bool]) -> bool:
        with self.store.write() as books:
            run = books.runs.get(run_id)
            if run is None or run.state.ended:
                return True
            books.runs.set_state(run_id, RunState.RUNNING)
            done = books.runs.done_in(run_id)
        self.history.compact()
        series = self._described(self.history.series(run.order))
        missing = [s for s in series if (s.item_id, s.site_id) not in done]
        with self.store.write() as books:
            books.runs.set_series(run_id, len(missing) + len(done), len(done))
        if missing and not self._forecast(run, series, missing, stopped):
            return False
        self._end(run, nothing=not series)
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

    def _forecast(
        self,
        run: Run,
        series: Sequence[Series],
        missing: Sequence[Series],
        stopped: Callable[[], bool],
    ) -> bool:
        errors: list[ScaledErrors] = []
        parts = [series[i : i + BACKTEST_CHUNK] for i in range(0, len(series), BACKTEST_CHUNK)]
        for found in self.workers.backtest(parts, run.order.horizon, stopped):
            errors.extend(found)
        if stopped():
            return False
        judged = [
            (s.item_class, s.values)
            for s in series
            if profile(s.values, s.period).demand_class is not DemandClass.NEW
        ]
        panel = Panel(run.run_id, run.order.horizon, self.clock.now(), Pool(errors), learn(judged))
        chunks = [
            [missing[place] for place in places]
            for places in chunks_by_cost([cost_of(s) for s in missing], CHUNK_COST)
        ]
        for outcomes in self.workers.forecast(chunks, panel, stopped):
            with self.store.write() as books:
                books.forecasts.put([o.forecast for o in outcomes if o.forecast is not None])
                books.runs.advance(run.run_id, outcomes)
            self.watch.series(outcomes)
            self.watch.forecast_made(panel.made_time)
        return not stopped()

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
                        "over: nothing was forecast.",
                    ),
                )
            books.runs.set_state(run.run_id, RunState.DONE, end_time=now)
        # a simulated clock starts again with the process
        seconds = max(0.0, (now - run.start_time).total_seconds())
        self.watch.run_ended(RunState.DONE, seconds)
