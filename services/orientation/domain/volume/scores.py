"""How good hourly forecasts were, over the hours that hold a record."""

from __future__ import annotations

import numpy as np

from services.orientation.domain.volume.hours import DAY, Counts
from shared.errors import Malformed

WEEK_HOURS = 7 * DAY


def wape(forecast: Counts, calls: Counts) -> float:
    """Sum of absolute errors over the sum of calls."""
    told = np.isfinite(calls) & np.isfinite(forecast)
    due = float(calls[told].sum())
    if due <= 0:
        raise Malformed(
            "ACTUALS_EMPTY",
            "No hour of the actuals holds a call, so nothing can be scored: give a file with "
            "counts in calls_total, or leave --actuals out.",
            field="actuals.calls_total",
        )
    return float(np.abs(forecast - calls)[told].sum() / due)


def share_at_or_below(bound: Counts, calls: Counts) -> float:
    told = np.isfinite(calls)
    return float((calls[told] <= bound[told]).mean())


def daily(values: Counts, calls: Counts) -> Counts:
    """Sums of whole days over the recorded hours."""
    whole = calls.size // DAY * DAY
    told: Counts = np.where(np.isfinite(calls), values, 0.0)[:whole]
    return np.asarray(told.reshape(-1, DAY).sum(axis=1))


def scores(mean: Counts, levels: Counts, calls: Counts) -> dict[str, float]:
    """`levels` holds the 10, 50 and 90 % quantiles."""
    told = np.isfinite(calls)
    found = {
        "wape": wape(mean, calls),
        "p90_covers": share_at_or_below(levels[:, 2], calls),
        "p50_covers": share_at_or_below(levels[:, 1], calls),
        "p10_covers": share_at_or_below(levels[:, 0], calls),
        "mae": float(np.abs(mean - calls)[told].mean()),
        "bias": float((mean - calls)[told].sum() / calls[told].sum()),
    }
    if calls.size >= DAY:
        found["daily_wape"] = wape(daily(mean, calls), daily(calls, calls))
    return found


def naive(before: Counts, calls: Counts) -> dict[str, float]:
    """The same error for the same hour last week and for the mean of the last four weeks."""
    known = np.concatenate([before, calls])
    at = np.arange(before.size, known.size)
    weeks = np.stack([known[at - weeks * WEEK_HOURS] for weeks in range(1, 5)])
    told = np.isfinite(weeks)
    total = np.where(told, weeks, 0.0).sum(axis=0)
    mean = np.divide(total, told.sum(axis=0), out=np.full(at.size, np.nan), where=told.any(axis=0))
    return {"same_hour_last_week": wape(weeks[0], calls), "mean_of_four_weeks": wape(mean, calls)}
