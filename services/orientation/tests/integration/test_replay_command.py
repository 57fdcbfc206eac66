"""`larrey orientation replay` on two small days: figures, plots, the same again, refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from services.orientation.adapters.reference import DATA
from services.orientation.adapters.replay.draw import Days, region_of
from services.orientation.adapters.replay.tables import read_diagnoses, read_shape
from services.orientation.entrypoints.cli import app
from services.orientation.tests.situations import reference
from shared.errors import Malformed


def replayed(out: Path, *more: str) -> dict[str, Any]:
    few = ("--days", "2", "--patients-a-day", "40", "--vehicles", "6")
    result = CliRunner().invoke(app, ["replay", "--json", str(out), *few, *more])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return found


@pytest.mark.slow
def test_a_small_replay_says_what_is_made_up_draws_and_repeats_itself(tmp_path: Path) -> None:
    first = replayed(tmp_path / "one.json", "--plots", str(tmp_path / "plots"))
    assert first["patients"] == first["groups"]["all"]["patients"] > 40
    assert any("Made up" in line for line in first["made_up"])
    care = first["groups"]["all"]["right_care_min"]
    assert care["difference_95"][0] <= care["difference"] <= care["difference_95"][1]
    assert {p.name for p in (tmp_path / "plots").iterdir()} == {
        "right_care.png",
        "wrong_capability.png",
        "hours.png",
    }
    again = replayed(tmp_path / "two.json")
    assert again | {"seconds": 0} == first | {"seconds": 0}
    assert first["targets"]["wrong_capability_change"] < -0.3


def test_a_department_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Malformed, match="DEPARTMENT_UNKNOWN"):
        replayed(tmp_path / "one.json", "--department", "99")
    assert not (tmp_path / "one.json").exists()


def test_a_day_is_drawn_alike_twice_and_differently_from_the_next() -> None:
    region = region_of(reference(), "44", 12)
    assert len(region.stands) == 12
    days = Days(region, 50.0, 3)
    one, again, other = days.day(0), days.day(0), days.day(1)
    assert one.calls == again.calls
    assert one.calls != other.calls
    assert [c.minute for c in one.calls] == sorted(c.minute for c in one.calls)
    able = set(region.facilities)
    for call in one.calls:  # some site has all that each needs, or no transfer could be timed
        assert any(all(not f.capabilities.isdisjoint(n.codes) for n in call.truth) for f in able)


def test_the_shipped_tables_are_whole() -> None:
    shape = read_shape(DATA)
    assert shape.mean() == pytest.approx(1.0, abs=0.01)
    assert shape[0, 4] < 0.7
    assert shape[0, 14] > 1.1
    rows = read_diagnoses(DATA)
    assert len({row.prefix for row in rows}) == len(rows)
    known = {c for p in reference().knowledge.pathways.values() for n in p.needs for c in n.codes}
    assert {c for row in rows for n in row.needs for c in n.codes} - known <= {"157"}
