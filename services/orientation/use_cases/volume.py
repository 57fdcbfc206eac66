"""Forecast calls per hour: a day or a week ahead, or rolling over days that came."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from services.orientation.domain.volume.almanac import Almanac
from services.orientation.domain.volume.features import Past, features
from services.orientation.domain.volume.forecast import VolumeForecast
from services.orientation.domain.volume.hours import (
    DAY,
    Counts,
    Days,
    Hours,
    cut,
    fill,
    hours_from,
)
from services.orientation.domain.volume.learning import Corrector, Learner
from services.orientation.domain.volume.scores import naive, scores, wape
from services.orientation.domain.volume.season import BURN_IN
from services.orientation.domain.volume.sectors import Sectors, divide
from services.orientation.domain.volume.spread import Spread, moments
from shared.errors import Malformed

JUDGED_DAYS = 364  # held back from the first model, so that its errors are honest
REFIT_JUDGED = 182  # days between two trainings before the forecast begins
REFIT_ROLLING = 91  # days between two trainings while rolling
LONGEST_WAIT = 7  # days ahead whose own dispersion is learnt; later days keep the last one
WAIT_STEP = 14  # days between two looks ahead that teach it
LARGEST_CORRECTION = 1.0  # of the logarithm: no hour is forecast at e times its season


@dataclass(slots=True)
class _Told:
    """What was said of each day, before it came."""

    first: int
    mean: list[Counts] = field(default_factory=list)
    season: list[Counts] = field(default_factory=list)
    levels: list[Counts] = field(default_factory=list)

    def since(self, day: int) -> tuple[Counts, Counts, Counts]:
        at = day - self.first
        return (
            np.concatenate(self.mean[at:]),
            np.concatenate(self.season[at:]),
            np.concatenate(self.levels[at:]),
        )


@dataclass(frozen=True, slots=True)
class ForecastVolume:
    """A season that learns daily, a model that corrects it, quantiles learnt from its errors."""

    learner: Learner
    almanac: Almanac

    def ahead(self, history: Hours, horizon: int, sectors: Sectors | None = None) -> VolumeForecast:
        """The `horizon` hours after the history; each further day stands on the days forecast."""
        check_horizon(horizon)
        days = cut(history, -(-horizon // DAY))
        wait = min(len(days.calls) - days.known, LONGEST_WAIT)
        run = _Run(self, days, wait)
        told = run.through(days.known, REFIT_JUDGED)
        model = run.train(days.known)
        coming = run.past.fork(days.calls.copy())
        mean, levels = [], []
        for number, day in enumerate(range(days.known, len(days.calls))):
            mean.append(_say(coming, model, day)[0])
            levels.append(run.spread.quantiles(mean[-1], dispersion=run.waited(number)))
            coming.days.calls[day] = mean[-1]
            coming.walk(day + 1)
        judged_mean, _season, judged_levels = told.since(told.first)
        before = days.calls[told.first : days.known].reshape(-1)
        facts: dict[str, object] = {
            "hours": horizon,
            "holidays": self.almanac.name,
            "trainings": run.trainings,
            "dispersion": run.spread.dispersion,
            "backtest_day_ahead": {"days": days.known - told.first}
            | scores(judged_mean, judged_levels, before),
        }
        divided = None
        if sectors is not None:
            every = np.concatenate([judged_mean, *mean])
            odd = history.calls.size - days.known * DAY
            begin = days.known
            divided = divide(sectors, odd, every, first=told.first, begin=begin, known=begin)
            divided = divided.cut(horizon)
        return VolumeForecast(
            hours_from(history.end, horizon),
            np.concatenate(mean)[:horizon],
            np.concatenate(levels)[:horizon],
            facts,
            divided,
        )

    def rolled(
        self, history: Hours, actuals: Hours, sectors: Sectors | None = None
    ) -> VolumeForecast:
        """Every day of the actuals from what precedes it, retrained every 91 days.

        `sectors` hold the hours of the history and then those of the actuals.
        """
        if actuals.start != history.end:
            raise Malformed(
                "ACTUALS_DO_NOT_FOLLOW",
                f"The actuals begin at {actuals.start} and the history ends before "
                f"{history.end}: give actuals that begin at {history.end}.",
                field="actuals.hour_start_local",
            )
        count = actuals.calls.size
        days = fill(cut(history, -(-count // DAY)), actuals.calls)
        run = _Run(self, days, min(count // DAY, LONGEST_WAIT))
        judged = run.through(days.known, REFIT_JUDGED)
        run.weeks = _Weeks(days.known, count // DAY)
        told = run.through(len(days.calls), REFIT_ROLLING)
        mean, season, levels = (part[:count] for part in told.since(days.known))
        peers = naive(history.calls, actuals.calls)
        peers |= {"season_alone": scores(season, levels, actuals.calls)["wape"]}
        facts: dict[str, object] = scores(mean, levels, actuals.calls) | {
            "hours": count,
            "scored_hours": int(np.isfinite(actuals.calls).sum()),
            "holidays": self.almanac.name,
            "trainings": run.trainings,
            "dispersion": run.spread.dispersion,
            "peers_wape": peers,
        }
        facts |= run.weeks.facts(actuals.calls)
        divided = None
        if sectors is not None:
            every = np.concatenate([*judged.mean, *told.mean])
            odd = history.calls.size - days.known * DAY
            divided = divide(
                sectors, odd, every, first=judged.first, begin=days.known, known=len(days.calls)
            ).cut(count)
            facts["sectors"] = divided.scores(sectors.calls[-count:])
        return VolumeForecast(actuals.instants, mean, levels, facts, divided)


def check_horizon(horizon: int) -> None:
    if horizon <= 0:
        raise Malformed(
            "HORIZON_NOT_POSITIVE",
            f"The horizon is {horizon} hours; give a whole number of hours above 0, such as 24 "
            "for a day or 168 for a week.",
            field="horizon",
        )


@dataclass(slots=True)
class _Weeks:
    """What was said a week ahead, every seventh day of the hours that are scored."""

    first: int
    days: int
    mean: list[Counts] = field(default_factory=list)
    levels: list[Counts] = field(default_factory=list)

    def begin_at(self, day: int) -> bool:
        at = day - self.first
        return at % LONGEST_WAIT == 0 and 0 <= at <= self.days - LONGEST_WAIT

    def facts(self, calls: Counts) -> dict[str, object]:
        """Nothing where the hours hold no whole week."""
        if not self.mean:
            return {}
        mean, levels = np.concatenate(self.mean), np.concatenate(self.levels)
        seen = calls[: mean.size]
        weeks = (-1, LONGEST_WAIT, DAY)
        by_day = [
            wape(said.reshape(-1), came.reshape(-1)) if np.nansum(came) > 0 else None
            for said, came in zip(
                np.moveaxis(mean.reshape(weeks), 1, 0),
                np.moveaxis(seen.reshape(weeks), 1, 0),
                strict=True,
            )
        ]
        if not np.nansum(seen) > 0:
            return {}
        told: dict[str, object] = dict(scores(mean, levels, seen))
        count = len(self.mean) // LONGEST_WAIT
        return {"week_ahead": told | {"weeks": count, "wape_by_day": by_day}}


class _Run:
    """One walk through the days: each is forecast, then learnt."""

    def __init__(self, parts: ForecastVolume, days: Days, wait: int) -> None:
        self._parts = parts
        self._wait = wait
        self.past = Past.begin(days, parts.almanac)
        self.spread = Spread()
        self.trainings = 0
        self.weeks: _Weeks | None = None  # set where weeks ahead are to be scored
        self._at = days.known - min(JUDGED_DAYS, days.known // 3)
        self._waits = np.zeros((LONGEST_WAIT, 2))
        self.past.walk(self._at)

    def train(self, before: int) -> Corrector:
        """A model of every day before `before`, as far as its counts can be believed."""
        at = np.arange(BURN_IN, before)
        table, names = features(self.past, at)
        expected, kept = self.past.expected[at].reshape(-1), self.past.kept[at].reshape(-1)
        told = np.isfinite(kept)
        self.trainings += 1
        return self._parts.learner.learn(table[told], names, expected[told], kept[told])

    def through(self, until: int, refit: int) -> _Told:
        """Forecasts and then learns each day up to `until`, training every `refit` days."""
        first = self._at
        told = _Told(first)
        model: Corrector | None = None
        for day in range(first, until):
            if model is None or (day - first) % refit == 0:
                model = self.train(day)
            if self.weeks is not None:
                if self.weeks.begin_at(day):
                    self._say_week(self.weeks, model, day)
            elif self._wait > 1 and (day - first) % WAIT_STEP == 0 and day + self._wait <= until:
                self._look_ahead(model, day)
            mean, season = _say(self.past, model, day)
            told.mean.append(mean)
            told.season.append(season)
            told.levels.append(self.spread.quantiles(mean))
            self.spread.learn(self.past.days.calls[day], mean)
            self.past.walk(day + 1)
        self._at = until
        return told

    def waited(self, number: int) -> float:
        """The dispersion of a day forecast `number` days after the first; it never shrinks."""
        widest = self.spread.dispersion
        if self._waits[0, 1] <= 0:
            return widest
        over = self._waits[: min(number, LONGEST_WAIT - 1) + 1]
        ratios = [float(top / due) for top, due in over if due > 0]
        return widest + max(max(ratios) - ratios[0], 0.0)

    def _look_ahead(self, model: Corrector, day: int) -> None:
        """Forecasts some days blindly from `day`, to learn how errors grow with the wait."""
        for number, mean in enumerate(self._blindly(model, day, self._wait)):
            self._waits[number] += moments(self.past.days.calls[day + number], mean)

    def _say_week(self, weeks: _Weeks, model: Corrector, day: int) -> None:
        """Says a week ahead before any of it is known, then learns from it like from a look."""
        means = self._blindly(model, day, LONGEST_WAIT)
        for number, mean in enumerate(means):
            weeks.mean.append(mean)
            spread = self.waited(number)
            weeks.levels.append(self.spread.quantiles(mean, dispersion=spread))
        for number, mean in enumerate(means):
            self._waits[number] += moments(self.past.days.calls[day + number], mean)

    def _blindly(self, model: Corrector, day: int, count: int) -> list[Counts]:
        calls = self.past.days.calls.copy()
        calls[day:] = np.nan
        coming = self.past.fork(calls)
        means = []
        for number in range(count):
            means.append(_say(coming, model, day + number)[0])
            coming.days.calls[day + number] = means[-1]
            coming.walk(day + number + 1)
        return means


def _say(past: Past, model: Corrector, day: int) -> tuple[Counts, Counts]:
    """The calls due each hour of the day that follows the past, and what its season expects."""
    season = past.expect() * past.times[day]
    table, _names = features(past, np.asarray([day]))
    change = np.clip(model.correction(table), -LARGEST_CORRECTION, LARGEST_CORRECTION)
    return season * np.exp(change), season
