"""The simulation: its day adds up, months keep their sums, and its claims can be refused."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from services.replenishment.adapters.simulation.campaign import (
    CAUTIONS,
    OURS,
    Job,
    Results,
    campaign,
    choose,
    play_one,
    results,
)
from services.replenishment.adapters.simulation.policies import (
    Caution,
    Scene,
    Stress,
    amc_choices,
    by_plan,
    by_rule,
)
from services.replenishment.adapters.simulation.shelf import serve
from services.replenishment.adapters.simulation.world import World, some_of, worlds_of
from services.replenishment.entrypoints.simulate import Simulate
from shared.errors import Malformed


def a_demand_file(folder: Path, items: int = 3, days: int = 330) -> None:
    draw = np.random.default_rng(5)
    dates = pd.date_range("2021-01-04", periods=days, freq="D")
    table = pd.concat(
        [
            pd.DataFrame(
                {
                    "unique_id": f"drug-{i}",
                    "ds": dates,
                    "y": draw.poisson(2.0 + i, days).astype(float),
                }
            )
            for i in range(items)
        ]
    )
    table.to_parquet(folder / "ward_daily.parquet")


@pytest.fixture
def world(tmp_path: Path) -> World:
    a_demand_file(tmp_path)
    return worlds_of(tmp_path)[0]


def in_turn(_name: str, jobs: Sequence[Job]) -> list[Results]:
    return [play_one(job) for job in jobs]


def test_the_oldest_lots_go_first_and_what_is_left_of_them_expires() -> None:
    lots, coming = np.array([2.0, 3.0, 0.0]), np.zeros(60)
    coming[0] = 4.0
    served, owed, missing, expired = serve(lots, coming, 0.0, 1.5, True)
    assert (served, owed, missing, expired) == (1.5, 0.0, 0.0, 0.5)
    assert lots.tolist() == [3.0, 4.0, 0.0]


def test_what_is_owed_is_served_later_and_what_is_lost_is_not() -> None:
    lots, coming = np.array([1.0, 0.0]), np.zeros(60)
    served, owed, missing, _ = serve(lots.copy(), coming.copy(), 0.0, 3.0, True)
    assert (served, owed, missing) == (1.0, 2.0, 2.0)
    served, owed, missing, _ = serve(lots.copy(), coming.copy(), 0.0, 3.0, False)
    assert (served, owed, missing) == (1.0, 0.0, 2.0)


def test_a_month_keeps_its_sum_when_it_is_spread_over_its_days(tmp_path: Path) -> None:
    months = pd.date_range("2018-01-01", periods=30, freq="MS")
    amounts = np.arange(10.0, 40.0)
    table = pd.DataFrame({"unique_id": "drug", "ds": months, "y": amounts})
    table.to_parquet(tmp_path / "monthly.parquet")
    world = worlds_of(tmp_path)[0]
    days = pd.date_range(months[0], periods=world.days, freq="D")
    by_month = pd.Series(world.demand[0], index=days).resample("MS").sum().to_numpy()
    # packs are units times one factor
    assert by_month[:29] / amounts[:29] == pytest.approx(by_month[0] / amounts[0])


def test_forecasts_are_made_from_the_past_only(world: World) -> None:
    later = world.demand.copy()
    later[:, world.warm + 20 :] += 50.0
    changed = World(
        **{n: getattr(world, n) for n in World.__slots__ if n != "demand"}, demand=later
    )
    known = slice(0, world.warm + 20)
    assert np.array_equal(Scene(world).mean[:, known], Scene(changed).mean[:, known])
    assert np.array_equal(Scene(world).spread[:, known], Scene(changed).spread[:, known])


def test_nothing_is_ordered_while_the_supplier_is_down(world: World) -> None:
    stress = Stress("down", closed=(10, 40))
    for played in (
        by_rule(Scene(world, stress), amc_choices()),
        by_plan(Scene(world, stress), False, Caution()),
    ):
        assert played.ordered[:, 10:40].sum() == 0
        assert played.ordered.sum() > 0


def test_more_demand_than_stock_lowers_the_fill_rate(world: World) -> None:
    calm = results(Scene(world), by_rule(Scene(world), amc_choices()))
    starved = Scene(world, Stress("starved", share=0.02))
    hungry = results(starved, by_rule(starved, amc_choices()))
    everybody = np.ones(world.count, dtype=bool)
    assert hungry.fill(everybody) < calm.fill(everybody) <= 1.0


@pytest.mark.slow
def test_the_campaign_reports_every_policy_stress_and_target(tmp_path: Path) -> None:
    a_demand_file(tmp_path)
    tables: list[list[tuple[str, ...]]] = []
    play = Simulate(
        lambda data: campaign(worlds_of(data), in_turn),
        lambda _told, _folder: None,
        lambda _heads, rows: tables.append(rows),
    )
    play(tmp_path, tmp_path / "answer.json", None)
    told = json.loads((tmp_path / "answer.json").read_text())
    assert set(told["policies"]) == {"base_stock", "s_S", "amc", OURS, "clairvoyant_28_days"}
    assert set(told["targets"]) == {"cost_ratio", "expired_ratio", "vital_fill"}
    assert len(told["stress"]) == 5
    for one in told["targets"].values():
        assert not one["shown"] or one["met"], "shown without being met"
    assert len(tables) == 2


def test_the_setting_is_the_cheapest_of_those_that_serve_vital_items(world: World) -> None:
    def as_told(_name: str, jobs: Sequence[Job]) -> list[Results]:
        return [told(job.caution == CAUTIONS[2], job.caution == CAUTIONS[1]) for job in jobs]

    def told(serves: bool, cheap: bool) -> Results:
        none, some = np.zeros(world.count), np.full(world.count, 100.0)
        short = none if serves else 0.5 * some
        cost = none if cheap else some
        return Results(cost, some, short, none, some, none, none.astype(int), none.astype(int))

    vital = dataclasses.replace(world, kind=np.zeros(world.count, dtype=int))
    chosen, tried = choose([vital], as_told)
    assert chosen == CAUTIONS[2], "cheaper ones that do not serve were passed over"
    assert len(tried) == len(CAUTIONS)


def test_every_item_is_either_used_to_choose_or_reported(world: World) -> None:
    apart = [some_of([world], slice(first, None, 2))[0].names for first in (0, 1)]
    assert sorted(apart[0] + apart[1]) == sorted(world.names)


def test_a_folder_without_demand_is_named(tmp_path: Path) -> None:
    with pytest.raises(Malformed, match="unique_id, ds, y"):
        worlds_of(tmp_path)
    (tmp_path / "x.parquet").write_text("no")
    with pytest.raises(Malformed, match=r"x\.parquet"):
        worlds_of(tmp_path)
