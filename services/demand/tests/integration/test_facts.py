"""What the other services tell: calls, items, sites, each counted once."""

from __future__ import annotations

from datetime import date, timedelta

from larrey.catalogue.v1 import catalogue_pb2 as catalogue
from larrey.demand.v1 import demand_pb2 as pb
from larrey.orientation.v1 import events_pb2 as orientation
from larrey.replenishment.v1 import events_pb2 as replenishment
from services.demand.tests.integration.running import (
    ITEMS,
    Running,
    Stub,
    eventually,
    forecast_of,
    heard,
    item,
    row,
    tell,
)
from services.demand.tests.situations import MONDAY


def test_calls_are_counted_once_and_move_when_their_group_changes(
    running: Running, stub: Stub
) -> None:
    def case(key: str, group: str, minute: int, previous: str = "") -> orientation.CaseOriented:
        fact = orientation.CaseOriented(case_key=key, syndrome_group=group, previous_group=previous)
        fact.oriented_time.FromDatetime(MONDAY + timedelta(minutes=minute))
        return fact

    many = [case(f"case-{n}", "respiratory", 0) for n in range(30)]
    moved = case("case-0", "cardiac", 5, "respiratory")
    poison = case("poison", "No Such Group", 1)
    tell(running, *many, many[0], poison, moved, moved)

    def counts() -> dict[str, int]:
        signals = stub.ListSignals(pb.ListSignalsRequest(days=1), timeout=10).signals
        return {signal.syndrome_group: signal.calls for signal in signals}

    assert eventually(lambda: counts() == {"respiratory": 29, "cardiac": 1})
    [dead] = heard(running, "larrey.orientation.case-oriented.v1.dead", 1)
    assert dead.headers["reason"] == "SIGNAL_MALFORMED"
    outlook = forecast_of(stub, ITEMS[0]).outlook
    assert (outlook.item_class, outlook.calls, outlook.usual_calls) == ("infection", 29, 7)
    assert outlook.factor > 1
    assert outlook.first_mean > forecast_of(stub, ITEMS[0]).periods[0].mean


def test_items_and_sites_told_by_replenishment_can_be_used(running: Running, stub: Stub) -> None:
    tell(
        running,
        replenishment.SitePut(site_id="850000019", site=catalogue.Site(site_id="850000019")),
        replenishment.ItemPut(item_id="TOLD", item=item("TOLD")),
    )

    def known() -> bool:
        told = row("told-1", "TOLD", date(2025, 12, 1), 1)
        told.site_id = "850000019"
        answer = stub.RecordConsumption(iter([pb.RecordConsumptionRequest(movements=[told])]))
        return bool(answer.accepted + answer.duplicate)

    assert eventually(known)
