"""The calls of the day: real emergency visits, placed on real communes by a seeded draw."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from larrey.orientation.v1 import orientation_pb2 as pb
from loadtests.day.clients import stamp
from loadtests.day.world import SEED, START, communes, shipped

CALLS = 500
DAYS = 28  # the calls are spread over the four weeks before the day starts
WAVE_DAYS = 4  # ... but for most respiratory ones, which are put into the last days
WAVE_SHARE = 0.8
WITH_VITALS = 1 / 3  # share of the calls for which a first bedside report has come in
VITALS = (
    "heart_rate_bpm",
    "respiratory_rate_bpm",
    "systolic_bp_mmhg",
    "diastolic_bp_mmhg",
    "spo2_percent",
    "temperature_c",
)
BREATHING = ("dyspnea", "cough_respiratory_infection")  # our own complaint groups


@dataclass(frozen=True, slots=True)
class Call:
    case_id: str
    commune: str
    label: str
    group: str
    update: pb.CaseUpdate


def visits() -> pd.DataFrame:
    """500 visits of the NHAMCS survey (NCHS, public domain), drawn with the seed."""
    path = next(iter(sorted(shipped("orientation", ".").glob("nhamcs*.parquet"))))
    frame = pd.read_parquet(path)
    frame = frame[frame["complaint_code_1"].notna() & frame["age_years"].notna()]
    drawn = frame.sample(CALLS, random_state=SEED).reset_index(drop=True)
    words = pd.read_csv(shipped("orientation", "complaint_codes.csv"))
    return drawn.merge(words, left_on="complaint_code_1", right_on="complaint_code", how="left")


def said_at(draw: np.random.Generator, breathing: bool) -> datetime:
    wave = breathing and draw.random() < WAVE_SHARE
    days = WAVE_DAYS if wave else DAYS
    return START - timedelta(seconds=float(draw.uniform(60, days * 86400)))


def calls() -> list[Call]:
    """The calls, in the order in which they are said."""
    draw = np.random.default_rng(SEED + 2)
    places = communes()
    weights = np.array([max(1, c.population) for c in places], dtype=float)
    frame = visits()
    labels = frame["complaint_label"].fillna("complaint without a label").astype(str)
    breathing = frame["complaint_group"].isin(BREATHING)
    chosen = draw.choice(len(places), size=len(frame), p=weights / weights.sum())
    drawn = []
    for place, row in enumerate(frame.to_dict("records")):
        commune = places[int(chosen[place])]
        update = pb.CaseUpdate(
            case_id=f"fr.health.samu440.day.{place:04d}",
            update_id=f"day-{place:04d}-1",
            said_time=stamp(said_at(draw, bool(breathing[place]))),
            age_years=float(row["age_years"]),
            sex=pb.SEX_FEMALE if row["sex"] == "F" else pb.SEX_MALE,
            complaint_codes=list(_codes(row)),
            place=pb.Place(
                latitude=commune.latitude,
                longitude=commune.longitude,
                insee_code=commune.insee,
            ),
            owner="fr.health.samu440",
        )
        if draw.random() < WITH_VITALS:
            for name in VITALS:
                if pd.notna(row.get(name)):
                    setattr(update.vitals, name, float(row[name]))
        drawn.append(
            Call(update.case_id, commune.name, labels[place], row["complaint_group"], update)
        )
    return sorted(drawn, key=lambda c: (c.update.said_time.seconds, c.case_id))


def _codes(row: dict[Any, Any]) -> Iterator[int]:
    for number in range(1, 6):
        code = row.get(f"complaint_code_{number}")
        if code is not None and pd.notna(code):
            yield int(code)


def hub_messages() -> list[tuple[str, bytes]]:
    """The official examples that the day sends, a case's alert before its updates."""
    folder = shipped("orientation", ".")
    found: list[tuple[str, Path]] = []
    for kind in ("RS-EDA", "RS-EDA-MAJ", "RS-BPV", "RS-RI"):
        found += [(kind, path) for path in sorted(folder.rglob(f"{kind}/*.json"))]
    return [(f"{kind}/{path.name}", path.read_bytes()) for kind, path in found]
