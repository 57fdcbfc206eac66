"""The three services as a client sees them, and how long a client waits for an effect."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date
from prometheus_client.parser import text_string_to_metric_families

from larrey.catalogue.v1 import catalogue_pb2 as catalogue
from larrey.demand.v1 import demand_pb2_grpc
from larrey.orientation.v1 import orientation_pb2_grpc
from larrey.replenishment.v1 import replenishment_pb2_grpc
from loadtests.day.processes import Running
from shared.rpc import channel, refusal_of

T = TypeVar("T")
EFFECT_S = 60.0
TIMEOUT_S = 60.0


class TooLong(RuntimeError):
    """An effect that an event should have had did not show in time."""


@dataclass(frozen=True, slots=True)
class Clients:
    """One stub per service."""

    demand: Any
    replenishment: Any
    orientation: Any

    @classmethod
    def of(cls, services: Mapping[str, Running]) -> Clients:
        return cls(
            demand_pb2_grpc.DemandServiceStub(channel(services["demand"].grpc)),
            replenishment_pb2_grpc.ReplenishmentServiceStub(
                channel(services["replenishment"].grpc)
            ),
            orientation_pb2_grpc.OrientationServiceStub(channel(services["orientation"].grpc)),
        )


def eventually(what: str, look: Callable[[], T | None], limit_s: float = EFFECT_S) -> T:
    """The first answer of `look` that is neither None nor False; TooLong after the limit."""
    until = time.monotonic() + limit_s
    pause = 0.02
    while True:
        found = look()
        if found is not None and found is not False:
            return found
        if time.monotonic() > until:
            raise TooLong(f"{what} did not happen within {limit_s:.0f} s")
        time.sleep(pause)
        pause = min(0.5, pause * 1.5)


def reason_of(call: Callable[[], Any]) -> str:
    """The reason of the refusal that `call` meets; empty when it is answered."""
    try:
        call()
    except grpc.RpcError as error:
        refusal = refusal_of(error)
        if refusal is None:
            raise
        return refusal.reason
    return ""


def local(item_id: str) -> catalogue.ItemCode:
    return catalogue.ItemCode(system=catalogue.CODE_SYSTEM_LOCAL, code=item_id)


def base(amount: float) -> catalogue.Quantity:
    return catalogue.Quantity(amount=amount, unit=catalogue.UNIT_BASE)


def stamp(instant: datetime) -> Timestamp:
    wire = Timestamp()
    wire.FromDatetime(instant)
    return wire


def day(value: date) -> Date:
    return Date(year=value.year, month=value.month, day=value.day)


def scraped(address: str) -> dict[str, float]:
    """Every sample of a service's /metrics, summed over its labels."""
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:  # loopback
        text = answer.read().decode()
    sums: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            sums[sample.name] = sums.get(sample.name, 0.0) + sample.value
    return sums
