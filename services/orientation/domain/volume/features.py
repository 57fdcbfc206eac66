"""What a model may know of each hour when its day begins: nothing later than the day before."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from services.orientation.domain.volume.almanac import FAR, Almanac
from services.orientation.domain.volume.hours import DAY, Counts, Days
from services.orientation.domain.volume.season import Season

Matrix = NDArray[np.float32]
Indexes = NDArray[np.int64]
SAME_HOUR_LAGS = (1, 2, 3, 7, 14, 364)
TAILS = (1, 2, 3, 6, 12, 24, 48, 72, 168, 336, 672)  # hours before the day begins
DAY_LAGS = (2, 7, 14, 364)
LAST_HOURS = DAY
SEASONS_AGO = tuple(364 * years + shift for years in (1, 2, 3) for shift in (-7, 0, 7))
SAME_DATE = tuple(days + shift for days in (365, 730, 1096, 1461) for shift in range(-5, 6))
LARGEST_RATIO = 2.0
CATEGORICAL = ("holiday", "holiday_yesterday", "holiday_tomorrow")


@dataclass(slots=True)
class Past:
    """Every day walked through so far, and the season that expects the next one."""

    days: Days
    almanac: Almanac
    times: Counts = field(repr=False)
    holidays: NDArray[np.int16] = field(repr=False)  # [day, 24]
    expected: Counts = field(repr=False)  # per happening of the hour
    kept: Counts = field(repr=False)  # believable calls per happening
    season: Season
    walked: int = 0

    @classmethod
    def begin(cls, days: Days, almanac: Almanac) -> Past:
        instants = days.instants
        shape = instants.shape
        dates = instants.astype("datetime64[D]")
        first: date = dates[0, 0].astype(object)
        last: date = dates[-1, -1].astype(object)
        kinds = almanac.kinds(first, last)
        return cls(
            days,
            almanac,
            almanac.times_on_clock(instants.reshape(-1)).reshape(shape),
            kinds[(dates - dates[0, 0]).astype(int)],
            np.full(shape, np.nan),
            np.full(shape, np.nan),
            Season.begin(days),
        )

    def fork(self, calls: Counts) -> Past:
        """The same past, to be walked on through other days than those that came."""
        days = Days(self.days.start, calls, self.days.known)
        return Past(
            days,
            self.almanac,
            self.times,
            self.holidays,
            self.expected.copy(),
            self.kept.copy(),
            self.season.copy(),
            self.walked,
        )

    def expect(self) -> Counts:
        """What the next day should bring, written down before its calls are looked at."""
        self.expected[self.walked] = self.season.expected()
        return np.asarray(self.expected[self.walked])

    def walk(self, until: int) -> None:
        """Learns every day before `until`, each expected before it is learnt."""
        while self.walked < until:
            day = self.walked
            self.expect()
            with np.errstate(divide="ignore", invalid="ignore"):
                calls = np.where(
                    self.times[day] > 0, self.days.calls[day] / self.times[day], np.nan
                )
            self.kept[day] = self.season.learn(calls, holiday=self.holidays[day] > 0)
            self.walked += 1


def features(past: Past, at: Indexes) -> tuple[Matrix, tuple[str, ...]]:
    """One row an hour of each day in `at`: the calendar, and the days before that day only."""
    columns = _calendar(past, at)
    columns |= _lags(past, at)
    columns |= _levels(past, at)
    table = np.empty((at.size * DAY, len(columns)), dtype=np.float32)
    for place, values in enumerate(columns.values()):
        table[:, place] = np.broadcast_to(values, (at.size, DAY)).reshape(-1)
    return table, tuple(columns)


def _calendar(past: Past, at: Indexes) -> dict[str, NDArray[np.float64]]:
    instants = past.days.instants[at]
    dates = instants.astype("datetime64[D]")
    number = dates.astype(int)
    hour = (instants - dates).astype(int)
    weekday = (number + 3) % 7
    margin = timedelta(days=FAR)
    first: date = dates.min().astype(object) - margin
    last: date = dates.max().astype(object) + margin
    kinds = past.almanac.kinds(first, last)
    here = number - int(number.min()) + FAR
    before = np.full(here.shape, FAR)
    after = np.full(here.shape, FAR)
    for gap in range(FAR - 1, -1, -1):
        before = np.where(kinds[here - gap] > 0, gap, before)
        after = np.where(kinds[here + gap] > 0, gap, after)
    found = {
        "hour": hour,
        "weekday": weekday,
        "hour_of_week": weekday * DAY + hour,
        "day_of_year": (dates - dates.astype("datetime64[Y]")).astype(int),
        "day_of_month": (dates - dates.astype("datetime64[M]")).astype(int),
        "years": number / 365.25,
        "holiday": kinds[here],
        "holiday_yesterday": kinds[here - 1],
        "holiday_tomorrow": kinds[here + 1],
        "days_since_holiday": before,
        "days_to_holiday": after,
        "times": past.times[at],
    }
    return {name: np.asarray(values, dtype=np.float64) for name, values in found.items()}


def _lags(past: Past, at: Indexes) -> dict[str, NDArray[np.float64]]:
    expected = past.expected[at]
    ratio = np.minimum(past.kept / past.expected - 1, LARGEST_RATIO)
    smooth = _smooth(ratio)
    columns = {"log_expected": np.log(expected)}
    for lag in SAME_HOUR_LAGS:
        columns[f"same_hour_{lag}"] = _back(ratio, at, lag)
    for name, lags in (
        ("around_1", (1,)),
        ("around_7", (7,)),
        ("around_3_days", (1, 2, 3)),
        ("around_4_weeks", (7, 14, 21, 28)),
        ("around_week", tuple(range(1, 8))),
        ("around_month", tuple(range(1, 29))),
        ("around_year_ago", (357, 364, 371)),
        ("around_years_ago", SEASONS_AGO),
    ):
        columns[name] = _mean_back(smooth, at, lags)
    for lag in (1, 2, 7):
        columns[f"calls_{lag}"] = _back(past.kept, at, lag) / expected - 1
    return columns


def _levels(past: Past, at: Indexes) -> dict[str, NDArray[np.float64]]:
    told = np.isfinite(past.kept)
    calls = np.where(told, past.kept, 0.0)
    due = np.where(told, past.expected, 0.0)
    run_calls = np.concatenate([[0.0], np.cumsum(calls.reshape(-1))])
    run_due = np.concatenate([[0.0], np.cumsum(due.reshape(-1))])
    begin = at * DAY
    columns = {}
    for tail in TAILS:
        from_ = np.maximum(begin - tail, 0)
        due_then = run_due[begin] - run_due[from_]
        made = run_calls[begin] - run_calls[from_]
        columns[f"last_{tail}_hours"] = _share(made, due_then)[:, None] - 1
    day_ratio = _share(calls.sum(axis=1), due.sum(axis=1))[:, None] - 1
    for lag in DAY_LAGS:
        columns[f"day_{lag}"] = _back(day_ratio, at, lag)
    columns["same_date"] = _mean_back(day_ratio, at, SAME_DATE)
    daily = _share(calls.sum(axis=1), told.sum(axis=1).astype(np.float64))[:, None]
    week, year = (_mean_back(daily, at, tuple(range(1, span))) for span in (8, 365))
    columns["level_of_year"] = _share(week, year)
    ratio = np.minimum(past.kept / past.expected - 1, LARGEST_RATIO)
    yesterday = _back(ratio, at, 1)
    for hours in range(1, LAST_HOURS + 1):
        columns[f"hour_before_{hours}"] = yesterday[:, DAY - hours][:, None]
    return columns


def _share(part: Counts, whole: Counts) -> Counts:
    """The quotient, and NaN where there is nothing to divide by."""
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)


def _smooth(ratio: Counts) -> Counts:
    """Mean with the hours beside, within the day only: a day's end must not see the next."""
    padded = np.pad(ratio, ((0, 0), (1, 1)), constant_values=np.nan)
    beside = np.stack([padded[:, :-2], ratio, padded[:, 2:]])
    told = np.isfinite(beside)
    return _share(np.where(told, beside, 0.0).sum(axis=0), told.sum(axis=0).astype(np.float64))


def _back(values: Counts, at: Indexes, lag: int) -> Counts:
    """The values `lag` days before each day; NaN before the history begins."""
    found = values[np.maximum(at - lag, 0)]
    return np.where((at >= lag)[:, None], found, np.nan)


def _mean_back(values: Counts, at: Indexes, lags: tuple[int, ...]) -> Counts:
    """Mean over those lags that are known."""
    total = np.zeros((at.size, values.shape[1]))
    known = np.zeros_like(total)
    for lag in lags:
        found = _back(values, at, lag)
        told = np.isfinite(found)
        total += np.where(told, found, 0.0)
        known += told
    return _share(total, known)
