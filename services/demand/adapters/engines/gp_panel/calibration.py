"""Stated widths against what came true at earlier origins of the same panel."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import stdtrit

from services.demand.adapters.engines.gp_panel import lead_sum
from services.demand.adapters.engines.gp_panel.core import Latent
from services.demand.adapters.engines.gp_panel.marginals import CORE, TAIL, student_scale
from services.demand.adapters.engines.gp_panel.panel import Array, Options, Panel, Widths
from services.demand.adapters.engines.gp_panel.power import to_latent

NARROWEST, WIDEST = 0.6, 2.0
"""One origin never says more than this."""
NARROWEST_KEPT = 0.85
"""Nor do all of them together narrow the periods' intervals further than this."""
ORIGINS = 4
FORGETTING = 0.7
"""Each origin, half a horizon older than the one before, counts for less."""
SAMPLE = 400
"""Series asked at most, evenly over the levels: their errors are alike."""
UNSEEN_CORE, UNSEEN_TAIL = 0.05, 0.09
"""Each origin that is missing widens by so much: a panel that has seen few years has not seen
how its common level jumps (new codes, new contracts), so its widths promise too much."""
ENOUGH_SEASONS = 2
ENOUGH_NEW_YEARS = 3
BEYOND_NEW_YEAR = (1.2, 1.35)
"""Widths, at least, after a New Year when fewer were seen: codes and contracts change in some
years and not in others, and two quiet New Years say little about the next."""
LEAD_LEVEL = 0.95

Forecaster = Callable[[Panel, int], Latent]


def measure(
    panel: Panel, horizon: int, run: Forecaster, *, lead: int | None, seed: int, opts: Options
) -> Widths:
    """Widths from up to four origins of the past; 1 where too little is known.

    The series of one origin err together, so an origin counts for little: only the power
    `calibration_power` of the ratio is kept. A jump of many series inside the last horizons
    makes the ratios, and so the next intervals, wider.
    """
    half = max(1, horizon // 2)
    found, weight = [], []
    for number in range(ORIGINS):
        back = half * (number + 1)
        enough = max(ENOUGH_SEASONS * panel.season, 8) + back
        rows = _sample(panel, [k for k, v in enumerate(panel.values) if len(v) >= enough])
        if len(rows) < opts.smallest_panel:
            break
        ahead = min(back, horizon)
        found.append(_ratios(panel, rows, back, ahead, run, lead=lead, seed=seed, opts=opts))
        weight.append(FORGETTING**number)
    ratio = np.average(np.log(found), axis=0, weights=weight) if found else np.zeros(3)
    core, tail, summed = np.exp(opts.calibration_power * ratio)
    core = max(core, NARROWEST_KEPT)
    missing = ORIGINS - len(found)
    if missing:
        # nor is anything narrowed: one quiet year proves little
        core = max(core, 1.0 + UNSEEN_CORE * missing)
        tail = max(tail, 1.0 + UNSEEN_TAIL * missing)
        summed = max(summed, 1.0 + UNSEEN_CORE * missing)
    # 0.9 to 1.25: the quantiles stay in order between core and tail
    tail = float(np.clip(tail, 0.9 * core, 1.25 * core))
    before = _doubted_new_year(panel, horizon, opts)
    return Widths(float(core), tail, float(summed), before, BEYOND_NEW_YEAR)


def _doubted_new_year(panel: Panel, horizon: int, opts: Options) -> int | None:
    """Periods to come before the next New Year, unless enough series have seen enough of them,
    each with half a season before it."""
    if panel.years is None or panel.season == 1:
        return None
    origin = panel.origin()
    begins = np.flatnonzero(np.diff(panel.years[: origin + horizon])) + 1
    coming = begins[begins >= origin]
    first = np.sort([origin - len(values) for values in panel.values])[opts.smallest_panel - 1]
    seen = (begins >= first + panel.season // 2) & (begins < origin)
    if not len(coming) or seen.sum() >= ENOUGH_NEW_YEARS:
        return None
    return int(coming[0] - origin)


def _sample(panel: Panel, rows: list[int]) -> list[int]:
    """At most SAMPLE of these series, evenly spaced in the order of their levels."""
    step = max(1, -(-len(rows) // SAMPLE))
    level = [float(np.nansum(panel.values[k])) for k in rows]
    return sorted(rows[k] for k in np.argsort(level, kind="stable")[::step])


def _ratios(
    panel: Panel,
    rows: list[int],
    back: int,
    ahead: int,
    run: Forecaster,
    *,
    lead: int | None,
    seed: int,
    opts: Options,
) -> list[float]:
    """[core, tail, lead]: width that would have been right / width stated, `back` periods ago."""
    true = np.stack([np.asarray(panel.values[k], dtype=np.float64)[-back:][:ahead] for k in rows])
    latent = run(panel.rows(rows, drop_last=back), ahead)
    actual = to_latent(np.maximum(true, 0.0), opts.power)
    scale = student_scale(latent.variance(), latent.degrees)
    distance = np.abs(actual - latent.mean) / scale
    core = distance / stdtrit(latent.degrees, CORE)[:, None]
    tail = distance / stdtrit(latent.degrees, TAIL)[:, None]
    summed = 1.0
    if lead is not None and lead <= ahead:
        summed = _lead_ratio(true, latent, lead, seed, opts)
    ratios = (
        _quantile(core, 2 * CORE - 1),
        _quantile(tail, 2 * TAIL - 1),
        summed,
    )
    return [float(np.clip(ratio, NARROWEST, WIDEST)) for ratio in ratios]


def _lead_ratio(true: Array, latent: Latent, lead: int, seed: int, opts: Options) -> float:
    _, centre, spread = lead_sum.roots(
        latent.mean,
        latent.covariance,
        lead=lead,
        power=opts.power,
        draws=opts.lead_draws,
        seed=seed,
    )
    low, high = np.sqrt(
        lead_sum.quantiles(centre, spread, latent.degrees, (0.5, LEAD_LEVEL), opts.lead_stretch).T
    )
    reached = (np.sqrt(np.maximum(true[:, :lead].sum(axis=1), 0.0)) - low) / (high - low)
    return _quantile(reached, LEAD_LEVEL)


def _quantile(values: Array, level: float) -> float:
    known = values[np.isfinite(values)]
    return float(np.quantile(known, level)) if len(known) else 1.0
