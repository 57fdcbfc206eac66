"""The libraries' methods as peers and as an engine: any history gives a showable forecast."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from services.demand.adapters.engines.pooled import PooledTsb
from services.demand.adapters.engines.series.blend import StatisticalBlend, sum_of
from services.demand.adapters.engines.series.learned import NAIVE, POINT, LearnedPeer
from services.demand.adapters.engines.series.native import Native
from services.demand.adapters.engines.series.peers import (
    ALWAYS,
    RARE,
    STOOD_IN,
    Peer,
    textbook_sum,
)
from services.demand.domain.quantiles import LEVELS
from services.demand.domain.tables import Asked, HistoryTable, TableForecast, tidied
from services.demand.ports import TableEngine
from services.demand.tests.frames import months, seasonal_counts, table_of


def odd_histories() -> HistoryTable:
    """A steady, a constant, an unused and a rarely used series, and two that have just begun."""
    values = np.zeros((6, 40))
    values[0] = seasonal_counts(1, 40, 1)[0]
    values[1] = 7.0
    values[3, ::9] = 2.0
    values[4, -3:] = (1.0, 4.0, 2.0)
    values[5, -1:] = 3.0
    table = table_of(values)
    starts = np.array([0, 0, 0, 0, 37, 39])
    return HistoryTable(
        table.ids, table.periods, 12, "MS", table.recorded, table.values, table.known,
        table.observed, starts,
    )  # fmt: skip


def asked(lead: int | None = 3) -> Asked:
    return Asked(months(6, "2023-05-01").to_numpy(), LEVELS, lead)


@pytest.mark.parametrize("name", [*ALWAYS, *RARE])
def test_a_peer_survives_any_history(name: str) -> None:
    made = Peer(name, workers=1)(odd_histories(), asked(), lambda: None)
    assert made.mean.shape == (6, 6)
    assert made.lead_quantiles is not None
    assert (np.diff(made.quantiles, axis=-1) >= 0).all()


@pytest.mark.parametrize("engine", [StatisticalBlend(), PooledTsb()])
def test_an_engine_survives_any_history(engine: TableEngine) -> None:
    made = tidied(engine(odd_histories(), asked()))
    assert made.quantiles.shape == (6, 6, len(LEVELS))
    assert made.lead_mean == pytest.approx(made.mean[:, :3].sum(axis=1), rel=1e-6)


def test_a_method_that_fails_repeats_the_last_amount_and_says_so() -> None:
    made = Native("AutoETS", 12, 3, (0.1, 0.5, 0.9))(np.array([4.0]))
    assert made.stood_in
    assert made.mean.tolist() == [4.0, 4.0, 4.0]


def test_the_textbook_sum_adds_variances_and_the_blend_allows_for_errors_that_persist() -> None:
    levels = (0.025, 0.5, 0.975)
    mean = np.full((1, 4), 10.0)
    quantiles = np.tile([6.0, 10.0, 14.0], (1, 4, 1))
    _, textbook = textbook_sum(TableForecast(levels, mean, quantiles), 4)
    _, allowed = sum_of(mean, quantiles, levels, 4)
    assert textbook[0] == pytest.approx([32.0, 40.0, 48.0])
    assert allowed[0, 2] > textbook[0, 2]
    assert allowed[0, 2] < 4 * 14.0


def test_pooled_errors_cover_what_they_claim_on_rare_demand() -> None:
    draw = np.random.default_rng(4)
    values = (draw.poisson(0.4, (400, 72)) * draw.integers(1, 4, (400, 72))).astype(np.float64)
    known, future = values[:, :66], values[:, 66:]
    made = tidied(PooledTsb()(table_of(known), asked()))
    assert 0.93 <= (future <= made.at(0.95)).mean() <= 0.985
    assert made.lead_quantiles is not None
    reached = (future[:, :3].sum(axis=1) <= made.lead_quantiles[:, LEVELS.index(0.95)]).mean()
    assert 0.92 <= reached <= 0.985


def counted(steps: list[int]) -> Callable[[], None]:
    return lambda: steps.append(1)


def test_a_peer_says_on_which_series_it_failed_and_tells_of_each() -> None:
    steps: list[int] = []
    made = Peer("AutoETS", workers=1)(odd_histories(), asked(), counted(steps))
    assert len(steps) == 6
    assert made.reasons[0] == ""
    assert made.reasons[5] == STOOD_IN


def test_the_learned_peer_names_series_that_are_too_short_for_it() -> None:
    table = odd_histories()
    made = LearnedPeer()(table, asked(), lambda: None)
    assert made.reasons == ("", "", "", "", NAIVE, NAIVE)
    assert made.lead_quantiles is not None
    assert (made.at(0.95)[0] > made.at(0.5)[0]).any()


def test_the_learned_peer_gives_one_number_where_no_series_is_long_enough_for_intervals() -> None:
    table = table_of(seasonal_counts(3, 20, 4))
    made = LearnedPeer()(table, asked(), lambda: None)
    assert set(made.reasons) == {POINT}
    assert (made.at(0.95) == made.at(0.5)).all()
