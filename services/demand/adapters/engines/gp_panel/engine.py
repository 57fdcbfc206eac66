"""The door of the panel engine: arrays in, forecasts out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from services.demand.adapters.engines.gp_panel import (
    calibration,
    core,
    evidence,
    history,
    lead_sum,
    marginals,
)
from services.demand.adapters.engines.gp_panel.matrices import Warm
from services.demand.adapters.engines.gp_panel.panel import (
    EMPTY,
    Array,
    Options,
    Panel,
    PanelForecast,
    Widths,
)

Name = TypeVar("Name")
CALENDAR_SAMPLE = 400
DEFAULTS = Options()


def forecast(
    panel: Panel,
    horizon: int,
    levels: Sequence[float],
    *,
    lead_time: int | None = None,
    seed: int = 0,
    options: Options = DEFAULTS,
    warm: Warm | None = None,
) -> PanelForecast:
    """Forecasts every series of a panel, and the sum of its first `lead_time` periods.

    levels: increasing, inside (0, 1). The same panel, options and seed give the same answer;
    the order of the series does not matter. `warm` keeps matrices for the next call.
    ValueError when the request cannot be meant; a
    series that cannot be forecast well is flagged, never refused.
    """
    _check(panel, horizon, levels, lead_time)
    read = history.read(panel, options)
    fitted = core.fit_panel(panel, read, horizon, options, Warm(2) if warm is None else warm)
    latent = core.average(fitted, horizon, options)
    widths = Widths()
    if options.calibrate and len(panel.values) >= options.smallest_panel:
        widths = calibration.measure(
            panel, horizon, _plain(options), lead=lead_time, seed=seed, opts=options
        )
    variance = latent.variance()
    arguments = (latent.mean, variance, latent.degrees)
    quantiles = marginals.quantiles(*arguments, levels, power=options.power, widths=widths)
    mean = marginals.means(*arguments, power=options.power, widths=widths)
    lead_mean: Array | None = None
    lead_quantiles: Array | None = None
    if lead_time is not None:
        lead_mean, centre, spread = lead_sum.roots(
            latent.mean,
            latent.covariance,
            lead=lead_time,
            power=options.power,
            draws=options.lead_draws,
            seed=seed,
        )
        lead_quantiles = lead_sum.quantiles(
            centre, spread, latent.degrees, levels, options.lead_stretch * widths.lead
        )
    empty = [EMPTY in flags for flags in read.flags]
    for array in (mean, quantiles, lead_mean, lead_quantiles):
        if array is not None:
            array[empty] = 0.0
    return PanelForecast(
        mean=mean,
        quantiles=quantiles,
        lead_mean=lead_mean,
        lead_quantiles=lead_quantiles,
        latent_mean=latent.mean,
        components=latent.components,
        shared=latent.shared,
        widths=widths,
        flags=read.flags,
    )


def choose_calendar(
    panel: Panel, horizon: int, calendars: Mapping[Name, Array], options: Options = DEFAULTS
) -> Name:
    """The calendar under which the panel's history is most likely (its first of equals).

    At most 400 series are asked, evenly over the levels. Needs no country, no identity.
    """
    order = np.argsort([np.nanmean(np.append(values, 0.0)) for values in panel.values])
    step = max(1, -(-len(order) // CALENDAR_SAMPLE))
    sample = panel.rows(sorted(order[::step].tolist()))
    scores = {}
    for name, columns in calendars.items():
        dressed = replace(sample, calendar=columns)
        _check(dressed, horizon, (0.5,), None)
        read = history.read(dressed, options)
        fitted = core.fit_panel(dressed, read, horizon, options, Warm(2))
        scores[name] = evidence.total(fitted.evidence)
    return max(scores, key=scores.__getitem__)


def _plain(options: Options) -> calibration.Forecaster:
    """A forecaster for earlier origins: moments only, nothing explained."""
    bare = replace(options, explain=False)

    def run(panel: Panel, horizon: int) -> core.Latent:
        read = history.read(panel, bare)
        return core.average(core.fit_panel(panel, read, horizon, bare, Warm(2)), horizon, bare)

    return run


def _check(panel: Panel, horizon: int, levels: Sequence[float], lead_time: int | None) -> None:
    history.check(panel, horizon)
    if not levels or min(levels) <= 0 or max(levels) >= 1 or list(levels) != sorted(levels):
        raise ValueError("levels must increase and lie between 0 and 1")
    if lead_time is not None and not 1 <= lead_time <= horizon:
        raise ValueError("the lead time must be at least one period and within the horizon")
