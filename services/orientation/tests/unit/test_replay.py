"""The replayed day: nobody is lost, both ways meet the same day, and figures are what they say."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np
import pytest

from services.orientation.domain.facilities import Facility
from services.orientation.domain.orient import PARIS
from services.orientation.domain.pathways import EMERGENCY_DEPARTMENT, Need
from services.orientation.domain.replay.engine import (
    HAND_OVER_MIN,
    TRANSFER_HAND_OVER_MIN,
    TRANSFER_MIN,
    Day,
    Present,
)
from services.orientation.domain.replay.figures import compared
from services.orientation.domain.replay.truth import Diagnosis, truth_of, within_reach
from services.orientation.domain.replay.world import Call, Hospital, Seen, Stand, World
from services.orientation.domain.severity import Band
from services.orientation.domain.travel import travel_minutes
from services.orientation.domain.typed import TypedUpdate
from services.orientation.tests.distribution_world import SHARE
from services.orientation.tests.situations import NANTES, a_site, reference
from services.orientation.use_cases.replay import NearestFirst, Ours, Replay, facts_of

BEGIN = datetime(2026, 3, 2, tzinfo=PARIS)
STROKE_UNIT = Need(("256", "356"), 45.0)
NEAR = a_site("440000001", km_north=2, capabilities=["157"])
ABLE = a_site("440000002", km_north=12, capabilities=["157", "256", "492", "160", "127", "351"])


def call(number: int, minute: float, *, motive: str = "M03.08", truth: bool = True) -> Call:
    said = TypedUpdate(
        f"replay.{number}",
        "said",
        BEGIN + timedelta(minutes=minute),
        age_years=70.0,
        motive_code=motive,
        latitude=NANTES[0],
        longitude=NANTES[1],
    )
    needs = (EMERGENCY_DEPARTMENT, *((STROKE_UNIT,) if truth else ()))
    return Call(
        number,
        minute,
        *NANTES,
        said,
        replace(said, update_id="measured"),
        needs,
        truth,
        on_scene_min=20.0,
        box_min=100.0,
        road=1.0,
    )


def hospital(facility: Facility, boxes: int = 5, crowd: int = 0) -> Hospital:
    return Hospital(facility, boxes, np.full(400, crowd), 0)


def world(*calls: Call, vehicles: int = 2, near_boxes: int = 5) -> World:
    stands = tuple(Stand(f"v{i}", "SIS.VSAV", *NANTES) for i in range(vehicles))
    return World(BEGIN, calls, stands, (hospital(NEAR, near_boxes), hospital(ABLE)))


def nearest(day: World) -> tuple[Seen, ...]:
    known = reference()
    return Day(day, NearestFirst(BEGIN, known.knowledge, known.lexicon, None)).play()


def ours(day: World) -> tuple[Seen, ...]:
    known = reference()
    return Day(day, Ours(SHARE, BEGIN, known.knowledge, known.lexicon, None)).play()


def minutes_to(site: Facility) -> float:
    km = (site.latitude - NANTES[0]) * 111.195
    return travel_minutes(km, "TSU.AMB-GV", 0)


def test_the_nearest_site_lacks_the_unit_and_a_transfer_is_counted() -> None:
    (seen,) = nearest(world(call(0, 10.0)))
    assert (seen.site, seen.wrong) == (NEAR.finess_geo, True)
    assert seen.team_min == pytest.approx(2.5)  # it stands there: the two ends alone
    assert seen.arrival_min == pytest.approx(2.5 + 20 + minutes_to(NEAR), abs=0.05)
    between = travel_minutes(10 * 111.195 / 111.2, "TSU.AMB-GV", 0)
    waited = TRANSFER_MIN + between + TRANSFER_HAND_OVER_MIN
    assert seen.right_care_min == pytest.approx(seen.arrival_min + waited, abs=0.1)


def test_ours_drives_to_the_unit_that_the_call_asks_for() -> None:
    (seen,) = ours(world(call(0, 10.0)))
    assert (seen.site, seen.wrong, seen.wrong_known) == (ABLE.finess_geo, False, False)
    assert seen.right_care_min == seen.arrival_min


def test_one_vehicle_serves_one_after_the_other_and_nobody_is_lost() -> None:
    calls = [call(i, 10.0 + i, truth=False, motive="M03.14") for i in range(4)]
    for play in (nearest, ours):
        seen = play(world(*calls, vehicles=1))
        assert [s.number for s in seen] == [0, 1, 2, 3]
        teams = sorted(s.team_min + calls[s.number].minute for s in seen)
        gaps = np.diff(teams)
        assert (gaps >= 20 + minutes_to(NEAR) + HAND_OVER_MIN).all()


def test_who_finds_no_box_waits_for_one() -> None:
    calls = [call(i, 10.0, truth=False, motive="M03.14") for i in range(3)]
    seen = nearest(world(*calls, vehicles=3, near_boxes=1))
    waits = sorted(s.box_wait_min for s in seen)
    assert waits[0] == 0
    assert waits[1] == pytest.approx(100, abs=1)
    assert waits[2] == pytest.approx(200, abs=1)


def test_ours_leaves_a_full_site_for_one_with_free_boxes() -> None:
    day = world(call(0, 100.0, truth=False, motive="M03.14"))
    full = (
        hospital(NEAR, 5, crowd=5),
        hospital(a_site("440000003", km_north=3, capabilities=["157"])),
    )
    (seen,) = ours(replace(day, hospitals=full))
    assert seen.site == "440000003"
    (other,) = nearest(replace(day, hospitals=full))
    assert other.site == NEAR.finess_geo


@dataclass
class Sends:
    """An orienter that sends whatever it is told to."""

    vehicle: int
    heard: list[int] = field(default_factory=list)

    def hear(self, call: Call, minute: float) -> Band:
        self.heard.append(call.number)
        return Band.SEVERE

    def send(self, now: Present) -> list[tuple[int, int]]:
        return [(0, self.vehicle)]

    def bring(self, call: Call, now: Present) -> int:
        return 0

    def known_needs(self, call: Call) -> tuple[Need, ...]:
        return ()


def test_a_vehicle_that_is_busy_cannot_be_sent_by_any_orienter() -> None:
    with pytest.raises(AssertionError, match="busy"):
        Day(world(call(0, 1.0), call(1, 2.0)), Sends(0)).play()


def test_the_longest_prefix_speaks_and_needs_that_nobody_meets_are_left_out() -> None:
    rows = [
        Diagnosis("I6", "Vessels", (Need(("127",), 10.0),), grave=False),
        Diagnosis("I63", "Stroke", (STROKE_UNIT, Need(("999",), 30.0)), grave=True),
    ]
    needs, grave = truth_of("I639", 70.0, rows)
    assert grave
    assert needs == (EMERGENCY_DEPARTMENT, STROKE_UNIT, Need(("999",), 30.0))
    assert set(within_reach(needs, [NEAR, ABLE])) == {EMERGENCY_DEPARTMENT, STROKE_UNIT}
    assert truth_of("Z00", 5.0, rows)[0][-1].codes == ("249", "088")


def seen(number: int, *, minutes: float, wrong: bool, band: Band = Band.SEVERE) -> Seen:
    return Seen(number, band, False, 5.0, 20.0, 0.0, wrong, wrong, minutes, "x")


def test_figures_are_means_over_patients_with_intervals_over_days() -> None:
    one = [[seen(0, minutes=10, wrong=False), seen(1, minutes=20, wrong=True)] for _ in range(4)]
    two = [[seen(0, minutes=30, wrong=True), seen(1, minutes=40, wrong=True)] for _ in range(4)]
    draws = np.random.default_rng(0).integers(0, 4, size=(50, 4))
    groups = compared(one, two, draws)
    care = groups["P1"]["right_care_min"]
    assert isinstance(care, dict)
    assert (care["ours"], care["nearest_first"], care["difference"]) == (15, 35, -20)
    assert care["difference_95"] == [-20, -20]  # every day is alike
    wrong = groups["all"]["wrong_capability_rate"]
    assert isinstance(wrong, dict)
    assert wrong["change"] == -0.5
    assert groups["P0"] == {"patients": 0}
    worlds = [world(call(0, 1.0))] * 4
    targets = facts_of({"ours": one, "nearest_first": two}, worlds, draws)["targets"]
    assert targets["wrong_capability_halved"]
    assert targets["right_care_p0_p1_no_worse"]
    back = facts_of({"ours": two, "nearest_first": one}, worlds, draws)["targets"]
    assert not back["wrong_capability_halved"]
    assert not back["right_care_p0_p1_no_worse"]


def test_the_same_worlds_give_the_same_figures() -> None:
    known = reference()
    play = Replay(known.knowledge, known.lexicon, None, SHARE)
    days = [world(*(call(i, 7.0 * i) for i in range(6)))]
    assert play(days, lambda: None) == play(days, lambda: None)
