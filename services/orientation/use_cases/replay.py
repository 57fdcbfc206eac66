"""Replay: the service's own rules against nearest-first, on the same made days."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from services.orientation.domain.case import CaseState, merge_all
from services.orientation.domain.directory import Directory
from services.orientation.domain.distribution.problem import (
    Casualty,
    Places,
    Problem,
    Site,
    Vehicle,
)
from services.orientation.domain.distribution.tables import Tables
from services.orientation.domain.facilities import (
    AVAILABLE,
    NOW,
    BedCount,
    Shortages,
)
from services.orientation.domain.hub.reading import Lexicon
from services.orientation.domain.model import Scorer
from services.orientation.domain.orient import Answer, Knowledge, Surroundings, orient
from services.orientation.domain.pathways import Need, needs_of
from services.orientation.domain.places import distance_km
from services.orientation.domain.replay.engine import Day, Present, Unit, Waiting
from services.orientation.domain.replay.figures import compared
from services.orientation.domain.replay.world import Call, Seen, World
from services.orientation.domain.severity import Band
from services.orientation.domain.travel import travel_minutes
from services.orientation.domain.typed import read_typed
from services.orientation.use_cases.sharing import Share

EMERGENCY = frozenset(("157", "249"))


@dataclass(frozen=True, slots=True)
class Heard:
    """What the service said of a call when it came."""

    state: CaseState = field(repr=False)
    band: Band
    pathway: str
    needs: tuple[Need, ...]
    resources: tuple[str, ...]


class _Listening:
    """Both ways hear a call alike: the service's severity, from what the caller says."""

    def __init__(
        self, begin: datetime, knowledge: Knowledge, lexicon: Lexicon, model: Scorer | None
    ) -> None:
        self.begin, self.knowledge, self.lexicon, self.model = begin, knowledge, lexicon, model
        self.heard: dict[int, Heard] = {}
        self._nowhere = Surroundings(Directory.of(()), Shortages())

    def hear(self, call: Call, minute: float) -> Band:
        state = merge_all([read_typed(call.said, self.lexicon)])
        answer = self.answer(call, state, self._nowhere, minute)
        needs, resources = needs_of(answer.assessment, self.knowledge.pathways)
        self.heard[call.number] = Heard(
            state, answer.band, answer.assessment.pathway, needs, resources
        )
        return answer.band

    def answer(self, call: Call, state: CaseState, around: Surroundings, minute: float) -> Answer:
        now = self.begin + timedelta(minutes=minute)
        return orient(call.said.case_id, state, self.knowledge, around, self.model, now=now)

    def known_needs(self, call: Call) -> tuple[Need, ...]:
        return self.heard[call.number].needs


class Ours(_Listening):
    """Vehicles by Distribute, the hospital by the ranking of the case as it is then known."""

    def __init__(
        self,
        share: Share,
        begin: datetime,
        knowledge: Knowledge,
        lexicon: Lexicon,
        model: Scorer | None,
    ) -> None:
        super().__init__(begin, knowledge, lexicon, model)
        self.share = share

    def send(self, now: Present) -> list[tuple[int, int]]:
        """A vehicle that Distribute gives and that is free; the others are asked again later."""
        problem = self._problem(now)
        found = self.share.allocate(problem, Tables.of(problem))
        at_of = {f"{w.call.number:06}": at for at, w in enumerate(now.waiting)}
        unit_of = {u.stand.vehicle_id: at for at, u in enumerate(now.units)}
        return [
            (at_of[a.casualty_id], unit_of[a.vehicle_id])
            for a in found.assignments
            if not a.waits and now.units[unit_of[a.vehicle_id]].free_at <= now.minute
        ]

    def _problem(self, now: Present) -> Problem:
        """An emergency department turns nobody away: places do not limit, they are ranked later."""
        counted = self.begin + timedelta(minutes=now.minute)
        places = (Places(len(now.waiting) + 4, counted),)
        return Problem(
            counted,
            now.hour,
            tuple(self._casualty(w, now.minute) for w in now.waiting),
            tuple(_vehicle(unit, now) for unit in now.units if unit.free_at < float("inf")),
            tuple(Site(ward.hospital.facility, places) for ward in now.wards),
        )

    def _casualty(self, waiting: Waiting, minute: float) -> Casualty:
        call, heard = waiting.call, self.heard[waiting.call.number]
        return Casualty(
            f"{call.number:06}",
            call.latitude,
            call.longitude,
            heard.band,
            heard.pathway,
            heard.needs,
            heard.resources,
            waited_min=minute - call.minute,
        )

    def bring(self, call: Call, now: Present) -> int:
        """The first of the ranking, with the vital signs that the team took."""
        begin = self.begin
        facilities = [
            replace(
                ward.hospital.facility,
                beds=(
                    BedCount(
                        AVAILABLE,
                        NOW,
                        ward.told_free,
                        begin + timedelta(minutes=ward.told_at),
                    ),
                ),
            )
            for ward in now.wards
        ]
        state = merge_all(
            [read_typed(call.said, self.lexicon), read_typed(call.measured, self.lexicon)]
        )
        around = Surroundings(Directory.of(facilities), Shortages())
        answer = self.answer(call, state, around, now.minute)
        first = answer.facilities[0].facility.finess_geo
        return next(at for at, w in enumerate(now.wards) if w.hospital.facility.finess_geo == first)


class NearestFirst(_Listening):
    """The gravest first, the vehicle that is there first, the nearest emergency department."""

    def send(self, now: Present) -> list[tuple[int, int]]:
        free = {at for at, unit in enumerate(now.units) if unit.free_at <= now.minute}
        order = sorted(
            range(len(now.waiting)),
            key=lambda at: (now.waiting[at].band, now.waiting[at].call.minute),
        )
        sent = []
        for at in order:
            if not free:
                break
            waiting = now.waiting[at]
            best = min(free, key=lambda u: self._turn(waiting, now, u))
            free.discard(best)
            sent.append((at, best))
        return sent

    def _turn(self, waiting: Waiting, now: Present, at: int) -> tuple[float, int]:
        unit, call = now.units[at], waiting.call
        km = distance_km(*unit.place(now.minute, now.hour), call.latitude, call.longitude)
        return travel_minutes(km, unit.stand.vehicle_type, now.hour), at

    def bring(self, call: Call, now: Present) -> int:
        able = [
            (distance_km(call.latitude, call.longitude, f.latitude, f.longitude), at)
            for at, f in enumerate(w.hospital.facility for w in now.wards)
            if not EMERGENCY.isdisjoint(f.capabilities)
        ]
        return min(able)[1]


def _vehicle(unit: Unit, now: Present) -> Vehicle:
    return Vehicle(
        unit.stand.vehicle_id,
        unit.stand.vehicle_type,
        *unit.place(now.minute, now.hour),
        free_in_min=max(0.0, unit.free_at - now.minute),
    )


@dataclass(frozen=True, slots=True)
class Replay:
    """Plays each day twice."""

    knowledge: Knowledge = field(repr=False)
    lexicon: Lexicon = field(repr=False)
    model: Scorer | None
    share: Share

    def __call__(
        self, worlds: Sequence[World], tick: Callable[[], None]
    ) -> Mapping[str, list[tuple[Seen, ...]]]:
        """What every patient of every day went through, by the way of orienting."""
        told: dict[str, list[tuple[Seen, ...]]] = {"ours": [], "nearest_first": []}
        for world in worlds:
            known = (world.begin, self.knowledge, self.lexicon, self.model)
            told["ours"].append(Day(world, Ours(self.share, *known)).play())
            told["nearest_first"].append(Day(world, NearestFirst(*known)).play())
            tick()
        return told


def facts_of(
    told: Mapping[str, Sequence[Sequence[Seen]]],
    worlds: Sequence[World],
    resamples: npt.NDArray[np.int64],
) -> dict[str, Any]:
    """The figures that a command writes; `targets` says what was reached."""
    groups = compared(told["ours"], told["nearest_first"], resamples)
    everybody: Any = groups["all"]
    grave: Any = groups["P0_P1"]
    wrong = everybody["wrong_capability_rate"]
    care = grave.get("right_care_min")
    return {
        "days": len(worlds),
        "patients": everybody["patients"],
        "groups": groups,
        "targets": {
            "wrong_capability_change": wrong["change"],
            "wrong_capability_change_95": wrong["change_95"],
            "wrong_capability_halved": wrong["change"] is not None and wrong["change"] <= -0.5,
            "right_care_p0_p1_difference_min": care["difference"] if care else None,
            "right_care_p0_p1_difference_95": care["difference_95"] if care else None,
            "right_care_p0_p1_no_worse": bool(care and care["difference"] <= 0),
        },
    }
