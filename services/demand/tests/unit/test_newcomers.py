"""Items too new to judge: what their like say, and how their own periods take over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from services.demand.domain.newcomers import (
    Crowd,
    Like,
    class_path,
    learn,
    nobody,
    own_weight,
    predict,
    prior_weight,
    words,
)
from services.demand.domain.quantiles import LEVELS
from services.demand.domain.tables import Array

HISTORIES = arrays(np.float64, st.integers(1, 40), elements=st.floats(0, 1e6).map(np.floor))
LEVELS_SEEN = st.lists(st.floats(0.1, 1e4), min_size=1, max_size=12)


def steady(item: str, site: str, kind: str, level: float) -> Like:
    return Like(item, site, kind, np.full(24, level))


def class_of(levels: Sequence[float], kind: str = "infection") -> Crowd:
    return learn(steady(f"I{n}", "S", kind, level) for n, level in enumerate(levels))


@given(HISTORIES)
def test_a_new_items_quantiles_never_cross_and_hold_its_mean(values: Array) -> None:
    mean, curve = predict(values, nobody(), LEVELS)
    assert (np.diff(curve) >= 0).all()
    assert (curve >= 0).all()
    assert curve[0] <= mean <= curve[-1]


@given(LEVELS_SEEN, st.floats(0.1, 1e4), st.integers(1, 60))
def test_every_further_period_gives_the_item_more_weight(
    levels: list[float], own: float, periods: int
) -> None:
    known = class_of(levels).usual("NEW", "S", "infection")
    known = replace(known, ratios=np.array([0.5, 0.8, 1.0, 1.7]))
    assert 0 < own_weight(periods, known) < own_weight(periods + 1, known) < 1
    # the median of a level alone: single periods scatter around it all the same
    still = replace(known, ratios=np.ones(3))
    away = [
        abs(np.log(predict(np.full(n, own), still, (0.5,))[1][0] / own))
        for n in (periods, periods + 1)
    ]
    assert away[1] <= away[0] + 1e-9


def test_a_new_item_starts_at_its_class_and_ends_at_its_own_level() -> None:
    known = class_of((80.0, 100.0, 125.0)).usual("NEW", "S", "infection")
    known = replace(known, ratios=np.array([0.6, 0.9, 1.1, 1.4]))
    after = [predict(np.full(n, 10.0), known, (0.5,))[1][0] for n in (0, 3, 6, 600)]
    assert after[0] == pytest.approx(100, rel=0.05)
    assert after == sorted(after, reverse=True)
    assert after[-1] == pytest.approx(10, rel=0.15)


def test_a_new_items_interval_narrows_as_its_own_periods_come() -> None:
    rng = np.random.default_rng(6)
    crowd = learn(
        Like(f"I{n}", "S", "a", rng.poisson(level, 24).astype(float))
        for n, level in enumerate((5, 50, 500))
    )
    known = crowd.usual("NEW", "S", "a")
    widths = [
        np.ptp(np.log1p(predict(np.full(n, 50.0), known, (0.025, 0.975))[1])) for n in (0, 3, 5)
    ]
    assert widths == sorted(widths, reverse=True)


def test_an_atc_code_belongs_to_all_its_levels_and_another_class_to_itself() -> None:
    assert class_path("J01CA04") == ("J", "J01", "J01C", "J01CA", "J01CA04")
    assert class_path("N02") == ("N", "N02")
    assert class_path("respiratory") == ("respiratory",)
    assert class_path("") == ()


def test_a_code_nobody_has_borrows_from_the_finest_group_that_somebody_has() -> None:
    crowd = learn(
        [steady(f"J{n}", "S", "J01CA04", 200.0) for n in range(10)]
        + [steady(f"N{n}", "S", "N02BE01", 2.0) for n in range(10)]
    )
    near = crowd.usual("NEW", "S", "J01CA12")
    far = crowd.usual("NEW", "S", "N05AA01")
    assert near.level > 50
    assert far.level < 10
    assert "class J01CA" in near.seen
    assert "class N," not in near.seen


def test_a_small_site_starts_its_new_items_lower() -> None:
    crowd = learn(
        [steady(f"I{n}", "LARGE", "a", 100.0) for n in range(10)]
        + [steady(f"I{n}", "SMALL", "a", 10.0) for n in range(10)]
    )
    assert crowd.usual("NEW", "SMALL", "a").level < 20
    assert crowd.usual("NEW", "LARGE", "a").level > 60


def test_the_same_item_at_other_sites_says_most_and_narrows_the_doubt() -> None:
    rows = [steady(f"I{n}", site, "a", 10.0) for n in range(8) for site in ("A", "B", "C")]
    rows += [steady("HEAVY", site, "a", 400.0) for site in ("A", "B")]
    crowd = learn(rows)
    heavy, other = crowd.usual("HEAVY", "C", "a"), crowd.usual("NEW", "C", "a")
    assert heavy.level > 5 * other.level
    assert heavy.spread < other.spread
    assert "2 other site(s)" in heavy.seen


def test_the_reason_names_the_weights_and_who_was_seen() -> None:
    known = class_of((80.0, 100.0, 125.0)).usual("NEW", "S", "infection")
    said = words(3, "month", known)
    assert f"{own_weight(3, known):.0%}" in said
    assert "3 item(s) of class infection" in said


def test_the_like_weigh_less_the_more_they_differ_and_the_steadier_they_are() -> None:
    draw = np.random.default_rng(3)
    steady_mixed = learn(
        Like(f"I{n}", "S", "a", draw.poisson(level, 24).astype(np.float64))
        for n, level in enumerate((5, 50, 500, 5000))
    )
    wild_alike = learn(
        Like(f"I{n}", "S", "a", np.where(draw.random(24) < 0.2, draw.gamma(1, 40, 24), 0.0))
        for n in range(9)
    )
    assert prior_weight(steady_mixed.usual("NEW", "S", "a")) < 0.3
    assert prior_weight(wild_alike.usual("NEW", "S", "a")) > 3.0


@pytest.mark.parametrize("periods", [1, 3, 6])
def test_a_new_item_that_used_nothing_yet_is_neither_at_0_nor_above_its_class(periods: int) -> None:
    crowd = learn(
        Like(f"I{k}", "S", "infection", np.tile([0.0, 0.0, 12.0], 8) * k) for k in (1.0, 2.0, 3.0)
    )
    known = crowd.usual("NEW", "S", "infection")
    mean, curve = predict(np.zeros(periods), known, (0.1, 0.5, 0.95))
    assert 0.0 < mean < 2.0 * known.level
    assert curve[-1] > 0.0


def test_where_nothing_is_known_that_is_said() -> None:
    assert "no other item is known" in words(0, "month", learn([]).usual("NEW", "S", "a"))


def test_a_class_of_levels_that_have_nothing_in_common_still_gives_numbers() -> None:
    rows = [np.full(12, level) for level in (5e-324, 1e-300, 1e-6, 1.0, 1e6)]
    like = [Like(f"item {k}", "site", "a", one) for k, one in enumerate(rows)]
    mean, curve = predict(np.empty(0), learn(like).usual("new", "site", "a"), LEVELS)
    assert np.isfinite([mean, *curve]).all()
    assert (np.diff(curve) >= 0).all()
