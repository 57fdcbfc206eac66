"""Substitutes that a named pharmacist approved: shown to people, never ordered by a plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.catalogue.codes import Code
from shared.errors import Malformed


@dataclass(frozen=True, slots=True)
class Substitute:
    """`ratio` base units of the substitute stand for one base unit of the item."""

    item_id: str
    substitute_id: str
    ratio: float
    note: str
    approved_by: str
    approved_time: datetime


@dataclass(frozen=True, slots=True)
class Approved:
    """What stands for one item: (code, ratio, note) of each substitute."""

    item: Code
    substitutes: tuple[tuple[Code, float, str], ...]


def check_substitutes(
    item_id: str, substitute_ids: Sequence[str], seen: frozenset[str], field: str
) -> None:
    """Malformed ITEM_TWICE, SUBSTITUTE_ITSELF or SUBSTITUTE_TWICE."""
    if item_id in seen:
        raise Malformed(
            "ITEM_TWICE",
            "The request names this item twice. Send all its substitutes in one entry: they "
            "replace those of before.",
            field=f"{field}.item",
            item_id=item_id,
        )
    for place, substitute_id in enumerate(substitute_ids):
        where = f"{field}.substitutes[{place}].item"
        if substitute_id == item_id:
            raise Malformed(
                "SUBSTITUTE_ITSELF",
                "An item is no substitute of itself. Name the other item, or leave it out.",
                field=where,
                item_id=item_id,
            )
        if substitute_id in substitute_ids[:place]:
            raise Malformed(
                "SUBSTITUTE_TWICE",
                "The item has this substitute twice. Keep one entry with the right ratio.",
                field=where,
                item_id=item_id,
            )
