"""A forecast moved on by what was used since it was made: nothing is learnt anew.

The state is the forecast itself and one sum per series: what was used in the periods that
have passed. The level follows it as simple exponential smoothing would.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from services.demand.domain.forecasts import Driver, Forecast, ForecastPeriod, LeadSum
from services.demand.domain.periods import number_of
from services.demand.domain.series import Series

# Share of a surprise that one period moves the level by, and the furthest that it may go.
SMOOTHING = 0.05
LEAST, MOST = 0.5, 2.0


def ratio_of(expected: float, actual: float, passed: int) -> float:
    """What the means that are left are multiplied with.

    The gain of `passed` steps of smoothing, on the mean surprise; 1 when nothing passed.
    """
    if passed < 1:
        return 1.0
    gain = passed * SMOOTHING / (passed * SMOOTHING + 1.0)
    usual = max(expected, 1e-9)
    return float(np.clip(1.0 + gain * (actual - expected) / usual, LEAST, MOST))


def moved(forecast: Forecast, passed: int, actual: float, run_id: str) -> Forecast | None:
    """The forecast from the first period that has not passed; None when all have.

    `actual`: used in the `passed` first periods. Quantiles keep their distance in ratio, and
    stay whole where they were. The sum over the lead time moves as its periods' means do.
    """
    left = forecast.periods[passed:]
    if not left:
        return None
    expected = sum(period.mean for period in forecast.periods[:passed])
    ratio = ratio_of(expected, actual, passed)
    curves = np.array([period.quantiles for period in left])
    counts = bool((curves == np.round(curves)).all())
    curves = curves * ratio
    curves = np.floor(curves + 0.5) if counts else curves
    periods = tuple(
        ForecastPeriod(period.start, period.mean * ratio, tuple(curve))
        for period, curve in zip(left, curves.tolist(), strict=True)
    )
    told = _words(forecast, passed, actual, expected, ratio)
    return replace(
        forecast,
        run_id=run_id,
        periods=periods,
        lead=_lead(forecast, periods, counts=counts),
        drivers=tuple(
            Driver(one.name, one.words, tuple(a * ratio for a in one.amounts[passed:]))
            for one in forecast.drivers
        ),
        method_reason=f"{forecast.method_reason} {told}",
    )


def _lead(
    forecast: Forecast, periods: tuple[ForecastPeriod, ...], *, counts: bool
) -> LeadSum | None:
    """None when fewer periods are left than the lead time has."""
    lead = forecast.lead
    if lead is None or len(periods) < lead.periods:
        return None
    before = sum(period.mean for period in forecast.periods[: lead.periods])
    after = sum(period.mean for period in periods[: lead.periods])
    factor = after / before if before > 0 else 1.0
    curve = np.array(lead.quantiles) * factor
    curve = np.floor(curve + 0.5) if counts else curve
    return LeadSum(lead.periods, lead.mean * factor, tuple(curve.tolist()))


def _words(forecast: Forecast, passed: int, actual: float, expected: float, ratio: float) -> str:
    if not passed:
        return "Nothing has passed since."
    return (
        f"Moved on by {passed} {forecast.period.word}(s) without learning anew: {actual:.4g} used "
        f"where {expected:.4g} were foreseen, so the rest is multiplied by {ratio:.3f}."
    )


def used_in(one: Forecast, passed: int, used: Series | None) -> float:
    """What was used in the periods that have passed; what was foreseen where stock was missing."""
    first = number_of(one.periods[0].start, one.period)
    total = 0.0
    for place, period in enumerate(one.periods[:passed]):
        at = first + place - (used.first if used is not None else first)
        if used is None or not 0 <= at < len(used.values):
            continue
        dry = used.out is not None and used.out[at] > 0
        total += period.mean if dry else float(used.values[at])
    return total
