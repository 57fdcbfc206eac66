"""What may drive the series of a part: the French calendar that ships, and the part's signals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from services.demand.adapters.engines.routed_panel import PanelEngine
from services.demand.adapters.files.drivers import HOLIDAY, SCHOOL, ZONE_COLUMN, calendar_drivers
from services.demand.domain.drivers.driver import Driver
from services.demand.domain.history_files import HistoryRead
from services.demand.domain.series import Series
from services.demand.domain.tables import Days, HistoryTable
from services.demand.ports import Part
from shared.errors import Malformed

ANY_ZONE = "A"
"""Read where a zone is not known, and blanked out after."""


def known_drivers(
    part: Part, series: Sequence[Series], table: HistoryTable, ahead: Days, engine: str
) -> tuple[Sequence[Driver], str]:
    """Calendars and signals on the grid of `table`, and what could not be offered.

    The panel of Gaussian processes knows public holidays itself: they are offered to other
    engines only. School holidays are offered where the site's zone is known.
    """
    zones = [part.zones.get(one.site_id, "") for one in series]
    found, noted = _calendars(table, ahead, zones, engine)
    signals = (one.on(table.periods, ahead[0]) for one in part.signals)
    return (*found, *(one for one in signals if one is not None)), noted


def _calendars(
    table: HistoryTable, ahead: Days, zones: Sequence[str], engine: str
) -> tuple[list[Driver], str]:
    asked = tuple(zone or ANY_ZONE for zone in zones)
    dressed = replace(table, categories={**table.categories, ZONE_COLUMN: asked})
    read = HistoryRead(dressed, ahead, np.zeros(table.values.shape, dtype=np.int64))
    try:
        found = calendar_drivers(read, ANY_ZONE)
    except Malformed as refusal:
        if refusal.reason != "CALENDAR_ENDS":
            raise
        first, last = str(table.periods[0])[:10], str(ahead[-1])[:10]
        return [], (
            f"School holidays and bridge days are not known for all of {first} to {last}: the "
            "calendar ends before. They were not tried; install a newer version."
        )
    kept = [one for one in found if one.name != HOLIDAY or engine != PanelEngine().name]
    known = np.array([bool(zone) for zone in zones])
    if known.any():
        return [
            replace(one, values=np.where(known[:, None], one.values, 0.0))
            if one.name == SCHOOL
            else one
            for one in kept
        ], ""
    return [one for one in kept if one.name != SCHOOL], ""
