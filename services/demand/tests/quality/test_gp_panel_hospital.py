"""What the panel engine promises on the shipped hospital series, by rolling origin.

How near it comes on the newest year is measured by the command, in test_hospital_files.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files

import numpy as np
import pyarrow.parquet as pq
import pytest

from services.demand.adapters.engines.gp_panel import calendar
from services.demand.adapters.engines.gp_panel.engine import choose_calendar, forecast
from services.demand.adapters.engines.gp_panel.panel import Array, Options, Panel

pytestmark = pytest.mark.slow

FIRST, SEASON, AHEAD, LEAD = date(2000, 1, 1), 12, 12, 3
LEVELS = (0.025, 0.1, 0.5, 0.9, 0.95, 0.975)
ORIGINS = (60, 54, 48)
AFTER_THE_JUMP, INTO_THE_JUMP = 39, 36


@cache
def hospital() -> tuple[Array, tuple[str, ...]]:
    """([series, month] counts, site codes)."""
    table = pq.read_table(str(files("services.demand") / "data" / "hospital_monthly.parquet"))
    rows: dict[str, list[tuple[object, float]]] = {}
    codes: dict[str, str] = {}
    for row in table.to_pylist():
        rows.setdefault(row["unique_id"], []).append((row["ds"], row["y"]))
        codes[row["unique_id"]] = row["code"]
    ids = sorted(rows)
    counts = [[y for _, y in sorted(rows[k], key=lambda pair: str(pair[0]))] for k in ids]
    return np.array(counts), tuple(codes[k] for k in ids)


@dataclass(frozen=True)
class Held:
    """Shares of what came true that lay inside the 80 and 95 % intervals, and at or below the
    P95 of the sum over the lead time."""

    inside_80: float
    inside_95: float
    lead_reached: float


def held(origin: int, every: int) -> Held:
    """Every so manieth series forecast from `origin` months of history."""
    counts, codes = hospital()
    counts, codes = counts[::every], codes[::every]
    past, actual = counts[:, :origin], counts[:, origin : origin + AHEAD]
    panel = Panel(
        list(past),
        SEASON,
        calendar=calendar.candidates(FIRST, origin + AHEAD, "MS")[calendar.Holidays.YEAR_END],
        years=calendar.years(FIRST, origin + AHEAD, "MS"),
        groups=codes,
    )
    options = Options(explain=False)
    found = forecast(panel, AHEAD, LEVELS, lead_time=LEAD, options=options)
    assert found.lead_quantiles is not None

    def inside(low: float, high: float) -> float:
        lower, upper = (found.quantiles[:, :, LEVELS.index(q)] for q in (low, high))
        return float(((actual >= lower) & (actual <= upper)).mean())

    return Held(
        inside(0.1, 0.9),
        inside(0.025, 0.975),
        float((actual[:, :LEAD].sum(axis=1) <= found.lead_quantiles[:, LEVELS.index(0.95)]).mean()),
    )


def test_the_lead_time_quantile_holds_over_origins_half_a_year_apart() -> None:
    reached = [held(origin, every=2).lead_reached for origin in ORIGINS]
    assert 0.93 <= float(np.mean(reached)) <= 0.97
    assert min(reached) > 0.92


def test_intervals_hold_into_the_jump_of_2003_and_a_quarter_after_it() -> None:
    into = held(INTO_THE_JUMP, every=3)
    assert 0.77 <= into.inside_80 <= 0.86
    assert 0.93 <= into.inside_95 <= 0.97
    after = held(AFTER_THE_JUMP, every=3)
    assert after.inside_80 >= 0.77
    assert 0.93 <= after.inside_95 <= 0.97


def test_the_year_end_calendar_is_chosen_over_those_of_single_countries() -> None:
    counts, codes = hospital()
    counts, codes = counts[::8], codes[::8]
    panel = Panel(list(counts[:, :60]), SEASON, years=calendar.years(FIRST, 72, "MS"), groups=codes)
    found = choose_calendar(panel, AHEAD, calendar.candidates(FIRST, 72, "MS"))
    assert found is calendar.Holidays.YEAR_END
