"""Named situations that the tests of the demand service start from."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

import numpy as np

from services.demand.domain.classes import DemandClass
from services.demand.domain.forecasts import Forecast, ForecastPeriod
from services.demand.domain.movements import Movement, Reason, SentMovement
from services.demand.domain.outlook import Outlook
from services.demand.domain.periods import EPOCH, Period, number_of, start_of
from services.demand.domain.quantiles import LEVELS
from services.demand.domain.series import Series
from shared.catalogue.codes import Code, CodeSystem
from shared.catalogue.items import Item, Site
from shared.catalogue.units import Packing

# Geographic FINESS numbers with their key right; the hospitals are invented.
NANTES = "440000008"
ANGERS = "490000007"
# A Monday morning.
MONDAY = datetime(2026, 1, 5, 6, tzinfo=UTC)


def tablets(item_id: str = "PARACETAMOL", item_class: str = "infection") -> Item:
    """Packs of 10 blisters of 8 tablets, found by CIP13 and CIP7 too."""
    codes = (Code(CodeSystem.CIP13, "3400930000076"),) if item_id == "PARACETAMOL" else ()
    return Item(item_id, item_id.title(), codes, Packing("tablet", 8, 10), item_class=item_class)


def site(site_id: str = NANTES) -> Site:
    return Site(site_id, "Hôpital d'essai", "B")


def sent(movement_id: str = "m-1", **changes: Any) -> SentMovement:
    """Three tablets given to a patient in Nantes on 2 January 2026 at noon."""
    noon = int(datetime(2026, 1, 2, 12, tzinfo=UTC).timestamp())
    row = SentMovement(
        row=0,
        movement_id=movement_id,
        site_id=NANTES,
        code_system="LOCAL",
        code="PARACETAMOL",
        amount=3.0,
        unit="BASE",
        reason=Reason.PATIENT.value,
        seconds=noon,
        nanos=0,
        ward_id="",
    )
    return row._replace(**changes)


def movement(movement_id: str = "m-1", **changes: Any) -> Movement:
    row = Movement(movement_id, 7, "PARACETAMOL", NANTES, 20455, 1, 3.0, "")
    return row._replace(**changes)


def monthly(values: Iterable[float], item_id: str = "PARACETAMOL", **more: Any) -> Series:
    """A monthly history that ends with December 2025."""
    history = np.asarray(list(values), dtype=np.float64)
    end = number_of(date(2026, 1, 1), Period.MONTH)
    return Series(
        item_id,
        NANTES,
        Period.MONTH,
        end - len(history),
        history,
        item_class="infection",
        base_unit="tablet",
        **more,
    )


def a_steady_item(months: int = 48) -> Series:
    """About 100 a month, more in winter."""
    season = 100 + 20 * np.cos(2 * np.pi * np.arange(months) / 12)
    return monthly(season + np.random.default_rng(1).normal(0, 5, months))


def a_rare_item(months: int = 60, item_id: str = "ANTIVENOM", seed: int = 2) -> Series:
    """Used about once in four months, a few at a time."""
    draws = np.random.default_rng(seed)
    used = draws.random(months) < 0.25
    used[:2] = True
    return monthly(used * draws.integers(1, 6, months), item_id)


def a_forecast(item_id: str = "PARACETAMOL", site_id: str = NANTES, **changes: Any) -> Forecast:
    """Three months from January 2026 on, made on that Monday."""
    first = number_of(date(2026, 1, 1), Period.MONTH)
    curve = tuple(float(place) for place in range(len(LEVELS)))
    made: dict[str, Any] = {
        "item_id": item_id,
        "site_id": site_id,
        "run_id": "run-1",
        "period": Period.MONTH,
        "levels": LEVELS,
        "periods": tuple(
            ForecastPeriod(start_of(first + n, Period.MONTH), 8.5 + n, curve) for n in range(3)
        ),
        "demand_class": DemandClass.SMOOTH,
        "method": "AutoETS + DynamicOptimizedTheta",
        "method_reason": "Used in 48 of 48 months.",
        "data_quality": ("Only 48 months known.",),
        "base_unit": "tablet",
        "made_time": MONDAY,
    }
    return Forecast(**{**made, **changes})


def an_outlook() -> Outlook:
    return Outlook("infection", 40, 20.0, 1.25, 10.6, "Twice the usual calls.")


def day_number(day: date) -> int:
    """Days since 1970."""
    return (day - EPOCH).days
