"""RecordConsumption from one stream into the embedded store: movements a second.

    python -m loadtests.ingest [--rows 500000] [--batch 5000] [--limit 20000]

Starts the demand service as a process of its own on SQLite and calls it over loopback. The
rows are made and serialised beforehand, with ids in no order, so that what is measured is
the service: reading, checking, looking up, storing. Then the same rows are sent again: each
must be known, which also proves that all were stored once. The exit code is 0 when the
promise is kept.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
from rich.console import Console

from larrey.catalogue.v1 import catalogue_pb2 as catalogue
from larrey.demand.v1 import demand_pb2 as pb
from larrey.demand.v1 import demand_pb2_grpc
from loadtests.day.clients import base, local, scraped, stamp
from loadtests.day.processes import READY_S, Running, start
from loadtests.day.world import SITES, START
from shared.rpc import channel

SEED = 7
ITEMS = 1000
DAYS = 365
METHOD = "/larrey.demand.v1.DemandService/RecordConsumption"
LONGEST_S = 600.0


@dataclass(frozen=True, slots=True)
class Passed:
    """What one pass over all rows gave."""

    answer: pb.RecordConsumptionResponse
    seconds: float
    cpu_seconds: float


def requests(rows: int, batch: int) -> list[bytes]:
    """Serialised messages of `batch` movements, drawn with one seed."""
    draws = np.random.default_rng(SEED)
    items = draws.integers(ITEMS, size=rows)
    sites = draws.choice(list(SITES), size=rows)
    minutes = draws.integers(60 * 24 * DAYS, size=rows)
    amounts = draws.integers(1, 20, size=rows)
    ids = draws.permutation(rows)
    made = [
        pb.Movement(
            movement_id=f"load-{ids[n] * 2654435761 % 2**32:08x}-{ids[n]}",
            site_id=str(sites[n]),
            item=local(f"LOAD-{items[n]:04d}"),
            quantity=base(float(amounts[n])),
            reason=pb.MOVEMENT_REASON_PATIENT,
            occurred_time=stamp(START - timedelta(minutes=int(minutes[n]) + 1)),
            ward_id=f"W{items[n] % 40}",
        )
        for n in range(rows)
    ]
    return [
        pb.RecordConsumptionRequest(movements=made[begin : begin + batch]).SerializeToString()
        for begin in range(0, rows, batch)
    ]


def service(folder: Path) -> Running:
    running = start(
        "demand",
        folder,
        events_url=f"sqlite:///{folder / 'events.db'}",
        database_url=f"sqlite:///{folder / 'state.db'}",
        clock_start=START.isoformat(),
    )
    running.wait_ready(time.monotonic() + READY_S)
    return running


def register(running: Running) -> None:
    """The sites and items that the movements name."""
    with channel(running.grpc) as link:
        stub = demand_pb2_grpc.DemandServiceStub(link)
        sites = [catalogue.Site(site_id=site_id) for site_id in SITES]
        stub.PutSites(pb.PutSitesRequest(sites=sites), timeout=LONGEST_S)
        items = [
            catalogue.Item(
                item_id=f"LOAD-{number:04d}",
                base_unit="unit",
                base_per_dispensing_unit=1,
                dispensing_units_per_pack=10,
            )
            for number in range(ITEMS)
        ]
        stub.PutItems(pb.PutItemsRequest(items=items), timeout=LONGEST_S)


def send(running: Running, planned: Sequence[bytes]) -> Passed:
    """One stream of the messages as they are."""

    def stream() -> Iterator[bytes]:
        yield from planned

    before = scraped(running.metrics)["process_cpu_seconds_total"]
    with channel(running.grpc) as link:
        call = link.stream_unary(
            METHOD,
            request_serializer=lambda message: message,
            response_deserializer=pb.RecordConsumptionResponse.FromString,
        )
        begin = time.perf_counter()
        answer = call(stream(), timeout=LONGEST_S)
        seconds = time.perf_counter() - begin
    return Passed(answer, seconds, scraped(running.metrics)["process_cpu_seconds_total"] - before)


def verdict(first: Passed, again: Passed, chosen: argparse.Namespace) -> bool:
    """Prints the figures; True when the promise was kept."""
    say = Console(highlight=False).print
    rows = chosen.rows
    say(f"RecordConsumption, one stream of {rows:,} movements, {chosen.batch} a message, SQLite")
    for words, passed in (("stored", first), ("sent again", again)):
        say(
            f"{words}: {rows / passed.seconds:,.0f} movements/s in {passed.seconds:.1f} s, "
            f"service CPU {1e6 * passed.cpu_seconds / rows:.1f} us a movement "
            f"(accepted {passed.answer.accepted:,}, known {passed.answer.duplicate:,}, "
            f"refused {passed.answer.refused:,})"
        )
    whole = first.answer.accepted == rows and again.answer.duplicate == rows
    kept: bool = whole and rows / first.seconds >= chosen.limit
    say(f"promise {chosen.limit:,.0f} movements/s: {'kept' if kept else 'BROKEN'}")
    return kept


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--batch", type=int, default=5000, help="movements a message")
    parser.add_argument("--limit", type=float, default=20_000, help="movements/s promised")
    chosen = parser.parse_args(arguments)
    planned = requests(chosen.rows, chosen.batch)
    with tempfile.TemporaryDirectory(prefix="larrey-load-") as folder:
        running = service(Path(folder))
        try:
            register(running)
            first = send(running, planned)
            again = send(running, planned)
        finally:
            running.stop()
    return 0 if verdict(first, again, chosen) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
