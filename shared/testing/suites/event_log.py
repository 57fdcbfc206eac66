"""What a service may rely on from its event log, embedded and Kafka alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from uuid import uuid4

import pytest

from shared.errors import TooMuch, Unavailable
from shared.events import Delivery, Event, EventLog, Subscription, open_log
from shared.events.event import MAX_EVENT_BYTES

NOON = datetime(2026, 1, 5, 12, 0, 0, 123456, tzinfo=UTC)
PATIENCE_S = 30.0


def some_events(topic: str, count: int, *, keys: int = 5, start: int = 0) -> list[Event]:
    """Numbered events spread over a few keys."""
    return [
        Event(
            id=f"{topic}-{number}",
            topic=topic,
            key=f"key-{number % keys}",
            payload=str(number).encode(),
            time=NOON,
            headers={"schema": "suite.Told", "traceparent": "00-1-2-01"},
        )
        for number in range(start, start + count)
    ]


def take(
    subscription: Subscription, count: int, within_s: float = PATIENCE_S, poll_s: float = 0.2
) -> list[Delivery]:
    """Polls until `count` events came or the time is over."""
    found: list[Delivery] = []
    end = time.monotonic() + within_s
    while len(found) < count and time.monotonic() < end:
        found += subscription.poll(poll_s, count - len(found))
    return found


def numbers(deliveries: Sequence[Delivery]) -> list[int]:
    return [int(delivery.event.payload) for delivery in deliveries]


class EventLogSuite:
    """Mix in and give it `url` (a log that runs) and `away_url` (one that does not)."""

    @pytest.fixture
    def log(self, url: str) -> Iterator[EventLog]:
        log = open_log(url, client_id="suite")
        yield log
        log.close()

    @pytest.fixture
    def topic(self, log: EventLog) -> str:
        name = f"larrey.suite.{uuid4().hex[:12]}.v1"
        log.create_topics([name])
        return name

    @pytest.fixture
    def join(self, log: EventLog) -> Iterator[Callable[..., Subscription]]:
        """Subscribes, and leaves at the end of the test."""
        joined: list[Subscription] = []

        def subscribe(group: str, *topics: str) -> Subscription:
            joined.append(log.subscribe(group, topics))
            return joined[-1]

        yield subscribe
        for subscription in joined:
            subscription.close()

    def test_an_event_comes_out_as_it_went_in(
        self, log: EventLog, topic: str, join: Callable[..., Subscription]
    ) -> None:
        (event,) = some_events(topic, 1)
        log.publish([event])
        (delivery,) = take(join("g", topic), 1)
        assert delivery.event == event

    def test_events_of_one_key_keep_their_order(
        self, log: EventLog, topic: str, join: Callable[..., Subscription]
    ) -> None:
        for start in range(0, 300, 50):
            log.publish(some_events(topic, 50, start=start))
        found = take(join("g", topic), 300)
        assert sorted(numbers(found)) == list(range(300))
        for key in {d.event.key for d in found}:
            mine = [int(d.event.payload) for d in found if d.event.key == key]
            assert all(a < b for a, b in pairwise(mine)), key

    def test_what_was_not_committed_comes_again_after_a_restart(
        self, log: EventLog, topic: str, join: Callable[..., Subscription]
    ) -> None:
        log.publish(some_events(topic, 10, keys=1))
        first = join("g", topic)
        found = take(first, 10)
        first.commit(found[:4])
        first.close()
        assert numbers(take(join("g", topic), 6)) == [4, 5, 6, 7, 8, 9]

    def test_what_was_committed_does_not_come_again(
        self, log: EventLog, topic: str, join: Callable[..., Subscription]
    ) -> None:
        log.publish(some_events(topic, 10))
        first = join("g", topic)
        first.commit(take(first, 10))
        first.close()
        second = join("g", topic)
        log.publish(some_events(topic, 1, start=10))
        assert numbers(take(second, 2, within_s=3)) == [10]

    def test_each_group_reads_everything_from_the_start(
        self, log: EventLog, topic: str, join: Callable[..., Subscription]
    ) -> None:
        log.publish(some_events(topic, 10))
        for group in ("g", "another", "one that came late"):
            member = join(group, topic)
            found = take(member, 10)
            assert sorted(numbers(found)) == list(range(10))
            member.commit(found)

    def test_several_topics_are_read_by_one_member(
        self, log: EventLog, topic: str, join: Callable[..., Subscription]
    ) -> None:
        other = f"{topic}-other"
        log.create_topics([other])
        log.publish([*some_events(topic, 5), *some_events(other, 5, start=5)])
        assert sorted(numbers(take(join("g", topic, other), 10))) == list(range(10))

    def test_two_members_share_the_work_and_none_is_done_twice(
        self, log: EventLog, topic: str, join: Callable[..., Subscription]
    ) -> None:
        members = [join("g", topic), join("g", topic)]
        self.settle(members)
        log.publish(some_events(topic, 200, keys=40))
        found: list[Delivery] = []
        end = time.monotonic() + PATIENCE_S
        while len(found) < 200 and time.monotonic() < end:
            for member in members:
                part = member.poll(0.1, 50)
                member.commit(part)
                found += part
        for member in members:
            assert member.poll(0.5, 10) == []
        assert sorted(numbers(found)) == list(range(200))

    def test_when_a_member_leaves_another_goes_on_where_it_stopped(
        self, log: EventLog, topic: str, join: Callable[..., Subscription]
    ) -> None:
        first, second = join("g", topic), join("g", topic)
        self.settle([first, second])
        log.publish(some_events(topic, 20))
        done: list[Delivery] = []
        end = time.monotonic() + PATIENCE_S
        while len(done) < 20 and time.monotonic() < end:
            for member in (first, second):
                part = member.poll(0.1, 50)
                member.commit(part)
                done += part
        first.close()
        log.publish(some_events(topic, 20, start=20))
        rest = take(second, 20)
        assert sorted(numbers([*done, *rest])) == list(range(40))

    def settle(self, members: Sequence[Subscription]) -> None:
        """Polls for a moment, so that every member has what it gets."""
        end = time.monotonic() + 2
        while time.monotonic() < end:
            for member in members:
                member.poll(0.1, 1)

    @pytest.mark.parametrize("poll_s", [0.002, 0.01, 0.03])
    def test_a_member_that_came_before_its_topic_reads_it_however_short_its_polls(
        self, log: EventLog, join: Callable[..., Subscription], poll_s: float
    ) -> None:
        for _ in range(3):
            late = f"larrey.suite.{uuid4().hex[:12]}.v1"
            member = join(f"g-{late}", late)
            end = time.monotonic() + 0.5
            while time.monotonic() < end:
                member.poll(poll_s, 10)
            log.create_topics([late])
            log.publish(some_events(late, 5))
            assert sorted(numbers(take(member, 5, poll_s=poll_s))) == [0, 1, 2, 3, 4]

    def test_a_paused_member_hands_out_nothing_until_it_resumes(
        self, log: EventLog, topic: str, join: Callable[..., Subscription]
    ) -> None:
        member = join("g", topic)
        log.publish(some_events(topic, 2, keys=1))
        assert len(take(member, 1)) == 1
        member.pause()
        assert member.poll(0.5, 10) == []
        member.resume()
        assert numbers(take(member, 1)) == [1]

    def test_lag_counts_what_the_group_has_not_committed(
        self, log: EventLog, topic: str, join: Callable[..., Subscription]
    ) -> None:
        log.publish(some_events(topic, 10))
        member = join("g", topic)
        found = take(member, 10)
        assert dict(member.lag()) == {topic: 10}
        member.commit(found)
        assert dict(member.lag()) == {topic: 0}

    def test_an_event_just_under_the_limit_passes_and_one_over_it_is_refused(
        self, log: EventLog, topic: str, join: Callable[..., Subscription]
    ) -> None:
        payload = uuid4().bytes * (MAX_EVENT_BYTES // 16)
        fits = Event("fits", topic, "k", payload, NOON)
        log.publish([fits])
        with pytest.raises(TooMuch, match="EVENT_TOO_LARGE"):
            log.publish([fits, Event("over", topic, "k", payload + b"x", NOON)])
        member = join("g", topic)
        (delivery,) = take(member, 1)
        assert delivery.event.payload == payload
        assert member.poll(0.5, 10) == []

    def test_publishing_to_a_log_that_is_away_says_so_in_time(self, away_url: str) -> None:
        log = open_log(away_url, client_id="suite")
        began = time.monotonic()
        with pytest.raises(Unavailable, match="EVENTS_AWAY"):
            log.publish(some_events("larrey.suite.away.v1", 1))
        assert time.monotonic() - began < 20
        assert not log.reachable
        log.close()

    def test_reading_from_a_log_that_is_away_waits_quietly(self, away_url: str) -> None:
        log = open_log(away_url, client_id="suite")
        member = log.subscribe("g", ["larrey.suite.away.v1"])
        assert member.poll(0.3, 10) == []
        member.close()
        log.close()

    def test_topics_can_be_made_again(self, log: EventLog, topic: str) -> None:
        log.create_topics([topic, f"{topic}-new"])
        log.create_topics([topic, f"{topic}-new"])
        log.publish(some_events(f"{topic}-new", 1))
        assert log.reachable

    def test_appending_is_quick(
        self, log: EventLog, topic: str, report: Callable[[str], None]
    ) -> None:
        log.publish(some_events(topic, 1))
        began = time.perf_counter()
        log.publish(some_events(topic, 5_000))
        many = 5_000 / (time.perf_counter() - began)
        times = []
        for number in range(50):
            began = time.perf_counter()
            log.publish(some_events(topic, 1, start=number))
            times.append(time.perf_counter() - began)
        times.sort()
        report(f"append: {many:.0f} events/s; one at a time p50 {times[25] * 1e3:.1f} ms")
        assert many > 1_000
