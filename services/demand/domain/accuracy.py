"""How good past forecasts were, measured as actuals arrive."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.demand.domain.classes import DemandClass, season_length
from services.demand.domain.forecasts import Forecast
from services.demand.domain.periods import Period, number_of
from services.demand.domain.scoring import SCORED_LEVELS, pinball, scale_of
from services.demand.domain.series import Series

Array = NDArray[np.float64]
SAID = (0.025, *SCORED_LEVELS, 0.975)
# What claims held before they were scored by WQL.
SAID_BEFORE = (0.025, 0.1, 0.5, 0.9, 0.975)
# A period is judged again while movements that come late may still change it: so many of the
# newest ones that are over.
JUDGED_AGAIN: Mapping[Period, int] = {Period.DAY: 7, Period.WEEK: 4, Period.MONTH: 2}
# What was said of single series is kept so long (those of days are many), its sums longer.
CLAIMS_KEPT: Mapping[Period, timedelta] = {
    Period.DAY: timedelta(days=60),
    Period.WEEK: timedelta(days=400),
    Period.MONTH: timedelta(days=400),
}
SUMS_KEPT = timedelta(days=400)


class Claim(NamedTuple):
    """What a run said of the first period that it forecast. Amounts in base units.

    `number` counts the period from 1970; `quantiles` at SAID; `step`: the scale of MASE, the
    mean absolute change from season to season in the history (from period to period where that
    is 0 or no season is known), 0 when nothing ever changed.
    """

    item_id: str
    site_id: str
    period: Period
    number: int
    made_time: datetime
    demand_class: DemandClass
    mean: float
    quantiles: tuple[float, ...]
    step: float


class Place(NamedTuple):
    """What figures are told apart by."""

    site_id: str
    demand_class: DemandClass


class Cell(NamedTuple):
    """What came true is added up by site, class, and period of a grid (counted from 1970)."""

    site_id: str
    demand_class: DemandClass
    period: Period
    number: int


class Sums(NamedTuple):
    """What figures are made of, added up over claims that came true; all of it can be added.

    `excess`: means less actuals; `error`: absolute errors of the median; `scaled`: the same over
    each series' step, of the `moved` claims that have one; `loss`: pinball, mean over the scored
    levels; `score`: normal scores of the actuals among the quantiles that were said.
    """

    actuals: float
    excess: float
    used: float
    error: float
    inside_95: float
    inside_80: float
    below_p90: float
    scaled: float
    moved: float
    loss: float
    score: float


@dataclass(frozen=True, slots=True)
class Figures:
    """Measures over `actuals` periods of series that came true; see GetAccuracy.

    `bias` is not a number when nothing was used, `wql` None then; `scaled` (MASE) None when
    nothing ever changed; `drift` None until two periods of a grid have come true.
    """

    actuals: int
    bias: float
    error: float
    coverage_95: float
    coverage_80: float
    below_p90: float
    scaled: float | None
    drift: float | None
    wql: float | None


def claim_of(forecast: Forecast, values: Array) -> Claim:
    """The claim that a forecast makes for its first period."""
    first = forecast.periods[0]
    curve = [first.quantiles[forecast.levels.index(level)] for level in SAID]
    scale = scale_of(values, season_length(len(values), forecast.period))
    step = scale if np.isfinite(scale) else 0.0
    return Claim(
        forecast.item_id,
        forecast.site_id,
        forecast.period,
        number_of(first.start, forecast.period),
        forecast.made_time,
        forecast.demand_class,
        first.mean,
        tuple(curve),
        step,
    )


def came_true(
    claims: Iterable[Claim], series: Mapping[tuple[str, str], Series]
) -> list[float | None]:
    """What came true of each claim; None while its period is not over or cannot be judged.

    A period in which stock was missing says nothing of the need.
    """
    found: list[float | None] = []
    for claim in claims:
        one = series.get((claim.item_id, claim.site_id))
        actual = None
        if one is not None and one.period is claim.period and one.first <= claim.number < one.end:
            place = claim.number - one.first
            if one.out is None or one.out[place] <= 0:
                actual = float(one.values[place])
        found.append(actual)
    return found


def judged_by(series: Iterable[Series]) -> dict[Period, range]:
    """The periods of each grid that these histories judge, or judge again."""
    ends: dict[Period, int] = {}
    for one in series:
        ends[one.period] = max(ends.get(one.period, one.end), one.end)
    return {period: range(end - JUDGED_AGAIN[period], end) for period, end in ends.items()}


def sums_of(settled: Sequence[tuple[Claim, float]]) -> dict[Cell, Sums]:
    """What came true, added up."""
    if not settled:
        return {}
    actual = np.array([true for _, true in settled])
    mean = np.array([claim.mean for claim, _ in settled])
    curves = np.array([claim.quantiles for claim, _ in settled])
    step = np.array([claim.step for claim, _ in settled])
    said = {level: curves[:, k] for k, level in enumerate(SAID)}
    error, moved = np.abs(actual - said[0.5]), step > 0
    cells: dict[Cell, int] = {}
    where = np.array(
        [
            cells.setdefault(Cell(c.site_id, c.demand_class, c.period, c.number), len(cells))
            for c, _ in settled
        ]
    )
    parts: Mapping[str, Array | NDArray[np.bool_]] = {
        "actuals": np.ones(len(actual)),
        "excess": mean - actual,
        "used": actual,
        "error": error,
        "inside_95": (actual >= said[0.025]) & (actual <= said[0.975]),
        "inside_80": (actual >= said[0.1]) & (actual <= said[0.9]),
        "below_p90": actual <= said[0.9],
        "scaled": np.where(moved, error / np.where(moved, step, 1.0), 0.0),
        "moved": moved,
        "loss": np.mean([pinball(actual, said[level], level) for level in SCORED_LEVELS], axis=0),
        "score": np.array([_score(claim, true) for claim, true in settled]),
    }
    sums = [np.bincount(where, parts[name], len(cells)).tolist() for name in Sums._fields]
    return {
        cell: Sums(*values) for cell, values in zip(cells, zip(*sums, strict=True), strict=True)
    }


def added(parts: Iterable[Sums]) -> Sums:
    """Several sums as one."""
    return Sums(*map(sum, zip(*parts, strict=True)))


def _score(claim: Claim, actual: float) -> float:
    """The normal score of an actual among the quantiles that were said of it."""
    below = np.interp(actual, claim.quantiles, SAID, left=SAID[0] / 2, right=1 - SAID[0] / 2)
    return NormalDist().inv_cdf(float(below))


def figures(cells: Mapping[Cell, Sums]) -> Figures | None:
    """The measures over what came true; None when nothing has."""
    if not cells:
        return None
    told = added(cells.values())
    n, used = told.actuals, told.used
    return Figures(
        actuals=round(n),
        bias=told.excess / used if used else float("nan"),
        error=told.error / n,
        coverage_95=told.inside_95 / n,
        coverage_80=told.inside_80 / n,
        below_p90=told.below_p90 / n,
        scaled=told.scaled / told.moved if told.moved else None,
        drift=_drift(cells),
        wql=told.loss / used if used else None,
    )


def widened(quantiles: Sequence[float]) -> tuple[float, ...]:
    """Quantiles at SAID of a claim that was kept with fewer, on straight lines between them."""
    if len(quantiles) == len(SAID):
        return tuple(quantiles)
    return tuple(np.interp(SAID, SAID_BEFORE, quantiles).tolist())


def _drift(cells: Mapping[Cell, Sums]) -> float | None:
    """Coverage of each grid's newest period less that of the ones before, over all grids."""
    newest: dict[Period, int] = {}
    for cell in cells:
        newest[cell.period] = max(newest.get(cell.period, cell.number), cell.number)
    late = [told for cell, told in cells.items() if cell.number == newest[cell.period]]
    before = [told for cell, told in cells.items() if cell.number != newest[cell.period]]
    if not before:
        return None
    now, then = added(late), added(before)
    return now.inside_95 / now.actuals - then.inside_95 / then.actuals


def by_place(cells: Mapping[Cell, Sums]) -> dict[Place, Figures]:
    """The measures by site and class, those with the most actuals first."""
    grouped: dict[Place, dict[Cell, Sums]] = {}
    for cell, sums in cells.items():
        grouped.setdefault(Place(cell.site_id, cell.demand_class), {})[cell] = sums
    made = {place: told for place, one in grouped.items() if (told := figures(one)) is not None}
    return dict(
        sorted(made.items(), key=lambda part: (-part[1].actuals, part[0].site_id, part[0][1].value))
    )
