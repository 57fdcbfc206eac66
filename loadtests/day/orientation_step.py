"""Step 3: beds, the official Hub messages, and 500 calls scored and oriented."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import grpc
import numpy as np
from rich.console import Console

from larrey.orientation.v1 import orientation_pb2 as pb
from loadtests.day.calls import Call, calls, hub_messages
from loadtests.day.clients import TIMEOUT_S, Clients, stamp
from loadtests.day.screen import bar, table
from loadtests.day.world import SEED, SITES, START
from shared.rpc import refusal_of

SHOWN = 5


@dataclass(frozen=True, slots=True)
class OrientationResult:
    cases: int
    with_reasons: int
    p50_ms: float
    p99_ms: float
    seconds: float
    calls: Sequence[Call]
    answers: dict[str, pb.CaseAnswer]


def report_beds(orientation: Any) -> None:
    """Free beds of the group's sites, counted 5 to 90 minutes ago (simulated)."""
    draw = np.random.default_rng(SEED + 3)
    reports = []
    for site, name in SITES.items():
        counted = START - timedelta(minutes=float(draw.uniform(5, 90)))
        beds = pb.BedCount(
            capacity_status="02",
            temporality="01",
            beds=int(draw.integers(0, 12)),
            updated_time=stamp(counted),
        )
        reports.append(pb.FacilityReport(finess_geo=site, name=name, beds=[beds]))
    answer = orientation.ReportCapacity(
        iter([pb.ReportCapacityRequest(facilities=reports)]), timeout=TIMEOUT_S
    )
    if answer.refused:
        raise RuntimeError(f"A bed report was refused: {answer.refusals[0].message}")


def score(
    orientation: Any, update: pb.CaseUpdate, *, request: pb.ScoreCaseRequest | None = None
) -> pb.CaseAnswer:
    wire = request or pb.ScoreCaseRequest(typed=update)
    answer: pb.CaseAnswer = orientation.ScoreCase(wire, timeout=TIMEOUT_S).answers[0]
    return answer


def play_hub(clients: Clients, console: Console) -> tuple[int, Counter[str]]:
    """Sends each official message as it is; returns answers and findings by code."""
    findings: Counter[str] = Counter()
    answered: set[str] = set()
    messages = hub_messages()
    with bar(console, "official messages", len(messages)) as move:
        for name, message in messages:
            try:
                answer = clients.orientation.ScoreCase(
                    pb.ScoreCaseRequest(hub_json=message), timeout=TIMEOUT_S
                )
            except grpc.RpcError as error:
                refusal = refusal_of(error)
                raise RuntimeError(f"{name} was refused: {refusal or error}") from error
            for case in answer.answers:
                answered.add(case.case_id)
                findings.update({f.code for f in case.findings})
            move(1)
    console.print(
        f"  {len(messages)} official Hub Santé examples of {len(answered)} cases answered."
    )
    return len(answered), findings


def play(clients: Clients, console: Console) -> OrientationResult:
    begin = time.perf_counter()
    console.print(
        "  Bed counts and the sites' capabilities are [bold]synthetic[/]; the sites, communes and "
        "visits are real. The visits are US emergency visits, placed on communes of "
        "Loire-Atlantique; most respiratory ones are put into the last days (a simulated wave)."
    )
    report_beds(clients.orientation)
    hub_cases, findings = play_hub(clients, console)
    drawn = calls()
    answers: dict[str, pb.CaseAnswer] = {}
    took: list[float] = []
    with bar(console, "calls oriented", len(drawn)) as move:
        for call in drawn:
            start = time.perf_counter()
            answers[call.case_id] = score(clients.orientation, call.update)
            took.append((time.perf_counter() - start) * 1000)
            move(1)
    for answer in answers.values():
        findings.update({f.code for f in answer.findings})
    _show(console, drawn, answers)
    cases = len(drawn) + hub_cases
    _show_findings(console, findings, cases)
    p50, p99 = (float(np.percentile(took, level)) for level in (50, 99))
    console.print(f"  An answer with its reasons took {p50:.1f} ms (p50), {p99:.1f} ms (p99).")
    return OrientationResult(
        cases=len(drawn),
        with_reasons=sum(bool(a.reasons) for a in answers.values()),
        p50_ms=p50,
        p99_ms=p99,
        seconds=time.perf_counter() - begin,
        calls=drawn,
        answers=answers,
    )


def _show(console: Console, drawn: Sequence[Call], answers: dict[str, pb.CaseAnswer]) -> None:
    worst = sorted(drawn, key=lambda c: -answers[c.case_id].severity.p_icu)
    rows = []
    for call in worst[:: max(1, len(worst) // SHOWN)][:SHOWN]:
        answer = answers[call.case_id]
        best = answer.facilities[0] if answer.facilities else None
        response = answer.responses[0] if answer.responses else pb.Response()
        rows.append(
            (
                f"{call.update.age_years:.0f} y, {call.label.lower()}",
                call.commune,
                f"{answer.severity.p_icu:.1%} "
                f"{pb.SeverityBand.Name(answer.severity.band)[14:].lower().replace('_', ' ')}",
                f"{response.decision_type} {response.resource_type}",
                f"{best.name} ({best.travel_min:.0f} min)" if best else "none",
                "; ".join(r.text for r in answer.reasons if r.code != "BASELINE")[:90],
            )
        )
    table(
        console,
        "Five of the calls",
        ("call", "from", "intensive care", "response", "best facility", "why"),
        rows,
    )


def _show_findings(console: Console, findings: Counter[str], cases: int) -> None:
    rows = [(f"{n / cases:.1%}", code) for code, n in findings.most_common(12)]
    table(console, "Share of cases with each data-quality finding", ("share", "finding"), rows)
