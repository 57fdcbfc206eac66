"""Leaf draws, grids and blends against the obvious way of doing the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.demand.adapters.engines.forests import forest
from services.demand.adapters.engines.forests.grid import (
    GRID,
    WEIGHTS,
    at_levels,
    average,
    mean_of,
    mixture,
    sorted_quantiles,
)
from services.demand.adapters.engines.forests.quantile_boost import with_tails
from services.demand.adapters.engines.forests.table import Origin, Rows


def rows_of_two_kinds(n: int = 60, seed: int = 0) -> Rows:
    """Rows whose first feature tells small paths from large ones."""
    generator = np.random.default_rng(seed)
    kind = generator.integers(0, 2, n)
    paths = generator.poisson(1.0 + 9.0 * kind[:, None], (n, 3)).astype(float)
    values = np.column_stack([kind, generator.random((n, 4))]).astype(np.float32)
    size = 1.0 + generator.random(n)
    at = Origin(
        np.arange(n), values, {"ew": size}, 3.0 * paths.max(axis=1), paths.astype(np.float32)
    )
    return Rows(at, paths)


def test_leaf_draws_equal_a_naive_walk_through_the_trees() -> None:
    rows = rows_of_two_kinds()
    shape = forest.ForestShape("ew", trees=3, leaves=6, least_rows=5, draws=4)
    grown = forest.grow(rows, shape, seed=7)
    here = rows.origin.take(np.arange(5))
    drawn = forest.drawn_rows(grown, here)
    places = np.random.default_rng(7).random((3, 4))
    train = grown.booster.predict(rows.origin.values, pred_leaf=True)
    target = np.log1p(rows.paths / rows.origin.sizes["ew"][:, None]).mean(axis=1)
    for row in range(5):
        expected = []
        for tree in range(3):
            leaf = grown.booster.predict(here.values, pred_leaf=True)[row, tree]
            inside = [i for i in range(60) if train[i, tree] == leaf]
            inside.sort(key=lambda i: (target[i], i))
            for draw in range(4):
                place = (draw + places[tree, draw]) / 4
                expected.append(inside[int(place * len(inside))])
        assert drawn[row].tolist() == expected
    paths = rows.paths[drawn] / rows.origin.sizes["ew"][drawn][..., None]
    scaled = paths * here.sizes["ew"][:, None, None]
    capped = np.minimum(scaled, np.maximum(rows.paths[drawn], here.cap[:, None, None]))
    by_hand = sorted_quantiles(np.sort(capped.transpose(0, 2, 1), axis=2))
    np.testing.assert_allclose(forest.curves(grown, here), by_hand, rtol=1e-5)


def test_draws_of_the_two_kinds_do_not_mix() -> None:
    rows = rows_of_two_kinds(400)
    grown = forest.grow(rows, forest.ForestShape("ew", trees=20, least_rows=8), seed=0)
    middle = at_levels(forest.curves(grown, rows.origin), [0.5])[..., 0].mean(axis=1)
    large = rows.origin.values[:, 0] > 0.5
    assert middle[large].min() > middle[~large].max()


def test_a_ratio_to_a_tiny_size_does_not_become_a_mountain() -> None:
    rows = rows_of_two_kinds()
    grown = forest.grow(rows, forest.ForestShape("ew", trees=5), seed=0)
    giant = rows.origin.take(np.arange(3))
    giant.sizes["ew"][:] = 1e9
    most = max(float(rows.paths.max()), float(giant.cap.max()))
    assert forest.curves(grown, giant).max() <= most + 1e-6


curves = st.lists(st.floats(0.0, 1e6), min_size=len(GRID), max_size=len(GRID)).map(
    lambda values: np.sort(np.array(values))[None, :]
)


@given(one=curves, other=curves, share=st.floats(0.01, 0.99))
@settings(max_examples=40, deadline=None)
def test_blends_never_cross_and_stay_between_the_outermost_members(
    one: np.ndarray, other: np.ndarray, share: float
) -> None:
    for made in (mixture([one, other], [share, 1 - share]), average([one, other], [1.0, 2.0])):
        assert (np.diff(made) >= -1e-9).all()
        assert made.min() >= min(one.min(), other.min()) - 1e-9
        assert made.max() <= max(one.max(), other.max()) + 1e-9 * max(one.max(), other.max())


def test_a_mixture_of_a_member_with_itself_is_the_member() -> None:
    one = np.linspace(0.0, 10.0, len(GRID))[None, :]
    np.testing.assert_allclose(mixture([one, one], [0.3, 0.7])[0, 3:-3], one[0, 3:-3], atol=0.4)


def test_weights_of_the_grid_add_up_and_give_the_mean_of_a_uniform() -> None:
    assert WEIGHTS.sum() == pytest.approx(1.0)
    assert float(mean_of(GRID)) == pytest.approx(0.5, abs=1e-3)


def test_levels_between_the_lines_are_read_along_them() -> None:
    assert at_levels(GRID, [0.123, 0.5, 0.9])[0] == pytest.approx(0.123)


def test_borrowed_tails_go_on_from_the_learnt_levels_without_crossing() -> None:
    known = np.array([[[1.0, 2.0, 4.0]]])
    lent = np.linspace(0.0, 50.0, len(GRID))[None, None, :]
    made = with_tails(known, (0.1, 0.5, 0.9), lent)
    assert (np.diff(made) >= -1e-12).all()
    assert at_levels(made, [0.1, 0.5, 0.9])[0, 0].tolist() == [1.0, 2.0, 4.0]
    assert made[0, 0, -1] > 4.0
