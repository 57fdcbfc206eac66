"""Move the newest forecasts on by what was used since they were made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from services.demand.domain.forecasts import Finding, Forecast, Outcome
from services.demand.domain.moving import moved, used_in
from services.demand.domain.periods import EPOCH, Period, number_of, start_of
from services.demand.domain.runs import Run, RunOrder
from services.demand.domain.series import Series
from services.demand.ports import History, Store
from services.demand.use_cases.read import every

STORED_AT_ONCE = 1000
Place = tuple[str, str]  # item, site


class Passed(NamedTuple):
    """Number of a forecast's first period, and how many of its periods are over and reported."""

    first: int
    periods: int


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
        waiting: dict[Period, dict[Place, Passed]] = {period: {} for period in Period}
        ends: dict[Period, Mapping[str, int]] = {}
        with self.store.read() as books:
            for one in every(books, run.order.site_ids, run.order.item_ids):
                if not (run.order.auto or one.period is run.order.period):
                    continue
                if one.period not in ends:
                    ends[one.period] = self.history.ends(_on(run, one.period))
                passed = _passed(run, one, ends[one.period])
                if passed.periods > 0:
                    waiting[one.period][one.item_id, one.site_id] = passed
        begin(sum(map(len, waiting.values())))
        for period, mine in waiting.items():
            if mine:
                used = self._used(run, period, mine)
                seen(used)
                yield from self._moved(run, mine, used, stopped)

    def _used(self, run: Run, period: Period, mine: Mapping[Place, Passed]) -> dict[Place, Series]:
        """What was used of each since; nothing of an item that was not moved, and whose shelf
        nobody said was empty."""
        since = start_of(min(passed.first for passed in mine.values()), period)
        series = self.history.series(_on(run, period), (since - EPOCH).days)
        found = {(one.item_id, one.site_id): one for one in series}
        return {
            place: found.get(place)
            or Series(*place, period, passed.first, np.zeros(passed.periods))
            for place, passed in mine.items()
        }

    def _moved(
        self,
        run: Run,
        mine: Mapping[Place, Passed],
        used: Mapping[Place, Series],
        stopped: Callable[[], bool],
    ) -> Iterator[Sequence[Outcome]]:
        """Some at a time: the forecasts of a whole group do not fit into memory."""
        places = sorted(mine, key=lambda place: (place[1], place[0]))
        for start in range(0, len(places), STORED_AT_ONCE):
            if stopped():
                return
            with self.store.read() as books:
                found = [
                    (place, books.forecasts.newest(place[1], place[0]))
                    for place in places[start : start + STORED_AT_ONCE]
                ]
            yield [
                _outcome(one, mine[place].periods, used[place], run.run_id)
                for place, one in found
                if one is not None
            ]


def _on(run: Run, period: Period) -> RunOrder:
    return replace(run.order, period=period, auto=False)


def _passed(run: Run, one: Forecast, ends: Mapping[str, int]) -> Passed:
    """None for one that this run has moved."""
    first = number_of(one.periods[0].start, one.period)
    if one.run_id == run.run_id:
        return Passed(first, 0)
    return Passed(first, ends.get(one.site_id, first) - first)


def _outcome(one: Forecast, passed: int, used: Series, run_id: str) -> Outcome:
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
