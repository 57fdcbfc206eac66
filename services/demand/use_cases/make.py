"""Make the forecast of one series: judge it, choose a method, make the result showable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.demand.domain.classes import LONGEST, DemandClass, Profile, profile
from services.demand.domain.forecasts import Finding, Forecast, ForecastPeriod, Outcome
from services.demand.domain.methods import Choice, Method, choose, stand_in
from services.demand.domain.newcomers import nobody, predict
from services.demand.domain.quality import SILENT_TOO_LONG, findings, ran_away
from services.demand.domain.quantiles import LEVELS, tidy, tidy_mean
from services.demand.domain.residuals import ScaledErrors, bucket_of, origins_of, size_of
from services.demand.domain.series import Series, starts
from services.demand.ports import Array, Panel, RareMethod, SmoothMethod

BACKTEST_SHORTEST = 8


@dataclass(frozen=True, slots=True)
class Backtest:
    """Errors that the method for rare demand made on a series, for the pool."""

    rare: RareMethod

    def __call__(self, series: Series, horizon: int) -> Sequence[ScaledErrors]:
        values = series.values[-LONGEST[series.period] :]
        found = []
        for known, ahead in origins_of(len(values), horizon, BACKTEST_SHORTEST):
            seen, after = values[:known], values[known : known + ahead]
            if not np.any(seen > 0):
                continue
            errors = (after - self.rare(seen, ahead)) / size_of(seen)
            if np.isfinite(errors).all():
                found.append(ScaledErrors(bucket_of(seen), errors))
        return found


@dataclass(frozen=True, slots=True)
class _Told:
    """What is said beside the figures: the history's profile, the method, what failed."""

    seen: Profile
    choice: Choice
    failure: str = ""


@dataclass(frozen=True, slots=True)
class MakeForecast:
    """One outcome per series, whatever the series: a method that fails becomes a finding."""

    smooth: SmoothMethod
    rare: RareMethod

    def __call__(self, series: Series, panel: Panel) -> Outcome:
        if series.unseen > max(SILENT_TOO_LONG, len(series.values)):
            return _refused(
                series,
                "SITE_SILENT",
                f"The site has reported nothing for {series.unseen} {series.period.word}s, longer "
                "than it had reported before: no forecast is made. Check the feed.",
            )
        seen = profile(series.values, series.period)
        choice = choose(seen, series.period)
        try:
            return _outcome(series, panel, self._sums(series, panel, choice), _Told(seen, choice))
        except Exception as error:  # noqa: BLE001  # one bad series must never stop a run
            failure = type(error).__name__
        try:
            instead = stand_in(choice, failure)
            sums = self._sums(series, panel, instead)
            return _outcome(series, panel, sums, _Told(seen, instead, failure))
        except Exception as error:  # noqa: BLE001  # the same
            return _refused(
                series,
                "SERIES_UNUSABLE",
                f"Every method failed on this history ({failure}, then {type(error).__name__}). "
                "Check its movements for amounts that cannot be right.",
            )

    def _sums(self, series: Series, panel: Panel, choice: Choice) -> tuple[Array, Array]:
        values = series.values[-LONGEST[series.period] :]
        ahead = panel.horizon + series.unseen
        if choice.method is Method.CLASS_LEVEL:
            known = panel.classes.get(series.item_class) or panel.classes.get("") or nobody()
            one_mean, one = predict(values, known, LEVELS)
            mean, quantiles = np.full(ahead, one_mean), np.tile(one, (ahead, 1))
        elif choice.method is Method.BLEND:
            mean, quantiles = self.smooth(values, ahead, choice.season, LEVELS)
        else:
            mean = self.rare(values, ahead)
            bucket = bucket_of(values)
            quantiles = panel.pool.quantiles(mean, size_of(values), bucket, LEVELS)
        mean, quantiles = tidy_mean(mean), tidy(quantiles)
        if choice.method is not Method.CLASS_LEVEL and ran_away(mean, values):
            raise OverflowError("the forecast ran away from its history")
        return mean[series.unseen :], quantiles[series.unseen :]


def _outcome(series: Series, panel: Panel, sums: tuple[Array, Array], told: _Told) -> Outcome:
    mean, quantiles = sums
    days = starts(series.end + series.unseen, panel.horizon, series.period)
    forecast = Forecast(
        item_id=series.item_id,
        site_id=series.site_id,
        run_id=panel.run_id,
        period=series.period,
        levels=LEVELS,
        periods=tuple(
            ForecastPeriod(day, float(m), tuple(float(q) for q in row))
            for day, m, row in zip(days, mean, quantiles, strict=True)
        ),
        demand_class=told.seen.demand_class,
        method=told.choice.method.value,
        method_reason=told.choice.reason,
        data_quality=findings(series, told.seen),
        base_unit=series.base_unit,
        made_time=panel.made_time,
    )
    finding = None
    if told.failure:
        finding = Finding(
            series.item_id,
            series.site_id,
            "METHOD_FAILED",
            f"The usual method failed ({told.failure}); a simpler one was used instead.",
        )
    return Outcome(series.item_id, series.site_id, forecast, finding)


def _refused(series: Series, reason: str, message: str) -> Outcome:
    finding = Finding(series.item_id, series.site_id, reason, message)
    return Outcome(series.item_id, series.site_id, None, finding)


def cost_of(series: Series) -> float:
    """About how long a series takes, in AutoETS runs of a monthly series."""
    seen = profile(series.values, series.period)
    if seen.demand_class in (DemandClass.SMOOTH, DemandClass.ERRATIC):
        return 1.0 + len(series.values) / 240
    return 0.05
