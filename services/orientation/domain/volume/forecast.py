"""What a forecast of calls says: hours, means and quantiles."""

from __future__ import annotations

from dataclasses import dataclass, field

from services.orientation.domain.volume.hours import Counts, Instants
from services.orientation.domain.volume.sectors import SectorForecast


@dataclass(frozen=True, slots=True)
class VolumeForecast:
    """One row an hour."""

    instants: Instants = field(repr=False)
    mean: Counts = field(repr=False)
    levels: Counts = field(repr=False)  # [hour, 10 / 50 / 90 %]
    facts: dict[str, object]
    sectors: SectorForecast | None = None
