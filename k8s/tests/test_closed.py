"""The nightly run's own arguments reach a demand service that production's settings closed."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from k8s.tests.rendering import container, manifests, of_kind, variables
from loadtests.day.processes import READY_S, Running, start
from shared.rpc import channel
from shared.rpc.call import call
from shared.rpc.client import ClientFiles
from shared.testing.certificates import Authority

pytestmark = pytest.mark.slow
SERVICE = "larrey.demand.v1.DemandService"
ROOT = "/etc/larrey/tls"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("closed")


@pytest.fixture(scope="module")
def authority(folder: Path) -> Authority:
    return Authority(folder / "ca")


@pytest.fixture(scope="module")
def demand(folder: Path, authority: Authority) -> Iterator[Running]:
    """The real service with the LARREY_ACCESS, _TLS_ and limit variables of the manifest."""
    issued = authority.issue("demand", ["spiffe://larrey/role/service"])
    files = {"tls.crt": issued.cert, "tls.key": issued.key, "ca.crt": issued.ca}
    given = variables(container(manifests("production"), "demand"))
    closing = {
        name: str(files[value.removeprefix(f"{ROOT}/")]) if value.startswith(ROOT) else value
        for name, value in given.items()
        if name.startswith(("LARREY_ACCESS", "LARREY_TLS", "LARREY_CALLS", "LARREY_STREAMS"))
    }
    assert len(closing) >= 6
    running = start(
        "demand",
        folder / "demand",
        events_url=f"sqlite:///{folder / 'events.db'}",
        database_url=f"sqlite:///{folder / 'state.db'}",
        clock_start="2026-01-05T06:00:00+00:00",
        more=closing,
    )
    try:
        running.wait_ready(time.monotonic() + READY_S)
        yield running
    finally:
        running.stop()


def nightly(demand: Running, authority: Authority, uris: list[str]) -> tuple[int, str]:
    """Runs the container's command with a certificate of these rights."""
    job = of_kind(manifests("production"), "CronJob")["demand-run"]
    spec = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    issued = authority.issue("demand-run", uris)
    args = []
    for said in spec["containers"][0]["args"]:
        arg = said
        for name, path in (
            ("ca.crt", issued.ca),
            ("tls.crt", issued.cert),
            ("tls.key", issued.key),
        ):
            arg = arg.replace(f"{ROOT}/{name}", str(path))
        arg = arg.replace("demand:50051", demand.grpc.replace("127.0.0.1", "localhost"))
        args.append(arg.replace("$(JOB_NAME)", "demand-run-1").replace("120", "30"))
    done = subprocess.run(
        [Path(sys.executable).parent / "larrey", *args],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stdout + done.stderr


def test_the_nightly_run_is_let_in_and_a_retry_starts_no_second_run(
    demand: Running, authority: Authority
) -> None:
    erp = authority.issue("erp", ["spiffe://larrey/role/erp/site/*"])
    files = ClientFiles(ca=erp.ca, cert=erp.cert, key=erp.key)
    code = {"system": "CODE_SYSTEM_LOCAL", "code": "A"}
    per = {"base_per_dispensing_unit": 1, "dispensing_units_per_pack": 1}
    item = {"item_id": "A", "label": "A", "base_unit": "box", "codes": [code], **per}
    site = {"site_id": "440000016", "name": "A"}
    movement = {
        "movement_id": "m1",
        "site_id": site["site_id"],
        "item": code,
        "quantity": {"amount": 3, "unit": "UNIT_BASE"},
        "reason": "MOVEMENT_REASON_PATIENT",
        "occurred_time": "2026-01-04T10:00:00Z",
    }
    with channel(demand.grpc.replace("127.0.0.1", "localhost"), files=files) as opened:
        for rpc, body in (
            ("PutItems", {"items": [item]}),
            ("PutSites", {"sites": [site]}),
            ("RecordConsumption", {"movements": [movement]}),
        ):
            told = list(call(opened, f"{SERVICE}/{rpc}", json.dumps(body), 30))
            assert "refused" not in told[0], told
    docs = manifests("production")
    uris = of_kind(docs, "Certificate")["demand-run-tls"]["spec"]["uris"]
    first = nightly(demand, authority, uris)
    assert first[0] == 0, first
    assert '"run_id"' in first[1]
    again = nightly(demand, authority, uris)
    run = [line for line in first[1].splitlines() if "run_id" in line]
    assert [line for line in again[1].splitlines() if "run_id" in line] == run


def test_a_role_that_starts_no_runs_is_turned_away_with_a_reason(
    demand: Running, authority: Authority
) -> None:
    code, said = nightly(demand, authority, ["spiffe://larrey/role/regulator/samu/*"])
    assert code == 1
    assert "ROLE_MAY_NOT" in said
