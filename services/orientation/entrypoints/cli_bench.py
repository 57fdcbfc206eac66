"""The command `larrey orientation bench`: how long a score and a whole answer take in process."""

from __future__ import annotations

import functools
import gc
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, TypeVar

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from services.orientation.domain.case import EMPTY, CaseState, merge
from services.orientation.domain.features import CASE_VITALS, VITALS, PatientInputs
from services.orientation.domain.hub.reading import Lexicon
from services.orientation.domain.model import Scorer
from services.orientation.domain.orient import Knowledge, Surroundings, orient
from services.orientation.domain.typed import TypedUpdate, read_typed

T = TypeVar("T")
ROUNDS, WARM_UP = 5, 300
CITIES = ((47.21, -1.55), (48.58, 7.75), (45.76, 4.84), (43.3, 5.37), (48.11, -1.68), (50.63, 3.06))
OWNERS = ("fr.health.samu440", "fr.health.samu670", "fr.health.samu690", "fr.health.samu130")


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit of the shipped file, in the words of a typed update."""

    age_years: float | None
    sex: str
    complaints: tuple[int, ...]
    vitals: dict[str, float]


@dataclass(frozen=True, slots=True)
class Bench:
    """What is measured: the parts of the service without its doors and its store."""

    knowledge: Knowledge = field(repr=False)
    lexicon: Lexicon = field(repr=False)
    surroundings: Surroundings = field(repr=False)
    visits: Sequence[Visit] = field(repr=False)
    model: Scorer
    now: datetime


def person(bench: Bench, visit: Visit, *, vitals: bool) -> PatientInputs:
    """What a call gives of a visit, or that with all six vital signs."""
    cells = tuple(bench.model.complaints.cell(code) for code in visit.complaints)
    known = {CASE_VITALS[name]: value for name, value in visit.vitals.items()}
    return PatientInputs(visit.age_years, visit.sex, cells[:1], known if vitals else {})


def case(bench: Bench, visit: Visit, number: int, *, vitals: bool) -> CaseState:
    """A visit as a case in or around one of six towns."""
    latitude, longitude = CITIES[number % len(CITIES)]
    spread = (number * 37 % 100 - 50) / 200
    update = TypedUpdate(
        f"fr.health.samu440.bench.{number}",
        "1",
        bench.now - timedelta(minutes=5),
        visit.age_years,
        visit.sex,
        complaint_codes=visit.complaints,
        vitals=visit.vitals if vitals else {},
        latitude=latitude + spread,
        longitude=longitude - spread,
        owner=OWNERS[number % len(OWNERS)],
    )
    return merge(EMPTY, read_typed(update, bench.lexicon))


def timed(count: int, prepare: Callable[[int], T], job: Callable[[T], object]) -> dict[str, float]:
    """Microseconds of wall time, one call at a time: the median of rounds of each quantile.

    Each call has inputs of its own, made just before as a message makes them.
    """
    for number in range(min(count, WARM_UP)):
        job(prepare(number))
    gc.collect()
    gc.freeze()
    rounds = []
    for _ in range(ROUNDS):
        took = []
        for number in range(count):
            given = prepare(number)
            begin = time.perf_counter_ns()
            job(given)
            took.append(time.perf_counter_ns() - begin)
        rounds.append(np.percentile(took, [50, 99]) / 1000)
    p50, p99 = np.median(np.array(rounds), axis=0)
    return {"p50_us": float(p50), "p99_us": float(p99)}


def measure(bench: Bench, count: int) -> dict[str, Any]:
    random = np.random.default_rng(7)
    whole = [visit for visit in bench.visits if len(visit.vitals) == len(VITALS)]
    drawn = [whole[i] for i in random.integers(len(whole), size=count)]
    out: dict[str, Any] = {}
    for vitals, word in ((False, "call"), (True, "vitals")):
        out[f"score_and_reasons_{word}"] = timed(
            count,
            functools.partial(_person_at, bench, drawn, vitals),
            bench.model.score,
        )
    for vitals, word in ((False, "call"), (True, "vitals")):
        out[f"whole_answer_{word}"] = timed(
            count // 4,
            functools.partial(_case_at, bench, drawn, vitals),
            functools.partial(_answer, bench),
        )
    return out


def _person_at(bench: Bench, drawn: Sequence[Visit], vitals: bool, at: int) -> PatientInputs:
    return person(bench, drawn[at], vitals=vitals)


def _case_at(bench: Bench, drawn: Sequence[Visit], vitals: bool, at: int) -> CaseState:
    return case(bench, drawn[at], at, vitals=vitals)


def _answer(bench: Bench, state: CaseState) -> object:
    return orient(
        "fr.health.samu440.bench.1",
        state,
        bench.knowledge,
        bench.surroundings,
        bench.model,
        now=bench.now,
    )


def bench_command(parts: Callable[[], Bench]) -> Callable[..., None]:
    """The command around the parts, which the wiring gives."""

    def command(
        count: Annotated[int, typer.Option(help="Calls in each of the rounds.")] = 4000,
        json_out: Annotated[
            Path | None, typer.Option("--json", help="File to write the figures to.")
        ] = None,
    ) -> None:
        """Times scores with reasons and whole answers, one call at a time on one core.

        A whole answer is the score with its reasons, the rules, the responses and the
        ranking of at least 60 facilities, in microseconds.
        """
        figures = measure(parts(), count)
        table = Table("in process, one core", "p50 us", "p99 us")
        for name, told in figures.items():
            if isinstance(told, dict):
                table.add_row(name, f"{told['p50_us']:.1f}", f"{told['p99_us']:.1f}")
        Console().print(table)
        if json_out is not None:
            json_out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")

    return command
