"""Names derived from topic names."""

from __future__ import annotations

DEAD = ".dead"


def dead_topic(topic: str) -> str:
    """Where events of `topic` go that nobody can use."""
    return topic + DEAD


def with_dead(topics: list[str]) -> list[str]:
    """Every topic once, each followed by its dead-letter topic."""
    names = dict.fromkeys(t for t in topics if not t.endswith(DEAD))
    return [name for topic in names for name in (topic, dead_topic(topic))]
