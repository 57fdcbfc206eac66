"""The parts of a panel's forecast in base units."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from services.demand.adapters.engines.gp_panel.panel import Array
from services.demand.adapters.engines.gp_panel.power import to_amounts

FLAT = 1e-6


def in_amounts(components: Mapping[str, Array], total: Array, power: float) -> dict[str, Array]:
    """Name -> [n, h]: what each part adds to the level, in base units.

    On the power scale the parts add up to `total`. Between level and total the scale is
    replaced by its chord, so that the amounts of the parts add up to the whole distance.
    """
    if not components:
        return {}
    level = components["level"]
    away = total - level
    near = np.abs(away) < FLAT
    rise = to_amounts(total, power) - to_amounts(level, power)
    slope_at_level = to_amounts(level + FLAT, power) - to_amounts(level, power)
    chord = np.where(near, slope_at_level / FLAT, rise / np.where(near, 1.0, away))
    return {name: part * chord for name, part in components.items() if name != "level"}
