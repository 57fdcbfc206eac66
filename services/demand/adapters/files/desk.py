"""The files of one command: histories in, forecasts, scores and a plot out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from services.demand.adapters.files.drivers import calendar_drivers, signal_drivers
from services.demand.adapters.files.reading import read_actuals, read_history
from services.demand.domain.drivers.driver import Driver
from services.demand.domain.history_files import HistoryRead
from services.demand.domain.scoring import Actuals
from services.demand.domain.tables import Array, Days, HistoryTable, TableForecast
from shared.errors import Malformed

PLOTS = (".png", ".svg")


@dataclass(frozen=True, slots=True)
class Desk:
    """Where one command reads and writes; what is None is not asked for."""

    history_path: Path
    frequency: str
    season: int
    horizon: int
    out: Path
    actuals_path: Path | None = None
    json_path: Path | None = None
    plot_item: str = ""
    plot_path: Path | None = None
    signals_path: Path | None = None
    zone: str = ""

    def __post_init__(self) -> None:
        """Refuses at once what would fail after minutes of work."""
        wanted = {"--forecasts-out": self.out, "--json": self.json_path, "--plot": self.plot_path}
        for option, path in wanted.items():
            if path is not None and not path.absolute().parent.is_dir():
                raise Malformed(
                    "FOLDER_MISSING",
                    f"There is no folder {path.absolute().parent} to write {path.name} to. "
                    "Make it first.",
                    field=option,
                )
        if self.plot_path is not None and self.plot_path.suffix.lower() not in PLOTS:
            raise Malformed(
                "PLOT_FORMAT",
                f"{self.plot_path.name} must end in {' or '.join(PLOTS)}.",
                field="--plot",
            )
        inputs = {"--actuals": self.actuals_path, "--signals": self.signals_path}
        for option, path in inputs.items():
            if path is not None and not path.is_file():
                raise Malformed("FILE_MISSING", f"There is no file {path}.", field=option)

    def history(self) -> HistoryRead:
        read = read_history(self.history_path, self.frequency, self.season, self.horizon)
        if self.plot_path is not None and self.plot_item not in read.table.ids:
            raise Malformed(
                "ITEM_UNKNOWN",
                f"The history has no series {self.plot_item!r}. Give one of its unique_id.",
                field="--plot",
            )
        return read

    def actuals(self, ids: Sequence[str], ahead: Days) -> Actuals:
        if self.actuals_path is None:
            raise Malformed("FILE_MISSING", "No file of actuals was given.", field="--actuals")
        return read_actuals(self.actuals_path, ids, ahead, self.frequency)

    def drivers(self, read: HistoryRead) -> Sequence[Driver]:
        found = calendar_drivers(read, self.zone) if self.zone else ()
        if self.signals_path is not None:
            found = (*found, *signal_drivers(self.signals_path, read))
        return found

    def write(
        self, ids: Sequence[str], ahead: Days, forecast: TableForecast, levels: Sequence[float]
    ) -> None:
        table = forecast_table(ids, ahead, forecast, levels)
        try:
            pq.write_table(table, self.out, compression="zstd")
        except OSError as error:
            raise Malformed(
                "FILE_NOT_WRITTEN",
                f"{self.out} could not be written: {error.strerror}.",
                field="--forecasts-out",
            ) from None

    def plot(
        self, table: HistoryTable, ahead: Days, forecast: TableForecast, actuals: Actuals | None
    ) -> None:
        if self.plot_path is None:
            return
        # matplotlib takes a second to load; only who asks for a plot waits for it
        from services.demand.adapters.files.plot import draw  # noqa: PLC0415

        if self.plot_item not in table.ids:
            raise Malformed(
                "ITEM_UNKNOWN",
                f"The series {self.plot_item!r} begins in the periods held back: there is "
                "nothing to forecast it from.",
                field="--plot",
            )
        row = table.ids.index(self.plot_item)
        draw(self.plot_path, table, row, ahead=ahead, forecast=forecast, actuals=actuals)

    def report(self, figures: Mapping[str, object]) -> None:
        if self.json_path is not None:
            text = json.dumps(figures, ensure_ascii=False, indent=1, allow_nan=False)
            self.json_path.write_text(text + "\n", encoding="utf-8")


def forecast_table(
    ids: Sequence[str], ahead: Days, forecast: TableForecast, levels: Sequence[float]
) -> pa.Table:
    """One row per series and period, in the columns that readers of the file expect."""
    n, horizon = forecast.mean.shape
    places = [forecast.levels.index(level) for level in levels]
    columns: dict[str, pa.Array] = {
        "unique_id": pa.array(np.repeat(np.asarray(ids, dtype=object), horizon), pa.string()),
        "ds": pa.array(np.tile(ahead, n), pa.timestamp("ns")),
        "mean": pa.array(forecast.mean.reshape(-1)),
    }
    for level, place in zip(levels, places, strict=True):
        columns[f"q{level:g}"] = pa.array(forecast.quantiles[:, :, place].reshape(-1))
    if forecast.lead_mean is not None and forecast.lead_quantiles is not None:
        columns["lead_sum_mean"] = _repeated(forecast.lead_mean, horizon)
        for level, place in zip(levels, places, strict=True):
            columns[f"lead_sum_q{level:g}"] = _repeated(forecast.lead_quantiles[:, place], horizon)
    return pa.table(columns)


def _repeated(values: Array, times: int) -> pa.Array:
    return pa.array(np.repeat(values, times))
