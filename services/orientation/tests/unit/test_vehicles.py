"""Vehicles: the newest word stands, in any order, and nothing about people is read."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.orientation.domain.case import NEVER
from services.orientation.domain.hub.fleet import read_fleet
from services.orientation.domain.vehicles import Vehicle, VehicleWord, owner_of, told
from services.orientation.tests.situations import (
    KEYER,
    NOW,
    CountingMeter,
    MemoryRecords,
    every_example,
    example,
    reference,
)
from services.orientation.use_cases.vehicles import Heard, ReportResources
from shared.clock import FixedClock
from shared.errors import Malformed

VLM = "fr.health.samu440.resource.VLM4"
INSTANTS = st.integers(0, 5).map(lambda n: NOW - timedelta(minutes=n))
WORDS = st.builds(
    VehicleWord,
    st.just(VLM),
    owner=st.sampled_from(["", "fr.health.samu440"]),
    vehicle_type=st.sampled_from(["", "SMUR.VLM"]),
    state=st.sampled_from(["", "DEPART", "ARRIVEE", "RETOUR"]),
    state_time=INSTANTS,
    latitude=st.sampled_from([None, 47.2, 47.3]),
    longitude=st.sampled_from([None, -1.5]),
    position_time=INSTANTS,
)


def after(words: list[VehicleWord]) -> Vehicle:
    start: Vehicle | None = None
    found = reduce(told, words, start)
    assert found is not None
    return found


@given(st.lists(WORDS, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_the_same_words_in_any_order_and_twice_give_the_same_vehicle(
    words: list[VehicleWord], random: object
) -> None:
    mixed = [*words, *words]
    random.shuffle(mixed)  # type: ignore[attr-defined]  # a random.Random of Hypothesis
    assert after(mixed) == after(words)


def test_an_old_state_changes_nothing_and_no_state_is_no_word() -> None:
    left = VehicleWord(VLM, state="DEPART", state_time=NOW)
    late = VehicleWord(VLM, state="DECISION", state_time=NOW - timedelta(minutes=9))
    assert after([left, late]).state == "DEPART"
    assert after([left, VehicleWord(VLM)]).state == "DEPART"


def test_a_vehicle_on_its_way_back_is_free_and_one_that_nobody_told_of_is_not() -> None:
    assert Vehicle(VLM, False, state="RETOUR").free
    assert not Vehicle(VLM, False, state="TRANSP").free
    assert not Vehicle(VLM, False).free


def test_the_samu_is_read_from_the_id_of_the_vehicle() -> None:
    assert owner_of(VLM) == "fr.health.samu440"
    assert owner_of("SMUR AR 3") == ""


def test_every_official_message_about_vehicles_is_read_and_the_others_are_refused() -> None:
    read: set[str] = set()
    refused: set[tuple[str, str]] = set()
    for path in every_example():
        try:
            words, _ = read_fleet(path.read_bytes(), reference().lexicon)
        except Malformed as refusal:
            refused.add((path.parent.name, refusal.reason))
        else:
            if words:
                read.add(path.parent.name)
            assert not any(word.resource_id == "" for word in words)
    assert {"RS-RI", "RS-SR", "RS-ER", "GEO-POS", "GEO-RES"} <= read
    assert ("RS-EDA", "MESSAGE_NOT_ABOUT_VEHICLES") in refused
    assert {reason for _, reason in refused} == {"MESSAGE_NOT_ABOUT_VEHICLES"}


def test_no_name_and_no_telephone_number_of_a_crew_is_read() -> None:
    words, _ = read_fleet(example("GEO-RES/CU1_Geolocation.json"), reference().lexicon)
    text = repr([(w.resource_id, w.owner, w.vehicle_type, w.state, w.case_id) for w in words])
    assert "0612342536" not in text
    assert "Rouen" not in text


def test_a_position_in_the_sea_off_africa_is_left_out_and_told() -> None:
    words, findings = read_fleet(example("GEO-POS/CU2_Geolocation_01.json"), reference().lexicon)
    assert words[0].latitude is None
    assert words[0].state == "DISPONIBLE"
    assert "POSITION_IMPLAUSIBLE" in {f.code for f in findings}


class TestReporting:
    @pytest.fixture
    def records(self) -> MemoryRecords:
        return MemoryRecords()

    def report(self, records: MemoryRecords, *payloads: bytes) -> Heard:
        use = ReportResources(records, reference().lexicon, KEYER, CountingMeter(), FixedClock(NOW))
        heard = Heard()
        for row, payload in enumerate(payloads):
            use(row, payload, heard)
        return heard

    def status(self, state: str, minutes_ago: float, vehicle: str = VLM) -> bytes:
        when = (NOW - timedelta(minutes=minutes_ago)).replace(microsecond=0).isoformat()
        body = {
            "caseId": "fr.health.samu440.case.1",
            "resourceId": vehicle,
            "state": {"datetime": when, "status": state},
        }
        return json.dumps({"resourcesStatus": body}).encode()

    def test_a_move_is_told_once_and_a_repeat_or_an_older_one_never(
        self, records: MemoryRecords
    ) -> None:
        heard = self.report(
            records,
            self.status("DEPART", 5),
            self.status("DEPART", 5),
            self.status("DECISION", 9),
        )
        assert (heard.accepted, heard.superseded) == (1, 2)
        assert [vehicle.state for vehicle in records.moved] == ["DEPART"]
        kept = records.fleet[VLM, False]
        assert kept.case_key == KEYER.key("fr.health.samu440.case.1", exercise=False).value

    def test_a_message_that_cannot_be_read_is_refused_alone(self, records: MemoryRecords) -> None:
        heard = self.report(records, b"nothing", self.status("DEPART", 5))
        assert [(row, refusal.reason) for row, _, refusal in heard.refused] == [
            (0, "MESSAGE_NOT_JSON")
        ]
        assert heard.accepted == 1

    def test_a_state_from_the_future_is_left_out_and_told(self, records: MemoryRecords) -> None:
        heard = self.report(records, self.status("TRANSP", -60), self.status("DEPART", 5))
        assert records.fleet[VLM, False].state == "DEPART"
        assert "VEHICLE_STATE_IN_FUTURE" in {f.code for f in heard.told()}

    def test_an_exercise_vehicle_is_another_vehicle_and_is_not_told(
        self, records: MemoryRecords
    ) -> None:
        use = ReportResources(records, reference().lexicon, KEYER, CountingMeter(), FixedClock(NOW))
        words, _ = read_fleet(self.status("DEPART", 5), reference().lexicon)
        drill = [replace(word, exercise=True) for word in words]
        assert use._keep(records, drill) == 1
        assert not records.moved
        assert records.fleet[VLM, True].state == "DEPART"

    def test_an_instant_that_nobody_told_stays_unknown(self, records: MemoryRecords) -> None:
        self.report(records, example("GEO-RES/CU1_Geolocation.json"))
        assert {vehicle.state_time for vehicle in records.fleet.values()} == {NEVER}
