"""A fact on its way: the Event, and how a protobuf message becomes one and comes back."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from random import Random
from types import MappingProxyType
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from larrey.events.v1 import topic_pb2
from shared.clock import Clock
from shared.errors import Malformed, TooMuch
from shared.tracing import traceparent

M = TypeVar("M", bound=Message)

CONTENT_TYPE = "application/protobuf"
MAX_EVENT_BYTES = 4 * 1024 * 1024
MAX_ID_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Event:
    """One fact: what happened (`payload`), to whom (`key`), when, told once under `id`.

    The payload never shows in a repr. `headers` holds what travels beside it: schema,
    content-type, producer, traceparent; id and time travel as headers of their own.
    """

    id: str
    topic: str
    key: str
    payload: bytes = field(repr=False)
    time: datetime
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Address:
    """Where the facts of one message type travel, and which field is their key."""

    topic: str
    key_field: str


def address_of(message_type: type[Message]) -> Address:
    """The (larrey.events.v1.topic) option of `message_type`; TypeError when it has none."""
    known = _ADDRESSES.get(message_type.DESCRIPTOR.full_name)
    if known is None:
        known = _ADDRESSES[message_type.DESCRIPTOR.full_name] = _read_address(message_type)
    return known


_ADDRESSES: dict[str, Address] = {}  # options are read once: that takes longer than a fact


def _read_address(message_type: type[Message]) -> Address:
    option = message_type.DESCRIPTOR.GetOptions().Extensions[topic_pb2.topic]
    if not option.name or not option.key:
        raise TypeError(
            f"{message_type.DESCRIPTOR.full_name} has no (larrey.events.v1.topic) option "
            "with a name and a key: it cannot be published."
        )
    return Address(option.name, option.key)


def topic_of(message_type: type[Message]) -> str:
    """The topic that facts of this type travel on."""
    return address_of(message_type).topic


_IDS = Random()  # noqa: S311  not a secret; seeded by the system
os.register_at_fork(after_in_child=_IDS.seed)


def new_id() -> str:
    """32 hexadecimal digits that no other fact has. Not a secret.

    To ask the system for each would let every other thread go first.
    """
    return f"{_IDS.getrandbits(128):032x}"


def event_of(
    message: Message, *, clock: Clock, event_id: str | None = None, producer: str = ""
) -> Event:
    """The event that tells `message`; a random id unless the caller knows a stable one.

    Refuses TooMuch EVENT_TOO_LARGE over 4 MiB. A fact without a key is our bug: ValueError.
    """
    address = address_of(type(message))
    key = str(getattr(message, address.key_field))
    if not key:
        raise ValueError(f"{message.DESCRIPTOR.full_name}.{address.key_field} is empty")
    event = Event(
        id=event_id or new_id(),
        topic=address.topic,
        key=key,
        payload=message.SerializeToString(),
        time=clock.now(),
        headers=_headers(message.DESCRIPTOR.full_name, producer, traceparent.get()),
    )
    check_size(event)
    return event


@lru_cache(maxsize=256)
def _headers(schema: str, producer: str, trace: str) -> Mapping[str, str]:
    """What travels beside a fact; most facts of a service have the same, which is made once."""
    headers = {"schema": schema, "content-type": CONTENT_TYPE}
    if producer:
        headers["producer"] = producer
    if trace:
        headers["traceparent"] = trace
    return MappingProxyType(headers)


def check_size(event: Event) -> None:
    """Refuses TooMuch EVENT_TOO_LARGE what no log would take."""
    if len(event.payload) > MAX_EVENT_BYTES:
        raise TooMuch(
            "EVENT_TOO_LARGE",
            f"The fact is {len(event.payload)} bytes and a log takes {MAX_EVENT_BYTES}: "
            "split it into several facts.",
            topic=event.topic,
            event_id=event.id,
        )


def decode(event: Event, message_type: type[M]) -> M:
    """The message inside `event`; refuses Malformed what is not one of this type."""
    expected = message_type.DESCRIPTOR.full_name
    told = event.headers.get("schema", expected)
    if told != expected:
        raise Malformed(
            "EVENT_SCHEMA_UNKNOWN",
            f"The topic carries {expected} and this event says it is something else: "
            "publish it on its own topic.",
            field="schema",
        )
    if event.headers.get("content-type", CONTENT_TYPE) != CONTENT_TYPE:
        raise Malformed(
            "EVENT_CONTENT_TYPE_UNKNOWN",
            f"Only {CONTENT_TYPE} is read from a topic: encode the event so.",
            field="content-type",
        )
    try:
        return message_type.FromString(event.payload)
    except DecodeError:
        raise Malformed(
            "EVENT_UNREADABLE",
            f"The bytes are not a {expected}: check the producer's version and encoding.",
            field="payload",
        ) from None


def check_identity(event: Event) -> None:
    """Refuses Malformed an event that nobody could recognise when it comes again."""
    if not event.id or len(event.id) > MAX_ID_CHARACTERS:
        raise Malformed(
            "EVENT_ID_MISSING",
            f"Each event needs an event-id header of 1 to {MAX_ID_CHARACTERS} characters, "
            "the same each time the same fact is sent.",
            field="event-id",
        )


def micros(instant: datetime) -> int:
    """Microseconds since 1970 in UTC: the form in which instants are stored and sent."""
    since = instant - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def instant(microseconds: int) -> datetime:
    """The aware UTC instant that `micros` came from."""
    whole, rest = divmod(microseconds, 1_000_000)
    return datetime.fromtimestamp(whole, UTC).replace(microsecond=rest)
