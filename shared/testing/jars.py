"""The libraries of Apache Kafka: exact artifacts, fetched once, checked each time."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import jgo.maven

LOCK = Path(__file__).with_name("kafka.lock")
THREADS = 8
ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Artifact:
    """One jar of the lock, or another file of its kind."""

    group: str
    name: str
    version: str
    sha256: str
    packaging: str = "jar"

    def __str__(self) -> str:
        return f"{self.group}:{self.name}:{self.version}"


class NotFetched(RuntimeError):
    """An artifact could not be had, or is not the one that was locked."""


def read_lock(text: str) -> list[Artifact]:
    """The artifacts of a lock: lines of `group:artifact:version sha256`."""
    found = []
    for line in text.splitlines():
        if line and not line.startswith("#"):
            coordinate, sha256 = line.split()
            group, name, version = coordinate.split(":")
            found.append(Artifact(group, name, version, sha256))
    return found


def cache_folder(environ: Mapping[str, str]) -> Path:
    """LARREY_CACHE, or a folder of the user's own."""
    named = environ.get("LARREY_CACHE")
    return Path(named) if named else Path.home() / ".cache" / "larrey"


def _matches(path: Path, artifact: Artifact) -> bool:
    return hashlib.sha256(path.read_bytes()).hexdigest() == artifact.sha256


def fetch(artifact: Artifact, folder: Path) -> Path:
    """The jar on disk; fetched when it is missing, and again when it was damaged."""
    context = jgo.maven.MavenContext(repo_cache=folder, timeout=60)
    component = context.project(artifact.group, artifact.name).at_version(artifact.version)
    last: Exception | None = None
    for _ in range(ATTEMPTS):
        try:
            path = Path(component.artifact(packaging=artifact.packaging).resolve())
        except Exception as error:  # noqa: BLE001  the client raises whatever broke; told below
            last = error
            continue
        if _matches(path, artifact):
            return path
        path.unlink()
    reason = f"{type(last).__name__}: {last}" if last else "its SHA-256 is not the locked one"
    raise NotFetched(f"{artifact} could not be fetched from the Maven repository: {reason}")


def class_path(environ: Mapping[str, str] | None = None) -> str:
    """The class path of the locked Kafka; NotFetched when one jar cannot be had."""
    folder = cache_folder(os.environ if environ is None else environ) / "maven"
    folder.mkdir(parents=True, exist_ok=True)
    artifacts = read_lock(LOCK.read_text(encoding="utf-8"))
    with ThreadPoolExecutor(THREADS) as pool:
        paths = list(pool.map(lambda artifact: fetch(artifact, folder), artifacts))
    return os.pathsep.join(str(path) for path in paths)
