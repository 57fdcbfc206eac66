"""Builds the control plane once into a cache: `python -m k8s.cluster.build`.

Needs Go 1.26 and the Go module proxy, about 4 GB of disk and, once, some ten minutes of two
cores. What is built is kept under the user's cache (LARREY_CACHE) by the digest of its sources.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from shared.testing.jars import cache_folder

SOURCES = Path(__file__).parent
KWOK, KUBERNETES = "sigs.k8s.io/kwok", "k8s.io/kubernetes"
# A Pod that is ready at once and gone at once would hide that nobody waited for it.
SLOWED_MS = {"pod-ready": 600, "pod-complete": 300, "pod-delete": 200}


class NotBuilt(RuntimeError):
    """Go is missing, or a module is not the one that was locked."""


@dataclass(frozen=True, slots=True)
class Built:
    """The program with all parts, how the played nodes treat Pods, the operators' types."""

    program: Path
    stages: Path
    types: Path


def _go(*arguments: str, cwd: Path, **more: str) -> str:
    if shutil.which("go") is None:
        raise NotBuilt("make test-k8s needs Go 1.26 or newer (`go` on PATH): see go.dev/dl.")
    done = subprocess.run(
        ["go", *arguments],  # noqa: S607  the one that the operator has
        cwd=cwd,
        env={**os.environ, "GOFLAGS": "-mod=mod", **more},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NotBuilt(f"go {arguments[0]} ended with {done.returncode}: the lines above say why.")
    return done.stdout


def _module(path: str, version: str, cwd: Path) -> Path:
    return Path(json.loads(_go("mod", "download", "-json", f"{path}@{version}", cwd=cwd))["Dir"])


def version_of(module: str) -> str:
    """The version that go.mod asks for."""
    for line in (SOURCES / "go.mod").read_text().splitlines():
        name, _, version = line.strip().partition(" ")
        if name == module and version:
            return version.split()[0]
    raise NotBuilt(f"go.mod names no {module}")


def operators_types() -> list[Any]:
    """The types of cert-manager, KEDA and the Prometheus operator, from their own modules."""
    found = []
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "go.mod").write_text("module types\n")
        for line in (SOURCES / "crds.lock").read_text().splitlines():
            if line.startswith("#"):
                continue
            module, version, file, sha256 = line.split()
            told = (_module(module, version, Path(name)) / file).read_bytes()
            if hashlib.sha256(told).hexdigest() != sha256:
                raise NotBuilt(f"{file} of {module} {version} is not the file that was locked")
            found.append(yaml.safe_load(told))
    return found


def stages() -> list[Any]:
    """kwok's own stages of nodes and Pods, slowed down a little."""
    folder = _module(KWOK, version_of(KWOK), SOURCES) / "kustomize" / "stage"
    found = []
    for part in ("node/fast", "node/heartbeat-with-lease", "pod/fast"):
        for file in sorted((folder / part).glob("*-*.yaml")):
            stage = yaml.safe_load(file.read_text())
            slowed = SLOWED_MS.get(stage["metadata"]["name"])
            if slowed:
                stage["spec"]["delay"] = {"durationMilliseconds": slowed}
            found.append(stage)
    return found


def _digest() -> str:
    told = hashlib.sha256()
    for name in ("main.go", "go.mod", "go.sum", "crds.lock", "build.py"):
        told.update((SOURCES / name).read_bytes())
    return told.hexdigest()[:16]


def built(environ: Mapping[str, str] | None = None) -> Built:
    """What the cache holds, built first when it is not there; raises NotBuilt."""
    folder = cache_folder(os.environ if environ is None else environ) / "cluster" / _digest()
    found = Built(folder / "cluster", folder / "stages.yaml", folder / "types.yaml")
    if found.types.exists():
        return found
    folder.mkdir(parents=True, exist_ok=True)
    version = version_of(KUBERNETES)
    major, minor, _ = version.removeprefix("v").split(".")
    named = "k8s.io/component-base/version.git"
    linked = f"-s -w -X {named}Version={version} -X {named}Major={major} -X {named}Minor={minor}"
    print(f"building Kubernetes {version} once: some ten minutes", file=sys.stderr)  # noqa: T201
    _go("build", "-trimpath", "-ldflags", linked, "-o", str(found.program), ".",
        cwd=SOURCES, GOFLAGS="-mod=readonly -buildvcs=false")  # fmt: skip
    found.stages.write_text(yaml.safe_dump_all(stages()))
    found.types.write_text(yaml.safe_dump_all(operators_types()))
    return found


if __name__ == "__main__":
    try:
        print(built().program)  # noqa: T201
    except NotBuilt as error:
        sys.exit(str(error))
