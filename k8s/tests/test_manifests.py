"""Every overlay renders, validates strictly, and names what the code really has."""

from __future__ import annotations

import dataclasses
import importlib
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from larrey.demand.v1 import demand_pb2
from larrey.orientation.v1 import orientation_pb2
from larrey.replenishment.v1 import replenishment_pb2

K8S = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
OVERLAYS = sorted(p.name for p in (K8S / "overlays").iterdir())
SERVICES = {
    "demand": demand_pb2,
    "replenishment": replenishment_pb2,
    "orientation": orientation_pb2,
}
GRACE_BEYOND_STOP_S = 10


@cache
def rendered(overlay: str) -> str:
    done = subprocess.run(
        [BIN / "kubectl", "kustomize", K8S / "overlays" / overlay],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout


def resources(overlay: str, kind: str) -> dict[str, Any]:
    found = [r for r in yaml.safe_load_all(rendered(overlay)) if r["kind"] == kind]
    return {r["metadata"]["name"]: r for r in found}


def container(overlay: str, service: str) -> Any:
    return resources(overlay, "Deployment")[service]["spec"]["template"]["spec"]["containers"][0]


def validated(path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BIN / "kubernetes-validate", "--strict", "-k", "1.36", path],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_overlay_validates_strictly(overlay: str, tmp_path: Path) -> None:
    path = tmp_path / "rendered.yaml"
    path.write_text(rendered(overlay))
    done = validated(path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_validation_refuses_a_misspelt_field(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(rendered("dev").replace("readOnlyRootFilesystem", "readOnlyRootFileSystem"))
    assert validated(path).returncode != 0


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("service", SERVICES)
def test_every_environment_variable_is_a_setting_of_its_service(overlay: str, service: str) -> None:
    settings = importlib.import_module(f"services.{service}.settings").Settings
    known = {f.metadata["env"]: f for f in dataclasses.fields(settings)}
    given = {variable["name"] for variable in container(overlay, service)["env"]}
    assert given <= set(known)
    needed = {env for env, f in known.items() if f.default is dataclasses.MISSING}
    assert needed <= given


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize(("service", "module"), SERVICES.items())
def test_the_readiness_probe_asks_for_a_service_that_exists(
    overlay: str, service: str, module: Any
) -> None:
    probe = container(overlay, service)["readinessProbe"]["grpc"]
    names = [s.full_name for s in module.DESCRIPTOR.services_by_name.values()]
    assert probe["service"] in names
    ports = {p["name"]: p["containerPort"] for p in container(overlay, service)["ports"]}
    variables = {v["name"]: v.get("value", "") for v in container(overlay, service)["env"]}
    assert probe["port"] == ports["grpc"]
    assert variables["LARREY_GRPC_ADDRESS"].endswith(f":{ports['grpc']}")
    assert variables["LARREY_METRICS_ADDRESS"].endswith(f":{ports['metrics']}")


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("service", SERVICES)
def test_a_pod_gets_longer_to_end_than_its_calls_do(overlay: str, service: str) -> None:
    pod = resources(overlay, "Deployment")[service]["spec"]["template"]["spec"]
    variables = {v["name"]: v.get("value", "") for v in container(overlay, service)["env"]}
    stop = int(variables["LARREY_STOP_GRACE_SECONDS"])
    assert pod["terminationGracePeriodSeconds"] >= stop + GRACE_BEYOND_STOP_S


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("service", SERVICES)
def test_no_container_may_gain_rights_or_write_its_root(overlay: str, service: str) -> None:
    pod = resources(overlay, "Deployment")[service]["spec"]["template"]["spec"]
    rights = container(overlay, service)["securityContext"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert rights["readOnlyRootFilesystem"] is True
    assert rights["allowPrivilegeEscalation"] is False
    assert rights["capabilities"]["drop"] == ["ALL"]
