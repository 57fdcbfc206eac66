"""TSB with pooled errors: levels that hold when all series drift together."""

from __future__ import annotations

import numpy as np

from services.demand.adapters.engines.pooled import SUMS, prudent_levels

LEVELS = (0.1, 0.5, 0.7, 0.8, 0.9, 0.95, 0.975, 0.999)


def ranks(series: int, drift: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Ranks of normal errors at 12 origins, each moved by `drift` deviations to either side."""
    generator = np.random.default_rng(seed)
    error = generator.normal(size=(12, series)) + drift * generator.normal(size=(12, 1))
    place = np.argsort(np.argsort(error, axis=None)).reshape(error.shape)
    return (place.ravel() + 0.5) / error.size, np.repeat(np.arange(12), series)


def test_origins_that_differ_by_chance_only_move_no_level() -> None:
    for series in (1, 5, 400):
        read = np.mean([prudent_levels(LEVELS, *ranks(series, 0.0, s)) for s in range(30)], axis=0)
        np.testing.assert_allclose(read, LEVELS, atol=0.02)


def test_under_drift_the_upper_levels_rise_and_the_others_stay() -> None:
    read = prudent_levels(LEVELS, *ranks(400, 0.5))
    assert (np.diff(read) > 0).all()
    np.testing.assert_allclose(read[[0, 1, 2, 6, 7]], [0.1, 0.5, 0.7, 0.975, 0.999], atol=1e-9)
    assert (read[3:6] > np.array(LEVELS)[3:6] + 0.005).all()


def test_sums_are_moved_further_up_and_never_past_the_widest_error() -> None:
    rank, origin = ranks(400, 0.5)
    single, sums = (prudent_levels(LEVELS, rank, origin, *fade) for fade in ((), (SUMS,)))
    assert (np.diff(sums) > 0).all()
    assert (sums >= single).all()
    assert sums[5] > single[5] + 0.005  # 0.95
    assert sums[-1] <= 1.0


def test_a_level_read_so_holds_at_about_five_of_six_new_origins() -> None:
    held = []
    for seed in range(40):
        rank, origin = ranks(400, 0.4, seed)
        past = origin < 11
        read = prudent_levels((0.85,), rank[past], origin[past])[0]
        held.append((rank[~past] <= np.quantile(rank[past], read)).mean() >= 0.85)
    assert 0.65 <= np.mean(held) <= 0.95


def test_one_origin_tells_nothing_of_drift() -> None:
    rank, origin = ranks(50, 0.5)
    first = origin == 0
    assert prudent_levels(LEVELS, rank[first], origin[first]).tolist() == list(LEVELS)
    assert prudent_levels(LEVELS, rank[:0], origin[:0]).tolist() == list(LEVELS)
