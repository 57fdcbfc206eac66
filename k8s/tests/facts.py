"""What the code says of itself: settings, doors, topics, groups; the manifests are held to it."""

from __future__ import annotations

import dataclasses
import importlib
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from shared.events import topic_of
from shared.events.topics import dead_topic

NOWHERE = {
    "LARREY_DATABASE_URL": "sqlite:////nowhere/state.db",
    "LARREY_EVENTS_URL": "sqlite:////nowhere/events.db",
}


def settings_class(service: str) -> Any:
    return importlib.import_module(f"services.{service}.settings").Settings


@cache
def settings_of(service: str) -> dict[str, Any]:
    """LARREY_… → the dataclass field behind it."""
    return {f.metadata["env"]: f for f in dataclasses.fields(settings_class(service))}


@dataclasses.dataclass(frozen=True, slots=True)
class Doors:
    """What a service joins together in its main."""

    health: tuple[str, ...]
    tells: frozenset[str]
    hears: frozenset[str]
    group: str


@cache
def doors_of(service: str) -> Doors:
    """Builds the service as its main does, in a folder of its own, and starts nothing."""
    with tempfile.TemporaryDirectory() as folder:
        build = importlib.import_module(f"services.{service}.main").build
        parts = build({**NOWHERE, "LARREY_DATA_DIR": str(Path(folder))})
        found = Doors(
            tuple(parts.health_names),
            frozenset(topic_of(kind) for kind in parts.publishes),
            frozenset(topic_of(kind) for kind in parts.handlers),
            f"larrey.{parts.name}",
        )
        parts.database.close()
        parts.log.close()
    return found


def all_topics(services: tuple[str, ...]) -> set[str]:
    """Every topic that any service tells or hears, with its dead letters."""
    plain = {t for s in services for t in doors_of(s).tells | doors_of(s).hears}
    return plain | {dead_topic(t) for t in plain}
