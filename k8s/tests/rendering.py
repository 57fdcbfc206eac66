"""The manifests of an overlay as the API server would get them, and what they run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

K8S = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
OVERLAYS = sorted(p.name for p in (K8S / "overlays").iterdir())
SERVICES = ("demand", "orientation", "replenishment")
Manifest = dict[str, Any]


@cache
def rendered(overlay: str) -> str:
    """What `kubectl kustomize` makes of an overlay."""
    done = subprocess.run(
        [BIN / "kubectl", "kustomize", K8S / "overlays" / overlay],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout


def manifests(overlay: str) -> list[Manifest]:
    """A fresh copy that a test may break."""
    return list(yaml.load_all(rendered(overlay), Loader=yaml.CSafeLoader))


def of_kind(docs: list[Manifest], kind: str) -> dict[str, Manifest]:
    return {d["metadata"]["name"]: d for d in docs if d["kind"] == kind}


def pods(docs: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """(kind/name, pod template) of everything that runs Pods."""
    for doc in docs:
        name = f"{doc['kind']}/{doc['metadata']['name']}"
        if doc["kind"] in ("Deployment", "Job"):
            yield name, doc["spec"]["template"]
        elif doc["kind"] == "CronJob":
            yield name, doc["spec"]["jobTemplate"]["spec"]["template"]


def container(docs: list[Manifest], service: str) -> Manifest:
    found: Manifest = of_kind(docs, "Deployment")[service]["spec"]["template"]["spec"]
    first: Manifest = found["containers"][0]
    return first


def variables(container: Manifest) -> dict[str, str]:
    return {v["name"]: v.get("value", "") for v in container.get("env", ())}
