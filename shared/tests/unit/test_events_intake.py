"""A batch is one transaction, and steps aside for what must be handled one by one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.errors import Malformed, Missing
from shared.events import Delivery, Event, event_of
from shared.events.intake import Intake, NeedsCare, Outcome, identity
from shared.storage import Transaction
from shared.testing.facts import a_fact, tell
from shared.testing.party import Party

KIND = a_fact("larrey.testing.intake.v1")


@pytest.fixture
def party(tmp_path: Path) -> Iterator[Party]:
    party = Party("p", f"sqlite:///{tmp_path}/s.db", f"sqlite:///{tmp_path}/e.db").make_tables()
    yield party
    party.close()


@pytest.fixture
def intake(party: Party) -> Intake:
    """Refuses number 13, and lets number 99 wait."""

    def handle(tx: Transaction, message: Any, event: Event, /) -> None:
        party.write_down(tx, message, event)
        if message.number == 13:
            raise Malformed("BAD", "Never right.")
        if message.number == 99:
            raise Missing("EARLY", "Not yet.", waits_for="item:x")

    return Intake(party.database, "g", {KIND: handle}, party.clock, longest_wait=timedelta(days=1))


def deliveries(party: Party, *numbers: int) -> list[Delivery]:
    return [
        Delivery(event_of(tell(KIND, "s", n), clock=party.clock, event_id=f"id-{n}"), 0, n)
        for n in numbers
    ]


def test_a_batch_counts_each_id_once(party: Party, intake: Intake) -> None:
    found = intake.together(deliveries(party, 1, 2, 1))
    assert found == [Outcome.HANDLED, Outcome.HANDLED, Outcome.DUPLICATE]
    assert intake.together(deliveries(party, 2, 3)) == [Outcome.DUPLICATE, Outcome.HANDLED]
    assert party.stored() == [("s", "1"), ("s", "2"), ("s", "3")]


def test_one_bad_event_undoes_the_whole_batch(party: Party, intake: Intake) -> None:
    with pytest.raises(Malformed):
        intake.together(deliveries(party, 1, 13, 2))
    assert party.stored() == []
    assert intake.alone(deliveries(party, 1)[0]) == [Outcome.HANDLED]


def test_a_batch_does_not_overtake_a_fact_of_its_key_that_waits(
    party: Party, intake: Intake
) -> None:
    assert intake.alone(deliveries(party, 99)[0]) == [Outcome.WAITING]
    with pytest.raises(NeedsCare):
        intake.together(deliveries(party, 1, 2))
    assert party.stored() == []
    assert intake.alone(deliveries(party, 1)[0]) == [Outcome.WAITING, Outcome.HANDLED]


def test_a_fact_that_waited_too_long_becomes_a_dead_letter(party: Party) -> None:
    def never(*_: object) -> None:
        raise Missing("EARLY", "Not yet.", waits_for="item:x")

    intake = Intake(party.database, "g", {KIND: never}, party.clock, longest_wait=timedelta(0))
    assert intake.alone(deliveries(party, 1)[0]) == [Outcome.WAITING]
    with party.database.transaction() as tx:
        tx.announce("item:x")
    (row,) = intake.due(10)
    assert intake.again(row) is Outcome.DEAD
    assert intake.again(row) is Outcome.DUPLICATE
    assert intake.count_waiting() == 0
    with party.database.read() as tx:
        (letter,) = tx.connection.execute(party.database.plumbing.outbox.select()).all()
    assert letter.topic == "larrey.testing.intake.v1.dead"


def test_an_event_without_an_id_is_known_by_its_place(party: Party) -> None:
    told = deliveries(party, 1)[0].event
    nameless = Event("", told.topic, told.key, told.payload, told.time)
    assert identity(Delivery(nameless, 3, 7)) == "larrey.testing.intake.v1/3/7"
    assert identity(Delivery(told, 3, 7)) == "id-1"
