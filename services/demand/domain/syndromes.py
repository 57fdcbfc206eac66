"""Which item classes the calls of a syndrome group may move."""

from __future__ import annotations

import re
from collections.abc import Mapping

# A group moves the class of its own name. These move others as well, because part of
# those patients is usually given what the other class holds.
ALSO_MOVES: Mapping[str, tuple[str, ...]] = {
    "respiratory": ("infection",),  # antibiotics and antivirals for pneumonia and influenza
    "obstetric": ("trauma",),  # bleeding at birth: tranexamic acid, volume, blood
    "intoxication": ("neurologic",),  # sedation and seizures
}
NAME = re.compile(r"[a-z][a-z_]{0,63}")


def is_group(name: str) -> bool:
    """Whether `name` can be the name of a syndrome group."""
    return NAME.fullmatch(name) is not None


def classes_moved(group: str) -> tuple[str, ...]:
    """The item classes that calls of `group` may move, its own first."""
    return (group, *ALSO_MOVES.get(group, ()))


def groups_moving(item_class: str, groups: frozenset[str]) -> frozenset[str]:
    """Those of `groups` whose calls may move `item_class`."""
    return frozenset(group for group in groups if item_class in classes_moved(group))
