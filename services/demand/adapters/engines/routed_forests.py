"""The leaf-draw forests as an engine for whole tables."""

from __future__ import annotations

from dataclasses import dataclass

from services.demand.adapters.engines.forests import engine
from services.demand.adapters.engines.forests.panel import SparsePanel
from services.demand.adapters.engines.forests.pool import Effort
from services.demand.domain.routing import Group
from services.demand.domain.tables import Asked, HistoryTable, TableForecast

SEED = 20
# Some 130 series of five years: fitting them nine times takes twenty seconds.
SERVING = engine.Options(fitted_rows=10_000)
# What a comparison with other methods is worth: about a third of the whole effort.
TRIAL = engine.Options(
    effort=Effort(trees=50, pairs=50_000),
    backtest_effort=Effort(trees=30, pairs=30_000, rounds=60),
    backtest_rows=20_000,
)


@dataclass(frozen=True, slots=True)
class ForestEngine:
    """Forests whose leaves hand out whole paths, blended with what its back-tests like."""

    name: str = "leaf-draw forests"
    serves: frozenset[Group] = frozenset({Group.REGULAR, Group.RARE})
    home: Group | None = Group.RARE
    slow: bool = False

    def __call__(self, table: HistoryTable, asked: Asked) -> TableForecast:
        panel = SparsePanel(
            ids=table.ids,
            y=table.values,
            observed=table.observed,
            start=table.start,
            season=table.season,
            columns=table.columns,
            categories=table.categories,
        )
        made = engine.forecast(
            panel,
            asked.horizon,
            asked.levels,
            lead_time=asked.lead,
            seed=SEED,
            options=TRIAL if asked.trial else SERVING,
        )
        return TableForecast(
            asked.levels,
            made.mean,
            made.quantiles,
            made.lead_mean,
            made.lead_quantiles,
            methods=made.method,
            reasons=tuple(
                f"{why} Noted: {', '.join(flags)}." if flags else why
                for why, flags in zip(made.why, made.flags, strict=True)
            ),
        )
