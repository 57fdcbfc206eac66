"""What becomes of an event that a service cannot simply handle: the refusal table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.message import Message

from shared.errors import Forbidden, Malformed, Missing, NotNow, Refusal, TooMuch, Unavailable
from shared.events import Event, event_of, topic_of
from shared.storage import Transaction
from shared.testing.facts import tell
from shared.testing.party import Party, until
from shared.testing.rewind import rewind
from shared.testing.suites.parties import PartiesSuite


def once(refusal: Refusal) -> Callable[[], None]:
    """Raises the first time it is called."""
    left = [refusal]

    def maybe() -> None:
        if left:
            raise left.pop()

    return maybe


class RefusalSuite(PartiesSuite):
    """Nothing is lost, and nothing that is wrong holds up the rest."""

    @pytest.mark.parametrize(
        "refusal",
        [
            Malformed("BAD", "It can never be right."),
            NotNow("NOT_NOW", "The state forbids it."),
            Forbidden("NOT_YOU", "Not this caller."),
            Missing("NEVER_THERE", "It can never come."),
        ],
        ids=lambda refusal: type(refusal).__name__,
    )
    def test_what_can_never_be_used_becomes_a_dead_letter_and_the_rest_flows_on(
        self, sender: Party, receiver: Party, kind: type[Message], refusal: Refusal
    ) -> None:
        def handle(tx: Transaction, message: Any, event: Event, /) -> None:
            receiver.write_down(tx, message, event)
            if message.number == 5:
                raise refusal

        receiver.hear({kind: handle})
        for number in range(20):
            sender.tell(kind, "s", number)
        assert until(lambda: len(receiver.stored()) >= 19)
        assert [n for _, n in receiver.stored()] == [str(n) for n in range(20) if n != 5]
        (letter,) = self.dead(receiver, kind, 1)
        assert letter.event.headers["reason"] == refusal.reason
        assert letter.event.headers["source-topic"] == topic_of(kind)
        assert letter.event.payload == tell(kind, "s", 5).SerializeToString()
        assert receiver.metric("events_dead_total") == 1

    @pytest.mark.parametrize(
        "poison",
        [
            ("EVENT_UNREADABLE", {"payload": b"\xff\xff\xff"}),
            ("EVENT_ID_MISSING", {"id": ""}),
            ("EVENT_SCHEMA_UNKNOWN", {"headers": {"schema": "some.Other"}}),
        ],
        ids=["bytes that do not decode", "no event id", "another schema"],
    )
    def test_a_poisoned_event_becomes_a_dead_letter_once_also_when_replayed(
        self, sender: Party, receiver: Party, kind: type[Message], events_url: str,
        poison: tuple[str, dict[str, Any]],
    ) -> None:  # fmt: skip
        reason, changed = poison
        whole = event_of(tell(kind, "s", 1), clock=sender.clock)
        fields = {name: getattr(whole, name) for name in Event.__slots__}
        sender.log.publish([Event(**{**fields, **changed})])
        consumer = receiver.hear({kind: receiver.write_down})
        sender.tell(kind, "s", 2)
        assert until(lambda: receiver.stored() == [("s", "2")])
        consumer.stop()
        rewind(events_url, "receiver", [topic_of(kind)])
        receiver.telemetry = type(receiver.telemetry)("again")
        receiver.hear({kind: receiver.write_down})
        assert until(lambda: receiver.metric("events_duplicate_total") == 2)
        (letter,) = self.dead(receiver, kind, 1)
        assert letter.event.headers["reason"] == reason
        assert receiver.failures == []

    @pytest.mark.parametrize(
        "refusal",
        [Unavailable("AWAY", "Try again."), TooMuch("SLOWER", "Slower, please.")],
        ids=lambda refusal: type(refusal).__name__,
    )
    def test_what_may_be_tried_again_is_tried_until_it_works(
        self, sender: Party, receiver: Party, kind: type[Message], refusal: Refusal
    ) -> None:
        maybe = once(refusal)

        def handle(tx: Transaction, message: Any, event: Event, /) -> None:
            receiver.write_down(tx, message, event)
            if message.number == 5:
                maybe()

        receiver.hear({kind: handle})
        for number in range(10):
            sender.tell(kind, "s", number)
        assert until(lambda: len(receiver.stored()) >= 10)
        assert receiver.audit(sender.sent).clean

    def test_a_fact_that_came_early_waits_and_is_handled_when_announced(
        self, sender: Party, receiver: Party, kind: type[Message]
    ) -> None:
        known: set[str] = set()

        def handle(tx: Transaction, message: Any, event: Event, /) -> None:
            if message.subject not in known:
                raise Missing("UNKNOWN", "Not known yet.", waits_for=f"item:{message.subject}")
            receiver.write_down(tx, message, event)

        receiver.hear({kind: handle})
        for number in range(6):
            sender.tell(kind, f"s{number % 2}", number)
        assert until(lambda: len(self.waiting(receiver)) == 6)
        assert receiver.stored() == []
        known.add("s1")
        with receiver.database.transaction() as tx:
            tx.announce("item:s1")
        assert until(lambda: len(receiver.stored()) == 3)
        assert receiver.stored() == [("s1", "1"), ("s1", "3"), ("s1", "5")]
        assert self.waiting(receiver) == ["item:s0"] * 3

    def test_a_later_fact_of_a_key_does_not_overtake_one_that_waits(
        self, sender: Party, receiver: Party, kind: type[Message]
    ) -> None:
        known: set[str] = set()

        def handle(tx: Transaction, message: Any, event: Event, /) -> None:
            if message.subject not in known:
                raise Missing("UNKNOWN", "Not known yet.", waits_for=f"item:{message.subject}")
            receiver.write_down(tx, message, event)

        receiver.hear({kind: handle})
        sender.tell(kind, "s", 1)
        assert until(lambda: len(self.waiting(receiver)) == 1)
        known.add("s")  # known without an announcement: the next fact must not overtake
        with sender.database.transaction() as tx:  # together, so that they come as a batch
            for number in range(2, 30):
                tx.publish(tell(kind, "s", number))
        assert until(lambda: len(receiver.stored()) >= 29)
        assert receiver.stored() == [("s", str(number)) for number in range(1, 30)]

    def test_a_fault_of_ours_stops_the_consumer_and_loses_nothing(
        self, sender: Party, receiver: Party, kind: type[Message]
    ) -> None:
        def broken(tx: Transaction, message: Any, event: Event, /) -> None:
            receiver.write_down(tx, message, event)
            if message.number == 5:
                raise ZeroDivisionError

        consumer = receiver.hear({kind: broken})
        for number in range(10):
            sender.tell(kind, "s", number)
        assert until(lambda: not consumer.healthy)
        assert receiver.failures == ["ZeroDivisionError"]
        assert len(receiver.stored()) == 5
        consumer.stop()
        receiver.telemetry = type(receiver.telemetry)("mended")
        receiver.hear({kind: receiver.write_down})
        assert until(lambda: len(receiver.stored()) >= 10)
        assert receiver.audit(sender.sent).clean

    def test_too_many_dead_letters_in_a_row_stop_the_consumer(
        self, sender: Party, receiver: Party, kind: type[Message]
    ) -> None:
        def refuse(*_: object) -> None:
            raise Malformed("BAD", "Never right.")

        consumer = receiver.hear({kind: refuse}, poison_limit=3)
        for number in range(10):
            sender.tell(kind, "s", number)
        assert until(lambda: not consumer.healthy)
        assert receiver.failures == ["TOO_MANY_DEAD_LETTERS"]
        assert receiver.metric("events_dead_total") == 3
