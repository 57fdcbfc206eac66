"""What an item and a site are, once their codes and packing were checked."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from shared.catalogue.codes import Code, CodeSystem
from shared.catalogue.units import Packing


class Criticality(Enum):
    UNSPECIFIED = "UNSPECIFIED"
    VITAL = "VITAL"
    ESSENTIAL = "ESSENTIAL"
    DESIRABLE = "DESIRABLE"


class Storage(Enum):
    UNSPECIFIED = "UNSPECIFIED"
    AMBIENT = "AMBIENT"
    COLD = "COLD"


@dataclass(frozen=True, slots=True)
class Item:
    """A drug or a piece of equipment; `item_id` is always one of its local codes."""

    item_id: str
    label: str
    codes: tuple[Code, ...]
    packing: Packing
    criticality: Criticality = Criticality.UNSPECIFIED
    storage: Storage = Storage.UNSPECIFIED
    pack_volume_m3: float = 0.0
    item_class: str = ""
    critical_resource: str = ""

    def all_codes(self) -> tuple[Code, ...]:
        own = Code(CodeSystem.LOCAL, self.item_id)
        return tuple(dict.fromkeys((own, *self.codes)))


@dataclass(frozen=True, slots=True)
class Site:
    """A hospital site, named by its geographic FINESS."""

    site_id: str
    name: str = ""
    school_zone: str = ""
