"""What orientation reads from strangers: Hub messages, facts, and the files of its commands."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from services.orientation.adapters.directory import read_directory
from services.orientation.adapters.evaluation import read_visits_to_score
from services.orientation.adapters.reference import load_complaints
from services.orientation.adapters.volume.files import read_hours
from services.orientation.commands import SHIPPED_DATA, offline
from services.orientation.domain.volume.almanac import almanac
from services.orientation.entrypoints.offline import score_files
from services.orientation.entrypoints.scenario import read_scenario
from services.orientation.main import build
from services.orientation.tests.volume_world import town, write_hours
from shared.testing.fuzzed_events import event_targets
from shared.testing.fuzzing import Target
from shared.testing.mutants import bytes_mutant, json_mutant, table_mutant

VISITS, HOSPITALS = 20, 5


def hub_examples() -> list[bytes]:
    folder = SHIPPED_DATA / "hub"
    kinds = ("RS-EDA", "RS-EDA-MAJ", "RS-BPV", "RS-RI")
    paths = [path for kind in kinds for path in sorted(folder.rglob(f"{kind}/*.json"))]
    return [path.read_bytes() for path in paths]


def visits() -> bytes:
    out = io.BytesIO()
    drawn = pq.read_table(SHIPPED_DATA / "nhamcs_2015_2021.parquet").slice(0, VISITS)
    ids = pa.array([f"visit-{n}" for n in range(drawn.num_rows)])
    pq.write_table(drawn.append_column("visit_id", ids), out)
    return out.getvalue()


def directories() -> list[bytes]:
    lines = (SHIPPED_DATA / "hospitals_fr_2020.csv").read_bytes().splitlines(keepends=True)
    table = b"".join(lines[: HOSPITALS + 1])
    tree = b'[{"finess_geo": "440000016", "name": "A", "latitude": 47.2, "longitude": -1.5}]'
    return [table, tree]


def hours(folder: Path) -> bytes:
    return write_hours(folder / "seed.parquet", town(14).hours).read_bytes()


def bedside() -> bytes:
    """A table with types that the shipped one has not: all text, all null."""
    out = io.BytesIO()
    ids = pa.array([f"v{n}" for n in range(3)])
    pq.write_table(pa.table({"visit_id": ids, "age_years": pa.array(np.arange(3.0))}), out)
    return out.getvalue()


def targets(folder: Path) -> Sequence[Target]:
    """Files are written into `folder`."""
    path, complaints, calendar = folder / "given", load_complaints(), almanac("fr")
    answering = offline(None)

    def given(data: bytes) -> Path:
        path.write_bytes(data)
        return path

    scenarios = sorted((SHIPPED_DATA / "scenarios").glob("*.json"))
    return [
        Target(
            "orientation score --hub",
            hub_examples(),
            json_mutant,
            lambda data: score_files(answering, [given(data)]),
        ),
        Target(
            "orientation score --directory",
            directories(),
            lambda draw, pool: draw.choice((json_mutant, bytes_mutant, table_mutant("csv")))(
                draw, pool
            ),
            lambda data: read_directory(given(data)),
        ),
        Target(
            "orientation distribute --scenario",
            [one.read_bytes() for one in scenarios],
            json_mutant,
            lambda data: read_scenario(given(data)),
        ),
        Target(
            "orientation evaluate --data",
            [visits(), bedside()],
            table_mutant("parquet"),
            lambda data: read_visits_to_score(given(data), complaints),
        ),
        Target(
            "orientation volume --history",
            [hours(folder)],
            table_mutant("parquet"),
            lambda data: read_hours(given(data), "history", calendar),
        ),
        *event_targets(build, folder / "events"),
    ]
