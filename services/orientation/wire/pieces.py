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


LENGTHS: list[bytes] = []
LENGTHS.extend([length(value) for value in range(1024)])  # of nearly every part of an answer


def sized(tag: bytes, body: bytes) -> bytes:
    """A field of the kind that tells its length before its bytes."""
    size = len(body)
    return tag + (LENGTHS[size] if size < len(LENGTHS) else length(size)) + body


@lru_cache(maxsize=MOST_KEPT)
def _said(tag: bytes, code: str, text: str) -> bytes:
    """A reason that adds no number."""
    return sized(tag, pb.Reason(code=code, text=text).SerializeToString())


@lru_cache(maxsize=MOST_KEPT)
def _weighed(tag: bytes, code: str, text: str) -> bytes:
    """A reason up to the number that it adds."""
    body = pb.Reason(code=code, text=text).SerializeToString()
    more = len(REASON_LOG_ODDS) + DOUBLE_BYTES
    return tag + length(len(body) + more) + body + REASON_LOG_ODDS


def reason_piece(tag: bytes, reason: Reason) -> bytes:
    code, text, log_odds = reason
    if log_odds is None:
        return _said(tag, code, text)
    return _weighed(tag, code, text) + DOUBLE(log_odds)


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
    finess_geo: str, name: str, met: tuple[str, ...], missing: tuple[str, ...], synthetic: bool
) -> bytes:
    return pb.FacilityOption(
        finess_geo=finess_geo,
        name=name,
        capabilities_met=met,
        capabilities_missing=missing,
        synthetic_capabilities=synthetic,
    ).SerializeToString()


def facility_piece(option: FacilityOption) -> bytes:
    site, travel, met, missing, beds, age, score, reasons, confidence = option
    parts = [
        _site(site.finess_geo, site.name, met, missing, site.synthetic),
        FACILITY_NUMBERS.pack(TRAVEL, travel, SCORE, score, CONFIDENCE, confidence),
    ]
    if beds is not None:
        parts += (FACILITY_BEDS, length(beds))
    if age is not None:
        parts += (FACILITY_BEDS_AGE, DOUBLE(age))
    parts += [
        _said(FACILITY_REASON, reason.code, reason.text)
        if reason.log_odds is None
        else reason_piece(FACILITY_REASON, reason)
        for reason in reasons
    ]
    return sized(ANSWER_FACILITY, b"".join(parts))
