"""Draws the fan of one item's forecast: history, median, bands, and what came true."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from services.demand.domain.scoring import Actuals
from services.demand.domain.tables import Days, HistoryTable, TableForecast

BANDS = ((0.025, 0.975, 0.15, "95 %"), (0.1, 0.9, 0.28, "80 %"))
# Periods of history shown for each period ahead, and at least.
SHOWN, LEAST_SHOWN = 5, 36
BLUE, DARK, RED = "#1f6fb2", "#222222", "#c0392b"


def draw(
    path: Path,
    table: HistoryTable,
    row: int,
    *,
    ahead: Days,
    forecast: TableForecast,
    actuals: Actuals | None,
) -> None:
    """Writes a PNG or SVG, by the ending of the path; the same input gives the same picture."""
    figure = Figure(figsize=(10, 4.5), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    first = max(int(table.start[row]), table.length - max(LEAST_SHOWN, SHOWN * len(ahead)))
    shown = slice(first, None)
    axes.plot(
        table.periods[shown], table.recorded[row, shown], color=DARK, lw=1.1, label="recorded"
    )
    repaired = ~np.isclose(table.values[row, shown], table.recorded[row, shown])
    if repaired.any():
        axes.plot(
            table.periods[shown][repaired],
            table.values[row, shown][repaired],
            "^",
            color=BLUE,
            label="repaired",
        )
    for low, high, opacity, label in BANDS:
        axes.fill_between(
            ahead,
            forecast.at(low)[row],
            forecast.at(high)[row],
            color=BLUE,
            alpha=opacity,
            lw=0,
            label=label,
        )
    axes.plot(ahead, forecast.at(0.5)[row], color=BLUE, lw=1.6, label="median")
    axes.plot(ahead, forecast.mean[row], color=BLUE, lw=1.0, ls="--", label="mean")
    if actuals is not None and actuals.given[row]:
        axes.plot(ahead, actuals.values[row], "o", ms=3.5, color=RED, label="came true")
    axes.set_ylim(bottom=0)
    axes.set_title(f"{table.ids[row]}: {forecast.methods[row]}", fontsize=10)
    axes.set_ylabel("amount by period")
    axes.legend(fontsize=8, ncols=4, frameon=False)
    axes.grid(alpha=0.2)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    metadata = {"Date": None} if path.suffix.lower() == ".svg" else None
    figure.savefig(path, metadata=metadata)
