"""Uses of equipment as they are reported: intervals, or hand-outs and returns apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np

from services.demand.domain.equipment import DAY, OPEN, Uses, peaks, uses_of
from services.demand.domain.findings import Found
from services.demand.domain.periods import EPOCH, Period
from services.demand.domain.series import Series
from shared.catalogue.codes import Code


@dataclass(frozen=True, slots=True)
class SentUse:
    """One row as it was sent: well-formed, not yet checked against the catalogue."""

    row: int
    use_id: str
    code: Code
    site: str
    unit_id: str
    start: datetime | None
    end: datetime | None


@dataclass(frozen=True, slots=True)
class Use:
    """One report; seconds since 1970 in UTC, None where it was not said. At least one is."""

    use_id: str
    item_id: str
    site_id: str
    unit_id: str
    start: int | None
    end: int | None


def peak_series(uses: Sequence[Use], as_of: date, zone: str, newest: int) -> Series | None:
    """The daily peaks of one item at one site, up to the day before `as_of`.

    Days are those of `zone`. The history begins on the day of the first use, and ends with the
    day of the site's `newest` report (seconds since 1970): silence after it is not known, and
    not 0. None when no day of it is over.
    """
    local = ZoneInfo(zone)
    if not uses:
        return None
    known = [_local(t, local) for one in uses for t in (one.start, one.end) if t is not None]
    today = (as_of - EPOCH).days
    first, until = min(known) // DAY, min(today, _local(newest, local) // DAY + 1)
    if first >= until:
        return None
    whole = [one for one in uses if one.start is not None and one.end is not None]
    apart = [one for one in uses if (one.start is None) != (one.end is None)]
    begins = [_local(one.start, local) for one in whole if one.start is not None]
    ends = [_local(one.end, local) for one in whole if one.end is not None]
    handed, found = _apart(apart, local, first * DAY)
    every = Uses(
        np.concatenate([np.array(begins, dtype=np.int64), handed.starts]),
        # in the hour that comes twice a use may seem to end before it began
        np.maximum(
            np.concatenate([np.array(ends, dtype=np.int64), handed.ends]),
            np.concatenate([np.array(begins, dtype=np.int64), handed.starts]) + 1,
        ),
    )
    values = peaks(every, first, until - first)
    return Series(
        uses[0].item_id,
        uses[0].site_id,
        Period.DAY,
        first,
        values,
        unseen=today - until,
        peak=True,
        noted=tuple(one.sentence for one in found),
    )


def _apart(uses: Sequence[Use], zone: ZoneInfo, first: int) -> tuple[Uses, Sequence[Found]]:
    """Hand-outs and returns matched by unit; a hand-out without a unit goes on."""
    unnamed = [one for one in uses if not one.unit_id and one.start is not None]
    named = [one for one in uses if one.unit_id]
    starts = [_local(one.start, zone) for one in unnamed if one.start is not None]
    going_on = np.array(starts, dtype=np.int64)
    if not named:
        return Uses(going_on, np.full(len(going_on), OPEN)), ()
    times = [_local(one.end if one.start is None else one.start, zone) for one in named]
    out = np.array([one.start is not None for one in named])
    matched, found = uses_of(
        named[0].item_id,
        [one.unit_id for one in named],
        np.array(times, dtype=np.int64),
        out,
        first,
    )
    return (
        Uses(
            np.concatenate([matched.starts, going_on]),
            np.concatenate([matched.ends, np.full(len(going_on), OPEN)]),
        ),
        found,
    )


def _local(seconds: int | None, zone: ZoneInfo) -> int:
    """Seconds since 1970 on the clock of the wall."""
    moment = datetime.fromtimestamp(seconds or 0, zone)
    offset = moment.utcoffset()
    return (seconds or 0) + (0 if offset is None else round(offset.total_seconds()))
