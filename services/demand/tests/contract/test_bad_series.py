"""One file with every kind of odd series: each is forecast and told of, none spoils another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from services.demand.adapters.files.desk import Desk
from services.demand.domain.history_files import Order
from services.demand.tests.contract.test_forecast_files import quick
from services.demand.tests.frames import frame_of, months, seasonal_counts, written
from services.demand.use_cases.forecast_files import ForecastFile

LENGTH = 48


def odd_series() -> Any:
    good = {f"good {k}": row.tolist() for k, row in enumerate(seasonal_counts(14, LENGTH, 4))}
    base = np.asarray(good["good 3"])
    holes, back, typo = base.copy(), base.copy(), base.copy()
    holes[[5, 20, 21]] = np.nan
    back[[7, 30]] = -4.0
    typo[40] = 1e9
    odd = {
        "blank": holes,
        "returned": back,
        "typing error": typo,
        "constant": np.full(LENGTH, 12.0),
        "never": np.zeros(LENGTH),
        "nothing": np.full(LENGTH, np.nan),
    }
    frame = frame_of(good | {name: values.tolist() for name, values in odd.items()})
    newest = months(LENGTH)[-3:]
    short = pd.DataFrame({"unique_id": "short", "ds": newest, "y": [9.0, 11.0, 10.0]})
    gaps = frame_of({"gaps": base.tolist()}).drop(index=[3, 4, 30])
    twice = frame_of({"twice": base.tolist()})
    return pd.concat([frame, short, gaps, twice, twice.iloc[:5]], ignore_index=True)


def test_every_odd_series_is_forecast_and_told_of_and_spoils_no_other(tmp_path: Path) -> None:
    frame = odd_series()
    desk = Desk(
        written(frame, tmp_path),
        "MS",
        12,
        3,
        tmp_path / "out.parquet",
        json_path=tmp_path / "j.json",
    )
    ForecastFile(desk, quick())(Order(3, 12, "MS", lead=3))
    told = json.loads((tmp_path / "j.json").read_text())["findings"]
    codes = {(one["series"], one["code"]) for one in told}
    assert {
        ("blank", "AMOUNT_MISSING"),
        ("returned", "MORE_RETURNED_THAN_USED"),
        ("typing error", "WRONG_UNIT_SUSPECTED"),
        ("constant", "CONSTANT"),
        ("never", "NEVER_USED"),
        ("nothing", "NOTHING_KNOWN"),
        ("short", "TOO_SHORT"),
        ("twice", "DUPLICATES_SUMMED"),
    } <= codes
    assert not {name for name, _ in codes if name.startswith("good")}
    made = pq.read_table(tmp_path / "out.parquet").to_pandas()
    assert len(made) == 3 * frame["unique_id"].nunique()
    assert np.isfinite(made.drop(columns=["unique_id", "ds"]).to_numpy()).all()
    middle = made.groupby("unique_id")["q0.5"].mean()
    usual = frame[frame["unique_id"] == "good 3"]["y"].mean()
    for name in ("blank", "returned", "typing error", "gaps", "twice"):
        assert 0.5 * usual < middle[name] < 2.0 * usual
    assert 6.0 < middle["short"] < 16.0
    assert 10.0 < middle["constant"] < 14.0
    assert middle["never"] < 1.0
    assert middle["nothing"] > 1.0
    good = made[made["unique_id"].str.startswith("good")]
    assert good["q0.999"].max() < 1_000.0
