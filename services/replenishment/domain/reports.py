"""The rows of a stream of stock reports, before their item was found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from services.replenishment.domain.stock import StockReport
from shared.catalogue.codes import Code
from shared.catalogue.items import Item
from shared.errors import Refusal


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a stream: its place, its own id, and what it says.

    The item is only known by a code, so amounts become base units through `read` once
    the item was found; `read` refuses amounts that cannot be right.
    """

    place: int
    row_id: str
    code: Code
    site_id: str
    counted_time: datetime
    read: Callable[[Item], StockReport]


@dataclass(frozen=True, slots=True)
class Refused:
    place: int
    row_id: str
    refusal: Refusal
