"""One item fitted while its caller waits: no rivals, no back-tests, matrices kept warm."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from threadpoolctl import (  # type: ignore[import-untyped]  # no types are published
    threadpool_limits,
)

from services.demand.adapters.engines.gp_panel import calendar, engine
from services.demand.adapters.engines.gp_panel.matrices import Warm
from services.demand.adapters.engines.gp_panel.panel import Options, Panel
from services.demand.adapters.engines.panel_parts import in_amounts
from services.demand.adapters.engines.pooled import PooledTsb
from services.demand.adapters.engines.unwatched import Unwatched
from services.demand.domain.classes import LONGEST
from services.demand.domain.forecasts import Outcome
from services.demand.domain.panels import FREQUENCIES
from services.demand.domain.periods import number_of, start_of
from services.demand.domain.routing import Group, Judged
from services.demand.domain.tables import Asked, HistoryTable, TableForecast
from services.demand.ports import Part
from services.demand.use_cases.make import MakePart
from services.demand.use_cases.route_table import RouteTable

# Lengths, grids and first days that are kept at the same time: some 20 MB each.
ENTRIES = 12
WHY = (
    "Fitted alone while the caller waited: nothing is shared with other items and no rival was "
    "tried. A run does both."
)


@dataclass(frozen=True, slots=True)
class LonePanel:
    """The Gaussian processes of one series, under the French calendar."""

    warm: Warm = field(default_factory=lambda: Warm(ENTRIES), repr=False)
    name: str = "panel of Gaussian processes"
    serves: frozenset[Group] = frozenset({Group.REGULAR, Group.RARE})
    home: Group | None = None
    slow: bool = False
    options: Options = field(default_factory=Options)

    def __call__(self, table: HistoryTable, asked: Asked) -> TableForecast:
        # always the same span, so that items of one length share matrices whatever came before
        period = next(p for p, alias in FREQUENCIES.items() if alias == table.frequency)
        newest: date = table.periods[-1].astype("datetime64[D]").item()
        span = max(LONGEST[period], table.length)
        first = start_of(number_of(newest, period) - span + 1, period)
        length = span + asked.horizon
        kind = calendar.Holidays.FRANCE
        panel = Panel(
            values=[table.history(i) for i in range(len(table.ids))],
            season=table.season,
            calendar=calendar.candidates(first, length, table.frequency, (kind,))[kind],
            years=calendar.years(first, length, table.frequency),
            first_period=(span - table.lengths).tolist(),
        )
        made = engine.forecast(
            panel,
            asked.horizon,
            asked.levels,
            lead_time=asked.lead,
            options=self.options,
            warm=self.warm,
        )
        count = len(table.ids)
        return TableForecast(
            asked.levels,
            made.mean,
            made.quantiles,
            made.lead_mean,
            made.lead_quantiles,
            methods=(self.name,) * count,
            reasons=("Calendar: France.",) * count,
            drivers=in_amounts(made.components, made.latent_mean, self.options.power),
        )


def one_thread() -> None:
    """Small products only: a second thread costs more than it brings."""
    threadpool_limits(1)


@dataclass(frozen=True, slots=True)
class FitOne:
    """Forecasts the one series of a part; one at a time, since the processor is shared."""

    panel: LonePanel = field(default_factory=LonePanel)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __call__(self, part: Part) -> Outcome:
        pooled = PooledTsb()
        homes: Mapping[Group, tuple[str, ...]] = {
            Group.REGULAR: (self.panel.name,),
            Group.RARE: (pooled.name,),
        }
        route = RouteTable((self.panel, pooled), homes, Unwatched())
        chosen = {group: Judged(names[0], WHY) for group, names in homes.items()}
        with self._lock:
            return MakePart(route, pooled)(replace(part, chosen=chosen)).outcomes[0]
