"""`larrey orientation evaluate`: a number for every visit, whatever is known; clear refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from services.orientation.adapters.reference import DATA
from services.orientation.adapters.training.visits import SHIPPED
from services.orientation.entrypoints.cli import app
from shared.errors import Malformed

COLUMNS = [
    f"p_{outcome}_{kind}"
    for outcome in ("icu", "admission", "high_triage")
    for kind in ("call", "vitals")
]
NOT_OF_A_CALL = (
    "arrived_by_ambulance",
    "temperature_c",
    "heart_rate_bpm",
    "respiratory_rate_bpm",
    "systolic_bp_mmhg",
    "diastolic_bp_mmhg",
    "spo2_percent",
    "pain_0_10",
)
NEVER_INPUTS = ("triage_level", "outcome_admitted", "post_diagnosis_1", "chronic_condition_count")


def visits(rows: int = 400) -> pa.Table:
    """Some visits of 2021 with invented outcomes of intensive care."""
    table = pq.read_table(DATA / SHIPPED, filters=[("year", "=", 2021)]).slice(0, rows)
    ids = pa.array([f"v{i:05d}" for i in range(table.num_rows)])
    invented = pa.array((np.arange(table.num_rows) % 23 == 0).astype(np.int8))
    return table.append_column("visit_id", ids).append_column("outcome_icu", invented)


def evaluated(tmp_path: Path, table: pa.Table) -> tuple[pa.Table, dict[str, Any]]:
    data, scores, told = tmp_path / "x.parquet", tmp_path / "s.parquet", tmp_path / "j.json"
    pq.write_table(table, data)
    arguments = ["evaluate", "--data", data, "--scores-out", scores, "--json", told]
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return pq.read_table(scores), json.loads(told.read_text())


def without(table: pa.Table, names: tuple[str, ...]) -> pa.Table:
    return table.drop_columns([name for name in names if name in table.column_names])


def test_every_visit_has_every_score_as_a_chance(tmp_path: Path) -> None:
    table = visits()
    scores, told = evaluated(tmp_path, table)
    assert scores["visit_id"].to_pylist() == table["visit_id"].to_pylist()
    for name in COLUMNS:
        values = scores[name].to_numpy()
        assert np.isfinite(values).all()
        assert ((values >= 0) & (values <= 1)).all()
    assert told["visits"] == table.num_rows


def test_accuracy_is_told_by_outcome_and_by_subgroup(tmp_path: Path) -> None:
    _, told = evaluated(tmp_path, visits(3000))
    row = told["accuracy"]["admission"]["p_admission_vitals"]
    assert 0.7 < row["auroc"] < 1
    assert {"auprc", "brier", "ece", "found_at_10_percent", "found_at_20_percent"} <= set(row)
    assert {"age_under_16", "sex_women"} <= set(row["subgroups"])
    assert any(name.startswith("complaint_") for name in row["subgroups"])
    assert row["ambulance_arrivals"]["visits"] > 100
    assert 0 <= told["accuracy"]["icu"]["p_icu_call"]["missed_at_nurse_volume"] <= 1


def test_without_outcomes_there_are_scores_and_no_accuracy(tmp_path: Path) -> None:
    bare = without(visits(), ("outcome_icu", "outcome_icu_vs_not_admitted", *NEVER_INPUTS))
    scores, told = evaluated(tmp_path, bare)
    assert scores.num_rows == bare.num_rows
    assert "accuracy" not in told


def test_a_call_score_does_not_know_what_only_the_bedside_tells(tmp_path: Path) -> None:
    whole, _ = evaluated(tmp_path, visits())
    blind, _ = evaluated(tmp_path, without(visits(), NOT_OF_A_CALL))
    for name in COLUMNS:
        if name.endswith("_call"):
            assert whole[name].equals(blind[name])
            assert blind[name].equals(blind[name.replace("_call", "_vitals")])
    assert not whole["p_icu_vitals"].equals(blind["p_icu_vitals"])


def test_outcomes_levels_and_history_move_no_score(tmp_path: Path) -> None:
    whole, _ = evaluated(tmp_path, visits())
    bare, _ = evaluated(tmp_path, without(visits(), NEVER_INPUTS))
    for name in COLUMNS:
        assert whole[name].equals(bare[name])


def test_known_history_is_told_in_columns_of_its_own(tmp_path: Path) -> None:
    table = without(visits(), ("chronic_condition_count",))
    count = pa.array(np.arange(table.num_rows) % 4, pa.int8())
    some, _ = evaluated(tmp_path, table.append_column("chronic_condition_count", count))
    none, _ = evaluated(tmp_path, table)
    assert some["p_icu_call"].equals(none["p_icu_call"])
    assert none["p_icu_call_history"].equals(none["p_icu_call"])
    assert not some["p_icu_call_history"].equals(some["p_icu_call"])


def test_the_order_of_the_rows_and_of_the_later_complaints_changes_no_score(
    tmp_path: Path,
) -> None:
    table = visits()
    names = table.column_names
    second, third = names.index("complaint_code_2"), names.index("complaint_code_3")
    names[second], names[third] = names[third], names[second]
    turned = table.rename_columns(names).take(np.arange(table.num_rows)[::-1])
    one, _ = evaluated(tmp_path, table)
    other, _ = evaluated(tmp_path, turned)
    for name in COLUMNS:
        assert np.allclose(one[name].to_numpy(), other[name].to_numpy()[::-1], atol=1e-9)


def test_only_an_id_is_enough_for_a_score(tmp_path: Path) -> None:
    scores, _ = evaluated(tmp_path, pa.table({"visit_id": ["a", "b"]}))
    for name in COLUMNS:
        first, second = scores[name].to_pylist()
        assert 0 < first == second < 1


@pytest.mark.parametrize("kind", [pa.null(), pa.float64(), pa.int64()])
def test_a_column_may_be_null_in_every_row(tmp_path: Path, kind: pa.DataType) -> None:
    table = visits(20)
    for name in (*NOT_OF_A_CALL, "age_years", "sex", "complaint_code_1", "outcome_admitted"):
        at = table.column_names.index(name)
        nothing = pa.nulls(20, pa.string() if name == "sex" else kind)
        table = table.set_column(at, name, nothing)
    scores, _ = evaluated(tmp_path, table)
    assert np.isfinite(scores["p_icu_vitals"].to_numpy()).all()


@pytest.mark.parametrize(
    ("column", "values", "reason"),
    [
        ("visit_id", None, "COLUMN_MISSING"),
        ("visit_id", ["a", "a"], "VISIT_ID_REPEATED"),
        ("visit_id", ["a", None], "VISIT_ID_MISSING"),
        ("visit_id", [[1], [2]], "COLUMN_OF_WRONG_TYPE"),
        ("age_years", ["old", "young"], "COLUMN_OF_WRONG_TYPE"),
        ("sex", [1, 2], "COLUMN_OF_WRONG_TYPE"),
        ("complaint_code_4", [[1], [2]], "COLUMN_OF_WRONG_TYPE"),
        ("outcome_icu", ["yes", "no"], "COLUMN_OF_WRONG_TYPE"),
    ],
)
def test_a_wrong_column_is_refused_by_its_name(
    tmp_path: Path, column: str, values: list[object] | None, reason: str
) -> None:
    table = pa.table({"visit_id": ["a", "b"]})
    table = without(table, (column,))
    if values is not None:
        table = table.append_column(column, pa.array(values))
    else:
        table = pa.table({"age_years": [1.0]})
    with pytest.raises(Malformed, match=reason) as caught:
        evaluated(tmp_path, table)
    assert caught.value.field == column
    assert not (tmp_path / "s.parquet").exists()


def test_a_file_that_is_no_parquet_is_refused(tmp_path: Path) -> None:
    data = tmp_path / "x.parquet"
    data.write_text("visit_id\n1\n")
    for path in (data, tmp_path / "nowhere.parquet"):
        arguments = ["evaluate", "--data", path, "--scores-out", tmp_path / "s", "--json"]
        result = CliRunner().invoke(app, [str(a) for a in [*arguments, tmp_path / "j"]])
        assert isinstance(result.exception, Malformed)
        assert result.exception.reason == "DATA_UNREADABLE"
        assert "\n" not in result.exception.message
