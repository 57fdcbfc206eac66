"""The command on the public hospital series: as good as promised on the newest year shipped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from services.demand.adapters.files.desk import Desk
from services.demand.adapters.files.wiring import backtest_file
from services.demand.domain.history_files import Order

SHIPPED = Path(__file__).parents[2] / "data" / "hospital_monthly.parquet"


@pytest.mark.slow
def test_the_newest_hospital_year_is_forecast_as_well_as_promised(tmp_path: Path) -> None:
    desk = Desk(SHIPPED, "MS", 12, 12, tmp_path / "o.parquet", json_path=tmp_path / "j.json")
    test = backtest_file(desk, workers=1, peers=("SeasonalNaive",))
    test(Order(12, 12, "MS", lead=3), actuals_given=False, stockout_seed=7)
    report = json.loads((tmp_path / "j.json").read_text())
    assert report["series"] == 767
    assert report["mase"] <= 0.750
    assert report["wql"] <= 0.0490
    assert 0.93 <= report["cov95"] <= 0.97
    assert 0.77 <= report["cov80"] <= 0.86
    assert 0.93 <= report["lead_p95_reached"] <= 0.97
    naive = report["peers"]["SeasonalNaive"]
    assert report["mase"] < 0.85 * naive["mase"]
    stockouts = report["stockouts"]
    assert stockouts["repaired"]["mase"] <= 1.012 * stockouts["true"]["mase"]
    assert abs(stockouts["repaired"]["bias"] - stockouts["true"]["bias"]) <= 0.005
    assert stockouts["recorded"]["mase"] > 1.05 * stockouts["true"]["mase"]
