"""Use cases on fakes: what is kept, what is told, what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from services.orientation.adapters.checking import HubCheck
from services.orientation.adapters.reference import DATA
from services.orientation.domain.facilities import BedCount, Limits, OpenSpan
from services.orientation.domain.severity import Band
from services.orientation.tests.situations import (
    ARREST,
    CHEST_PAIN,
    FEVER,
    KEYER,
    NANTES,
    NOW,
    CountingMeter,
    MemoryRecords,
    StillAround,
    a_call,
    example,
    reference,
    scoring,
    synthetic_france,
)
from services.orientation.use_cases.capacity import Report, ReportCapacity, Tally
from services.orientation.use_cases.decide import Decided, ExportDecision, RecordDecision
from services.orientation.use_cases.score import Asked
from shared.clock import FixedClock
from shared.errors import Malformed, Missing

CASE_ID = a_call().case_id


@pytest.fixture
def records() -> MemoryRecords:
    return MemoryRecords()


class TestScoring:
    def test_a_case_is_told_once_and_again_only_when_its_group_changes(
        self, records: MemoryRecords
    ) -> None:
        score = scoring(records)
        for minute, motive in enumerate((CHEST_PAIN, CHEST_PAIN, FEVER, FEVER)):
            score(score.read_typed(a_call(minute, motive_code=motive)))
        told = [(c.syndrome_group, c.previous_group) for _, c in records.oriented]
        assert told == [("cardiac", ""), ("infection", "cardiac")]

    def test_the_fact_that_is_told_names_nobody(self, records: MemoryRecords) -> None:
        score = scoring(records)
        score(score.read_typed(a_call(1, motive_code=ARREST, owner="fr.health.samu440")))
        key, counted = records.oriented[0]
        assert CASE_ID not in key.value
        assert counted.department == "44"
        assert counted.band is Band.LIFE_THREAT

    def test_an_exercise_is_answered_but_never_told_nor_mixed_with_the_real_case(
        self, records: MemoryRecords
    ) -> None:
        score = scoring(records)
        real = score(score.read_typed(a_call(1, motive_code=FEVER)))
        drill = score(score.read_typed(a_call(2, motive_code=ARREST, exercise=True)))
        assert drill.answers[0].exercise
        assert drill.answers[0].band is Band.LIFE_THREAT
        assert [c.syndrome_group for _, c in records.oriented] == ["infection"]
        again = score(score.read_typed(a_call(1, motive_code=FEVER)))
        assert again.answers[0].band == real.answers[0].band

    def test_an_update_that_waits_for_its_case_is_counted_once_the_case_comes(
        self, records: MemoryRecords
    ) -> None:
        score = scoring(records)
        name = "FuiteDeGaz_AliceGregoireNormand"
        early = score(score.read(example(f"RS-EDA-MAJ_{name}.07.json")))
        assert early.answers[0].waiting_for_case
        assert records.oriented == []
        late = score(score.read(example(f"RS-EDA-SMUR_{name}.01.json")))
        assert not late.answers[0].waiting_for_case
        assert late.answers[0].revision == 2
        assert len(records.oriented) == 1

    def test_a_late_answer_rests_on_rules_says_so_and_keeps_nothing(
        self, records: MemoryRecords
    ) -> None:
        meter = CountingMeter()
        score = scoring(records, meter=meter)
        score(score.read_typed(a_call(1, priority="P0")))
        kept = dict(records.cases)
        late = score.late(score.read_typed(a_call(2, age_years=30.0))).answers[0]
        assert "RULES_ONLY_LATE" in {reason.code for reason in late.reasons}
        assert late.band is Band.LIFE_THREAT  # what a human said before is not forgotten
        assert records.cases == kept
        assert "late" in meter.rules

    def test_what_the_store_holds_is_answered_from_when_it_is_not_what_was_expected(
        self, records: MemoryRecords
    ) -> None:
        score = scoring(records)
        prepared = score.prepare([Asked(score.read_typed(a_call(1, age_years=50.0)))])
        kept = scoring(records)(score.read_typed(a_call(2, motive_code="M01.01")))
        records.moved_on = True
        (again,) = score.keep(prepared)
        assert kept.answers[0].revision == 1
        assert prepared.scored[0].answers[0].revision == 1
        assert again.answers[0].revision == 2
        assert again.answers[0].band is Band.LIFE_THREAT
        (case,) = records.cases.values()
        assert case.state.revision == 2

    def test_a_case_that_is_touched_twice_in_a_group_is_answered_as_if_one_by_one(
        self, records: MemoryRecords
    ) -> None:
        score = scoring(records)
        said = [a_call(1, age_years=50.0), a_call(2, motive_code="M01.01"), a_call(3, sex="M")]
        together = score.together([Asked(score.read_typed(update)) for update in said])
        alone = MemoryRecords()
        one_by_one = scoring(alone)
        assert [one_by_one(score.read_typed(update)) for update in said] == together
        assert records.cases == alone.cases
        assert [c for _, c in records.oriented] == [c for _, c in alone.oriented]
        assert records.logged == alone.logged

    def test_no_model_is_said_in_every_answer(self, records: MemoryRecords) -> None:
        score = scoring(records)
        answer = score(score.read_typed(a_call(1, motive_code=FEVER, age_years=30.0))).answers[0]
        assert "RULES_ONLY_NO_MODEL" in {reason.code for reason in answer.reasons}
        assert answer.assessment.p_icu is None

    def test_a_message_about_no_case_keeps_nothing(self, records: MemoryRecords) -> None:
        score = scoring(records)
        scored = score(score.read(example("CU2_Geolocation_01.json")))
        assert scored.answers == ()
        assert {"POSITION_IMPLAUSIBLE", "MESSAGE_NOT_SCORED"} == {f.code for f in scored.findings}
        assert records.cases == {}


def decided(**said: object) -> Decided:
    base = Decided(
        case_id=CASE_ID,
        decision_id="d1",
        decided_by="dr-17",
        operator_role="MEDECIN",
        decision_type="INTER",
        resource_type="SMUR",
        orientation_type="",
        finess_geo="",
        medical_transport=True,
        override_reason=0,
        override_word="unspecified",
        decided=NOW,
    )
    return replace(base, **said)  # type: ignore[arg-type]  # the test names real fields


class TestDeciding:
    @pytest.fixture
    def record(self, records: MemoryRecords) -> RecordDecision:
        score = scoring(records, surroundings=synthetic_france())
        call = a_call(
            1, motive_code=ARREST, age_years=60.0, latitude=NANTES[0], longitude=NANTES[1]
        )
        score(score.read_typed(call))
        around = StillAround(synthetic_france())
        return RecordDecision(
            records, around, KEYER, CountingMeter(), FixedClock(NOW), reference().resource_types
        )

    def test_following_the_first_suggestion_needs_no_reason(
        self, record: RecordDecision, records: MemoryRecords
    ) -> None:
        decision = record(decided())
        assert decision.followed
        assert len(records.decided) == 1

    def test_another_decision_needs_a_coded_reason(
        self, record: RecordDecision, records: MemoryRecords
    ) -> None:
        with pytest.raises(Malformed, match="REASON_NEEDED"):
            record(decided(decision_type="CONSEIL", resource_type="LIBERAL.MG"))
        assert records.kept == {}
        other = decided(decision_type="CONSEIL", resource_type="LIBERAL.MG", override_reason=1)
        assert not record(other).followed

    def test_the_same_decision_twice_is_kept_and_told_once(
        self, record: RecordDecision, records: MemoryRecords
    ) -> None:
        assert record(decided()) == record(decided())
        assert len(records.decided) == 1

    def test_the_same_id_for_another_decision_is_a_conflict(self, record: RecordDecision) -> None:
        record(decided())
        with pytest.raises(Malformed, match="DECISION_CONFLICT"):
            record(decided(decided_by="dr-99"))

    def test_a_case_that_was_never_scored_is_missing(self, record: RecordDecision) -> None:
        with pytest.raises(Missing, match="CASE_MISSING"):
            record(decided(case_id="fr.health.samu440.NOBODY.1"))

    def test_a_made_up_resource_or_a_future_instant_is_refused(
        self, record: RecordDecision
    ) -> None:
        with pytest.raises(Malformed, match="RESOURCE_TYPE_UNKNOWN"):
            record(decided(resource_type="TAPIS-VOLANT"))
        with pytest.raises(Malformed, match="DECISION_IN_FUTURE"):
            record(decided(decided=NOW + timedelta(hours=1)))

    def test_an_export_is_valid_and_holds_the_decision(
        self, record: RecordDecision, records: MemoryRecords
    ) -> None:
        record(decided(decision_id="d1"))
        record(
            decided(
                decision_id="d2",
                decision_type="ORIENT",
                orientation_type="REA-USI",
                finess_geo="440000271",
                override_reason=6,
            )
        )
        check = HubCheck(DATA / "hub" / "schemas")
        export = ExportDecision(records, KEYER, check, FixedClock(NOW), "fr.health.samu440")
        envelope = json.loads(export(CASE_ID))
        assert check.problems(envelope) == []
        message = envelope["content"][0]["jsonContent"]["embeddedJsonContent"]["message"]
        kinds = [d["decisionType"] for d in message["createCaseHealthUpdate"]["decision"]]
        assert sorted(kinds) == ["INTER", "ORIENT"]
        assert "Z" not in envelope["dateTimeSent"]

    def test_an_export_without_a_decision_is_missing(
        self, record: RecordDecision, records: MemoryRecords
    ) -> None:
        check = HubCheck(DATA / "hub" / "schemas")
        export = ExportDecision(records, KEYER, check, FixedClock(NOW), "fr.health.samu440")
        with pytest.raises(Missing, match="DECISION_MISSING"):
            export(CASE_ID)


class TestCapacity:
    @pytest.fixture
    def report(self, records: MemoryRecords) -> ReportCapacity:
        return ReportCapacity(
            records, StillAround(synthetic_france()), CountingMeter(), FixedClock(NOW)
        )

    def counted(self, beds: int, minutes_ago: int) -> tuple[BedCount, ...]:
        return (BedCount("02", "01", beds, NOW - timedelta(minutes=minutes_ago)),)

    def test_an_older_count_changes_nothing(
        self, report: ReportCapacity, records: MemoryRecords
    ) -> None:
        tally = Tally()
        report([(0, Report("440000271", beds=self.counted(5, 10)))], tally)
        report([(1, Report("440000271", beds=self.counted(0, 60)))], tally)
        assert (tally.accepted, tally.superseded) == (1, 1)
        free = records.facilities["440000271"][0].free_beds()
        assert free is not None
        assert free.beds == 5

    def test_a_report_of_beds_keeps_the_place_and_what_the_site_can_do(
        self, report: ReportCapacity, records: MemoryRecords
    ) -> None:
        report([(0, Report("440000271", beds=self.counted(5, 10)))], Tally())
        facility = records.facilities["440000271"][0]
        assert "157" in facility.capabilities
        assert facility.synthetic
        assert 47 < facility.latitude < 48

    def test_reported_capabilities_are_no_longer_called_synthetic(
        self, report: ReportCapacity, records: MemoryRecords
    ) -> None:
        report([(0, Report("440000271", capabilities=frozenset({"157"})))], Tally())
        facility = records.facilities["440000271"][0]
        assert facility.capabilities == {"157"}
        assert not facility.synthetic

    def test_limits_that_a_report_leaves_out_stay_as_they_were(
        self, report: ReportCapacity, records: MemoryRecords
    ) -> None:
        nights = (OpenSpan(0, 480),)
        told = Limits(age_from=15.0, orsan_rank=1, opening=nights)
        report([(0, Report("440000271", limits=told))], Tally())
        report([(1, Report("440000271", beds=self.counted(5, -1)))], Tally())
        facility = records.facilities["440000271"][0]
        assert (facility.age_from, facility.orsan_rank) == (15.0, 1)
        assert facility.opening == nights

    @pytest.mark.parametrize(
        ("row", "reason"),
        [
            (Report("44271"), "SITE_MALFORMED"),
            (Report("440000271", name="CHU\x00"), "FIELD_INVALID"),
            (Report("440000271", capabilities=frozenset({"157 160"})), "FIELD_INVALID"),
            (Report("999999999"), "POSITION_MISSING"),
            (Report("440000271", limits=Limits(age_from=18.0, age_until=15.0)), "AGES_CROSSED"),
            (Report("440000271", beds=(BedCount("02", "01", -1, NOW),)), "COUNT_NEGATIVE"),
            (
                Report("440000271", beds=(BedCount("02", "01", 1, NOW + timedelta(days=1)),)),
                "REPORT_IN_FUTURE",
            ),
        ],
    )
    def test_a_bad_row_is_refused_and_harms_no_other(
        self, report: ReportCapacity, records: MemoryRecords, row: Report, reason: str
    ) -> None:
        tally = Tally()
        report([(0, row), (1, Report("440000016", closed=True))], tally)
        assert [(n, refusal.reason) for n, _, refusal in tally.refused] == [(0, reason)]
        assert list(records.facilities) == ["440000016"]
        assert tally.accepted == 1
