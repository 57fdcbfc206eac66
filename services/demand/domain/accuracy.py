"""How good past forecasts were, measured as actuals arrive."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
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


def figures(settled: Sequence[tuple[Claim, float]]) -> Figures | None:
    """The measures over what came true; None when nothing has."""
    if not settled:
        return None
    actual = np.array([true for _, true in settled])
    mean = np.array([claim.mean for claim, _ in settled])
    curves = np.array([claim.quantiles for claim, _ in settled])
    step = np.array([claim.step for claim, _ in settled])
    said = {level: curves[:, k] for k, level in enumerate(SAID)}
    error = np.abs(actual - said[0.5])
    inside = (actual >= said[0.025]) & (actual <= said[0.975])
    used = float(actual.sum())
    moved = step > 0
    return Figures(
        actuals=len(settled),
        bias=float((mean - actual).sum() / used) if used else float("nan"),
        error=float(error.mean()),
        coverage_95=float(inside.mean()),
        coverage_80=float(((actual >= said[0.1]) & (actual <= said[0.9])).mean()),
        below_p90=float((actual <= said[0.9]).mean()),
        scaled=float((error[moved] / step[moved]).mean()) if moved.any() else None,
        drift=_drift(settled, inside),
        wql=_wql(actual, said),
    )


def widened(quantiles: Sequence[float]) -> tuple[float, ...]:
    """Quantiles at SAID of a claim that was kept with fewer, on straight lines between them."""
    if len(quantiles) == len(SAID):
        return tuple(quantiles)
    return tuple(np.interp(SAID, SAID_BEFORE, quantiles).tolist())


def _wql(actual: Array, said: Mapping[float, Array]) -> float | None:
    total = float(np.abs(actual).sum())
    losses = [float(pinball(actual, said[level], level).sum()) for level in SCORED_LEVELS]
    return float(np.mean(losses)) / total if total > 0 else None


def _drift(settled: Sequence[tuple[Claim, float]], inside: NDArray[np.bool_]) -> float | None:
    """Coverage of each grid's newest period less that of the ones before, over all grids."""
    newest: dict[Period, int] = {}
    for claim, _ in settled:
        newest[claim.period] = max(newest.get(claim.period, claim.number), claim.number)
    late = np.array([claim.number == newest[claim.period] for claim, _ in settled])
    if late.all():
        return None
    return float(inside[late].mean() - inside[~late].mean())


def by_place(settled: Iterable[tuple[Claim, float]]) -> dict[Place, Figures]:
    """The measures by site and class, those with the most actuals first."""
    grouped: dict[Place, list[tuple[Claim, float]]] = {}
    for claim, true in settled:
        grouped.setdefault(Place(claim.site_id, claim.demand_class), []).append((claim, true))
    made = {place: told for place, one in grouped.items() if (told := figures(one)) is not None}
    return dict(
        sorted(made.items(), key=lambda part: (-part[1].actuals, part[0].site_id, part[0][1].value))
    )
