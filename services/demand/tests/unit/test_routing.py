"""Which engine serves which series, judged by back-tests with engines of known quality."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from services.demand.domain.quantiles import LEVELS
from services.demand.domain.routing import Group, class_words, groups, origins, worth_trying
from services.demand.domain.tables import Asked, HistoryTable, TableForecast
from services.demand.tests.frames import months, seasonal_counts, table_of
from services.demand.use_cases.route_table import SAMPLE, RouteTable

BOTH = frozenset(Group)


class Silent:
    """Progress that nobody watches."""

    @contextmanager
    def stage(self, name: str, steps: int) -> Iterator[Callable[[], None]]:
        yield lambda: None


@dataclass
class Constant:
    """Says the same share of each series' mean, always; notes what it was asked for."""

    name: str
    share: float
    serves: frozenset[Group] = BOTH
    home: Group | None = None
    slow: bool = False
    asked: list[tuple[int, int]] = field(default_factory=list)

    def __call__(self, table: HistoryTable, asked: Asked) -> TableForecast:
        self.asked.append((len(table.ids), table.length))
        level = self.share * table.values.mean(axis=1)[:, None]
        mean = np.repeat(level, asked.horizon, axis=1)
        n = len(table.ids)
        return TableForecast(
            asked.levels,
            mean,
            np.repeat(mean[:, :, None], len(asked.levels), axis=2),
            methods=(self.name,) * n,
            reasons=("",) * n,
        )


def mixed_table(regular: int = 20, rare: int = 20, length: int = 48) -> HistoryTable:
    steady = seasonal_counts(regular, length, 1)
    seldom = np.random.default_rng(2).poisson(0.2, (rare, length)).astype(float)
    return table_of(np.concatenate([steady, seldom]))


def asked(horizon: int = 6) -> Asked:
    return Asked(months(horizon, "2024-01-01").to_numpy(), LEVELS)


def route(*engines: Constant) -> RouteTable:
    names = tuple(engine.name for engine in engines)
    return RouteTable(engines, {Group.REGULAR: names, Group.RARE: names}, Silent())


def test_series_are_grouped_by_how_often_they_are_used() -> None:
    kinds = groups(mixed_table(3, 2))
    assert kinds == (Group.REGULAR,) * 3 + (Group.RARE,) * 2


def test_classes_have_the_words_of_the_field() -> None:
    lumpy = np.tile([0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 50.0], 4)
    erratic = np.tile([1.0, 1.0, 1.0, 40.0], 8)
    rows = [np.full(32, 9.0), erratic, np.tile([0.0, 0.0, 3.0, 0.0], 8), lumpy, np.zeros(32)]
    expected = ("smooth", "erratic", "intermittent", "lumpy", "never used")
    assert class_words(table_of(np.array(rows))) == expected


def test_the_better_engine_of_each_group_serves_it_whatever_the_order() -> None:
    good, poor = Constant("good", 1.0), Constant("poor", 3.0)
    for engines in ((good, poor), (poor, good)):
        chosen = route(*engines).choose(mixed_table(), asked())
        assert chosen[Group.REGULAR].engine == "good"
        assert "rolling origin" in chosen[Group.REGULAR].reason


def test_an_engine_that_does_not_serve_a_group_is_never_chosen_for_it() -> None:
    only_rare = Constant("good", 1.0, serves=frozenset({Group.RARE}), home=Group.RARE)
    poor = Constant("poor", 3.0)
    made = RouteTable(
        (only_rare, poor), {Group.REGULAR: ("poor",), Group.RARE: ("good",)}, Silent()
    )
    assert made.choose(mixed_table(), asked())[Group.REGULAR].engine == "poor"


def test_an_engine_is_not_tried_where_hardly_anything_is_what_it_was_made_for() -> None:
    assert not worth_trying(Group.RARE, BOTH, {Group.REGULAR: 950, Group.RARE: 50})
    assert worth_trying(Group.RARE, BOTH, {Group.REGULAR: 850, Group.RARE: 150})
    assert worth_trying(None, BOTH, {Group.REGULAR: 100})


def test_a_handful_is_not_worth_an_engine_of_its_own_unless_it_is_the_table() -> None:
    assert not worth_trying(Group.RARE, BOTH, {Group.REGULAR: 14, Group.RARE: 6})
    assert worth_trying(Group.RARE, BOTH, {Group.REGULAR: 3, Group.RARE: 6})


def test_a_slow_engine_is_tried_on_a_sample_and_then_asked_only_for_what_it_serves() -> None:
    slow = Constant("slow", 1.0, serves=frozenset({Group.REGULAR}), home=Group.REGULAR, slow=True)
    poor = Constant("poor", 3.0)
    table = mixed_table(regular=300, rare=10)
    made = RouteTable((slow, poor), dict.fromkeys(Group, ("poor",)), Silent())
    chosen = made.choose(table, asked())
    assert chosen[Group.REGULAR].engine == "slow"
    assert max(size for size, _ in slow.asked) <= SAMPLE
    slow.asked.clear()
    forecast = made.forecast(table, asked(), chosen)
    assert slow.asked == [(300, 48)]
    assert forecast.methods[:300] == ("slow",) * 300


def test_back_tests_never_see_the_periods_they_are_judged_on() -> None:
    one, other = Constant("one", 1.0), Constant("other", 1.01)
    route(one, other).choose(mixed_table(length=48), asked(6))
    assert [length for _, length in one.asked] == [42, 39, 36]
    assert [length for _, length in other.asked] == [42, 39, 36]


def test_older_origins_are_not_asked_once_every_group_has_its_engine() -> None:
    good, lost = Constant("good", 1.0), Constant("lost", 3.0)
    for homes in (("good", "lost"), ("lost", "good")):
        made = RouteTable((good, lost), dict.fromkeys(Group, homes), Silent())
        good.asked.clear()
        chosen = made.choose(mixed_table(length=48), asked(6))
        assert len(good.asked) == 1
        assert {judged.engine for judged in chosen.values()} == {"good"}


@dataclass
class Split(Constant):
    """Another share for series of rare use."""

    share_of_rare: float = 1.0

    def __call__(self, table: HistoryTable, asked: Asked) -> TableForecast:
        made = super().__call__(table, asked)
        rare = np.array([kind is Group.RARE for kind in groups(table)])
        factor = np.where(rare, self.share_of_rare / self.share, 1.0)[:, None]
        quantiles = made.quantiles * factor[:, :, None]
        return replace(made, mean=made.mean * factor, quantiles=quantiles)


@pytest.mark.parametrize("homes", [("best", "one", "other"), ("one", "other", "best")])
def test_the_winner_of_one_group_stands_while_another_group_is_still_open(
    homes: tuple[str, ...],
) -> None:
    best = Split("best", 1.0, share_of_rare=9.0)
    one, other = Split("one", 3.0), Split("other", 3.02, share_of_rare=1.01)
    made = RouteTable((best, one, other), dict.fromkeys(Group, homes), Silent())
    chosen = made.choose(mixed_table(length=48), asked(6))
    assert [len(engine.asked) for engine in (best, one, other)] == [1, 3, 3]
    assert chosen[Group.REGULAR].engine == "best"
    assert chosen[Group.RARE].engine in {"one", "other"}


def test_nothing_is_back_tested_where_no_group_has_enough_series_to_choose_by() -> None:
    one, other = Constant("one", 1.0), Constant("other", 1.01)
    route(one, other).choose(mixed_table(8, 3, length=48), asked(6))
    assert not one.asked
    assert not other.asked


def test_an_engine_that_lost_clearly_at_the_newest_origin_is_not_asked_at_older_ones() -> None:
    good, near, hopeless = Constant("good", 1.0), Constant("near", 1.01), Constant("lost", 3.0)
    chosen = route(good, near, hopeless).choose(mixed_table(length=48), asked(6))
    assert [len(one.asked) for one in (good, near, hopeless)] == [3, 3, 1]
    assert chosen[Group.REGULAR].engine in {"good", "near"}
    assert chosen[Group.REGULAR].figures["lost"] > 1.04


def test_a_history_too_short_to_hold_back_anything_goes_to_the_first_home() -> None:
    chosen = route(Constant("first", 3.0), Constant("second", 1.0)).choose(
        mixed_table(length=9), asked()
    )
    assert chosen[Group.REGULAR].engine == "first"


def test_without_a_back_test_the_few_are_served_with_the_many() -> None:
    engines = Constant("panel", 1.0), Constant("forests", 1.0)
    homes = {Group.REGULAR: ("panel",), Group.RARE: ("forests",)}
    made = RouteTable(engines, homes, Silent())
    for regular, rare, engine in ((2, 20, "forests"), (20, 2, "panel")):
        chosen = made.choose(mixed_table(regular, rare, length=9), asked())
        assert {judged.engine for judged in chosen.values()} == {engine}


def test_the_forecast_is_in_the_order_of_the_table_and_says_why() -> None:
    table = mixed_table(4, 4)
    made = route(Constant("one", 1.0))
    forecast = made.forecast(table, asked(), made.choose(table, asked()))
    assert forecast.mean[:, 0] == pytest.approx(table.values.mean(axis=1))
    assert forecast.reasons[0].startswith("smooth demand.")


@pytest.mark.parametrize(("length", "count"), [(72, 3), (30, 1), (20, 0)])
def test_origins_keep_half_of_the_history_and_two_seasons(length: int, count: int) -> None:
    found = origins(length, 6, 12)
    assert len(found) == count
    assert all(known >= max(24, length // 2) and known + ahead <= length for known, ahead in found)
