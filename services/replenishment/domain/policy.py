"""What the hospital group decides once: prices of shortage and holding, levels of service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from services.replenishment.domain.demand import Spread
from services.replenishment.domain.problem import Floats
from shared.catalogue.items import Criticality

# Nine equiprobable levels, the highest of them split where vital items are decided. The
# service and the simulation that judges it plan on the same ones.
LEVELS: Floats = np.array([*((k + 0.5) / 9 for k in range(8)), 0.934444, 0.985, 0.995, 0.999])
WEIGHTS: Floats = np.array([*(8 * [1 / 9]), 0.98 - 8 / 9, 0.01, 0.008, 0.002])

DAYS_IN_A_YEAR = 365.0
SMALLEST_MEAN_PACKS = 1e-3  # packs a day below which the floor of shortage stops rising


@dataclass(frozen=True, slots=True)
class Service:
    """How much a shortage of one class of items is worth avoiding.

    `level` is the chance of having enough that the class is stocked for. `floor_eur` is
    the least that missing one day's mean demand for one day is taken to cost, so that
    an item is not left to run out only because it is cheap.
    """

    level: float
    floor_eur: float


def services() -> dict[Criticality, Service]:
    essential = Service(0.98, 10.0)
    return {
        Criticality.VITAL: Service(0.995, 50.0),
        Criticality.ESSENTIAL: essential,
        Criticality.UNSPECIFIED: essential,  # unknown is not the same as unimportant
        Criticality.DESIRABLE: Service(0.95, 2.0),
    }


@dataclass(frozen=True, slots=True)
class Policy:
    holding_rate: float = 0.25  # fraction of the price a year
    budget_penalty: float = 0.1  # EUR per EUR over a weekly budget
    kept_back_days: int = 0  # before its last day that a lot is no longer handed out
    storage_penalty: float = 10.0  # EUR per m3 and day above a soft limit
    most_steps: int = 400  # orders of large items go in steps of the horizon's need / this
    spread: Spread = field(default_factory=Spread)
    services: Mapping[Criticality, Service] = field(default_factory=services)

    def service(self, criticality: Criticality) -> Service:
        return self.services[criticality]

    def holding_eur(self, pack_price: float) -> float:
        """EUR a pack and day on the shelf."""
        return pack_price * self.holding_rate / DAYS_IN_A_YEAR

    def shortage_eur(
        self, criticality: Criticality, pack_price: float, mean_packs_a_day: float
    ) -> float:
        """EUR a pack and day missing.

        holding x level / (1 - level) makes the level the newsvendor's best; the floor
        speaks where the price is too low to.
        """
        service = self.service(criticality)
        fair = self.holding_eur(pack_price) * service.level / (1.0 - service.level)
        return max(fair, service.floor_eur / max(mean_packs_a_day, SMALLEST_MEAN_PACKS))
