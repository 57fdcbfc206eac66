"""Move the newest forecasts on by what was used since they were made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from services.demand.domain.forecasts import Finding, Forecast, Outcome
from services.demand.domain.moving import moved, used_in
from services.demand.domain.periods import EPOCH, Period, number_of
from services.demand.domain.runs import Run
from services.demand.domain.series import Series
from services.demand.ports import History, Store

STORED_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class MoveOn:
    """Outcomes of a run that learns nothing, some at a time.

    The stored state is the forecast itself; only movements since its first period are read.
    A forecast of which no period has passed, or that this run moved before it was
    interrupted, is left as it is.
    """

    store: Store
    history: History

    def __call__(
        self,
        run: Run,
        begin: Callable[[int], None],
        seen: Callable[[Mapping[tuple[str, str], Series]], None],
        stopped: Callable[[], bool],
    ) -> Iterator[Sequence[Outcome]]:
        """`begin` is told how many forecasts there are to move, before the first outcome; `seen`
        what was used since each was made, grid by grid."""
        with self.store.read() as books:
            found = [
                forecast
                for forecast in books.forecasts.some(run.order.site_ids, run.order.item_ids)
                if run.order.auto or forecast.period is run.order.period
            ]
        waiting = [(one, passed) for one, passed in self._passed(run, found) if passed > 0]
        begin(len(waiting))
        for period in Period:
            mine = [(one, passed) for one, passed in waiting if one.period is period]
            if not mine:
                continue
            used = self._used(run, period, [one for one, _ in mine])
            seen(
                {
                    (one.item_id, one.site_id): used.get((one.item_id, one.site_id))
                    or _nothing_used(one, passed)
                    for one, passed in mine
                }
            )
            for start in range(0, len(mine), STORED_AT_ONCE):
                if stopped():
                    return
                yield [
                    _outcome(one, passed, used.get((one.item_id, one.site_id)), run.run_id)
                    for one, passed in mine[start : start + STORED_AT_ONCE]
                ]

    def _passed(self, run: Run, found: Sequence[Forecast]) -> Iterator[tuple[Forecast, int]]:
        """How many of each forecast's periods are over and reported."""
        ends = {
            period: self.history.ends(replace(run.order, period=period, auto=False))
            for period in {one.period for one in found}
        }
        for one in found:
            if one.run_id != run.run_id:
                first = number_of(one.periods[0].start, one.period)
                yield one, ends[one.period].get(one.site_id, first) - first

    def _used(
        self, run: Run, period: Period, found: Sequence[Forecast]
    ) -> Mapping[tuple[str, str], Series]:
        since = min(one.periods[0].start for one in found)
        order = replace(run.order, period=period, auto=False)
        series = self.history.series(order, (since - EPOCH).days)
        return {(one.item_id, one.site_id): one for one in series}


def _nothing_used(one: Forecast, passed: int) -> Series:
    """Of an item that was not moved since, and whose shelf nobody said was empty."""
    first = number_of(one.periods[0].start, one.period)
    return Series(one.item_id, one.site_id, one.period, first, np.zeros(passed))


def _outcome(one: Forecast, passed: int, used: Series | None, run_id: str) -> Outcome:
    after = moved(one, passed, used_in(one, passed, used), run_id)
    finding = None
    if after is None:
        finding = Finding(
            one.item_id,
            one.site_id,
            "FORECAST_ENDED",
            "Every period of the newest forecast has passed, so there is nothing to move on. "
            "Start a run that learns anew.",
        )
    return Outcome(one.item_id, one.site_id, after, finding)
