"""Features of stock, of reporting, and of columns that nobody told us the meaning of."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from services.demand.adapters.engines.forests.panel import Array, Flags, SparsePanel

# Amounts of the article itself: comparable with its demand, so divided by its scale.
AMOUNTS = (
    *("stock_initial", "stock_received", "stock_end"),
    *("stock_ordered", "stock_adjustment", "system_amc"),
)


def column_features(panel: SparsePanel, size: Array) -> Mapping[str, Array]:
    """Features [n] of the columns known for the past; names in sorted order."""
    made: dict[str, Array] = dict(_reporting(panel))
    for name in sorted(panel.columns):
        unit = size if name in AMOUNTS else np.ones(len(size))
        made.update(_one_column(panel, name, unit))
    if "stock_end" in panel.columns:
        made.update(_stock(panel, size))
    return made


def _reporting(panel: SparsePanel) -> Mapping[str, Array]:
    made = {
        f"reported_{window}": panel.observed[:, -window:].sum(1)
        / np.maximum(panel.alive[:, -window:].sum(1), 1)
        for window in (1, 3, 6, 12)
    }
    made["since_report"] = np.argmax(panel.observed[:, ::-1], axis=1).astype(np.float64)
    return made


def last_known(values: Array) -> Array:
    """[n] last finite value of each row, NaN where there is none."""
    known = np.isfinite(values)
    place = values.shape[1] - 1 - np.argmax(known[:, ::-1], axis=1)
    found = values[np.arange(len(values)), place]
    return np.asarray(np.where(known.any(1), found, np.nan))


def _mean_known(values: Array) -> Array:
    known = np.isfinite(values)
    count = known.sum(1)
    total = np.where(known, values, 0.0).sum(1)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))


def _one_column(panel: SparsePanel, name: str, unit: Array) -> Mapping[str, Array]:
    values = panel.columns[name]
    made = {f"{name}_last": last_known(values) / unit}
    for lag in range(3):
        past = values[:, -1 - lag] if lag < panel.periods else np.full(len(unit), np.nan)
        made[f"{name}_lag_{lag}"] = past / unit
    for window in (3, 12):
        made[f"{name}_mean_{window}"] = _mean_known(values[:, -window:]) / unit
    return made


def without_stock(panel: SparsePanel) -> Flags:
    """[n, T]: a record that shows nothing used and nothing there to hand out."""
    none = panel.observed & (panel.y == 0)
    for name in ("stock_initial", "stock_received", "stock_end"):
        if name in panel.columns:
            none = none & (np.nan_to_num(panel.columns[name], nan=1.0) <= 0)
    return np.asarray(none)


def _stock(panel: SparsePanel, size: Array) -> Mapping[str, Array]:
    out = without_stock(panel)
    inside = panel.observed & ~out
    made: dict[str, Array] = {}
    for label, window in {"1": 1, "3": 3, "6": 6, "12": 12, "all": panel.periods}.items():
        seen = np.maximum(panel.observed[:, -window:].sum(1), 1)
        made[f"no_stock_share_{label}"] = out[:, -window:].sum(1) / seen
        held = inside[:, -window:]
        amount = np.where(held, panel.y[:, -window:], 0.0).sum(1)
        count = held.sum(1)
        made[f"in_stock_mean_{label}"] = np.where(
            count > 0, amount / np.maximum(count, 1) / size, np.nan
        )
    end = last_known(panel.columns["stock_end"])
    made["periods_of_stock"] = end / size
    made["log_stock_end"] = np.log1p(np.maximum(end, 0.0))
    if "stock_received" in panel.columns:
        came = np.nan_to_num(panel.columns["stock_received"]) > 0
        made["receipts_share_12"] = came[:, -12:].mean(1)
        since = np.argmax(came[:, ::-1], axis=1)
        made["since_receipt"] = np.where(came.any(1), since, panel.periods).astype(np.float64)
    if "system_amc" in panel.columns:
        amc = last_known(panel.columns["system_amc"])
        made["stock_in_amc"] = end / (amc + 0.5)
    return made
