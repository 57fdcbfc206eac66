"""Calls by sector: shares of the total, learnt from the past alone."""

from __future__ import annotations

import numpy as np

from services.orientation.domain.volume.almanac import almanac
from services.orientation.domain.volume.hours import Counts, Hours
from services.orientation.domain.volume.scores import wape
from services.orientation.domain.volume.sectors import Sectors, shares
from services.orientation.tests.volume_world import NothingLearnt, town
from services.orientation.use_cases.volume import ForecastVolume

ROLL = ForecastVolume(NothingLearnt(), almanac("none"))


def divided(total: Counts, seed: int = 3) -> Sectors:
    """Each call falls in one of three sectors; the north by day, the south by night."""
    hour = np.arange(total.size) % 24
    north = 0.5 + 0.2 * np.cos((hour - 14) / 24 * 2 * np.pi)
    parts = np.stack([north, 0.9 - north, np.full(total.size, 0.1)], axis=1)
    draw = np.random.default_rng(seed)
    counts = [draw.multinomial(int(n), p) for n, p in zip(total, parts, strict=True)]
    return Sectors(("north", "south", "island"), np.array(counts, dtype=np.float64))


def test_the_means_of_the_sectors_add_up_to_the_total_s() -> None:
    history, actuals = town(200).split(10)
    whole = divided(np.concatenate([history.calls, actuals.calls]))
    found = ROLL.rolled(history, actuals, whole)
    assert found.sectors is not None
    np.testing.assert_allclose(found.sectors.mean.sum(axis=1), found.mean)
    ahead = ROLL.ahead(history, 50, Sectors(whole.names, whole.calls[: history.calls.size]))
    assert ahead.sectors is not None
    assert ahead.sectors.mean.shape == (50, 3)
    np.testing.assert_allclose(ahead.sectors.mean.sum(axis=1), ahead.mean)


def test_shares_by_hour_beat_one_share_for_all_hours_and_p90_covers() -> None:
    history, actuals = town(300).split(60)
    whole = divided(np.concatenate([history.calls, actuals.calls]))
    found = ROLL.rolled(history, actuals, whole)
    assert found.sectors is not None
    late = whole.calls[-actuals.calls.size :]
    flat = whole.calls.sum(axis=0) / whole.calls.sum()
    told = found.facts["sectors"]
    assert isinstance(told, dict)
    for at, name in enumerate(whole.names[:2]):
        assert told[name]["wape"] < 0.9 * wape(found.mean * flat[at], late[:, at])
        assert 0.86 <= told[name]["p90_covers"] <= 0.95


def test_the_shares_of_a_day_never_see_that_day() -> None:
    calls = divided(town(100).hours.calls).calls.reshape(-1, 24, 3)
    other = calls.copy()
    other[60:] = 999.0
    np.testing.assert_array_equal(shares(calls, 60), shares(other, 60))
    assert not np.array_equal(shares(calls, 61), shares(other, 61))


def test_a_sector_that_never_rang_is_forecast_at_zero_and_not_scored() -> None:
    history, actuals = town(140).split(7)
    whole = divided(np.concatenate([history.calls, actuals.calls]))
    silent = Sectors((*whole.names, "moor"), np.pad(whole.calls, ((0, 0), (0, 1))))
    found = ROLL.rolled(history, actuals, silent)
    assert found.sectors is not None
    assert (found.sectors.mean[:, 3] == 0).all()
    assert (found.sectors.levels[:, 3] == 0).all()
    told = found.facts["sectors"]
    assert isinstance(told, dict)
    assert "moor" not in told


def test_a_week_ahead_is_scored_blind_to_the_week() -> None:
    history, actuals = town(200).split(21)
    other = Hours(actuals.start, actuals.calls.copy())
    other.calls[-24:] *= 2  # the last day of the third week
    one, two = ROLL.rolled(history, actuals), ROLL.rolled(history, other)
    first, second = one.facts["week_ahead"], two.facts["week_ahead"]
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    assert first["weeks"] == 3
    assert first["wape_by_day"][:6] == second["wape_by_day"][:6]
    assert first["wape_by_day"][6] < second["wape_by_day"][6]
    assert 0.06 < first["wape"] < 0.15
    assert "week_ahead" not in ROLL.rolled(history, Hours(actuals.start, actuals.calls[:100])).facts
