"""Facility reports on the wire."""

from __future__ import annotations

from larrey.orientation.v1 import orientation_pb2 as pb
from services.orientation.domain.facilities import BedCount, Facility, Limits, OpenSpan
from services.orientation.wire.times import from_stamp, to_stamp


def beds_from_wire(report: pb.FacilityReport) -> tuple[BedCount, ...]:
    return tuple(
        BedCount(
            bed.capacity_status,
            bed.temporality,
            bed.beds,
            from_stamp(bed.updated_time, f"beds[{index}].updated_time"),
        )
        for index, bed in enumerate(report.beds)
    )


def limits_from_wire(report: pb.FacilityReport) -> Limits:
    """Ages, rank and hours; what is left out stays as it was known."""
    return Limits(
        report.age_from_years if report.HasField("age_from_years") else None,
        report.age_until_years if report.HasField("age_until_years") else None,
        report.orsan_rank,
        tuple(OpenSpan(span.from_minute, span.until_minute) for span in report.opening),
    )


def report_to_wire(facility: Facility) -> pb.FacilityReport:
    """Also what a caller sends to report a facility as it knows it."""
    return pb.FacilityReport(
        finess_geo=facility.finess_geo,
        name=facility.name,
        latitude=facility.latitude,
        longitude=facility.longitude,
        capabilities=sorted(facility.capabilities),
        beds=[
            pb.BedCount(
                capacity_status=bed.status,
                temporality=bed.temporality,
                beds=bed.beds,
                updated_time=to_stamp(bed.updated),
            )
            for bed in facility.beds
        ],
        closed=facility.closed,
        synthetic_capabilities=facility.synthetic,
        age_from_years=facility.age_from,
        age_until_years=facility.age_until,
        orsan_rank=facility.orsan_rank,
        opening=[
            pb.OpenSpan(from_minute=span.from_min, until_minute=span.until_min)
            for span in facility.opening
        ],
    )
