"""Distribute at full size: how long it takes, how much stands at a re-plan, and whether it is best.

    python -m loadtests.distribute [--instances 25] [--prove 1] [--limit-ms 50]

Starts the orientation service as a process of its own and sends it made mass-casualty
problems of 200 casualties, 60 facilities and 80 vehicles. Then one thing changes (a vehicle
drops out, a site closes, somebody new is found) and each is sent again with its own answer.
The first ones are also written as scenarios and solved by CP-SAT, through the command
`larrey orientation distribute --prove`. The exit code is 0 when the promises are kept: p95 of
the calculation within the limit, nine in ten instructions unchanged, cost equal to CP-SAT's.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import numpy as np
from google.protobuf import json_format
from rich.console import Console

from larrey.orientation.v1 import orientation_pb2 as pb
from larrey.orientation.v1 import orientation_pb2_grpc
from loadtests.score_case import cpu_seconds, service

NANTES = (47.2184, -1.5536)
CASUALTIES, FACILITIES, VEHICLES = 200, 60, 80
WARM_UP = 2
UNCHANGED = 0.9
BANDS = (
    (pb.SEVERITY_BAND_LIFE_THREAT, 0.1),
    (pb.SEVERITY_BAND_SEVERE, 0.2),
    (pb.SEVERITY_BAND_MODERATE, 0.4),
    (pb.SEVERITY_BAND_MILD, 0.3),
)
PATHWAYS = (
    ("SEVERE_TRAUMA", 0.25),
    ("HEAD_TRAUMA", 0.1),
    ("BURN", 0.1),
    ("ORTHOPAEDIC", 0.15),
    ("BLEEDING", 0.1),
    ("CARBON_MONOXIDE", 0.05),
    ("RESPIRATORY", 0.05),
    ("GENERAL", 0.2),
)
CODES = ("160", "127", "351", "025", "145", "096", "120", "500", "129", "121", "084", "258", "249")
TYPES = (("SMUR.AR", 0.12), ("SIS.VSAV", 0.4), ("TSU.AMB-GV", 0.4), ("TSU.VSL", 0.08))


def problem(seed: int) -> pb.DistributeRequest:
    """Four spots of a NOVI, sites of the region, vehicles in five sectors."""
    draw = np.random.default_rng(seed)
    request = pb.DistributeRequest(
        situation=pb.DeclaredSituation(novi=True, orsan=True),
        cover=[pb.CoverRule(sector=f"sector {i}", keep=3) for i in range(5)],
    )
    request.as_of_time.FromJsonString("2026-01-05T08:00:00Z")
    spots = [_near(draw, 0.1) for _ in range(4)]
    for number in range(CASUALTIES):
        request.casualties.append(_casualty(draw, number, spots[number % 4]))
    for number in range(FACILITIES):
        request.facilities.append(_facility(draw, number))
    for number in range(VEHICLES):
        latitude, longitude = _near(draw, 0.2)
        request.vehicles.append(
            pb.VehicleOffer(
                vehicle_id=f"vehicle {number:02}",
                vehicle_type=_one(draw, TYPES),
                place=pb.Place(latitude=latitude, longitude=longitude),
                seats=1 if draw.random() < 0.9 else 3,
                sector=f"sector {number % 5}",
            )
        )
    return request


def _near(draw: Any, spread: float) -> tuple[float, float]:
    return (
        float(NANTES[0] + draw.normal(0, spread)),
        float(NANTES[1] + draw.normal(0, 1.4 * spread)),
    )


def _one(draw: Any, table: Sequence[tuple[Any, float]]) -> Any:
    return table[int(draw.choice(len(table), p=[share for _, share in table]))][0]


def _casualty(draw: Any, number: int, spot: tuple[float, float]) -> pb.Casualty:
    return pb.Casualty(
        casualty_id=f"victim {number:03}",
        place=pb.Place(
            latitude=spot[0] + float(draw.normal(0, 0.005)),
            longitude=spot[1] + float(draw.normal(0, 0.005)),
        ),
        band=_one(draw, BANDS),
        pathway=_one(draw, PATHWAYS),
        age_years=float(draw.integers(1, 90)),
    )


def _facility(draw: Any, number: int) -> pb.FacilityOffer:
    latitude, longitude = _near(draw, 0.3)
    some = draw.choice(CODES, size=int(draw.integers(2, 9)), replace=False).tolist()
    offer = pb.FacilityOffer(
        finess_geo=f"{449000000 + number}",
        latitude=latitude,
        longitude=longitude,
        capabilities=[*some, "157"] if draw.random() < 0.7 else some,
        orsan_rank=1 if number % 4 == 0 else 4,
    )
    for category in ("", "UA", "UR"):
        counted = pb.FreePlaces(free=int(draw.integers(0, 4)), category=category)
        counted.counted_time.FromJsonString(f"2026-01-05T07:{int(draw.integers(0, 60)):02}:00Z")
        offer.places.append(counted)
    return offer


def changed(request: pb.DistributeRequest, answer: Any, kind: int) -> pb.DistributeRequest:
    """The same with what was told, and one thing changed."""
    again = pb.DistributeRequest()
    again.CopyFrom(request)
    again.previous.extend(answer.assignments)
    sent = [a for a in answer.assignments if not a.waits]
    if kind == 0:
        gone = sent[0].resource_id
        kept = [v for v in again.vehicles if v.vehicle_id != gone]
        del again.vehicles[:]
        again.vehicles.extend(kept)
    elif kind == 1:
        full = sent[0].finess_geo
        for offer in again.facilities:
            offer.closed = offer.closed or offer.finess_geo == full
    else:
        found = pb.Casualty()
        found.CopyFrom(again.casualties[0])
        found.casualty_id, found.band = "victim found late", pb.SEVERITY_BAND_LIFE_THREAT
        again.casualties.append(found)
    return again


@dataclass(slots=True)
class Measured:
    inside_ms: list[float] = field(default_factory=list)  # the calculation, by the answer
    outside_ms: list[float] = field(default_factory=list)  # from request to answer
    unchanged: list[float] = field(default_factory=list)
    saved: list[float] = field(default_factory=list)  # share of nearest-first's cost

    def ask(self, stub: Any, request: pb.DistributeRequest) -> Any:
        began = time.perf_counter()
        answer = stub.Distribute(request, timeout=30)
        self.outside_ms.append(1000 * (time.perf_counter() - began))
        self.inside_ms.append(answer.milliseconds)
        self.saved.append(1 - answer.figures.cost / answer.nearest_first.cost)
        return answer


def drive(address: str, instances: int) -> Measured:
    out, warm = Measured(), Measured()
    with grpc.insecure_channel(address) as channel:
        stub = orientation_pb2_grpc.OrientationServiceStub(channel)
        for seed in range(WARM_UP):
            warm.ask(stub, problem(1000 + seed))
        for seed in range(instances):
            request = problem(seed)
            first = out.ask(stub, request)
            again = out.ask(stub, changed(request, first, seed % 3))
            out.unchanged.append(again.unchanged)
    return out


def proven(folder: Path, seed: int) -> dict[str, Any]:
    """What the command says of an instance solved twice."""
    scenario, answer = folder / f"{seed}.json", folder / f"{seed}-answer.json"
    scenario.write_text(json_format.MessageToJson(problem(seed), preserving_proto_field_name=True))
    command = (sys.executable, "-c", "from shared.cli import main; main()")
    options = ("--scenario", str(scenario), "--json", str(answer), "--prove")
    subprocess.run(
        [*command, "orientation", "distribute", *options], check=True, capture_output=True
    )
    found: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
    return found


def verdict(
    out: Measured, proofs: Sequence[dict[str, Any]], cpu_ms: float, limit_ms: float
) -> bool:
    """Prints the figures; True when the promises were kept."""
    say = Console(highlight=False).print
    say(f"Distribute, {CASUALTIES} casualties x {FACILITIES} facilities x {VEHICLES} vehicles")
    p50, p95 = (float(np.percentile(out.inside_ms, q)) for q in (50, 95))
    say(f"calculation with words and comparison: p50 {p50:.1f} ms  p95 {p95:.1f} ms")
    outside = [float(np.percentile(out.outside_ms, q)) for q in (50, 95)]
    say(f"from request to answer over loopback:  p50 {outside[0]:.1f} ms  p95 {outside[1]:.1f} ms")
    say(f"CPU of the service a request, all included: {cpu_ms:.1f} ms")
    least, mean = min(out.unchanged), float(np.mean(out.unchanged))
    say(f"unchanged when one thing changes: mean {mean:.3f}  least {least:.3f}")
    say(f"weighted minutes below nearest-first: mean {float(np.mean(out.saved)):.1%}")
    for found in proofs:
        proof = found["proof"]
        say(
            f"CP-SAT {proof['cp_sat_cost']:.2f} in {proof['seconds']:.1f} s, flow "
            f"{found['cost']:.2f} in {found['milliseconds']:.1f} ms: "
            f"{'equal' if proof['equal'] and proof['proven'] else 'NOT EQUAL'}"
        )
    equal = all(f["proof"]["equal"] and f["proof"]["proven"] for f in proofs)
    kept = p95 <= limit_ms and mean >= UNCHANGED and equal
    say(
        f"promise p95 <= {limit_ms:.0f} ms, {UNCHANGED:.0%} unchanged, optimum equal: "
        f"{'kept' if kept else 'BROKEN'}"
    )
    return kept


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--instances", type=int, default=25)
    parser.add_argument("--prove", type=int, default=1, help="instances that CP-SAT solves too")
    parser.add_argument("--limit-ms", type=float, default=50.0, help="what p95 may take")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="larrey-load-") as name:
        folder = Path(name)
        running = service(folder)
        try:
            before = cpu_seconds(running)
            out = drive(running.grpc, chosen.instances)
            cpu_ms = 1000 * (cpu_seconds(running) - before) / (2 * (chosen.instances + 1))
        finally:
            running.stop()
        proofs = [proven(folder, seed) for seed in range(chosen.prove)]
    return 0 if verdict(out, proofs, cpu_ms, chosen.limit_ms) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
