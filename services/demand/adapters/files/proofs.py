"""The shipped data of `larrey demand drivers`, laid out for the use case."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from services.demand.adapters.files.drivers import CALENDAR, HOLIDAY, SCHOOL, shipped
from services.demand.adapters.files.machine import Bars
from services.demand.domain.drivers.driver import Driver, Kind
from services.demand.domain.drivers.made_hospital import MadeHospital, made_hospital
from services.demand.domain.drivers.switch import Grid
from services.demand.domain.tables import HistoryTable
from services.demand.use_cases.prove_drivers import Leading, ProveDrivers

OSCOUR = "exog_oscour_flu_fr_weekly.parquet"
DEMAND, SIGNAL = "hosp_after_ed_flu_per_100k", "sos_medecins_flu_per_100k_acts"
WEEKS_AHEAD = 2
WEEKS_OF_A_YEAR = 52
# The last winter of the file: first weeks of October to the end of April.
WINTER = ("2023-10-02", "2024-04-29")
DAYS, FIRST_DAY, DAYS_AHEAD = 1096, "2021-09-01", 7


def run(hospitals: int, items: int) -> Mapping[str, object]:
    """Both proofs, as figures."""
    prove = ProveDrivers(Bars())
    made = [generated(items, seed) for seed in range(1, hospitals + 1)]
    return {
        "influenza": prove.leading(influenza()),
        "known_truth": prove.known_truth(made, Grid(7, DAYS_AHEAD, "D")),
    }


def influenza() -> Leading:
    """Hospital stays for influenza by age class; acts of SOS Médecins lead them."""
    frame = shipped(OSCOUR)
    wide: Any = frame.pivot_table(index="ds", columns="unique_id", values=[DEMAND, SIGNAL])
    demand = wide[DEMAND]
    values = demand.to_numpy(dtype=np.float64).T
    everywhere = np.ones(values.shape, dtype=bool)
    table = HistoryTable(
        ids=tuple(str(name) for name in demand.columns),
        periods=demand.index.to_numpy(dtype="datetime64[ns]"),
        season=WEEKS_OF_A_YEAR,
        frequency="W-MON",
        recorded=values,
        values=values,
        known=everywhere,
        observed=everywhere,
        start=np.zeros(len(values), dtype=np.int64),
    )
    signal = Driver("SOS Médecins acts", Kind.SIGNAL, wide[SIGNAL].to_numpy(dtype=np.float64).T)
    first, last = (demand.index.get_loc(pd.Timestamp(day)) for day in WINTER)
    return Leading(table, signal, WEEKS_AHEAD, int(first), int(last))


def generated(items: int, seed: int) -> MadeHospital:
    """Three years of days under the true French calendar, zone C."""
    days = pd.date_range(FIRST_DAY, periods=DAYS + DAYS_AHEAD, freq="D")
    known = shipped(CALENDAR).set_index("ds").reindex(days)
    calendars = {
        HOLIDAY: known["is_public_holiday"].to_numpy(dtype=np.float64),
        SCHOOL: known["school_holiday_zone_c"].fillna(value=False).to_numpy(dtype=np.float64),
    }
    return made_hospital(days[:DAYS].to_numpy(dtype="datetime64[ns]"), calendars, items, seed)
