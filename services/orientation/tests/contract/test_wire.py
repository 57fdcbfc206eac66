"""Wire and domain: nothing is lost on the way, and golden events still decode."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from larrey.orientation.v1 import events_pb2
from larrey.orientation.v1 import orientation_pb2 as pb
from larrey.replenishment.v1 import events_pb2 as supply
from services.orientation.domain.case import merge_all
from services.orientation.domain.orient import orient
from services.orientation.domain.severity import Band
from services.orientation.domain.typed import TypedUpdate, read_typed
from services.orientation.tests.situations import (
    CHEST_PAIN,
    NANTES,
    NOW,
    a_call,
    reference,
    shipped_model,
    synthetic_france,
)
from services.orientation.use_cases.capacity import Report
from services.orientation.wire.answers import BANDS, answer_to_bytes
from services.orientation.wire.cases import VITALS, update_from_wire, update_to_wire
from services.orientation.wire.events import shortage_from_event
from services.orientation.wire.facilities import beds_from_wire, report_to_wire
from services.orientation.wire.times import from_stamp, to_stamp
from shared.errors import Malformed
from shared.events import topic_of

EXAMPLES = Path(__file__).resolve().parents[4] / "proto" / "examples"
NUMBER = st.one_of(st.none(), st.floats(0, 130))
UPDATES = st.builds(
    TypedUpdate,
    st.text(min_size=1, max_size=10),
    st.text(min_size=1, max_size=10),
    st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  the zone is given
    NUMBER,
    st.sampled_from(["", "F", "M", "O"]),
    st.sampled_from(["", "M03.06"]),
    st.text(max_size=5),
    st.lists(st.integers(10000, 90000), max_size=5).map(tuple),
    st.dictionaries(st.sampled_from(sorted(set(VITALS.values()) - {"glasgow"})), st.floats(0, 100)),
    st.sampled_from(["", "ALERT", "VOICE", "PAIN", "UNRESPONSIVE"]),
    st.one_of(st.none(), st.floats(-90, 90)),
    st.one_of(st.none(), st.floats(-180, 180)),
    st.sampled_from(["", "44109"]),
    st.sampled_from(["", "P0"]),
    st.sampled_from(["", "R4"]),
    st.lists(st.sampled_from(["ARREST"]), max_size=1).map(tuple),
    st.booleans(),
    st.sampled_from(["", "fr.health.samu440"]),
    st.one_of(st.none(), st.integers(0, 9)),
)


@given(UPDATES)
def test_an_update_comes_back_from_the_wire_as_it_went(update: TypedUpdate) -> None:
    sent = pb.CaseUpdate.FromString(update_to_wire(update).SerializeToString())
    assert update_from_wire(sent) == update


def test_a_facility_comes_back_from_the_wire_as_it_went() -> None:
    for facility in synthetic_france().directory.facilities[:50]:
        sent = report_to_wire(facility)
        again = Report(
            sent.finess_geo,
            sent.name,
            sent.latitude,
            sent.longitude,
            frozenset(sent.capabilities),
            beds_from_wire(sent),
            sent.closed,
            sent.synthetic_capabilities,
        )
        assert again.capabilities == facility.capabilities
        assert (again.latitude, again.longitude) == (facility.latitude, facility.longitude)


def test_every_band_has_its_number_on_the_wire() -> None:
    for band in Band:
        assert pb.SeverityBand.Name(BANDS[band]) == f"SEVERITY_BAND_{band.name}"
        assert int(BANDS[band]) == int(band)


def test_an_answer_keeps_its_reasons_numbers_and_gaps_on_the_wire() -> None:
    shipped = reference()
    call = a_call(1, motive_code=CHEST_PAIN, latitude=NANTES[0], longitude=NANTES[1])
    state = merge_all([read_typed(call, shipped.lexicon)])
    answer = orient(
        call.case_id, state, shipped.knowledge, synthetic_france(), shipped_model(), now=NOW
    )
    wire = pb.CaseAnswer.FromString(answer_to_bytes(answer, "v1"))
    assert wire.severity.p_icu == answer.assessment.p_icu
    assert wire.severity.model_version == "v1"
    assert [r.code for r in wire.reasons] == [r.code for r in answer.reasons]
    assert [f.finess_geo for f in wire.facilities] == [
        o.facility.finess_geo for o in answer.facilities
    ]
    assert not wire.facilities[0].HasField("beds_free")  # unknown is left out, never 0
    assert "age" in wire.missing
    unmodelled = orient(call.case_id, state, shipped.knowledge, synthetic_france(), None, now=NOW)
    alone = pb.CaseAnswer.FromString(answer_to_bytes(unmodelled, ""))
    assert not alone.severity.HasField("p_icu")


@pytest.mark.parametrize(
    "kind",
    [
        events_pb2.CaseOriented,
        events_pb2.DecisionRecorded,
        events_pb2.FacilityCapacityReported,
        events_pb2.ResourceMoved,
    ],
)
def test_a_golden_event_decodes_and_fills_every_field_that_it_must(kind: Any) -> None:
    text = (EXAMPLES / f"{topic_of(kind)}.json").read_text()
    message = json_format.Parse(text, kind())
    assert kind.FromString(message.SerializeToString()) == message
    key = kind.DESCRIPTOR.fields[0]
    assert getattr(message, key.name)


def test_an_event_about_a_case_has_no_field_that_could_name_anybody() -> None:
    fields = {field.name for field in events_pb2.CaseOriented.DESCRIPTOR.fields}
    assert fields == {
        "case_key",
        "syndrome_group",
        "band",
        "department",
        "oriented_time",
        "called_time",
        "previous_group",
    }


def shortage(**fields: Any) -> supply.ShortageForeseen:
    event = supply.ShortageForeseen(
        item_id="ITEM", site_id="440000271", critical_resource="BLOOD", probability=0.5
    )
    event.foreseen_time.FromDatetime(NOW)
    for name, value in fields.items():
        setattr(event, name, value)
    return event


def test_a_shortage_is_read_from_its_event() -> None:
    event = shortage(label="Red cells")
    event.stockout_day.year, event.stockout_day.month, event.stockout_day.day = 2026, 1, 9
    read = shortage_from_event(event)
    assert (read.resource, read.probability, str(read.stockout_day)) == ("BLOOD", 0.5, "2026-01-09")


def test_a_label_with_control_characters_is_cleaned_for_the_store() -> None:
    assert shortage_from_event(shortage(label="Red\x00 cells")).label == "Red cells"


def test_a_shortage_that_cannot_be_right_is_malformed() -> None:
    bad_day = shortage()
    bad_day.stockout_day.year, bad_day.stockout_day.month = 2026, 13
    bad = (shortage(site_id=""), shortage(probability=1.5), shortage(item_id="a\x00"), bad_day)
    for event in bad:
        with pytest.raises(Malformed, match="SHORTAGE_MALFORMED"):
            shortage_from_event(event)


@given(
    st.one_of(st.integers(-62_135_596_801, 253_402_300_800), st.sampled_from([10**15, -(10**15)])),
    st.integers(-1, 10**9),
)
def test_an_instant_is_read_and_refused_as_the_library_does(seconds: int, nanos: int) -> None:
    stamp = Timestamp(seconds=seconds, nanos=nanos)
    try:
        wanted = stamp.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        with pytest.raises(Malformed):
            from_stamp(stamp)
    else:
        assert from_stamp(stamp) == wanted
        assert from_stamp(to_stamp(wanted)) == wanted
