"""Scenario files of `distribute`: the RPC's own request and answer, as JSON."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from google.protobuf import json_format

from larrey.orientation.v1 import orientation_pb2 as pb
from services.orientation.domain.distribution.answer import Distribution
from services.orientation.domain.distribution.request import Wanted
from services.orientation.wire.distribution import distribution_to_wire, wanted_from_wire
from shared.errors import Malformed
from shared.rpc import validate


def read_scenario(path: Path) -> Wanted:
    """Refuses Malformed FILE_UNREADABLE, SCENARIO_MALFORMED and what the proto's rules refuse."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Malformed(
            "FILE_UNREADABLE",
            "The scenario cannot be read. Check its path and rights, and that it is UTF-8.",
            field="scenario",
        ) from error
    try:
        request = json_format.Parse(text, pb.DistributeRequest())
    except (json_format.ParseError, RecursionError) as error:
        first = str(error).splitlines()[0] if str(error) else "too deep"
        raise Malformed(
            "SCENARIO_MALFORMED",
            f"The scenario is not the JSON of a DistributeRequest: {first} See "
            "`larrey orientation distribute --help`.",
            field="scenario",
        ) from error
    validate(request, "scenario")
    return wanted_from_wire(request)


def as_json(found: Distribution, milliseconds: Sequence[float]) -> dict[str, Any]:
    """Numbers are plain numbers; who waits is listed once more on its own."""
    told = json_format.MessageToDict(
        distribution_to_wire(found),
        preserving_proto_field_name=True,
        always_print_fields_with_no_presence=True,
    )
    allocation = told.pop("assignments")
    parts = {part["code"].lower(): part["weighted_min"] for part in told.pop("cost_parts")}
    ordered = sorted(milliseconds)
    return {
        "allocation": allocation,
        "cost": told.pop("cost"),
        "cost_parts": parts,
        "waiting": [
            {
                "case_id": row["case_id"],
                "band": row["band"],
                "wait_min": row.get("waits_about_min"),
                "reason": row["reasons"][0],
            }
            for row in allocation
            if row["waits"]
        ],
        **told,
        "milliseconds": statistics.median(ordered),
        "milliseconds_each": list(milliseconds),
    }
