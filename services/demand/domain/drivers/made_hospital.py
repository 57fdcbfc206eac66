"""A hospital of known truth: items that calendars and signals drive, and items that nothing does.

The others are not easy: a third of them rise every winter, just as the signals do, and all
levels wander. Whoever switches a driver on because two curves look alike is found out here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from services.demand.domain.drivers.driver import Driver, Kind
from services.demand.domain.tables import Array, Days

DRIVEN_SHARE = 0.5
CALLS = {"calls respiratory": 40.0, "calls trauma": 25.0, "calls cardiac": 30.0}
"""Signals and their usual calls a day."""
INFLUENZA = "influenza"
WEEK = np.array([1.08, 1.05, 1.04, 1.04, 1.06, 0.9, 0.83])


@dataclass(frozen=True, slots=True)
class MadeHospital:
    """`amounts` [n, T] by day; `truth`: item -> the driver that moves it, "" for none;
    `lags`: item -> days by which a signal leads it."""

    days: Days = field(repr=False)
    amounts: Array = field(repr=False)
    drivers: tuple[Driver, ...] = field(repr=False)
    truth: tuple[str, ...]
    lags: tuple[int, ...]


def made_hospital(
    days: Days, calendars: Mapping[str, Array], items: int, seed: int
) -> MadeHospital:
    """`days` [T]; `calendars`: name -> [T or more] of 0 and 1; the same seed, the same hospital.

    An item follows one driver: a share of 0.4 to 0.9 of a signal's change, or 20 to 45 % less
    (a quarter of them: more) on the days of a calendar. Amounts are negative binomial.
    """
    draw = np.random.default_rng(seed)
    length = len(days)
    winter = _winter(days, draw)
    signals = {name: _calls(usual, winter, name, draw) for name, usual in CALLS.items()}
    signals[INFLUENZA] = draw.poisson(60.0 * np.exp(2.2 * winter)).astype(np.float64)
    names = [*signals, *calendars]
    amounts = np.empty((items, length))
    truth, lags = [], []
    for item in range(items):
        driven = item < round(items * DRIVEN_SHARE)
        name = names[item % len(names)] if driven else ""
        lag = int(draw.integers(2, 9)) if name in signals else 0
        rate = _undriven_rate(days, draw, wintry=not driven and item % 3 == 0)
        if name in signals:
            change = np.log(signals[name] + 3.0)
            change = change - change.mean()
            rate = rate + draw.uniform(0.4, 0.9) * _later(change, lag)
        elif name:
            effect = draw.uniform(0.2, 0.45)
            size = np.log1p(effect) if draw.random() < 0.25 else np.log1p(-effect)
            rate = rate + size * calendars[name][:length]
        spread = draw.uniform(8.0, 40.0)
        amounts[item] = draw.poisson(np.exp(rate) * draw.gamma(spread, 1.0 / spread, length))
        truth.append(name)
        lags.append(lag)
    drivers = [Driver(name, Kind.SIGNAL, values[None]) for name, values in signals.items()]
    drivers += [Driver(name, Kind.CALENDAR, values[None]) for name, values in calendars.items()]
    return MadeHospital(days, amounts, tuple(drivers), tuple(truth), tuple(lags))


def _winter(days: Days, draw: np.random.Generator) -> Array:
    """[T] 0 in summer, a wave of its own height, length and date every winter."""
    place = days.astype("datetime64[D]").astype(np.int64)
    years = np.unique(days.astype("datetime64[Y]"))
    wave = np.zeros(len(days))
    for year in np.concatenate([years[:1] - 1, years]):
        peak = (year + 1).astype("datetime64[D]").astype(np.int64) + draw.integers(-20, 50)
        width = draw.uniform(14.0, 28.0)
        wave += draw.uniform(0.5, 1.2) * np.exp(-0.5 * ((place - peak) / width) ** 2)
    return wave


def _wander(length: int, step: float, memory: float, draw: np.random.Generator) -> Array:
    made, level = np.empty(length), 0.0
    for t, shock in enumerate(draw.normal(0.0, step, length)):
        level = memory * level + shock
        made[t] = level
    return made


def _calls(usual: float, winter: Array, name: str, draw: np.random.Generator) -> Array:
    rise = 0.6 if "respiratory" in name else 0.15
    moves = rise * winter + _wander(len(winter), 0.06, 0.96, draw)
    return draw.poisson(usual * np.exp(moves)).astype(np.float64)


def _undriven_rate(days: Days, draw: np.random.Generator, *, wintry: bool) -> Array:
    level = np.exp(draw.uniform(np.log(6.0), np.log(120.0)))
    weekday = (days.astype("datetime64[D]").astype(np.int64) + 3) % 7
    rate = np.log(level * WEEK[weekday] ** draw.uniform(0.0, 1.5))
    rate = rate + _wander(len(days), draw.uniform(0.0, 0.01), 0.999, draw)
    if wintry:
        # every year alike: the calendar month says it, no signal is needed
        yearly = days.astype("datetime64[D]").astype(np.int64) / 365.25
        rate = rate + draw.uniform(0.05, 0.2) * np.cos(2 * np.pi * (yearly - 0.04))
    return np.asarray(rate)


def _later(values: Array, lag: int) -> Array:
    return np.concatenate([np.full(lag, values[0]), values[: len(values) - lag]]) if lag else values
