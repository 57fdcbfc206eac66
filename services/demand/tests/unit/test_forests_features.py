"""Features and training rows: nothing at an origin may know what came after it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.demand.adapters.engines.forests.features import features, scales
from services.demand.adapters.engines.forests.panel import SparsePanel
from services.demand.adapters.engines.forests.stock_features import last_known, without_stock
from services.demand.adapters.engines.forests.table import origin, rows


def some_wards(n: int = 12, periods: int = 30, seed: int = 0) -> SparsePanel:
    """A generated panel with stock, an unknown column, two categories and late starters."""
    generator = np.random.default_rng(seed)
    y = np.where(
        generator.random((n, periods)) < 0.5, generator.poisson(4.0, (n, periods)), 0
    ).astype(float)
    start = generator.integers(0, 5, n)
    y[np.arange(periods)[None, :] < start[:, None]] = 0.0
    stock = generator.poisson(9.0, (n, periods)).astype(float)
    stock[:, 3] = np.nan
    return SparsePanel(
        tuple(f"ward-{i:02d}" for i in range(n)),
        y,
        np.arange(periods)[None, :] >= start[:, None],
        start,
        12,
        {"stock_end": stock, "stock_received": stock / 2, "temperature": stock * 3},
        {
            "product": tuple("ab"[i % 2] for i in range(n)),
            "site": tuple("xyz"[i % 3] for i in range(n)),
        },
    )


@given(known=st.integers(4, 29), seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_no_feature_scale_or_season_looks_past_the_origin(known: int, seed: int) -> None:
    panel = some_wards()
    generator = np.random.default_rng(seed)
    y = panel.y.copy()
    y[:, known:] = generator.poisson(50.0, y[:, known:].shape)
    columns = {k: v.copy() for k, v in panel.columns.items()}
    for values in columns.values():
        values[:, known:] = 1e6
    observed = panel.observed.copy()
    observed[:, known:] = ~observed[:, known:]
    changed = replace(panel, y=y, columns=columns, observed=observed)
    before, after = origin(panel, known, 6), origin(changed, known, 6)
    np.testing.assert_array_equal(before.values, after.values)
    np.testing.assert_array_equal(before.ago, after.ago)
    np.testing.assert_array_equal(before.cap, after.cap)
    for name, size in before.sizes.items():
        np.testing.assert_array_equal(size, after.sizes[name])


def test_features_of_a_series_do_not_depend_on_the_order_of_the_panel() -> None:
    panel = some_wards()
    order = np.random.default_rng(1).permutation(len(panel.ids))
    one, other = features(panel), features(panel.rows(order))
    assert one.names == other.names
    np.testing.assert_allclose(one.values[order], other.values, rtol=1e-9, atol=1e-9)


def test_every_origin_has_the_same_features() -> None:
    panel = some_wards()
    widths = {origin(panel, known, 3).values.shape[1] for known in range(3, 31)}
    assert len(widths) == 1


def test_scales_are_never_zero_even_for_an_item_never_used() -> None:
    panel = replace(some_wards(), y=np.zeros((12, 30)))
    assert all((size > 0).all() for size in scales(panel).values())


def test_training_paths_are_what_followed_and_unknown_beyond_the_history() -> None:
    panel = some_wards()
    table = rows(panel, 4, 10_000, seed=0)
    assert table is not None
    newest = np.flatnonzero(np.isnan(table.paths[:, 1]))
    np.testing.assert_array_equal(table.paths[newest, 0], panel.y[table.origin.series[newest], -1])
    whole = table.leg(0, 4)
    assert np.isfinite(whole.paths).all()
    assert len(whole) < len(table.leg(0, 1))
    np.testing.assert_allclose(table.summed(4).paths[:, 0], whole.paths.sum(axis=1))


def test_more_rows_than_allowed_are_thinned_the_same_way_each_time() -> None:
    panel = some_wards()
    one, other = rows(panel, 2, 60, seed=3), rows(panel, 2, 60, seed=3)
    assert one is not None
    assert other is not None
    assert 30 < len(one) < 100
    np.testing.assert_array_equal(one.origin.values, other.origin.values)


def test_a_zero_with_stock_at_hand_is_not_a_period_without_stock() -> None:
    panel = some_wards(3, 6)
    y = np.zeros((3, 6))
    stock = np.zeros((3, 6))
    stock[1] = 5.0
    bare = replace(panel, y=y, columns={"stock_end": stock}, observed=np.ones((3, 6), dtype=bool))
    assert without_stock(bare)[0].all()
    assert not without_stock(bare)[1].any()


def test_the_last_known_value_is_carried_over_gaps() -> None:
    values = np.array([[1.0, 2.0, np.nan], [np.nan, np.nan, np.nan]])
    assert last_known(values)[0] == 2.0
    assert np.isnan(last_known(values)[1])


def test_a_panel_that_does_not_fit_together_is_refused_by_name() -> None:
    panel = some_wards()
    with pytest.raises(ValueError, match="column wrong"):
        replace(panel, columns={"wrong": np.zeros((1, 2))})
    with pytest.raises(ValueError, match="category wrong"):
        replace(panel, categories={"wrong": ("a",)})
    with pytest.raises(ValueError, match="same id"):
        replace(panel, ids=("a",) * 12)
    with pytest.raises(ValueError, match="repair the history"):
        replace(panel, y=panel.y - 1.0)
