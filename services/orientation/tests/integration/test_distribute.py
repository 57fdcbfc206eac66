"""Distribute over real gRPC, and the command that shares a scenario file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from typer.testing import CliRunner

from larrey.orientation.v1 import orientation_pb2 as pb
from services.orientation.adapters.reference import DATA
from services.orientation.entrypoints.cli import app
from services.orientation.tests.integration.asking import CHU, one, refused, typed
from services.orientation.tests.integration.conftest import Start
from services.orientation.tests.situations import NANTES
from shared.errors import Malformed
from shared.rpc import refusal_of

SCENARIO = DATA / "scenarios" / "nantes_novi.json"


def scenario() -> pb.DistributeRequest:
    return json_format.Parse(SCENARIO.read_text(encoding="utf-8"), pb.DistributeRequest())


def run(path: Path, out: Path, *more: str) -> dict[str, Any]:
    words = ["distribute", "--scenario", str(path), "--json", str(out), *more]
    result = CliRunner().invoke(app, words)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return found


WRONG: list[tuple[Callable[[Any], object], str, str, str]] = [
    (
        lambda r: setattr(r.facilities[0].places[0], "free", -1),
        "INVALID_ARGUMENT",
        "FIELD_INVALID",
        "facilities[0].places[0].free",
    ),
    (
        lambda r: setattr(r.casualties[0], "category", "UX"),
        "INVALID_ARGUMENT",
        "FIELD_INVALID",
        "casualties[0].category",
    ),
    (
        lambda r: setattr(r.casualties[11], "loaded_in", "SMUR-9"),
        "INVALID_ARGUMENT",
        "VEHICLE_UNKNOWN",
        "casualties[11].loaded_in",
    ),
    (lambda r: r.case_ids.append("nobody"), "NOT_FOUND", "CASE_MISSING", "case_ids[0]"),
    (lambda r: r.Clear(), "INVALID_ARGUMENT", "NO_CASUALTIES", "casualties"),
]


class TestTheRpc:
    def test_a_novi_is_shared_explained_and_compared(self, start: Start) -> None:
        found = start().stub.Distribute(scenario(), timeout=10)
        by_id = {a.case_id: a for a in found.assignments}
        assert len(by_id) == 12
        assert by_id["V12"].pinned
        assert (by_id["V12"].resource_id, by_id["V12"].finess_geo) == ("SMUR-2", CHU)
        assert all(a.reasons for a in found.assignments)
        assert found.figures.cost < found.nearest_first.cost
        assert found.figures.waiting == sum(a.waits for a in found.assignments)
        assert found.cost == pytest.approx(sum(p.weighted_min for p in found.cost_parts))
        assert not found.HasField("unchanged")
        assert {c.sector: c.keep for c in found.cover} == {"NANTES": 1, "SAINT-NAZAIRE": 1}
        waiting = [a for a in found.assignments if a.waits]
        assert all(a.wait_min == a.waits_about_min > 0 for a in waiting)

    def test_sent_again_with_its_answer_and_one_vehicle_fewer_most_stands(
        self, start: Start
    ) -> None:
        stub = start().stub
        request = scenario()
        first = stub.Distribute(request, timeout=10)
        request.previous.extend(first.assignments)
        again = stub.Distribute(request, timeout=10)
        assert again.unchanged == 1.0
        assert not any(a.changed for a in again.assignments)
        del request.vehicles[-2]
        fewer = stub.Distribute(request, timeout=10)
        assert 0.7 <= fewer.unchanged < 1.0
        assert "PREVIOUS_GONE" in {f.code for f in fewer.findings}

    def test_scored_cases_and_reported_beds_are_used(self, start: Start) -> None:
        running = start()
        case = one(running, typed(1, motive_code="M03.06", age_years=62.0)).case_id
        request = pb.DistributeRequest(
            case_ids=[case],
            vehicles=[
                pb.VehicleOffer(
                    vehicle_id="A",
                    vehicle_type="SMUR.AR",
                    place=pb.Place(latitude=NANTES[0], longitude=NANTES[1]),
                )
            ],
        )
        (told,) = running.stub.Distribute(request, timeout=10).assignments
        assert told.case_id == case
        assert told.resource_id == "A"
        assert told.band == pb.SEVERITY_BAND_SEVERE
        assert "014" in told.capabilities_met

    def test_what_is_wrong_is_refused_by_field(self, start: Start) -> None:
        stub = start().stub
        for change, code, reason, field in WRONG:
            request = scenario()
            change(request)
            error = refused(lambda: stub.Distribute(request, timeout=10))  # noqa: B023  called at once
            refusal = refusal_of(error)
            assert refusal is not None
            assert (error.code().name, refusal.reason, refusal.field) == (code, reason, field)


class TestTheCommand:
    def test_it_answers_as_the_service_does_and_cp_sat_finds_nothing_cheaper(
        self, start: Start, tmp_path: Path
    ) -> None:
        found = run(SCENARIO, tmp_path / "j.json", "--prove", "--repeat", "2")
        assert set(found) >= {
            "allocation",
            "cost",
            "waiting",
            "nearest_first",
            "figures",
            "findings",
            "cover",
            "milliseconds",
        }
        assert found["proof"]["proven"]
        assert found["proof"]["equal"]
        assert [w["case_id"] for w in found["waiting"]] == [
            a["case_id"] for a in found["allocation"] if a["waits"]
        ]
        answered = start().stub.Distribute(scenario(), timeout=10)
        assert [(a.case_id, a.resource_id, a.finess_geo) for a in answered.assignments] == [
            (a["case_id"], a["resource_id"], a["finess_geo"]) for a in found["allocation"]
        ]

    @pytest.mark.parametrize(
        ("text", "reason", "says"),
        [
            ("", "SCENARIO_MALFORMED", "JSON"),
            ("[1]", "SCENARIO_MALFORMED", "JSON"),
            ('{"casualtys": []}', "SCENARIO_MALFORMED", "casualtys"),
            ('{"casualties": [{"band": "AWFUL"}]}', "SCENARIO_MALFORMED", "AWFUL"),
            ('{"casualties": [{"casualty_id": ""}]}', "FIELD_INVALID", "casualty_id"),
            ("{}", "NO_CASUALTIES", "casualties"),
            ('{"case_ids": ["x"]}', "CASE_MISSING", "casualties"),
        ],
    )
    def test_a_scenario_that_cannot_be_used_is_refused_and_nothing_is_written(
        self, tmp_path: Path, text: str, reason: str, says: str
    ) -> None:
        path, out = tmp_path / "s.json", tmp_path / "j.json"
        path.write_text(text)
        with pytest.raises(Exception, match=reason) as caught:
            run(path, out)
        assert says in str(caught.value)
        assert not out.exists()

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(Malformed, match="FILE_UNREADABLE"):
            run(tmp_path / "nowhere.json", tmp_path / "j.json")
