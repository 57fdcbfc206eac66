"""Packs, dispensing units and base units: converted here, never elsewhere, never silently."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

from shared.errors import Malformed


class Unit(Enum):
    PACK = "PACK"
    DISPENSING = "DISPENSING"
    BASE = "BASE"


@dataclass(frozen=True, slots=True)
class Packing:
    """How an item is packed: 1 pack = n dispensing units, 1 of these = m base units."""

    base_unit: str
    base_per_dispensing_unit: float
    dispensing_units_per_pack: float

    def __post_init__(self) -> None:
        for name in ("base_per_dispensing_unit", "dispensing_units_per_pack"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise Malformed(
                    "PACKING_MALFORMED",
                    f"{name} must be more than 0: a pack of nothing cannot be ordered.",
                    field=name,
                )
        if not self.base_unit.strip():
            raise Malformed(
                "PACKING_MALFORMED",
                "base_unit must name what is counted, for instance 'tablet' or 'mL'.",
                field="base_unit",
            )

    @property
    def base_per_pack(self) -> float:
        return self.base_per_dispensing_unit * self.dispensing_units_per_pack

    def _factor(self, unit: Unit) -> float:
        if unit is Unit.BASE:
            return 1.0
        return self.base_per_pack if unit is Unit.PACK else self.base_per_dispensing_unit

    def to_base(self, amount: float, unit: Unit) -> float:
        """Base units in `amount` of `unit`; Malformed QUANTITY_MALFORMED below 0 or not finite."""
        if not math.isfinite(amount) or amount < 0:
            raise Malformed(
                "QUANTITY_MALFORMED",
                "A quantity is a number from 0 up. For a return use the reason RETURN with the "
                "quantity that came back.",
                field="quantity.amount",
            )
        return amount * self._factor(unit)

    def from_base(self, amount: float, unit: Unit) -> float:
        """The amount of `unit` that holds `amount` base units."""
        return amount / self._factor(unit)
