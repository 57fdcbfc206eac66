"""History files and tables made for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from services.demand.domain.tables import Array, HistoryTable, TableForecast

MONTHS = "MS"


def months(n: int, first: str = "2020-01-01") -> Any:
    return pd.date_range(first, periods=n, freq=MONTHS)


def frame_of(series: dict[str, list[float]], first: str = "2020-01-01") -> Any:
    """A history in long form, monthly, every series from the same month on."""
    parts = [
        pd.DataFrame(
            {"unique_id": name, "ds": months(len(values), first), "y": np.asarray(values, float)}
        )
        for name, values in series.items()
    ]
    return pd.concat(parts, ignore_index=True)


def written(frame: Any, folder: Path, name: str = "history.parquet") -> Path:
    path = folder / name
    frame.to_parquet(path)
    return path


def seasonal_counts(series: int, length: int, seed: int, season: int = 12) -> Array:
    """Poisson counts with a yearly wave, levels 5 to 80."""
    draw = np.random.default_rng(seed)
    level = draw.uniform(5, 80, series)[:, None]
    wave = 1 + 0.3 * np.sin(2 * np.pi * np.arange(length) / season)[None, :]
    return draw.poisson(level * wave).astype(np.float64)


def table_of(
    values: Array, season: int = 12, columns: dict[str, Array] | None = None
) -> HistoryTable:
    """A monthly table in which every period has a row."""
    values = np.asarray(values, dtype=np.float64)
    everywhere = np.ones(values.shape, dtype=bool)
    return HistoryTable(
        ids=tuple(f"s{i}" for i in range(len(values))),
        periods=months(values.shape[1]).to_numpy(),
        season=season,
        frequency=MONTHS,
        recorded=values,
        values=np.maximum(values, 0.0),
        known=everywhere,
        observed=everywhere,
        start=np.zeros(len(values), dtype=np.int64),
        columns=columns or {},
    )


def forecast_of(mean: Array, quantiles: Array, levels: tuple[float, ...]) -> TableForecast:
    return TableForecast(levels, np.asarray(mean, float), np.asarray(quantiles, float))
