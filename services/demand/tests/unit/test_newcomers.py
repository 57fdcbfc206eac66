"""Items too new to judge: what their like say, and how their own periods take over."""

from __future__ import annotations

from collections.abc import Sequence

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
    assert 0 < own_weight(periods) < own_weight(periods + 1) < 1
    known = class_of(levels).usual("NEW", "S", "infection")
    # a spread of its own would move the mean as well: it is taken out here
    still = type(known)(known.level, 0.0, np.ones(3), known.seen)
    away = [abs(predict(np.full(n, own), still, (0.5,))[0] - own) for n in (periods, periods + 1)]
    assert away[1] <= away[0] + 1e-9


def test_a_new_item_starts_at_its_class_and_ends_at_its_own_level() -> None:
    known = class_of((80.0, 100.0, 125.0)).usual("NEW", "S", "infection")
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
    assert "33%" in said
    assert "67%" in said
    assert "3 item(s) of class infection" in said


def test_where_nothing_is_known_that_is_said() -> None:
    assert "no other item is known" in words(0, "month", learn([]).usual("NEW", "S", "a"))
