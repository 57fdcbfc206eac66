"""Members that look at one series, the choice between blends, and the calibration."""

from __future__ import annotations

import numpy as np
import pytest

from services.demand.adapters.engines.forests.calibrate import moved_levels, reached
from services.demand.adapters.engines.forests.choose import (
    Trial,
    candidates,
    choose,
    of_sums,
    steps,
)
from services.demand.adapters.engines.forests.classical import smoothed
from services.demand.adapters.engines.forests.grid import GRID, at_levels
from services.demand.adapters.engines.forests.members import empirical, pooled_tsb, tsb
from services.demand.adapters.engines.forests.panel import SparsePanel
from services.demand.adapters.engines.forests.pool import ETS, QUICK, fitted, own
from services.demand.adapters.engines.pooled import usual_means


def rare_use(n: int = 40, periods: int = 36, seed: int = 0) -> SparsePanel:
    generator = np.random.default_rng(seed)
    y = (generator.random((n, periods)) < 0.3) * (1.0 + generator.poisson(2.0, (n, periods)))
    return SparsePanel(
        tuple(f"i{k}" for k in range(n)),
        y.astype(float),
        np.ones((n, periods), dtype=bool),
        np.zeros(n, dtype=np.int64),
    )


def test_tsb_equals_the_textbook_loop_once_it_has_warmed_up() -> None:
    panel = rare_use(1)
    chance = amount = 0.0
    for t, value in enumerate(panel.y[0]):
        rate = max(0.2, 1.0 / (t + 1))
        chance += rate * (float(value > 0) - chance)
        if value > 0:
            amount = value if amount == 0 else amount + 0.1 * (value - amount)
        assert tsb(panel, 0.1, 0.2)[0, t + 1] == pytest.approx(chance * amount)


def test_tsb_fades_when_an_item_is_no_longer_used() -> None:
    panel = rare_use(1)
    panel.y[0, 20:] = 0.0
    means = tsb(panel, 0.1, 0.1)[0]
    assert means[-1] < 0.3 * means[20]


def test_an_old_amount_weighs_less_than_a_new_one() -> None:
    panel = rare_use(1, 20)
    panel.y[0] = [100.0] * 10 + [1.0] * 10
    assert at_levels(empirical(panel, 0.7), [0.8])[0, 0] == pytest.approx(1.0)
    assert at_levels(empirical(panel, 0.999), [0.8])[0, 0] == pytest.approx(100.0)


def test_sums_of_a_span_are_counted_as_sums_and_a_short_history_by_its_mean() -> None:
    panel = rare_use(2, 9)
    panel.y[:] = 2.0
    assert at_levels(empirical(panel, 0.9, 3), [0.5])[0, 0] == pytest.approx(6.0)
    assert at_levels(empirical(panel, 0.9, 12), [0.5])[0, 0] == pytest.approx(24.0)


def test_pooled_errors_cover_what_they_claim_on_a_steady_panel() -> None:
    panel = rare_use(300, 60)
    made = pooled_tsb(panel.until(54), 0.1, [(0, 1), (0, 6)])
    came = np.column_stack([panel.y[:, 54], panel.y[:, 54:].sum(axis=1)])
    share = (came <= at_levels(made, [0.95])[..., 0]).mean(axis=0)
    assert share.min() >= 0.92
    assert share.max() <= 0.99


def test_an_item_used_again_after_years_lends_no_huge_error_to_its_pool() -> None:
    panel = rare_use(200, 60)
    calm = pooled_tsb(panel, 0.3, [(0, 1)])
    panel.y[:10, 10:55], panel.y[:10, 55] = 0.0, 3.0
    stirred = pooled_tsb(panel, 0.3, [(0, 1)])[10:]
    highest = at_levels(stirred, [0.995])[:, 0, 0] / panel.y[10:].max(axis=1)
    assert np.median(highest) < 2.0
    np.testing.assert_allclose(
        at_levels(stirred, [0.9])[:, 0, 0].sum(), at_levels(calm[10:], [0.9]).sum(), rtol=0.2
    )


def test_usual_means_are_those_of_the_periods_since_the_start() -> None:
    panel = rare_use(2, 8)
    panel.start[1] = 3
    found = usual_means(panel.y, panel.alive)
    for row, start in enumerate((0, 3)):
        for known in range(9):
            past = panel.y[row, start:known]
            assert found[row, known] == pytest.approx(past.mean() if len(past) else 0.0)


def test_smoothing_follows_each_series_and_a_sum_is_wider_than_a_period() -> None:
    panel = rare_use(3, 30)
    panel.y[0], panel.y[1] = 5.0, 0.0
    panel.start[2] = 28
    made, summed = smoothed(panel, 2, 2)
    assert made.shape == (3, 2, len(GRID))
    assert (np.diff(made) >= 0).all()
    assert made.min() >= 0
    assert at_levels(made, [0.5])[:2, 0, 0] == pytest.approx([5.0, 0.0], abs=0.1)
    assert at_levels(summed, [0.5])[0, 0, 0] == pytest.approx(10.0, abs=0.2)
    assert summed.shape == (3, 1, len(GRID))


def test_only_the_members_that_a_blend_has_are_made() -> None:
    panel = rare_use(3)
    assert set(own(panel, 2, ["TSB 0.1"])) == {"TSB 0.1"}
    assert set(own(panel, 2)) == set(QUICK)
    assert set(own(panel, 2, ["own past", ETS])) == {"own past"}
    assert fitted(panel, 2, 2, QUICK) == ({}, {})
    near, sums = fitted(panel, 2, 0, ["own past", ETS])
    assert set(near) == {ETS}
    assert not sums


@pytest.mark.parametrize("lead", [1, 4])
def test_one_fit_serves_periods_and_sums_of_any_length(lead: int) -> None:
    panel = rare_use(3, 30)
    near, total = smoothed(panel, 2, lead)
    np.testing.assert_array_equal(near, smoothed(panel, 2, 0)[0])
    np.testing.assert_array_equal(total, smoothed(panel, lead, lead)[1])


def _trial(good: float, bad: float, n: int, seed: int) -> Trial:
    generator = np.random.default_rng(seed)
    actual = generator.gamma(2.0, 5.0, (n, 2))
    base = np.quantile(generator.gamma(2.0, 5.0, 4000), GRID)
    right = np.broadcast_to(base * good, (n, 2, len(GRID)))
    wrong = np.broadcast_to(base * bad, (n, 2, len(GRID)))
    members = {"own past": right, "TSB 0.1": right, "recent past": wrong, "TSB 0.3": wrong}
    return Trial(members, actual, np.arange(n), np.ones(n))


def test_a_clearly_better_blend_stands_alone() -> None:
    tried = [_trial(1.0, 3.0, 500, seed) for seed in range(4)]
    made = choose(tried, 500, 4, members=list(tried[0].members))
    assert set(made.shares) == {"own past", "TSB 0.1"}


def test_what_back_tests_cannot_tell_apart_is_blended() -> None:
    tried = [_trial(1.0, 1.02, 8, seed) for seed in range(2)]
    made = choose(tried, 8, 1, members=list(tried[0].members))
    assert len(made.shares) == 4
    assert sum(made.shares.values()) == pytest.approx(1.0)


def test_under_doubt_a_better_blend_does_not_stand_alone() -> None:
    tried = [_trial(1.0, 1.5, 100, seed) for seed in range(4)]
    sure = choose(tried, 100, 4, members=list(tried[0].members))
    unsure = choose(tried, 100, 4, members=list(tried[0].members), doubt=8.0)
    assert set(sure.shares) == {"own past", "TSB 0.1"}
    assert len(unsure.shares) == 4
    assert unsure.shares["own past"] > unsure.shares["recent past"]


def test_a_blend_whose_members_are_not_at_hand_is_no_candidate() -> None:
    assert set(candidates(["own past", "TSB 0.1"])) == {"series alone"}


def test_tsb_stands_alone_only_where_use_is_regular_enough_for_smoothing() -> None:
    assert "quick TSB" not in candidates(["TSB 0.3"])
    assert "quick TSB" in candidates(["TSB 0.3", ETS])


def test_a_sum_is_not_foreseen_from_a_few_sums_of_one_series() -> None:
    shares = {"own past": 0.5, "TSB 0.1": 0.3, "forest": 0.2}
    assert of_sums(shares, 3) == pytest.approx({"TSB 0.1": 0.6, "forest": 0.4})
    assert of_sums(shares, 1) == shares
    assert of_sums({"own past": 1.0}, 3) == {"own past": 1.0}


def test_a_series_without_a_step_is_left_out_of_the_relative_loss() -> None:
    panel = rare_use(2)
    panel.y[0] = 3.0
    assert np.isnan(steps(panel)[0])
    assert steps(panel)[1] > 0


def test_ties_are_shared_so_that_counts_do_not_pass_for_width() -> None:
    generator = np.random.default_rng(0)
    truth = np.quantile(generator.poisson(0.4, 200_000), GRID, method="inverted_cdf")
    actual = generator.poisson(0.4, (4000, 1)).astype(float)
    share = reached(np.broadcast_to(truth, (4000, 1, len(GRID))), actual)
    np.testing.assert_allclose(share[8:-8], GRID[8:-8], atol=0.04)


def test_too_narrow_quantiles_are_read_further_out_and_right_ones_where_they_are() -> None:
    generator = np.random.default_rng(1)
    truth = np.quantile(generator.gamma(2.0, 5.0, 200_000), GRID)
    actual = [generator.gamma(2.0, 5.0, (2000, 1)) for _ in range(3)]
    right = [np.broadcast_to(truth, (2000, 1, len(GRID)))] * 3
    place = list(GRID).index(0.9)
    assert moved_levels(right, actual, 2000)[place] == pytest.approx(0.9, abs=0.02)
    narrow = [curve * 0.8 for curve in right]
    moved = moved_levels(narrow, actual, 2000)
    assert moved[place] > 0.93
    assert (np.diff(moved) >= 0).all()
    assert moved[list(GRID).index(0.5)] == pytest.approx(0.5)


def test_origins_that_disagree_make_the_upper_quantiles_more_prudent() -> None:
    generator = np.random.default_rng(2)
    truth = np.quantile(generator.gamma(2.0, 5.0, 200_000), GRID)
    curves = [np.broadcast_to(truth, (1000, 1, len(GRID)))] * 4
    drifting = [generator.gamma(2.0, 5.0, (1000, 1)) * level for level in (0.8, 1.2, 0.9, 1.1)]
    place = list(GRID).index(0.9)
    plain = moved_levels(curves, drifting, 1000)[place]
    assert moved_levels(curves, drifting, 1000, prudent=4.0)[place] > plain + 0.02
