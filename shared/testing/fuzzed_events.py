"""Broken facts at a service's own intake, on a real store: set aside, never a crash."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message

from shared.events import Event, topic_of
from shared.events.intake import Intake, Outcome
from shared.events.log import Delivery
from shared.service import ServiceParts
from shared.testing.fuzzing import Target
from shared.testing.mutants import message_mutant

EXAMPLES = Path(__file__).resolve().parents[2] / "proto" / "examples"
Build = Callable[[Mapping[str, str]], ServiceParts]


def settings_in(folder: Path) -> dict[str, str]:
    return {
        "LARREY_DATABASE_URL": f"sqlite:///{folder}/fuzz.db",
        "LARREY_EVENTS_URL": f"sqlite:///{folder}/fuzz-events.db",
        "LARREY_DATA_DIR": str(folder / "data"),
    }


def event_targets(build: Build, folder: Path) -> Iterator[Target]:
    """One target for each fact that the service hears; its example must be taken."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = build(settings_in(folder))
    parts.database.migrate(parts.migrations)
    intake = Intake(
        parts.database,
        f"larrey.{parts.name}",
        parts.handlers,
        parts.clock,
        longest_wait=timedelta(days=1),
    )
    for kind in parts.handlers:
        topic = topic_of(kind)
        told = json.loads((EXAMPLES / f"{topic}.json").read_text())
        seed = json_format.ParseDict(told, kind()).SerializeToString()
        name = f"{parts.name} hears {topic}"
        yield Target(name, [seed], message_mutant(kind), _reader(intake, kind))


def _reader(intake: Intake, kind: type[Message]) -> Callable[[bytes], object]:
    number = iter(range(sys.maxsize))
    topic = topic_of(kind)

    def read(data: bytes) -> Any:
        place = next(number)
        now = datetime.now(UTC)
        event = Event(f"fuzz-{place}", topic, "key", data, now, {})
        outcomes = intake.alone(Delivery(event, 0, place))
        if not set(outcomes) <= set(Outcome):
            raise AssertionError(f"not an outcome: {outcomes}")
        return outcomes

    return read


def service_build(name: str) -> Build:
    """`build` of services.<name>.main, found by its name."""
    found: Build = importlib.import_module(f"services.{name}.main").build
    return found
