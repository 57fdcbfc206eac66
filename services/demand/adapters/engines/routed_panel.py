"""The panel of Gaussian processes as an engine for whole tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
from threadpoolctl import (  # type: ignore[import-untyped]  # no types are published
    threadpool_limits,
)

from services.demand.adapters.engines.gp_panel import calendar, engine
from services.demand.adapters.engines.gp_panel.panel import Options, Panel
from services.demand.adapters.engines.panel_parts import in_amounts
from services.demand.domain.routing import Group, origins
from services.demand.domain.scoring import SCORED_LEVELS, pinball
from services.demand.domain.tables import Asked, HistoryTable, TableForecast

SEED = 20
# Grids that the engine has calendars for.
GRIDS = frozenset({"MS", "W-MON", "D"})
# A category groups series when its words have so many members on average.
LEAST_MEMBERS = 8.0
# Grouping must lower the back-tests' loss by this share to be used.
MARGIN = 0.002
GROUPING_ORIGINS = 2
# Series asked how they are best grouped, at most.
SAMPLE = 1000


@dataclass(frozen=True, slots=True)
class PanelEngine:
    """Structural Gaussian processes, averaged; learns what the series of a table share.

    Found inside each history it is given: the calendar that makes it most likely, and the
    column, if any, whose words group series that move together, asking `asked` series at most.
    `only_working_days`: days and weeks get no calendar of holidays, since it is tried item by
    item elsewhere.
    """

    name: str = "panel of Gaussian processes"
    serves: frozenset[Group] = frozenset({Group.REGULAR, Group.RARE})
    home: Group | None = None
    slow: bool = False
    options: Options = field(default_factory=Options)
    only_working_days: bool = False
    asked: int = SAMPLE

    def __call__(self, table: HistoryTable, asked: Asked) -> TableForecast:
        # many small products: a second thread costs more than it brings
        with threadpool_limits(1):
            return self._forecast(table, asked)

    def _forecast(self, table: HistoryTable, asked: Asked) -> TableForecast:
        panel, holidays = _panel(table), ""
        if table.frequency == "MS" or not self.only_working_days:
            panel, holidays = _with_calendar(panel, table, asked.horizon, self.options)
        column = self._grouping(panel, table, asked.horizon)
        if column:
            panel = replace(panel, groups=table.categories[column])
        made = engine.forecast(
            panel,
            asked.horizon,
            asked.levels,
            lead_time=asked.lead,
            seed=SEED,
            options=self.options,
        )
        said = f"Calendar: {holidays or 'none'}; grouped by: {column or 'nothing'}."
        return TableForecast(
            asked.levels,
            made.mean,
            made.quantiles,
            made.lead_mean,
            made.lead_quantiles,
            methods=(self.name,) * len(table.ids),
            reasons=tuple(
                f"{said} Follows the common course with a weight of {share:.0%}."
                + (f" Noted: {', '.join(flags).lower().replace('_', ' ')}." if flags else "")
                for share, flags in zip(made.shared, made.flags, strict=True)
            ),
            drivers=in_amounts(made.components, made.latent_mean, self.options.power),
        )

    def _grouping(self, panel: Panel, table: HistoryTable, horizon: int) -> str:
        """The category that lowers the loss of back-tests most; empty when none does."""
        columns = list(_grouping_columns(table))
        if not columns or len(table.ids) < self.options.smallest_panel:
            return ""
        plain = self._loss(panel, table, horizon, None)
        if plain is None:
            return ""
        tried = {
            column: self._loss(panel, table, horizon, table.categories[column])
            for column in columns
        }
        found = {column: loss for column, loss in tried.items() if loss is not None}
        best = min(found, key=lambda column: (found[column], column))
        return best if found[best] < (1 - MARGIN) * plain else ""

    def _loss(
        self, panel: Panel, table: HistoryTable, horizon: int, groups: Sequence[str] | None
    ) -> float | None:
        """Pinball loss over the newest origins, each series over its own level."""
        options = replace(self.options, calibrate=False, explain=False)
        dressed = replace(panel, groups=groups)
        total = 0.0
        tests = origins(table.length, horizon, table.season)[:GROUPING_ORIGINS]
        for known, ahead in tests:
            begun = np.flatnonzero(table.lengths - (table.length - known) >= 1)
            step = max(1, -(-len(begun) // self.asked))
            rows = begun[::step]
            made = engine.forecast(
                dressed.rows(rows.tolist(), drop_last=table.length - known),
                ahead,
                SCORED_LEVELS,
                seed=SEED,
                options=options,
            )
            true = table.values[rows, known : known + ahead]
            level = table.values[rows, :known].mean(axis=1) + 1.0
            losses = [
                (pinball(true, made.quantiles[:, :, k], q) / level[:, None]).mean()
                for k, q in enumerate(SCORED_LEVELS)
            ]
            total += float(np.mean(losses))
        return total if tests else None


def _panel(table: HistoryTable) -> Panel:
    return Panel(
        values=[table.history(i) for i in range(len(table.ids))],
        season=table.season,
        first_period=table.start.tolist(),
    )


def _with_calendar(
    panel: Panel, table: HistoryTable, horizon: int, options: Options
) -> tuple[Panel, str]:
    if table.frequency not in GRIDS:
        return panel, ""
    first: date = table.periods[0].astype("datetime64[D]").item()
    length = table.length + horizon
    panel = replace(panel, years=calendar.years(first, length, table.frequency))
    known = calendar.candidates(first, length, table.frequency)
    kind = engine.choose_calendar(panel, horizon, known, options)
    return replace(panel, calendar=known[kind]), kind.value.lower().replace("_", " ")


def _grouping_columns(table: HistoryTable) -> Iterator[str]:
    """Categories with enough members a word, each way of grouping once."""
    seen = set()
    for name in sorted(table.categories):
        words = table.categories[name]
        codes = tuple(np.unique(np.asarray(words), return_inverse=True)[1].tolist())
        groups = max(codes) + 1
        if groups > 1 and len(words) / groups >= LEAST_MEMBERS and codes not in seen:
            seen.add(codes)
            yield name
