"""Take in what facilities report of themselves: capabilities, beds, closing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from services.orientation.domain.facilities import BedCount, Facility, Limits
from services.orientation.ports import Around, Meter, Record, Records
from shared.clock import Clock
from shared.errors import Malformed, Refusal

FINESS = re.compile(r"[0-9][0-9AB][0-9]{7}")
ACTIVITY = re.compile(r"[0-9A-Za-z]{1,8}")
CLOCK_SLACK = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Report:
    """One row. A position or capabilities left out keep what was known before."""

    finess_geo: str
    name: str = ""
    latitude: float | None = None
    longitude: float | None = None
    capabilities: frozenset[str] = frozenset()
    beds: tuple[BedCount, ...] = ()
    closed: bool = False
    synthetic: bool = False
    limits: Limits = field(default_factory=Limits)


@dataclass(slots=True)
class Tally:
    accepted: int = 0
    superseded: int = 0
    refused: list[tuple[int, str, Refusal]] = field(default_factory=list)

    def refuse(self, row: int, finess_geo: str, refusal: Refusal) -> None:
        self.refused.append((row, finess_geo, refusal))


@dataclass(frozen=True, slots=True)
class ReportCapacity:
    """Writes the rows of one request in one transaction; a refused row harms no other."""

    records: Records
    around: Around
    meter: Meter
    clock: Clock

    def __call__(self, rows: Sequence[tuple[int, Report]], tally: Tally) -> None:
        now = self.clock.now()
        accepted, superseded, refused = 0, 0, 0
        with self.records.open() as record:
            for row, report in rows:
                try:
                    _check(report, now)
                    known = record.facility(report.finess_geo)
                    facility = self._facility(report, known[0] if known else None)
                except Refusal as refusal:
                    tally.refuse(row, report.finess_geo[:16], refusal)
                    refused += 1
                    continue
                counted = max((bed.updated for bed in report.beds), default=now)
                if known is not None and counted < known[1]:
                    superseded += 1
                    continue
                accepted += 1
                self._keep(record, facility, counted)
        self.around.refresh()
        tally.accepted += accepted
        tally.superseded += superseded
        self.meter.capacity(accepted, superseded, refused)

    def _keep(self, record: Record, facility: Facility, counted: datetime) -> None:
        record.put_facility(facility, counted)
        record.tell_capacity(facility)

    def _facility(self, report: Report, known: Facility | None) -> Facility:
        """The row laid over what was reported before, or over the shipped directory."""
        base = known or self.around.now().directory.by_finess.get(report.finess_geo)
        if base is None:
            if report.latitude is None or report.longitude is None:
                raise Malformed(
                    "POSITION_MISSING",
                    "This facility is new here and has no position. Send its latitude and "
                    "longitude once.",
                    field="latitude",
                )
            base = Facility(report.finess_geo, "", report.latitude, report.longitude)
        limits = report.limits
        synthetic = report.synthetic if report.capabilities else base.synthetic
        return replace(
            base,
            name=report.name or base.name,
            latitude=base.latitude if report.latitude is None else report.latitude,
            longitude=base.longitude if report.longitude is None else report.longitude,
            capabilities=report.capabilities or base.capabilities,
            beds=report.beds or base.beds,
            closed=report.closed,
            synthetic=synthetic,
            age_from=base.age_from if limits.age_from is None else limits.age_from,
            age_until=base.age_until if limits.age_until is None else limits.age_until,
            orsan_rank=limits.orsan_rank or base.orsan_rank,
            opening=limits.opening or base.opening,
        )


def _check(report: Report, now: datetime) -> None:
    if not FINESS.fullmatch(report.finess_geo):
        raise Malformed(
            "SITE_MALFORMED",
            "finess_geo must be the geographic FINESS number: 9 characters kept as text. "
            "Check for a lost leading zero.",
            field="finess_geo",
        )
    if not report.name.isprintable():
        raise Malformed(
            "FIELD_INVALID",
            "The name holds control characters. Remove them and send it again.",
            field="name",
        )
    for code in sorted(report.capabilities):
        if not ACTIVITY.fullmatch(code):
            raise Malformed(
                "FIELD_INVALID",
                "A capability must be a ROR activity code (R211), such as 157. Correct it.",
                field="capabilities",
            )
    ages = report.limits
    if ages.age_from is not None and ages.age_until is not None and ages.age_from >= ages.age_until:
        raise Malformed(
            "AGES_CROSSED",
            "age_from_years lies above age_until_years, so nobody would be taken. Swap them.",
            field="age_from_years",
        )
    for index, bed in enumerate(report.beds):
        if bed.beds < 0:
            raise Malformed(
                "COUNT_NEGATIVE",
                "A number of beds cannot be negative. Send 0 when there is none.",
                field=f"beds[{index}].beds",
            )
        if bed.updated > now + CLOCK_SLACK:
            raise Malformed(
                "REPORT_IN_FUTURE",
                "The count was taken after the present instant. Check the clock of the sender.",
                field=f"beds[{index}].updated_time",
            )
