"""What demand reads from strangers: facts, and the files of its commands."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from services.demand.adapters.files.drivers import signal_drivers
from services.demand.adapters.files.equipment import read_uses
from services.demand.adapters.files.reading import read_actuals, read_history
from services.demand.main import build
from services.demand.tests.frames import frame_of, seasonal_counts, written
from shared.testing.fuzzed_events import event_targets
from shared.testing.fuzzing import Target
from shared.testing.mutants import table_mutant

LENGTH = 30


def as_bytes(frame: Any) -> bytes:
    out = io.BytesIO()
    frame.to_parquet(out, index=False)
    return out.getvalue()


def history() -> Any:
    counts = seasonal_counts(3, LENGTH, 1)
    return frame_of({f"s{n}": list(row) for n, row in enumerate(counts)})


def with_columns() -> Any:
    frame = history()
    frame["stock_out"] = np.arange(len(frame)) % 7 == 0
    frame["price"] = 1.5
    frame["family"] = "gloves"
    return frame


def uses() -> Any:
    start = pd.date_range("2026-01-01", periods=40, freq="7h")
    return pd.DataFrame({"unique_id": "pump", "start": start, "end": start + pd.Timedelta("5h")})


def signals() -> Any:
    ds = pd.date_range("2020-02-01", periods=50, freq="W")
    return pd.DataFrame({"signal": "influenza", "ds": ds, "value": 1.0})


def targets(folder: Path) -> Sequence[Target]:
    """Files are written into `folder`."""
    path = folder / "given.parquet"
    whole = read_history(written(history(), folder, "whole.parquet"), "MS", 12, 3)
    mutate = table_mutant("parquet")

    def given(data: bytes) -> Path:
        path.write_bytes(data)
        return path

    later = frame_of({"s0": [1.0, 2.0, 3.0]}, first="2022-07-01")
    return [
        Target(
            "demand forecast --history",
            [as_bytes(history()), as_bytes(with_columns())],
            mutate,
            lambda data: read_history(given(data), "MS", 12, 3),
        ),
        Target(
            "demand backtest --actuals",
            [as_bytes(later)],
            mutate,
            lambda data: read_actuals(given(data), whole.table.ids, whole.ahead, "MS"),
        ),
        Target(
            "demand equipment --uses",
            [as_bytes(uses())],
            mutate,
            lambda data: read_uses(given(data), 7),
        ),
        Target(
            "demand forecast --signals",
            [as_bytes(signals())],
            mutate,
            lambda data: signal_drivers(given(data), whole),
        ),
        *event_targets(build, folder / "events"),
    ]
