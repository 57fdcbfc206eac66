"""Two parties and a fact between them: what the suites of an exchange begin with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from google.protobuf.message import Message

from shared.events import Delivery, topic_of
from shared.events.topics import dead_topic
from shared.testing.facts import a_fact
from shared.testing.party import Party
from shared.testing.suites.event_log import take


class PartiesSuite:
    """Mix in and give it `events_url` and `new_database`, a maker of empty databases."""

    @pytest.fixture
    def party(
        self, events_url: str, new_database: Callable[[], str]
    ) -> Iterator[Callable[..., Party]]:
        """Makes parties; a `url` given again makes a replica with the same database."""
        parties: list[Party] = []

        def make(name: str, url: str | None = None, **options: Any) -> Party:
            parties.append(Party(name, url or new_database(), events_url, **options).make_tables())
            return parties[-1]

        yield make
        for party in parties:
            party.close()

    @pytest.fixture
    def kind(self, party: Callable[..., Party]) -> type[Message]:
        """A fact whose topics exist."""
        kind = a_fact()
        admin = party("admin")
        admin.log.create_topics([topic_of(kind), dead_topic(topic_of(kind))])
        return kind

    @pytest.fixture
    def sender(self, party: Callable[..., Party]) -> Party:
        sender = party("sender")
        sender.relay.start()
        return sender

    @pytest.fixture
    def receiver(self, party: Callable[..., Party]) -> Party:
        receiver = party("receiver")
        receiver.relay.start()
        return receiver

    def dead(self, party: Party, kind: type[Message], count: int) -> list[Delivery]:
        member = party.log.subscribe("undertaker", [dead_topic(topic_of(kind))])
        found = take(member, count, within_s=20)
        found += member.poll(0.3, 10)
        member.close()
        return found

    def waiting(self, party: Party) -> list[str]:
        table = party.database.plumbing.waiting
        with party.database.read() as tx:
            return list(tx.connection.execute(table.select()).scalars(2))
