"""What two services may rely on between them: outbox, relay, log, consumer, inbox."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from google.protobuf.message import Message

from shared.errors import NotNow, Unavailable
from shared.events import Event, EventLog, Relay, event_of, topic_of
from shared.storage import Transaction
from shared.testing.facts import a_fact, tell
from shared.testing.party import Party, until
from shared.testing.rewind import rewind
from shared.testing.suites.event_log import take
from shared.testing.suites.parties import PartiesSuite


class ForgetfulLog:
    """A log whose answer is lost: it takes the events and then seems to be away."""

    def __init__(self, inner: EventLog) -> None:
        self._inner = inner
        self.forget = 1

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def publish(self, events: Sequence[Event]) -> None:
        self._inner.publish(events)
        if self.forget:
            self.forget -= 1
            raise Unavailable("EVENTS_AWAY", "The answer was lost.")


class ExchangeSuite(PartiesSuite):
    """Every fact counts exactly once, in the order of its key."""

    def test_facts_travel_once_and_in_order(
        self, sender: Party, receiver: Party, kind: type[Message]
    ) -> None:
        receiver.hear({kind: receiver.write_down})
        for number in range(300):
            sender.tell(kind, f"s{number % 7}", number)
        assert until(lambda: len(receiver.stored()) >= 300)
        assert str(receiver.audit(sender.sent)).endswith("each counted exactly once")
        assert receiver.metric("events_consumed_total") == 300
        assert until(lambda: sender.metric("outbox_depth") == 0)
        assert sender.metric("events_published_total") == 300

    def test_a_replayed_topic_changes_nothing(
        self, sender: Party, receiver: Party, kind: type[Message], events_url: str
    ) -> None:
        consumer = receiver.hear({kind: receiver.write_down})
        for number in range(50):
            sender.tell(kind, f"s{number % 3}", number)
        assert until(lambda: len(receiver.stored()) >= 50)
        consumer.stop()
        rewind(events_url, "receiver", [topic_of(kind)])
        receiver.telemetry = type(receiver.telemetry)("again")
        receiver.hear({kind: receiver.write_down})
        assert until(lambda: receiver.metric("events_duplicate_total") == 50)
        assert receiver.audit(sender.sent).clean

    def test_facts_whose_acknowledgement_was_lost_count_once(
        self, party: Callable[..., Party], receiver: Party, kind: type[Message]
    ) -> None:
        sender = party("sender")
        relay = Relay(
            ForgetfulLog(sender.log), sender.database, sender.clock, type(sender.telemetry)("r")
        )
        receiver.hear({kind: receiver.write_down})
        for number in range(20):
            sender.tell(kind, "s", number)
        relay.start()
        assert until(lambda: receiver.metric("events_duplicate_total") == 20)
        relay.stop()
        assert receiver.audit(sender.sent).clean

    def test_two_relays_of_one_service_keep_the_order(
        self, party: Callable[..., Party], receiver: Party, kind: type[Message],
        new_database: Callable[[], str],
    ) -> None:  # fmt: skip
        url = new_database()
        first, second = party("sender", url), party("sender", url)
        receiver.hear({kind: receiver.write_down})
        first.relay.start()
        second.relay.start()
        for number in range(200):
            (first, second)[number % 2].tell(kind, "s", number)
            if number == 100:
                first.relay.stop()
                second.relay.stop()
                first.relay = Relay(
                    first.log, first.database, first.clock, type(first.telemetry)("r")
                )
                first.relay.start()
        sent = {"s": [str(number) for number in range(200)]}
        assert until(lambda: len(receiver.stored()) >= 200)
        assert receiver.audit(sent).clean

    def test_a_second_member_joins_and_leaves_and_every_fact_counts_once(
        self, sender: Party, party: Callable[..., Party], kind: type[Message],
        new_database: Callable[[], str],
    ) -> None:  # fmt: skip
        url = new_database()
        first = party("receiver", url)
        first.hear({kind: first.write_down})
        number = 0

        def tell_some(count: int) -> None:
            nonlocal number
            for _ in range(count):
                sender.tell(kind, f"s{number % 11}", number)
                number += 1

        tell_some(100)
        second = party("receiver", url)
        second.hear({kind: second.write_down})
        tell_some(200)
        assert until(lambda: len(first.stored()) >= 200)
        second.stop()
        tell_some(100)
        first.stop()
        third = party("receiver", url)
        third.hear({kind: third.write_down})
        tell_some(100)
        assert until(lambda: len(first.stored()) >= 500)
        result = first.audit(sender.sent)
        assert (result.missing, result.doubled, result.strangers) == ((), (), ())

    def test_facts_told_by_a_handler_leave_with_its_changes_or_not_at_all(
        self, sender: Party, receiver: Party, kind: type[Message]
    ) -> None:
        answer = a_fact()
        receiver.log.create_topics([topic_of(answer)])

        def handle(tx: Transaction, message: Any, event: Event, /) -> None:
            receiver.write_down(tx, message, event)
            tx.publish(tell(answer, message.subject, message.number))
            if message.number == 1:
                raise NotNow("NOT_NOW", "The state forbids it.")

        receiver.hear({kind: handle})
        for number in range(3):
            sender.tell(kind, "s", number)
        assert until(lambda: len(receiver.stored()) == 2)
        member = receiver.log.subscribe("listener", [topic_of(answer)])
        told = [answer.FromString(d.event.payload) for d in take(member, 3, within_s=3)]
        member.close()
        assert told == [tell(answer, "s", 0), tell(answer, "s", 2)]

    def test_the_trace_of_a_fact_goes_on_through_the_handler(
        self, sender: Party, receiver: Party, kind: type[Message]
    ) -> None:
        answer = a_fact()
        receiver.log.create_topics([topic_of(answer)])

        def handle(tx: Transaction, message: Any, _: Event, /) -> None:
            tx.publish(tell(answer, message.subject, message.number))

        told = event_of(tell(kind, "s", 1), clock=sender.clock)
        trace = {"traceparent": "00-aa-bb-01"}
        sender.log.publish([Event(told.id, told.topic, told.key, told.payload, told.time, trace)])
        receiver.hear({kind: handle})
        member = receiver.log.subscribe("listener", [topic_of(answer)])
        (delivery,) = take(member, 1)
        member.close()
        assert delivery.event.headers["traceparent"] == "00-aa-bb-01"

    def test_ids_are_forgotten_only_after_the_log_has_forgotten_the_events(
        self, sender: Party, receiver: Party, kind: type[Message]
    ) -> None:
        consumer = receiver.hear({kind: receiver.write_down})
        sender.tell(kind, "s", 1)
        assert until(lambda: len(receiver.stored()) == 1)
        intake = consumer.intake
        assert intake.prune(timedelta(hours=1)) == 0
        assert intake.prune(timedelta(0)) == 1

    def test_lag_and_waiting_are_told_as_metrics(
        self, sender: Party, receiver: Party, kind: type[Message]
    ) -> None:
        for number in range(30):
            sender.tell(kind, "s", number)
        receiver.hear({kind: receiver.write_down})
        assert until(lambda: receiver.metric("events_consumed_total") == 30)
        assert until(lambda: receiver.metric("consumer_up") == 1)
        assert receiver.metric("events_waiting") == 0
