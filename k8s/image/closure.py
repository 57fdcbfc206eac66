"""The part of the lock that one service needs: `python -m k8s.image.closure SERVICE`."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
OPTIONAL = ("access", "tracing")  # every image can be closed and traced
ENTRY = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;\\]+)")


def locked() -> dict[str, str]:
    """Name → its entries in the lock, hashes and all, as they stand there."""
    found: dict[str, str] = {}
    name = ""
    for line in (ROOT / "requirements.lock").read_text().splitlines(keepends=True):
        if entry := ENTRY.match(line):
            name = canonicalize_name(entry["name"])
        found[name] = found.get(name, "") + line
    return found


def _wanted(requirement: Requirement, extras: set[str]) -> bool:
    if requirement.marker is None:
        return True
    return any(requirement.marker.evaluate({"extra": extra}) for extra in ("", *extras))


def _needs(name: str, extras: set[str]) -> Iterator[Requirement]:
    try:
        listed = requires(name) or []
    except PackageNotFoundError:
        raise SystemExit(f"{name} is not installed here: run this with the whole lock.") from None
    for text in listed:
        requirement = Requirement(text)
        if _wanted(requirement, extras):
            yield requirement


def closure(service: str) -> list[str]:
    """Names of everything that `service` runs with, sorted; SystemExit when there is none such."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    if f"services.{service}" not in str(project["entry-points"]):
        raise SystemExit(
            f"There is no service {service}: name demand, replenishment or orientation."
        )
    texts = [*project["dependencies"], *extras[service]]
    for name in OPTIONAL:
        texts += extras[name]
    left = [r for r in map(Requirement, texts) if _wanted(r, set())]
    seen: dict[str, set[str]] = {}
    while left:
        requirement = left.pop()
        name = canonicalize_name(requirement.name)
        if name in seen and requirement.extras <= seen[name]:
            continue
        seen[name] = seen.get(name, set()) | requirement.extras
        left += _needs(name, seen[name])
    return sorted(seen)


def main(service: str) -> None:
    entries = locked()
    for name in closure(service):
        sys.stdout.write(entries[name])


if __name__ == "__main__":
    main(sys.argv[1])
