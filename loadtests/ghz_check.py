"""ScoreCase measured by two generators, ours and ghz: what we say of ourselves, said by another.

    python -m loadtests.ghz_check [--rate 50] [--seconds 10] [--limit-ms 20]

Needs ghz on PATH: `go install github.com/bojand/ghz/cmd/ghz@v0.121.0`. ghz keeps its rate
like ours and calls over connections of its own; each call is a case of its own. Exit code 0
when both saw every call answered and p99 within the limit.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf import json_format

from larrey.orientation.v1 import orientation_pb2 as pb
from loadtests import score_case
from loadtests.day.calls import calls
from loadtests.scenario import Result, show

IMAGE = Path(__file__).resolve().parent.parent / "build" / "larrey.binpb"
REMEDY = "go install github.com/bojand/ghz/cmd/ghz@v0.121.0"
RPC = "larrey.orientation.v1.OrientationService.ScoreCase"


def request() -> str:
    """One call of the day as JSON; ghz writes the number of the request into its case id."""
    update = pb.CaseUpdate()
    update.CopyFrom(calls()[0].update)
    update.case_id = "fr.health.samu440.ghz.{{.RequestNumber}}"
    update.update_id = "ghz-{{.RequestNumber}}"
    return json_format.MessageToJson(
        pb.ScoreCaseRequest(typed=update), preserving_proto_field_name=True
    )


def by_ghz(ghz: str, address: str, rate: float, seconds: float) -> dict[str, Any]:
    """The report of ghz; the first second of its calls is the warm-up that ours has too."""
    count = round(rate * seconds)
    done = subprocess.run(
        [
            ghz, "--insecure", "--protoset", str(IMAGE), "--call", RPC, "--data", request(),
            "--rps", f"{rate:.0f}", "--total", str(count), "--skipFirst", f"{rate:.0f}",
            "--concurrency", "20", "--connections", "2", "--format", "json", address,
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=seconds * 5 + 60,
    )  # fmt: skip
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def percentile(report: dict[str, Any], share: int) -> float:
    """Milliseconds."""
    found = [p["latency"] for p in report["latencyDistribution"] if p["percentage"] == share]
    return float(found[0]) / 1e6


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rate", type=float, default=50.0, help="calls a second")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--limit-ms", type=float, default=20.0, help="what p99 may take")
    chosen = parser.parse_args(arguments)
    ghz = shutil.which("ghz")
    if ghz is None:
        print(f"ghz is not here: {REMEDY}", file=sys.stderr)  # noqa: T201
        return 2
    with tempfile.TemporaryDirectory(prefix="larrey-ghz-") as folder:
        running = score_case.service(Path(folder))
        try:
            ours = asyncio.run(score_case.drive(running.grpc, chosen.rate, chosen.seconds))
            theirs = by_ghz(ghz, running.grpc, chosen.rate, chosen.seconds)
        finally:
            running.stop()
    sent = round(chosen.rate * chosen.seconds)
    p50, p99 = (float(np.percentile(ours.milliseconds or [np.nan], q)) for q in (50, 99))
    statuses = theirs["statusCodeDistribution"]
    name, promise = f"ScoreCase, {chosen.rate:.0f} calls/s", f"p99 <= {chosen.limit_ms:.0f} ms"
    results = [
        Result(
            f"{name}, our generator",
            promise,
            f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, {len(ours.milliseconds)} of {sent}",
            len(ours.milliseconds) == sent and p99 <= chosen.limit_ms,
        ),
        Result(
            f"{name}, ghz",
            promise,
            f"p50 {percentile(theirs, 50):.1f} ms, p99 {percentile(theirs, 99):.1f} ms, {statuses}",
            set(statuses) == {"OK"} and percentile(theirs, 99) <= chosen.limit_ms,
        ),
    ]
    return 0 if show(results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
