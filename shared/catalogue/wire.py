"""Items, sites, codes and quantities between protobuf and our own values."""

from __future__ import annotations

from larrey.catalogue.v1 import catalogue_pb2 as pb
from shared.catalogue.codes import Code, CodeSystem, check_finess, parse_code
from shared.catalogue.items import Criticality, Item, Site, Storage
from shared.catalogue.units import Packing, Unit
from shared.errors import Malformed

SYSTEMS = {
    pb.CODE_SYSTEM_CIP7: CodeSystem.CIP7,
    pb.CODE_SYSTEM_CIP13: CodeSystem.CIP13,
    pb.CODE_SYSTEM_UCD13: CodeSystem.UCD13,
    pb.CODE_SYSTEM_GTIN14: CodeSystem.GTIN14,
    pb.CODE_SYSTEM_LOCAL: CodeSystem.LOCAL,
}
WIRE_SYSTEMS = {ours: theirs for theirs, ours in SYSTEMS.items()}
UNITS = {
    pb.UNIT_PACK: Unit.PACK,
    pb.UNIT_DISPENSING: Unit.DISPENSING,
    pb.UNIT_BASE: Unit.BASE,
}
WIRE_UNITS = {ours: theirs for theirs, ours in UNITS.items()}


def code_from_wire(code: pb.ItemCode, field: str = "item") -> Code:
    """Malformed CODE_MALFORMED or CHECK_DIGIT_WRONG, at `field`.code or `field`.system."""
    system = SYSTEMS.get(code.system)
    if system is None:
        raise Malformed(
            "CODE_MALFORMED",
            "The code system is missing or unknown: use CIP7, CIP13, UCD13, GTIN14 or LOCAL.",
            field=f"{field}.system",
        )
    return parse_code(system, code.code, field=f"{field}.code")


def code_to_wire(code: Code) -> pb.ItemCode:
    return pb.ItemCode(system=WIRE_SYSTEMS[code.system], code=code.value)


def unit_from_wire(unit: pb.Unit.ValueType, field: str = "quantity") -> Unit:
    """Malformed UNIT_UNKNOWN: an amount without a unit is never guessed."""
    known = UNITS.get(unit)
    if known is None:
        raise Malformed(
            "UNIT_UNKNOWN",
            "The quantity has no unit: say PACK, DISPENSING or BASE.",
            field=f"{field}.unit",
        )
    return known


def quantity_to_base(quantity: pb.Quantity, packing: Packing, field: str = "quantity") -> float:
    """Base units of a quantity; Malformed UNIT_UNKNOWN or QUANTITY_MALFORMED."""
    unit = unit_from_wire(quantity.unit, field)
    try:
        return packing.to_base(quantity.amount, unit)
    except Malformed as refusal:
        refusal.field = f"{field}.amount"
        raise


def item_from_wire(item: pb.Item, field: str = "item") -> Item:
    """Malformed with the path below `field` when a code or the packing cannot be right."""
    try:
        packing = Packing(
            item.base_unit, item.base_per_dispensing_unit, item.dispensing_units_per_pack
        )
    except Malformed as refusal:
        refusal.field = f"{field}.{refusal.field}"
        raise
    return Item(
        item_id=item.item_id,
        label=item.label,
        codes=tuple(
            code_from_wire(code, f"{field}.codes[{i}]") for i, code in enumerate(item.codes)
        ),
        packing=packing,
        criticality=Criticality(pb.Criticality.Name(item.criticality)[len("CRITICALITY_") :]),
        storage=Storage(pb.Storage.Name(item.storage)[len("STORAGE_") :]),
        pack_volume_m3=item.pack_volume_m3,
        item_class=item.item_class,
        critical_resource=item.critical_resource,
    )


def item_to_wire(item: Item) -> pb.Item:
    return pb.Item(
        item_id=item.item_id,
        label=item.label,
        codes=[code_to_wire(code) for code in item.codes],
        base_unit=item.packing.base_unit,
        base_per_dispensing_unit=item.packing.base_per_dispensing_unit,
        dispensing_units_per_pack=item.packing.dispensing_units_per_pack,
        criticality=pb.Criticality.Value(f"CRITICALITY_{item.criticality.value}"),
        storage=pb.Storage.Value(f"STORAGE_{item.storage.value}"),
        pack_volume_m3=item.pack_volume_m3,
        item_class=item.item_class,
        critical_resource=item.critical_resource,
    )


def site_from_wire(site: pb.Site, field: str = "site") -> Site:
    """Malformed SITE_MALFORMED or FINESS_KEY_WRONG."""
    return Site(
        site_id=check_finess(site.site_id, field=f"{field}.site_id"),
        name=site.name,
        school_zone=site.school_zone,
    )


def site_to_wire(site: Site) -> pb.Site:
    return pb.Site(site_id=site.site_id, name=site.name, school_zone=site.school_zone)
