"""The ridge regressions find what was put in, and stay still when nothing was."""

from __future__ import annotations

import numpy as np

from services.orientation.adapters.volume.linear import HIGHEST, LOWEST, LinearLearner
from services.orientation.domain.volume.almanac import almanac
from services.orientation.domain.volume.features import Matrix, Past, features
from services.orientation.domain.volume.hours import cut
from services.orientation.tests.volume_world import town

DAYS = 200


def rows() -> tuple[Matrix, tuple[str, ...], np.ndarray]:
    past = Past.begin(cut(town(DAYS).hours, 0), almanac("us"))
    past.walk(DAYS)
    at = np.arange(28, DAYS)
    table, names = features(past, at)
    return table, names, past.expected[at].reshape(-1)


def test_counts_that_follow_the_season_need_no_correction() -> None:
    table, names, expected = rows()
    model = LinearLearner().learn(table, names, expected, expected)
    np.testing.assert_allclose(model.correction(table), 0.0, atol=1e-9)


def test_a_fifth_more_calls_on_saturday_nights_is_found() -> None:
    table, names, expected = rows()
    night = (table[:, names.index("weekday")] == 5) & (table[:, names.index("hour")] >= 20)
    calls = expected * np.where(night, 1.2, 1.0)
    found = np.exp(LinearLearner().learn(table, names, expected, calls).correction(table))
    assert 1.08 < found[night].mean() < 1.22
    assert 0.99 < found[~night].mean() < 1.01


def test_a_correction_stays_within_its_bounds_whatever_the_past_says() -> None:
    table, names, expected = rows()
    model = LinearLearner().learn(table, names, expected, expected * 3)
    wild = table.copy()
    wild[:, names.index("last_24_hours")] = 1e6
    found = np.exp(model.correction(wild))
    assert (found >= 1 + LOWEST - 1e-9).all()
    assert (found <= 1 + HIGHEST + 1e-9).all()
