"""The parts of an answer that come again and again, as bytes of the wire, each made once.

An answer of one case holds some fifty small messages. Making each as an object costs more
than finding it, so what repeats (reasons, sites, responses, findings) is kept as bytes; the
numbers of the case are put behind. The fields are those of orientation.proto.
"""

from __future__ import annotations

from functools import lru_cache
from struct import Struct

from larrey.orientation.v1 import orientation_pb2 as pb
from services.orientation.domain.findings import Finding
from services.orientation.domain.ranking import FacilityOption
from services.orientation.domain.response import Response
from services.orientation.domain.severity import Reason

MOST_KEPT = 16_384  # of each kind: some 2 MB
LENGTHS = [bytes((n,)) for n in range(128)]
# tag of a field followed by a double, little-endian
REASON_LOG_ODDS, RESPONSE_BENEFIT = b"\x19", b"\x29"
FACILITY_NUMBERS = Struct("<BdBdBd")
TRAVEL, SCORE, CONFIDENCE = 0x19, 0x41, 0x59
FACILITY_BEDS, FACILITY_BEDS_AGE = b"\x30", b"\x39"
FACILITY_REASON, ANSWER_REASON, ANSWER_FINDING = b"\x4a", b"\x2a", b"\x3a"
ANSWER_RESPONSE, ANSWER_FACILITY = b"\x1a", b"\x22"
RESPONSE_ANSWER, FRAME_ANSWER = b"\x0a", b"\x12"
DOUBLE = Struct("<d").pack
DOUBLE_BYTES = 8


def sized(tag: bytes, body: bytes) -> bytes:
    """A field of the kind that tells its length before its bytes."""
    return tag + length(len(body)) + body


def length(value: int) -> bytes:
    """A whole number from 0 on as a varint: seven bits a byte, the lowest first."""
    if value < len(LENGTHS):
        return LENGTHS[value]
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


@lru_cache(maxsize=MOST_KEPT)
def _worded(tag: bytes, code: str, text: str, *, weighed: bool) -> bytes:
    """A reason up to the number that it adds, if it adds one."""
    body = pb.Reason(code=code, text=text).SerializeToString()
    if not weighed:
        return sized(tag, body)
    more = len(REASON_LOG_ODDS) + DOUBLE_BYTES
    return tag + length(len(body) + more) + body + REASON_LOG_ODDS


def reason_piece(tag: bytes, reason: Reason) -> bytes:
    code, text, log_odds = reason
    if log_odds is None:
        return _worded(tag, code, text, weighed=False)
    return _worded(tag, code, text, weighed=True) + DOUBLE(log_odds)


@lru_cache(maxsize=MOST_KEPT)
def finding_piece(finding: Finding) -> bytes:
    body = pb.Finding(code=finding.code, path=finding.path, remedy=finding.remedy)
    return sized(ANSWER_FINDING, body.SerializeToString())


@lru_cache(maxsize=MOST_KEPT)
def _offered(
    decision_type: str, resource_type: str, vehicle_type: str, reasons: tuple[Reason, ...]
) -> bytes:
    return pb.Response(
        decision_type=decision_type,
        resource_type=resource_type,
        vehicle_type=vehicle_type,
        reasons=[pb.Reason(code=r.code, text=r.text, log_odds=r.log_odds) for r in reasons],
    ).SerializeToString()


def response_piece(response: Response) -> bytes:
    *words, benefit = response
    body = _offered(*words)
    if benefit is not None:
        body += RESPONSE_BENEFIT + DOUBLE(benefit)
    return sized(ANSWER_RESPONSE, body)


@lru_cache(maxsize=MOST_KEPT)
def _site(
    finess_geo: str, name: str, met: tuple[str, ...], missing: tuple[str, ...], *, synthetic: bool
) -> bytes:
    return pb.FacilityOption(
        finess_geo=finess_geo,
        name=name,
        capabilities_met=met,
        capabilities_missing=missing,
        synthetic_capabilities=synthetic,
    ).SerializeToString()


def facility_piece(option: FacilityOption) -> bytes:
    site = option.facility
    parts = [
        _site(site.finess_geo, site.name, option.met, option.missing, synthetic=site.synthetic),
        FACILITY_NUMBERS.pack(
            TRAVEL, option.travel_min, SCORE, option.score_min, CONFIDENCE, option.confidence
        ),
    ]
    if option.beds_free is not None:
        parts += (FACILITY_BEDS, length(option.beds_free))
    if option.beds_age_min is not None:
        parts += (FACILITY_BEDS_AGE, DOUBLE(option.beds_age_min))
    parts += [reason_piece(FACILITY_REASON, reason) for reason in option.reasons]
    return sized(ANSWER_FACILITY, b"".join(parts))
