"""What Prometheus is told of the demand service."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from services.demand.domain.accuracy import Figures, Place
from services.demand.domain.runs import RunState
from shared.clock import Clock
from shared.telemetry import Telemetry

NEVER = float("nan")
ACCURACY = {
    "actuals": "Periods of series that were forecast one period ahead and have come true",
    "bias": "Sum of mean less actual over the sum of the actuals",
    "mean_absolute_error": "Mean absolute error of the median, base units",
    "coverage_95": "Share of actuals inside the central 95 % interval",
    "coverage_80": "Share of actuals inside the central 80 % interval",
    "below_p90": "Share of actuals at or below the 90 % quantile",
    "scaled_error": "Absolute error over the mean change from period to period",
    "drift": "coverage_95 of the newest period less that of the ones before",
}


class Metrics:
    """Declares every metric of the service; counts, never contents."""

    def __init__(self, telemetry: Telemetry, clock: Clock) -> None:
        self._clock = clock
        self._newest: datetime | None = None
        self._movements = telemetry.counter(
            "demand_movements_total", "Movements received, by outcome", ("outcome",)
        )
        self._runs = telemetry.counter(
            "demand_runs_total", "Forecast runs that ended, by state", ("state",)
        )
        self._run_seconds = telemetry.histogram(
            "demand_run_seconds",
            "Seconds from the start of a run to its end",
            buckets=(1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600),
        )
        self._series = telemetry.counter(
            "demand_series_total", "Series of forecast runs, by outcome", ("outcome",)
        )
        self._drivers_failed = telemetry.counter(
            "demand_driver_failures_total",
            "Parts of runs forecast without calendars and signals, since trying them failed",
        )
        self._accuracy = {
            name: telemetry.gauge(f"demand_accuracy_{name}", words, ("site_id", "demand_class"))
            for name, words in ACCURACY.items()
        }
        age = telemetry.gauge(
            "demand_newest_forecast_age_seconds",
            "Age of the newest forecast; not a number while there is none",
        )
        age.set_function(self._age)

    def _age(self) -> float:
        newest = self._newest
        return NEVER if newest is None else (self._clock.now() - newest).total_seconds()

    def movements(self, accepted: int, duplicate: int, refused: int) -> None:
        self._movements.labels("accepted").inc(accepted)
        self._movements.labels("duplicate").inc(duplicate)
        self._movements.labels("refused").inc(refused)

    def run_ended(self, state: RunState, seconds: float) -> None:
        self._runs.labels(state.value.lower()).inc()
        if state is RunState.DONE:
            self._run_seconds.observe(seconds)

    def series(self, kinds: Mapping[str, int]) -> None:
        for kind, count in kinds.items():
            self._series.labels(kind).inc(count)

    def drivers_failed(self, parts: int) -> None:
        self._drivers_failed.inc(parts)

    def accuracy(self, parts: Mapping[Place, Figures]) -> None:
        """What is not known of a place is not a number."""
        for place, told in parts.items():
            known = {
                "actuals": float(told.actuals),
                "bias": told.bias,
                "mean_absolute_error": told.error,
                "coverage_95": told.coverage_95,
                "coverage_80": told.coverage_80,
                "below_p90": told.below_p90,
                "scaled_error": NEVER if told.scaled is None else told.scaled,
                "drift": NEVER if told.drift is None else told.drift,
            }
            labels = (place.site_id, place.demand_class.value.lower())
            for name, value in known.items():
                self._accuracy[name].labels(*labels).set(value)

    def forecast_made(self, at: datetime) -> None:
        self._newest = at
