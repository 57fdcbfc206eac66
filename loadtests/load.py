"""A short form of every load scenario, one table: `make load`.

    python -m loadtests.load [--only NAME …]

Each row is a promise: what was asked, what was measured, kept or broken. Exit code 0 when
all were kept. The long forms are the modules themselves (`python -m loadtests.mixed`).
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from rich.console import Console

from loadtests import ingest, loop_latency, mixed, score_case, service_rows
from loadtests.day.processes import READY_S, SERVICES, embedded, start
from loadtests.day.world import START
from loadtests.scenario import Result, show

ROWS, BATCH, ROWS_A_SECOND = 200_000, 5000, 20_000.0
READY_LIMIT_S = 5.0
CALLS_A_SECOND, CALL_SECONDS, CALL_LIMIT_MS = 50.0, 10.0, 20.0


def ingest_row() -> Result:
    """One stream of movements into the embedded store."""
    planned = ingest.requests(ROWS, BATCH)
    with tempfile.TemporaryDirectory(prefix="larrey-load-") as folder:
        running = ingest.service(Path(folder))
        try:
            ingest.register(running)
            first = ingest.send(running, planned)
        finally:
            running.stop()
    reached = ROWS / first.seconds
    return Result(
        "movements from one stream",
        f">= {ROWS_A_SECOND:,.0f}/s, all stored",
        f"{reached:,.0f}/s, accepted {first.answer.accepted:,} of {ROWS:,}",
        first.answer.accepted == ROWS and reached >= ROWS_A_SECOND,
    )


def score_row() -> Result:
    """Calls scored one by one at a steady rate."""
    with tempfile.TemporaryDirectory(prefix="larrey-load-") as folder:
        running = score_case.service(Path(folder))
        try:
            out = asyncio.run(score_case.drive(running.grpc, CALLS_A_SECOND, CALL_SECONDS))
        finally:
            running.stop()
    sent = round(CALLS_A_SECOND * CALL_SECONDS)
    p50, p99 = (float(np.percentile(out.milliseconds or [np.nan], q)) for q in (50, 99))
    return Result(
        f"ScoreCase, {CALLS_A_SECOND:.0f} calls/s",
        f"p99 <= {CALL_LIMIT_MS:.0f} ms, reasons in each",
        f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, {len(out.milliseconds)} of {sent} answered, "
        f"errors {dict(out.errors)}",
        len(out.milliseconds) == sent and not out.without_reasons and p99 <= CALL_LIMIT_MS,
    )


def ready_row() -> Result:
    """Each service from the start of its process to its first answer, one after the other."""
    took = {}
    with tempfile.TemporaryDirectory(prefix="larrey-load-") as name:
        folder = Path(name)
        transport = embedded(folder)
        for service in SERVICES:
            for _ in range(2):  # the second start finds its tables and caches, as a restart does
                begin = time.monotonic()
                running = start(
                    service,
                    folder / service,
                    events_url=transport.events_url,
                    database_url=transport.database_urls[service],
                    clock_start=START.isoformat(),
                )
                try:
                    running.wait_ready(begin + READY_S)
                    took[service] = time.monotonic() - begin
                finally:
                    running.stop()
    return Result(
        "restart to ready",
        f"<= {READY_LIMIT_S:.0f} s each",
        ", ".join(f"{service} {seconds:.1f} s" for service, seconds in took.items()),
        max(took.values()) <= READY_LIMIT_S,
    )


SCENARIOS: Mapping[str, Callable[[], Result]] = {
    "ready": ready_row,
    "ingest": ingest_row,
    "reads": service_rows.reads_row,
    "plans": service_rows.plans_row,
    "score": score_row,
    "streams": service_rows.streams_row,
    "loop": lambda: loop_latency.run(15.0, 2.0, plain=True),
    "loop-kafka": lambda: loop_latency.run(15.0, 2.0),
    # memory is judged by the long form: half a minute is all warm-up
    "mixed": lambda: mixed.run(30.0, 500.0, 2000, grown=0.25),
}


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--only", nargs="+", choices=SCENARIOS, default=list(SCENARIOS))
    chosen = parser.parse_args(arguments)
    results = []
    for name in chosen.only:
        Console(stderr=True).print(f"{name} ...")
        results.append(SCENARIOS[name]())
    return 0 if show(results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
