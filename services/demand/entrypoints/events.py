"""Facts of the other services that demand listens to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from google.protobuf.message import Message

from larrey.orientation.v1 import events_pb2 as orientation
from larrey.replenishment.v1 import events_pb2 as replenishment
from services.demand.ports import Books
from services.demand.use_cases.signals import CountCase
from services.demand.wire.dates import instant_from_wire
from shared.catalogue.wire import item_from_wire, site_from_wire
from shared.errors import Malformed
from shared.events import Event, Handler
from shared.rpc.validation import validate
from shared.storage import Transaction


@dataclass(frozen=True, slots=True)
class Listener:
    """Handles each fact inside the consumer's own transaction, so that it counts once."""

    books: Callable[[Transaction], Books]
    count_case: CountCase

    def handlers(self) -> Mapping[type[Message], Handler]:
        return {
            replenishment.ItemPut: self._item_put,
            replenishment.SitePut: self._site_put,
            orientation.CaseOriented: self._case_oriented,
        }

    def _item_put(self, tx: Transaction, message: Message, _: Event) -> None:
        told = cast("replenishment.ItemPut", message)
        validate(told.item, "item")
        self.books(tx).catalogue.put_items([item_from_wire(told.item)])

    def _site_put(self, tx: Transaction, message: Message, _: Event) -> None:
        told = cast("replenishment.SitePut", message)
        validate(told.site, "site")
        self.books(tx).catalogue.put_sites([site_from_wire(told.site)])

    def _case_oriented(self, tx: Transaction, message: Message, _: Event) -> None:
        told = cast("orientation.CaseOriented", message)
        if not told.HasField("oriented_time"):
            raise Malformed(
                "SIGNAL_MALFORMED",
                "A case without the time it was oriented.",
                field="oriented_time",
            )
        try:
            oriented = instant_from_wire(told.oriented_time)
            called = instant_from_wire(told.called_time) if told.HasField("called_time") else None
        except OverflowError:
            raise Malformed(
                "SIGNAL_MALFORMED", "A case oriented at an impossible time.", field="oriented_time"
            ) from None
        self.count_case(self.books(tx), told.case_key, told.syndrome_group, oriented, called)
