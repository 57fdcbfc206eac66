"""A rolling upgrade with the last release's own code: old and new processes side by side.

    python -m loadtests.upgrade [--old REF] [--movements 400]

Takes the tree of the last release out of git (the commit that last set proto/released.binpb, or
REF), generates its protos, and starts its replenishment and demand on empty stores. While they
serve, the migration job of this version brings their tables up to date, and this version's
processes start beside them on the same stores and the same log. Items are put into the old and
into the new replenishment, and must be known to both demands; movements are sent to both demands
in turn, each once to either; a run is asked of the new demand, carried out by whichever has the
turn, and read from both; then the old processes are told to stop and the new ones go on. The exit
code is 0 when all was taken once, nothing is missing, and every old process ended well.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

from larrey.catalogue.v1 import catalogue_pb2 as catalogue
from larrey.demand.v1 import demand_pb2 as pb
from larrey.demand.v1 import demand_pb2_grpc
from larrey.replenishment.v1 import replenishment_pb2 as rep
from larrey.replenishment.v1 import replenishment_pb2_grpc
from loadtests.day.clients import base, eventually, local, reason_of, stamp
from loadtests.day.processes import INHERITED, READY_S, Running, start
from loadtests.day.world import SITES, START
from loadtests.scenario import Result, show
from shared.rpc import channel

ROOT = Path(__file__).resolve().parent.parent
IMAGE = "proto/released.binpb"
SERVICES = ("replenishment", "demand")
ITEMS = ("PUT-INTO-OLD", "PUT-INTO-NEW")
SITE = sorted(SITES)[0]
WAIT_S = 120.0


class NoRelease(RuntimeError):
    """The last release's tree cannot be had; the text says why and what to do."""


def _git(*words: str) -> bytes:
    program = shutil.which("git")
    if program is None:
        raise NoRelease("git is not installed: install it, the old tree is taken from it.")
    done = subprocess.run([program, "-C", str(ROOT), *words], check=False, capture_output=True)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise NoRelease(
            f"git {' '.join(words[:2])} failed: {said}. Run this in a clone with its whole history "
            "(git fetch --unshallow), or name a commit with --old."
        )
    return done.stdout


def released() -> str:
    """The commit that last set what later changes must not break."""
    found = _git("log", "-1", "--format=%H", "--", IMAGE).decode().strip()
    if not found:
        raise NoRelease(f"No commit of this history set {IMAGE}: name a commit with --old.")
    return found


def old_tree(ref: str, folder: Path) -> Path:
    """The tree of a commit with its protos' code, below `folder`."""
    with tarfile.open(fileobj=BytesIO(_git("archive", "--format=tar", ref))) as tree:
        tree.extractall(folder, filter="data")
    subprocess.run(
        [sys.executable, "proto/generate.py"], cwd=folder, check=True, capture_output=True
    )
    return folder


@dataclass(slots=True)
class Sides:
    """Old and new processes of each service, on the same stores."""

    folder: Path
    old: Mapping[str, str]
    running: dict[tuple[str, str], Running] = field(default_factory=dict)

    def start(self, side: str, name: str) -> Any:
        """A stub of the process, once it is ready."""
        running = start(
            name,
            self.folder / f"{side}-{name}",
            events_url=f"sqlite:///{self.folder / 'events.db'}",
            database_url=self._store(name),
            clock_start=START.isoformat(),
            more=self._more(side, name),
        )
        self.running[side, name] = running
        running.wait_ready(time.monotonic() + READY_S)
        kinds = {
            "demand": demand_pb2_grpc.DemandServiceStub,
            "replenishment": replenishment_pb2_grpc.ReplenishmentServiceStub,
        }
        return kinds[name](channel(running.grpc))

    def migrate(self, name: str) -> None:
        """What the migration job of this version does."""
        kept = {key: os.environ[key] for key in INHERITED if key in os.environ}
        asked = kept | {
            "LARREY_DATABASE_URL": self._store(name),
            "LARREY_EVENTS_URL": f"sqlite:///{self.folder / 'events.db'}",
            "LARREY_MIGRATE": "only",
            **self._more("job", name),
        }
        command = [str(Path(sys.executable).with_name("larrey")), name, "serve"]
        subprocess.run(command, env=asked, check=True, capture_output=True, timeout=WAIT_S)

    def _store(self, name: str) -> str:
        return f"sqlite:///{self.folder / f'{name}.db'}"

    def _more(self, side: str, name: str) -> dict[str, str]:
        shared = {"LARREY_DATA_DIR": str(self.folder / f"{name}-data")}  # replicas see the same
        if side == "old":
            return shared | dict(self.old)
        return shared | ({"LARREY_MIGRATE": "never"} if side == "new" else {})

    def stop(self, side: str) -> list[int]:
        return [one.stop() for (which, _), one in self.running.items() if which == side]


def put(stub: Any, item_id: str) -> None:
    """Registers one item and the site with a replenishment."""
    stub.PutSites(rep.PutSitesRequest(sites=[catalogue.Site(site_id=SITE)]), timeout=WAIT_S)
    item = catalogue.Item(
        item_id=item_id,
        base_unit="unit",
        base_per_dispensing_unit=1,
        dispensing_units_per_pack=10,
        item_class="trauma",
    )
    stub.PutItems(rep.PutItemsRequest(items=[item]), timeout=WAIT_S)


def known(demand: Any, item_id: str) -> bool:
    """Whether a demand has heard of an item: it then misses the forecast, not the item."""
    asked = pb.GetForecastRequest(item=local(item_id), site_id=SITE)
    return reason_of(lambda: demand.GetForecast(asked, timeout=WAIT_S)) == "FORECAST_MISSING"


def movements(count: int, first: int) -> list[pb.Movement]:
    """Months of use, each movement under an id of its own: so many of the first item, then of
    both."""
    now = START.date()
    found = []
    for number in range(count):
        month = now.year * 12 + now.month - 2 - number % 36
        made = pb.Movement(
            movement_id=f"m-{number}",
            site_id=SITE,
            item=local(ITEMS[number // 36 % 2 if number >= first else 0]),
            quantity=base(float(1 + number % 7)),
            reason=pb.MOVEMENT_REASON_PATIENT,
        )
        noon = START.replace(hour=11)
        day = date(month // 12, month % 12 + 1, 3)
        made.occurred_time.CopyFrom(
            stamp(noon.replace(year=day.year, month=day.month, day=day.day))
        )
        found.append(made)
    return found


def record(stub: Any, rows: Sequence[pb.Movement]) -> pb.RecordConsumptionResponse:
    answer: pb.RecordConsumptionResponse = stub.RecordConsumption(
        iter([pb.RecordConsumptionRequest(movements=rows)]), timeout=WAIT_S
    )
    return answer


def forecast(stub: Any, key: str) -> pb.ForecastRun:
    """A run to its end."""
    order = pb.StartForecastRunRequest(period=pb.PERIOD_MONTH, horizon=3, request_key=key)
    run: pb.ForecastRun = stub.StartForecastRun(order, timeout=WAIT_S).run
    for told in stub.WatchForecastRun(
        pb.WatchForecastRunRequest(run_id=run.run_id), timeout=WAIT_S
    ):
        run = told.run
    return run


def drive(sides: Sides, count: int) -> dict[str, bool]:
    """What must hold, in order."""
    held: dict[str, bool] = {}
    old = {name: sides.start("old", name) for name in SERVICES}
    put(old["replenishment"], ITEMS[0])
    eventually("the old demand hears of the first item", lambda: known(old["demand"], ITEMS[0]))
    third = count // 3
    rows = movements(count, third)
    held["old takes movements"] = record(old["demand"], rows[:third]).accepted == third
    for name in SERVICES:
        sides.migrate(name)
    new = {name: sides.start("new", name) for name in SERVICES}
    put(new["replenishment"], ITEMS[1])
    for side, stubs in (("old", old), ("new", new)):
        for item in ITEMS:
            eventually(f"the {side} demand hears of {item}", partial(known, stubs["demand"], item))
    held["each item is known to both"] = True
    sent = [
        record(old["demand"], rows[third : 2 * third]),
        record(new["demand"], rows[2 * third :]),
    ]
    held["both take movements"] = sum(a.accepted for a in sent) == count - third
    again = [record(new["demand"], rows[: 2 * third]), record(old["demand"], rows[2 * third :])]
    held["what one took, the other knows"] = (
        sum(a.duplicate for a in again),
        sum(a.accepted for a in again),
    ) == (count, 0)
    run = forecast(new["demand"], "both")
    held["a run beside the old is done"] = (run.state, run.series) == (pb.RUN_STATE_DONE, 2)
    asked = pb.GetForecastRequest(item=local(ITEMS[1]), site_id=SITE)
    read = [d["demand"].GetForecast(asked, timeout=WAIT_S).forecast for d in (old, new)]
    held["both read the same forecast"] = (
        read[0].run_id == read[1].run_id == run.run_id and read[0].periods == read[1].periods
    )
    held["the old processes end well"] = sides.stop("old") == [0, 0]
    run = forecast(new["demand"], "alone")
    held["the new go on alone"] = (run.state, run.series) == (pb.RUN_STATE_DONE, 2)
    held["nothing was lost"] = record(new["demand"], rows).duplicate == count
    held["the new processes end well"] = sides.stop("new") == [0, 0]
    return held


def run(ref: str, count: int) -> Result:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="larrey-upgrade-")))
        tree = old_tree(ref, folder / "old")
        path = os.pathsep.join((str(tree), str(tree / "gen")))
        sides = Sides(folder, {"PYTHONPATH": path})
        for side in ("old", "new"):
            stack.callback(sides.stop, side)
        held = drive(sides, count)
    broken = [name for name, well in held.items() if not well]
    return Result(
        f"upgrade from {ref[:12]}, old beside new",
        "all is taken once, nothing is lost",
        f"broken: {', '.join(broken)}" if broken else "; ".join(held),
        not broken,
    )


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--old", default="", help="commit of the old version; the last release's")
    parser.add_argument("--movements", type=int, default=400)
    chosen = parser.parse_args(arguments)
    try:
        return 0 if show([run(chosen.old or released(), chosen.movements)]) else 1
    except NoRelease as refusal:
        print(f"loadtests.upgrade: {refusal}", file=sys.stderr)  # noqa: T201
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
