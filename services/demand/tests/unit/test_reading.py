"""Reading forecasts: by any code, never a stale one without saying so."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.demand.domain.outlook import Rules
from services.demand.tests.memory import MemoryStore
from services.demand.tests.situations import (
    ANGERS,
    MONDAY,
    NANTES,
    a_forecast,
    site,
    tablets,
)
from services.demand.use_cases.read import ListForecasts, ReadForecast, Reading
from services.demand.use_cases.signals import CountCase, ListSignals
from shared.catalogue.codes import Code, CodeSystem
from shared.clock import FixedClock
from shared.errors import Malformed, Missing, NotNow

PARACETAMOL = Code(CodeSystem.LOCAL, "PARACETAMOL")
RULES = Rules(usual={"infection": 7.0})


@pytest.fixture
def store() -> MemoryStore:
    """Two sites, two items; paracetamol is forecast at both, ibuprofen nowhere."""
    made = MemoryStore()
    made.books.catalogue.put_items([tablets(), tablets("IBUPROFEN", "trauma")])
    made.books.catalogue.put_sites([site(NANTES), site(ANGERS)])
    made.books.forecasts.put([a_forecast(), a_forecast(site_id=ANGERS)])
    return made


@pytest.fixture
def reading() -> Reading:
    return Reading(FixedClock(MONDAY), "Europe/Paris", timedelta(days=45), RULES)


@pytest.mark.parametrize("code", [PARACETAMOL, Code(CodeSystem.CIP13, "3400930000076")])
def test_a_forecast_is_found_by_any_code(store: MemoryStore, reading: Reading, code: Code) -> None:
    assert ReadForecast(store, reading)(code, NANTES).item_id == "PARACETAMOL"


@pytest.mark.parametrize(
    ("code", "place", "reason"),
    [
        ("NOBODY", NANTES, "ITEM_UNKNOWN"),
        ("PARACETAMOL", "750000010", "SITE_UNKNOWN"),
        ("IBUPROFEN", NANTES, "FORECAST_MISSING"),
    ],
)
def test_what_is_not_there_is_missing(
    store: MemoryStore, reading: Reading, code: str, place: str, reason: str
) -> None:
    with pytest.raises((Missing, Malformed)) as refused:
        ReadForecast(store, reading)(Code(CodeSystem.LOCAL, code), place)
    assert refused.value.reason == reason


@pytest.mark.parametrize("days", [46, 100])
def test_a_stale_forecast_is_refused_rather_than_served(
    store: MemoryStore, reading: Reading, days: int
) -> None:
    reading.clock.advance(timedelta(days=days))  # type: ignore[attr-defined]  # a FixedClock
    with pytest.raises(NotNow) as refused:
        ReadForecast(store, reading)(PARACETAMOL, NANTES)
    assert refused.value.reason == "FORECAST_STALE"


def test_a_forecast_whose_last_period_is_over_is_stale_however_young(store: MemoryStore) -> None:
    forgiving = Reading(
        FixedClock(MONDAY + timedelta(days=90)), "Europe/Paris", timedelta(days=900), RULES
    )
    with pytest.raises(NotNow, match="ended with the month of 2026-03-01"):
        ReadForecast(store, forgiving)(PARACETAMOL, NANTES)


def test_a_list_shows_a_stale_forecast_and_says_so_first(
    store: MemoryStore, reading: Reading
) -> None:
    reading.clock.advance(timedelta(days=60))  # type: ignore[attr-defined]  # a FixedClock
    listed, _ = ListForecasts(store, reading)("", None, 0)
    assert all(f.data_quality[0].startswith("Too old to act on") for f in listed)


def test_pages_show_every_forecast_once(store: MemoryStore, reading: Reading) -> None:
    ask = ListForecasts(store, reading)
    [first], more = ask("", None, 1)
    [second], end = ask("", (first.site_id, first.item_id), 1)
    assert (first.site_id, second.site_id) == (NANTES, ANGERS)
    assert more
    assert not end


def test_a_list_of_an_unknown_site_is_refused_not_empty(
    store: MemoryStore, reading: Reading
) -> None:
    with pytest.raises(Malformed):
        ListForecasts(store, reading)("nowhere", None, 0)


def test_list_and_detail_show_the_same(store: MemoryStore, reading: Reading) -> None:
    listed, _ = ListForecasts(store, reading)(NANTES, None, 0)
    assert listed == [ReadForecast(store, reading)(PARACETAMOL, NANTES)]


def test_calls_move_the_outlook_and_never_the_forecast(
    store: MemoryStore, reading: Reading
) -> None:
    before = ReadForecast(store, reading)(PARACETAMOL, NANTES)
    with store.write() as books:
        for n in range(60):
            CountCase("Europe/Paris")(books, f"case-{n}", "respiratory", MONDAY)
    after = ReadForecast(store, reading)(PARACETAMOL, NANTES)
    assert before.outlook is not None
    assert after.outlook is not None
    assert before.outlook.factor == 1
    assert after.outlook.factor > 1.2
    assert after.outlook.calls == 60
    assert after.periods == before.periods


def test_signals_are_listed_by_day_with_the_classes_they_may_move(store: MemoryStore) -> None:
    with store.write() as books:
        CountCase("Europe/Paris")(books, "a", "respiratory", MONDAY)
        CountCase("Europe/Paris")(books, "b", "cardiac", MONDAY - timedelta(days=20))
    ask = ListSignals(store, FixedClock(MONDAY), "Europe/Paris")
    assert [(s.group, s.calls, s.item_classes) for s in ask(0)] == [
        ("respiratory", 1, ("respiratory", "infection"))
    ]
    assert len(ask(21)) == 2


@pytest.mark.parametrize(
    ("key", "group"),
    [("", "cardiac"), ("k\x00", "cardiac"), ("k" * 201, "cardiac"), ("k", "Not A Group")],
)
def test_a_case_that_can_never_be_counted_is_malformed(
    store: MemoryStore, key: str, group: str
) -> None:
    with store.write() as books, pytest.raises(Malformed):
        CountCase("Europe/Paris")(books, key, group, MONDAY)
