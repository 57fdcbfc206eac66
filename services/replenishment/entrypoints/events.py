"""Facts of the other services that replenishment listens to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from google.protobuf.message import Message

from larrey.demand.v1 import events_pb2 as demand
from services.replenishment.ports import Books
from services.replenishment.use_cases.stock import TakeForecast
from services.replenishment.wire.supply import forecast_from_wire
from shared.events import Event, Handler
from shared.storage import Transaction


@dataclass(frozen=True, slots=True)
class Listener:
    """Handles each fact inside the consumer's own transaction, so that it counts once."""

    books: Callable[[Transaction], Books]
    take_forecast: TakeForecast

    def handlers(self) -> Mapping[type[Message], Handler]:
        return {demand.ForecastPublished: self._forecast_published}

    def _forecast_published(self, tx: Transaction, message: Message, _: Event) -> None:
        told = cast("demand.ForecastPublished", message)
        self.take_forecast(self.books(tx), forecast_from_wire(told.item_id, told.forecast))
