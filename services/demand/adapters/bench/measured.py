"""Runs the engines on generated series and says what they cost, in CPU seconds and memory."""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import numpy as np
from threadpoolctl import (  # type: ignore[import-untyped]  # no types are published
    threadpool_limits,
)

from larrey.demand.v1 import demand_pb2
from services.demand.adapters.bench.generated import (
    MADE,
    daily_part,
    daily_parts,
    monthly_part,
)
from services.demand.adapters.engines.gp_panel import calendar, engine
from services.demand.adapters.engines.gp_panel.matrices import Warm
from services.demand.adapters.engines.gp_panel.panel import Panel
from services.demand.adapters.engines.wiring import make_part, teach
from services.demand.domain.moving import moved
from services.demand.domain.quantiles import LEVELS
from services.demand.domain.series import Series
from services.demand.domain.totals import PRIOR_CORRELATION
from services.demand.ports import Part
from services.demand.use_cases.totals import Summed
from services.demand.wire.forecasts import forecast_from_wire, forecast_to_wire

HORIZON, LEAD = 28, 7
PART = 10_000
LEARN_FROM = 2500
REPEATS = 9
# Forecasts added up to see what a total costs.
TOTALLED = 1000


@dataclass(frozen=True, slots=True)
class Cost:
    """What one number of series took. CPU seconds; `peak_rss_mib` of the whole process so far.

    `teach`: learning the models of the pool, once a week; `nightly`: forecasts of all series
    as they are stored; `update`: the same, moved on by a day without learning; `total_ms`: of one
    series in a total of stored forecasts, milliseconds.
    """

    series: int
    teach: float
    nightly: float
    update: float
    peak_rss_mib: float
    forecasts: int
    refused: int
    total_ms: float

    @property
    def night(self) -> float:
        """A night on which the models are learnt anew as well."""
        return self.teach + self.nightly


def cost(count: int, step: Callable[[int], None]) -> Cost:
    """The nightly run of `count` daily series of 730 days, part by part, and a daily update.

    Making the series is not counted. Each forecast is turned into the bytes that the store
    keeps; the store itself is not part of it.
    """
    sample = replace(daily_part(0, 1, HORIZON, LEAD), series=_sample(count))
    with tempfile.TemporaryDirectory(prefix="larrey-bench-") as folder:
        begin = time.process_time()
        bundle = teach(sample, str(Path(folder)))
        taught = time.process_time() - begin
        step(0)
        nightly = update = total_ms = 0.0
        forecasts = refused = 0
        for part in daily_parts(count, PART, HORIZON, LEAD):
            begin = time.process_time()
            kept = _stored(replace(part, bundle=bundle))
            nightly += time.process_time() - begin
            forecasts += len(kept)
            refused += len(part.series) - len(kept)
            begin = time.process_time()
            _moved_on(kept)
            update += time.process_time() - begin
            total_ms = total_ms or _totalled(kept[:TOTALLED])
            step(len(part.series))
    return Cost(count, taught, nightly, update, _peak(), forecasts, refused, total_ms)


def _sample(count: int) -> list[Series]:
    stride = max(1, -(-count // LEARN_FROM))
    return [daily_part(number, 1, HORIZON, LEAD).series[0] for number in range(0, count, stride)]


def _stored(part: Part) -> list[bytes]:
    return [
        forecast_to_wire(one.forecast).SerializeToString(deterministic=True)
        for one in make_part(part).outcomes
        if one.forecast is not None
    ]


def _moved_on(kept: Sequence[bytes]) -> None:
    """A day passes: each forecast is read, moved on by what was used, and written again."""
    draws = np.random.default_rng(1).random(len(kept))
    for message, draw in zip(kept, draws, strict=True):
        forecast = forecast_from_wire(demand_pb2.Forecast.FromString(message))
        used = round(2 * draw * forecast.periods[0].mean)
        after = moved(forecast, 1, used, "bench-update")
        if after is None:
            raise RuntimeError("a forecast of 28 days ended after one")
        forecast_to_wire(after).SerializeToString(deterministic=True)


def _totalled(kept: Sequence[bytes]) -> float:
    """CPU milliseconds a series of reading these forecasts and adding up their draws."""
    begin = time.process_time()
    total = Summed("", PRIOR_CORRELATION)
    for message in kept:
        total.add(forecast_from_wire(demand_pb2.Forecast.FromString(message)), {})
    if total.told(0).series != len(kept):
        raise RuntimeError("a total left a series out")
    return 1000 * (time.process_time() - begin) / len(kept)


def panel_cost(count: int) -> float:
    """CPU seconds of a panel of smooth monthly series, a year ahead, as the panel engine."""
    part = monthly_part(count, 12, 3)
    with _one_thread():
        begin = time.process_time()
        engine.forecast(_monthly(part), 12, LEVELS, lead_time=3)
        return time.process_time() - begin


def item_costs() -> Mapping[str, float]:
    """CPU milliseconds of one monthly item: fresh with warm matrices, and from its stored
    forecast moved on by a month. Medians."""
    part = monthly_part(REPEATS + 1, 12, 3)
    warm = Warm()
    fresh, kept = [], []
    with _one_thread():
        for one in part.series:
            alone = _monthly(replace(part, series=[one]))
            begin = time.process_time()
            engine.forecast(alone, 12, LEVELS, lead_time=3, warm=warm)
            fresh.append(time.process_time() - begin)
    for message in _stored(replace(part, series=part.series)):
        begin = time.process_time()
        forecast = forecast_from_wire(demand_pb2.Forecast.FromString(message))
        after = moved(forecast, 1, forecast.periods[0].mean, "bench")
        if after is None:
            raise RuntimeError("a forecast of a year ended after a month")
        forecast_to_wire(after).SerializeToString(deterministic=True)
        kept.append(time.process_time() - begin)
    # the first one made the matrices
    return {"fresh_ms": 1000 * median(fresh[1:]), "stored_ms": 1000 * median(kept[1:])}


def _monthly(part: Part) -> Panel:
    length = len(part.series[0].values)
    first = np.datetime64(MADE.date(), "M") - length
    start = first.astype("datetime64[D]").item()
    known = calendar.candidates(start, length + part.horizon, "MS")
    kind = min(known, key=lambda one: one.value)
    return Panel(
        values=[one.values for one in part.series],
        season=12,
        calendar=known[kind],
        years=calendar.years(start, length + part.horizon, "MS"),
    )


@contextmanager
def _one_thread() -> Iterator[None]:
    with threadpool_limits(1):
        yield


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
