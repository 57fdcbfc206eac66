"""Packs, dispensing units and base units convert both ways and never by a guess."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from larrey.catalogue.v1 import catalogue_pb2 as pb
from shared.catalogue.items import Criticality, Item, Site, Storage
from shared.catalogue.units import Packing, Unit
from shared.catalogue.wire import (
    item_from_wire,
    item_to_wire,
    quantity_to_base,
    site_from_wire,
    site_to_wire,
)
from shared.errors import Malformed

SIZES = st.floats(0.001, 10_000, allow_nan=False)
VIALS = Packing("mL", base_per_dispensing_unit=5.0, dispensing_units_per_pack=10.0)


def test_two_packs_of_ten_vials_of_five_millilitres_are_a_hundred_millilitres() -> None:
    assert VIALS.to_base(2, Unit.PACK) == 100.0
    assert VIALS.to_base(2, Unit.DISPENSING) == 10.0
    assert VIALS.to_base(2, Unit.BASE) == 2.0


@given(SIZES, SIZES, st.floats(0, 1e6), st.sampled_from(list(Unit)))
def test_there_and_back_is_the_same_amount(
    base: float, per_pack: float, amount: float, unit: Unit
) -> None:
    packing = Packing("tablet", base, per_pack)
    back = packing.from_base(packing.to_base(amount, unit), unit)
    assert math.isclose(back, amount, rel_tol=1e-12, abs_tol=1e-12)


@pytest.mark.parametrize("size", [0.0, -1.0, math.nan, math.inf])
def test_a_pack_of_nothing_is_refused(size: float) -> None:
    with pytest.raises(Malformed, match="more than 0"):
        Packing("tablet", 1.0, size)


@pytest.mark.parametrize("amount", [-1.0, math.nan, math.inf])
def test_a_negative_or_endless_quantity_is_refused_with_its_field(amount: float) -> None:
    with pytest.raises(Malformed) as refusal:
        quantity_to_base(pb.Quantity(amount=amount, unit=pb.UNIT_PACK), VIALS, "movements[3].q")
    assert refusal.value.field == "movements[3].q.amount"


def test_an_amount_without_a_unit_is_never_guessed() -> None:
    with pytest.raises(Malformed) as refusal:
        quantity_to_base(pb.Quantity(amount=3), VIALS)
    assert refusal.value.reason == "UNIT_UNKNOWN"


def test_an_item_and_a_site_come_back_from_the_wire_as_they_went() -> None:
    item = Item(
        "ADR1",
        "Adrenaline 1 mg/mL",
        (),
        VIALS,
        Criticality.VITAL,
        Storage.COLD,
        0.001,
        "cardiac",
        "ANTIDOTE",
    )
    site = Site("440000271", "Nantes", "B")
    assert item_from_wire(item_to_wire(item)) == item
    assert site_from_wire(site_to_wire(site)) == site


def test_a_wrong_code_inside_an_item_is_named_by_its_path() -> None:
    wire = item_to_wire(Item("A", "", (), VIALS))
    wire.codes.add(system=pb.CODE_SYSTEM_CIP13, code="3400935955839")
    with pytest.raises(Malformed) as refusal:
        item_from_wire(wire, "items[7]")
    assert refusal.value.field == "items[7].codes[0].code"
