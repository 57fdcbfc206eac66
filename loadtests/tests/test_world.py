"""The world of the day is real where it says so, and the same at every run."""

from __future__ import annotations

import pytest

from loadtests.day.calls import BREATHING, CALLS, calls, hub_messages
from loadtests.day.demand_step import movements
from loadtests.day.replenishment_step import stock_of, terms_of
from loadtests.day.world import CRITICAL, SITES, START, Product, communes, positions, products
from shared.catalogue.codes import check_finess
from shared.rpc import validate


@pytest.fixture(scope="module")
def catalogue() -> list[Product]:
    return products()


def test_the_catalogue_is_the_whole_public_set_and_the_same_every_time(
    catalogue: list[Product],
) -> None:
    assert len(catalogue) == 767
    assert sum(len(p.months) for p in catalogue) == 55_224
    assert catalogue == products()


def test_history_ends_before_the_day_starts(catalogue: list[Product]) -> None:
    assert max(first for p in catalogue for first, _ in p.months) < START.date()


def test_every_site_is_a_real_finess_number() -> None:
    assert [check_finess(site) for site in SITES] == list(SITES)


def test_each_critical_resource_stands_at_two_sites_at_most(catalogue: list[Product]) -> None:
    found = [p for p in catalogue if p.critical_resource]
    assert {p.critical_resource for p in found} == set(CRITICAL)
    assert len(found) == 2 * len(CRITICAL)
    assert all(p.criticality == "VITAL" for p in found)


def test_every_row_that_the_day_sends_keeps_the_protos_rules(catalogue: list[Product]) -> None:
    for movement in list(movements(catalogue))[::997]:
        validate(movement)
    drawn = list(positions(catalogue))
    assert drawn == list(positions(catalogue))
    for position in drawn:
        validate(terms_of(position))
        validate(stock_of(position))


def test_the_communes_are_those_of_one_department() -> None:
    found = communes()
    assert len(found) > 200
    assert {c.insee[:2] for c in found} == {"44"}
    assert all(46.5 < c.latitude < 48.0 and -3 < c.longitude < -0.8 for c in found)


def test_the_calls_are_drawn_once_and_a_wave_of_breathing_trouble_is_among_them() -> None:
    drawn = calls()
    assert len({c.case_id for c in drawn}) == CALLS
    assert [c.update for c in drawn] == [c.update for c in calls()]
    for call in drawn:
        validate(call.update)
    week = START.timestamp() - 7 * 86400
    late = [c for c in drawn if c.update.said_time.seconds > week]
    breathing = [c for c in late if c.group in BREATHING]
    assert len(breathing) / len(late) > 0.2


def test_an_alert_comes_before_the_updates_of_its_case() -> None:
    names = [name for name, _ in hub_messages()]
    assert names[0].startswith("RS-EDA/")
    first_update = next(k for k, name in enumerate(names) if name.startswith("RS-EDA-MAJ/"))
    assert not any(name.startswith("RS-EDA/") for name in names[first_update:])
