"""Approved substitutes between protobuf and the domain."""

from __future__ import annotations

from larrey.replenishment.v1 import replenishment_pb2 as pb
from services.replenishment.domain.risks import Candidate
from services.replenishment.domain.substitutes import Approved
from services.replenishment.wire.dates import instant_to_wire
from services.replenishment.wire.supply import availability_to_wire
from shared.catalogue.wire import code_from_wire


def approved_from_wire(request: pb.PutSubstitutesRequest) -> list[Approved]:
    """Malformed CODE_MALFORMED, CHECK_DIGIT_WRONG."""
    return [
        Approved(
            code_from_wire(entry.item, f"entries[{place}].item"),
            tuple(
                (
                    code_from_wire(one.item, f"entries[{place}].substitutes[{k}].item"),
                    one.ratio,
                    one.note,
                )
                for k, one in enumerate(entry.substitutes)
            ),
        )
        for place, entry in enumerate(request.entries)
    ]


def candidate_to_wire(candidate: Candidate) -> pb.SubstituteCandidate:
    rule, risk = candidate.substitute, candidate.risk
    wire = pb.SubstituteCandidate(
        item_id=rule.substitute_id,
        ratio=rule.ratio,
        note=rule.note,
        approved_by=rule.approved_by,
        approved_time=instant_to_wire(rule.approved_time),
    )
    if risk is not None:
        wire.label = risk.item.label
        wire.days_of_cover = risk.days_of_cover
        wire.stockout_probability = risk.probability
        wire.availability = availability_to_wire(risk.status)
    return wire
