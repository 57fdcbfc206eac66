"""The running service's own accuracy on the shipped hospital, beside that of the file command.

    python -m loadtests.served_accuracy [--months 1] [--series 767] [--limit 0.02]

Plays the last year of the file through the RPCs: all that came before is recorded, a run forecasts
twelve months, month after month comes true and is recorded, a run follows, and GetAccuracy says how
good the runs were one month ahead. `larrey demand forecast` is asked at the same origin. Printed:
MASE, WQL and coverage of both over the twelve months (the same formulas here), and of one month
ahead as GetAccuracy says it. The exit code is 0 when the service's WQL over the year is at most
`limit` above the command's.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from larrey.catalogue.v1 import catalogue_pb2 as catalogue
from larrey.demand.v1 import demand_pb2 as pb
from larrey.demand.v1 import demand_pb2_grpc
from loadtests.day.clients import base, local, stamp
from loadtests.day.processes import READY_S, start
from loadtests.day.world import SITES
from shared.rpc import channel

DATA = Path(__file__).parents[1] / "services" / "demand" / "data" / "hospital_monthly.parquet"
HORIZON, LEAD, SEASON = 12, 3, 12
SCORED = tuple(k / 10 for k in range(1, 10))
WAIT_S = 3600.0
Array = NDArray[np.float64]
Stub = demand_pb2_grpc.DemandServiceStub


@dataclass(frozen=True, slots=True)
class Hospital:
    """The shipped file as a table: ids, months, codes and amounts [n, T]."""

    ids: list[str]
    months: list[datetime]
    codes: list[str]
    amounts: Array = field(repr=False)

    @property
    def known(self) -> int:
        """Months before the year that is foreseen."""
        return len(self.months) - HORIZON


@dataclass(frozen=True, slots=True)
class Fan:
    """Quantiles [n, h] by level."""

    by_level: Mapping[float, Array] = field(repr=False)


def hospital(series: int) -> Hospital:
    """The file, or an even sample of its series."""
    table = pq.read_table(DATA).to_pydict()
    everyone = sorted(set(table["unique_id"]))
    step = -(-len(everyone) // series)
    ids = everyone[::step]
    months = sorted(set(table["ds"]))
    row, place = {n: k for k, n in enumerate(ids)}, {m: k for k, m in enumerate(months)}
    amounts = np.zeros((len(ids), len(months)))
    code = {}
    for name, month, amount, group in zip(
        table["unique_id"], table["ds"], table["y"], table["code"], strict=True
    ):
        if name in row:
            amounts[row[name], place[month]] = amount
            code[name] = group
    days = [datetime(m.year, m.month, 1, tzinfo=UTC) for m in months]
    return Hospital(ids, days, [code[name] for name in ids], amounts)


def figures(one: Hospital, fan: Fan, ahead: slice) -> dict[str, float]:
    """MASE, WQL and coverage over some of the months that were foreseen."""
    true = one.amounts[:, one.known :][:, ahead]
    past = one.amounts[:, : one.known]
    scale = np.abs(past[:, SEASON:] - past[:, :-SEASON]).mean(axis=1)
    made = {level: values[:, ahead] for level, values in fan.by_level.items()}
    usable = scale > 0
    loss = [
        (2 * np.maximum(q * (true - made[q]), (q - 1) * (true - made[q]))).sum() for q in SCORED
    ]
    return {
        "MASE": float((np.abs(true - made[0.5]).mean(axis=1)[usable] / scale[usable]).mean()),
        "WQL": float(np.mean(loss) / true.sum()),
        "cov80": float(((true >= made[0.1]) & (true <= made[0.9])).mean()),
        "cov95": float(((true >= made[0.025]) & (true <= made[0.975])).mean()),
        "at or below q0.9": float((true <= made[0.9]).mean()),
    }


def by_command(one: Hospital, folder: Path) -> Fan:
    """What `larrey demand forecast` says at the same origin."""
    count = one.known
    history = folder / "history.parquet"
    out = folder / "forecast.parquet"
    months = np.array([m.replace(tzinfo=None) for m in one.months[:count]], dtype="datetime64[ns]")
    table = pa.table(
        {
            "unique_id": np.repeat(np.array(one.ids, dtype=object), count),
            "ds": np.tile(months, len(one.ids)),
            "y": one.amounts[:, :count].reshape(-1),
            "code": np.repeat(np.array(one.codes, dtype=object), count),
        }
    )
    pq.write_table(table, history)
    command = [str(Path(sys.executable).with_name("larrey")), "demand", "forecast"]
    command += ["--history", str(history), "--freq", "MS", "--season", str(SEASON)]
    command += ["--horizon", str(HORIZON), "--forecasts-out", str(out)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    made = pq.read_table(out).to_pydict()
    row = {name: k for k, name in enumerate(one.ids)}
    first = one.months[count]
    levels = (0.025, *SCORED, 0.975)
    found = {level: np.full((len(one.ids), HORIZON), np.nan) for level in levels}
    for k, (name, day) in enumerate(zip(made["unique_id"], made["ds"], strict=True)):
        step = (day.year - first.year) * 12 + day.month - first.month
        for level in levels:
            found[level][row[name], step] = made[f"q{level:g}"][k]
    return Fan(found)


@contextmanager
def serving(folder: Path, at: datetime) -> Iterator[Stub]:
    """The service on what stands in `folder`, with its clock a few days into a month."""
    running = start(
        "demand",
        folder,
        events_url=f"sqlite:///{folder / 'events.db'}",
        database_url=f"sqlite:///{folder / 'state.db'}",
        clock_start=at.replace(day=4, hour=6).isoformat(),
    )
    try:
        running.wait_ready(time.monotonic() + READY_S)
        with channel(running.grpc) as link:
            yield Stub(link)
    finally:
        running.stop()


def register(stub: Stub, one: Hospital) -> None:
    stub.PutSites(
        pb.PutSitesRequest(sites=[catalogue.Site(site_id=sorted(SITES)[0])]), timeout=WAIT_S
    )
    items = [
        catalogue.Item(
            item_id=name,
            base_unit="patient",
            base_per_dispensing_unit=1,
            dispensing_units_per_pack=1,
            item_class=code,
        )
        for name, code in zip(one.ids, one.codes, strict=True)
    ]
    stub.PutItems(pb.PutItemsRequest(items=items), timeout=WAIT_S)


def record(stub: Stub, one: Hospital, months: slice) -> None:
    """The use of some months, each on the tenth."""
    rows = [
        pb.Movement(
            movement_id=f"{name}/{month.date()}",
            site_id=sorted(SITES)[0],
            item=local(name),
            quantity=base(float(amount)),
            reason=pb.MOVEMENT_REASON_PATIENT,
            occurred_time=stamp(month.replace(day=10, hour=11)),
        )
        for name, amounts in zip(one.ids, one.amounts[:, months], strict=True)
        for month, amount in zip(one.months[months], amounts, strict=True)
    ]
    sent = (
        pb.RecordConsumptionRequest(movements=rows[k : k + 5000]) for k in range(0, len(rows), 5000)
    )
    answer = stub.RecordConsumption(sent, timeout=WAIT_S)
    if answer.refused:
        raise RuntimeError(f"{answer.refused} rows were refused: {answer.refusals[0]}")


def run(stub: Stub) -> None:
    order = pb.StartForecastRunRequest(period=pb.PERIOD_MONTH, horizon=HORIZON, lead_time=LEAD)
    run_id = stub.StartForecastRun(order, timeout=WAIT_S).run.run_id
    state = pb.RUN_STATE_WAITING
    for told in stub.WatchForecastRun(pb.WatchForecastRunRequest(run_id=run_id), timeout=WAIT_S):
        state = told.run.state
    if state != pb.RUN_STATE_DONE:
        raise RuntimeError("a run did not end well")


def stored(stub: Stub, one: Hospital) -> Fan:
    """The quantiles of all newest forecasts."""
    row = {name: k for k, name in enumerate(one.ids)}
    levels = (0.025, *SCORED, 0.975)
    found = {level: np.full((len(one.ids), HORIZON), np.nan) for level in levels}
    token = ""
    while True:
        request = pb.ListForecastsRequest(page_size=1000, page_token=token)
        answer = stub.ListForecasts(request, timeout=WAIT_S)
        for forecast in answer.forecasts:
            told = list(forecast.levels)
            curves = np.array([period.quantiles for period in forecast.periods])
            for level in levels:
                found[level][row[forecast.item_id]] = curves[:, told.index(level)]
        token = answer.next_page_token
        if not token:
            return Fan(found)


def served(one: Hospital, folder: Path, months: int) -> tuple[Fan, pb.GetAccuracyResponse]:
    """The year as foreseen at its start, and what GetAccuracy says after so many months."""
    with serving(folder, one.months[one.known]) as stub:
        register(stub, one)
        record(stub, one, slice(0, one.known))
        run(stub)
        fan = stored(stub, one)
    told = pb.GetAccuracyResponse()
    for passed in range(1, months + 1):
        with serving(folder, one.months[one.known + passed]) as stub:
            record(stub, one, slice(one.known + passed - 1, one.known + passed))
            run(stub)
            told = stub.GetAccuracy(pb.GetAccuracyRequest(), timeout=WAIT_S)
    return fan, told


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--months", type=int, default=1, choices=range(1, HORIZON))
    options.add_argument("--series", type=int, default=767)
    options.add_argument("--limit", type=float, default=0.02)
    given = options.parse_args()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    one = hospital(given.series)
    with tempfile.TemporaryDirectory(prefix="larrey-served-") as place:
        folder = Path(place)
        command = by_command(one, folder)
        service, told = served(one, folder, given.months)
    year, first = slice(0, HORIZON), slice(0, 1)
    rows = {
        "command, 12 months": figures(one, command, year),
        "service, 12 months": figures(one, service, year),
        "command, 1 month ahead": figures(one, command, first),
        "service, 1 month ahead": figures(one, service, first),
        f"GetAccuracy after {given.months} month(s)": {
            "MASE": told.scaled_error,
            "WQL": told.weighted_quantile_loss,
            "cov80": told.coverage_80,
            "cov95": told.coverage_95,
            "at or below q0.9": told.below_p90,
        },
    }
    table = Table("forecasts of", *next(iter(rows.values())))
    for name, found in rows.items():
        table.add_row(name, *(f"{value:.4f}" for value in found.values()))
    printer = Console(width=120)
    printer.print(table)
    printer.print(f"{told.actuals} actuals came true.")
    ours, theirs = (rows[f"{name}, 12 months"]["WQL"] for name in ("service", "command"))
    kept = ours <= (1 + given.limit) * theirs
    printer.print("kept" if kept else "BROKEN: the service loses more than the command")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
