"""A small made world over gRPC: what influenza drives is moved by it, the rest is not."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from larrey.demand.v1 import demand_pb2 as pb
from services.demand.domain.quantiles import LEVELS
from services.demand.domain.tables import Array
from services.demand.tests.integration.running import (
    Stub,
    batches,
    forecast_of,
    furnish,
    row,
    watch,
)
from services.demand.tests.situations import MONDAY

WEEKS, LEAD = 208, 2
DRIVEN = ["FLU-1", "FLU-2", "FLU-3"]
OTHERS = ["CALM-1", "CALM-2", "CALM-3", "CALM-4"]
INFLUENZA = "SOS Medecins influenza"


def mondays() -> list[date]:
    """Of the weeks that are over on MONDAY, the oldest first."""
    return [MONDAY.date() - timedelta(weeks=k) for k in range(WEEKS, 0, -1)]


def a_season(draws: np.random.Generator) -> Array:
    """Acts by week: a wave of its own date and height every winter, and chance between."""
    week = np.arange(WEEKS)
    wave = sum(
        draws.uniform(0.8, 2.0) * np.exp(-0.5 * ((week - 52 * k - draws.uniform(2, 12)) / 3.0) ** 2)
        for k in range(-1, 5)
    )
    wander = np.cumsum(draws.normal(0, 0.15, WEEKS))
    acts = draws.poisson(80 * np.exp(wave + wander - wander.mean()))
    return np.asarray(acts, dtype=np.float64)


@pytest.fixture(scope="module")
def world(running_stub: Stub) -> Stub:
    """Influenza leads three items by two weeks; four others have nothing to do with it."""
    draws = np.random.default_rng(5)
    furnish(running_stub, [*DRIVEN, *OTHERS])
    acts = a_season(draws)
    change = np.log(acts + 5.0) - np.log(acts + 5.0).mean()
    later = np.concatenate([np.zeros(LEAD), change[:-LEAD]])
    rows = []
    for place, item_id in enumerate([*DRIVEN, *OTHERS]):
        moved = 0.8 * later if item_id in DRIVEN else np.zeros(WEEKS)
        amounts = draws.poisson(60 * (1 + place) * np.exp(moved))
        rows += [
            row(f"{item_id}/{day}", item_id, day, float(amount))
            for day, amount in zip(mondays(), amounts, strict=True)
        ]
    assert running_stub.RecordConsumption(batches(rows), timeout=60).refused == 0
    values = [pb.SignalValue(name=INFLUENZA, value=float(acts[k])) for k, _ in enumerate(mondays())]
    for value, day in zip(values, mondays(), strict=True):
        # a week's acts come out on its last day
        published = day + timedelta(days=6)
        value.published.year, value.published.month, value.published.day = (
            published.year,
            published.month,
            published.day,
        )
    request = pb.RecordSignalsRequest(values=values)
    assert running_stub.RecordSignals(request, timeout=10).stored == WEEKS
    order = pb.StartForecastRunRequest(
        period=pb.PERIOD_WEEK, horizon=4, lead_time=2, item_ids=[*DRIVEN, *OTHERS]
    )
    told = watch(running_stub, running_stub.StartForecastRun(order, timeout=10).run.run_id)
    assert told[-1].state == pb.RUN_STATE_DONE
    return running_stub


def names(forecast: pb.Forecast) -> set[str]:
    return {one.name for one in forecast.drivers}


@pytest.mark.parametrize("item_id", DRIVEN)
def test_a_driven_item_is_moved_by_its_signal_and_says_so_in_words_and_numbers(
    world: Stub, item_id: str
) -> None:
    forecast = forecast_of(world, item_id)
    part = next(one for one in forecast.drivers if one.name == INFLUENZA)
    assert "leads by" in part.words
    assert any(part.amounts)
    assert "drivers" in forecast.method
    assert part.words in forecast.method_reason
    assert min(one.relative_loss for one in forecast.backtest if "drivers" in one.method) < 1


@pytest.mark.parametrize("item_id", OTHERS)
def test_an_item_that_nothing_drives_is_left_alone(world: Stub, item_id: str) -> None:
    forecast = forecast_of(world, item_id)
    assert INFLUENZA not in names(forecast)
    assert "drivers" not in forecast.method


@pytest.mark.parametrize("item_id", [*DRIVEN, *OTHERS])
def test_the_parts_add_up_to_the_mean_and_the_quantiles_keep_their_order(
    world: Stub, item_id: str
) -> None:
    forecast = forecast_of(world, item_id)
    assert tuple(forecast.levels) == LEVELS
    for k, period in enumerate(forecast.periods):
        assert sum(one.amounts[k] for one in forecast.drivers) == pytest.approx(period.mean)
        assert list(period.quantiles) == sorted(period.quantiles)
