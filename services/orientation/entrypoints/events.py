"""Events that orientation hears."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import cast

from google.protobuf.message import Message

from larrey.replenishment.v1.events_pb2 import ShortageForeseen
from services.orientation.ports import ShortageBook
from services.orientation.use_cases.shortages import foresee
from services.orientation.wire.events import shortage_from_event
from shared.clock import Clock
from shared.events import Event, Handler
from shared.storage import Transaction

OpenBook = Callable[[Transaction, datetime], ShortageBook]


def handlers(open_book: OpenBook, clock: Clock) -> Mapping[type[Message], Handler]:
    """Message type → what to do with it, inside the transaction that marks it as handled."""

    def on_shortage(tx: Transaction, message: Message, _: Event) -> None:
        told = cast("ShortageForeseen", message)
        book = open_book(tx, clock.now())
        foresee(book, shortage_from_event(told), lifted=told.lifted)

    return {ShortageForeseen: on_shortage}
