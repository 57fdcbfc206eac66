"""Movements of stock: which of them are demand, and when two of them are the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from hashlib import blake2b
from typing import NamedTuple

from shared.errors import Refusal


class Reason(IntEnum):
    """Why stock moved. The numbers are stored in the history and never change."""

    PATIENT = 1
    WARD = 2
    WASTE = 3
    EXPIRY = 4
    TRANSFER = 5
    RECALL = 6
    DONATION = 7
    RETURN = 8
    CRISIS = 9


# What a forecast learns from. Waste, expiry, recalls, donations and transfers are kept
# in the history for whoever asks, but ordering more because more was thrown away is wrong.
LEARNT: Mapping[Reason, int] = {Reason.PATIENT: 1, Reason.WARD: 1, Reason.RETURN: -1}


class SentMovement(NamedTuple):
    """One row as it was sent: well-formed, not yet checked against the catalogue."""

    row: int
    movement_id: str
    site_id: str
    code_system: str
    code: str
    amount: float
    unit: str
    reason: int
    seconds: int
    nanos: int
    ward_id: str


@dataclass(frozen=True, slots=True)
class RowRefusal:
    """Why a row was refused; `row` counts from 0 over the whole stream.

    The refusal's field is a path inside the row, such as "quantity.amount".
    """

    row: int
    movement_id: str
    refusal: Refusal


class Movement(NamedTuple):
    """One change of stock that was taken in; `day` counts from 1970, amounts in base units."""

    movement_id: str
    fingerprint: int
    item_id: str
    site_id: str
    day: int
    reason: int
    amount: float
    ward_id: str


# How a history file names the same. What is set apart for a crisis (ORSAN, epidemic) is no guide
# to ordinary days.
REASON_WORDS: Mapping[str, int] = {reason.name.lower(): LEARNT.get(reason, 0) for reason in Reason}


def learnt_amount(reason: Reason, amount: float) -> float:
    """What a movement adds to demand: a return takes off, waste and the like add nothing."""
    return LEARNT.get(reason, 0) * amount


def fingerprint(sent: SentMovement, item_id: str, site_id: str) -> int:
    """64 bits of the content, so that the same id with other content is noticed.

    The item counts by its own id: the same movement sent again under the pack's CIP7
    instead of its CIP13 is the same movement.
    """
    content = (
        f"{site_id}\x1f{item_id}\x1f{sent.amount + 0.0!r}\x1f{sent.unit}\x1f{sent.reason}"
        f"\x1f{sent.seconds}\x1f{sent.nanos}\x1f{sent.ward_id}"
    )
    digest = blake2b(content.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
