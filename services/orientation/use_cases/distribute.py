"""Distribute: cases that were scored and casualties sorted on the spot share what there is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import numpy as np

from services.orientation.domain.case import CaseState
from services.orientation.domain.directory import Directory
from services.orientation.domain.distribution.answer import Distribution, Told
from services.orientation.domain.distribution.problem import (
    Assignment,
    Casualty,
    Places,
    Problem,
    Site,
    Vehicle,
)
from services.orientation.domain.distribution.request import (
    Offer,
    Offered,
    OnTheSpot,
    Spot,
    Wanted,
)
from services.orientation.domain.distribution.sound import (
    findings_of,
    previous_that_stand,
    refuse_unsound,
)
from services.orientation.domain.distribution.waits import Wait
from services.orientation.domain.facilities import Facility
from services.orientation.domain.findings import Finding, tidy
from services.orientation.domain.model import Scorer
from services.orientation.domain.orient import PARIS, Knowledge, Surroundings
from services.orientation.domain.pathways import Need, needs_of
from services.orientation.domain.patients import Patient, patients_of
from services.orientation.domain.places import plausible
from services.orientation.domain.quality import locate
from services.orientation.domain.severity import Assessment, Band, Reason, assess
from services.orientation.domain.vehicles import Vehicle as Reported
from services.orientation.ports import Around, Keyer, Records
from services.orientation.use_cases.known import read_known
from services.orientation.use_cases.sharing import Share
from shared.clock import Clock
from shared.errors import Malformed

NEAREST_SITES = 60
STATED_PENALTY_MIN = 30.0  # what lacking a capability that a human asks for costs
OLD_POSITION = timedelta(minutes=30)
Nowhere = tuple[str, str, Band]  # casualty, where it is in the request, how severe


@dataclass(frozen=True, slots=True)
class Still:
    """Surroundings that never change: those of a file."""

    surroundings: Surroundings

    def now(self) -> Surroundings:
        return self.surroundings

    def prepare(self, latitude: float, longitude: float) -> None:
        """Nothing to find out about a place."""

    def refresh(self) -> None:
        """Nothing to look at again."""


@dataclass(frozen=True, slots=True)
class Distribute:
    """Reads what is known, refuses what is unsound, shares, and keeps nothing."""

    records: Records | None  # None away from a service: no case is known then
    around: Around
    knowledge: Knowledge = field(repr=False)
    model: Scorer | None
    keyer: Keyer | None
    share: Share
    clock: Clock

    def __call__(self, wanted: Wanted) -> Distribution:
        problem, findings, nowhere = self.problem(wanted)
        return self.told(self.share(problem, findings), nowhere)

    def problem(self, wanted: Wanted) -> tuple[Problem, list[Finding], list[Nowhere]]:
        """What is to be shared, what was odd about it, and whose place nobody knows."""
        now = wanted.as_of or self.clock.now()
        if not wanted.case_ids and not wanted.casualties:
            raise Malformed(
                "NO_CASUALTIES",
                "Nobody is to be distributed. Send case_ids, casualties or both.",
                field="casualties",
            )
        states, reported = read_known(wanted, self.records, self.keyer, self.around.now().modes)
        vehicles = [self._vehicle(row, i, reported) for i, row in enumerate(wanted.vehicles)]
        known, nowhere = self._known(wanted, states)
        stated = [self._casualty(row, i, vehicles) for i, row in enumerate(wanted.casualties)]
        casualties = [*stated, *known]
        sites = self._sites(wanted, casualties)
        refuse_unsound(casualties, vehicles, sites, wanted.cover, now)
        problem = Problem(
            now,
            now.astimezone(PARIS).hour,
            tuple(sorted(casualties, key=lambda c: c.casualty_id)),
            tuple(sorted(vehicles, key=lambda v: v.vehicle_id)),
            tuple(sorted(sites, key=lambda s: s.facility.finess_geo)),
            tuple(sorted(wanted.cover, key=lambda c: c.sector)),
            situation=wanted.situation,
            policy=wanted.policy,
            shortages=self.around.now().shortages,
        )
        previous, findings = previous_that_stand(wanted.previous, problem)
        problem = replace(problem, previous=previous)
        found = findings_of(casualties, vehicles, sites, problem)
        if not wanted.facilities:  # the sender named no row: each is told once for all of them
            found = [
                replace(f, path="facilities") if f.path.startswith("facilities[") else f
                for f in found
            ]
        findings += found
        for index, row in enumerate(wanted.vehicles):
            told = reported.get(row.vehicle_id)
            if told is not None and now - told.position_time > OLD_POSITION:
                findings.append(Finding("VEHICLE_POSITION_OLD", f"vehicles[{index}].place"))
        return problem, findings, nowhere

    def told(self, found: Distribution, nowhere: Sequence[Nowhere]) -> Distribution:
        """Nobody is lost: whose place nobody knows is told as waiting, with a finding."""
        return _with(found, nowhere)

    def _known(
        self, wanted: Wanted, states: Sequence[CaseState]
    ) -> tuple[list[Casualty], list[Nowhere]]:
        """Patients of scored cases, and those whose place nobody knows."""
        found: list[Casualty] = []
        nowhere: list[Nowhere] = []
        for index, (case_id, state) in enumerate(zip(wanted.case_ids, states, strict=True)):
            path = f"case_ids[{index}]"
            where, _ = locate(state, self.knowledge.communes)
            for one in self._assessed(state):
                many = one.patient.patient_id and len(state.scope("patient")) > 1
                name = f"{case_id}/{one.patient.patient_id}" if many else case_id
                if where.latitude is None or where.longitude is None:
                    nowhere.append((name, path, one.band))
                    continue
                needs, resources = needs_of(one, self.knowledge.pathways)
                found.append(
                    Casualty(
                        name,
                        where.latitude,
                        where.longitude,
                        one.band,
                        one.pathway,
                        needs,
                        resources,
                    )
                )
        return found, nowhere

    def _assessed(self, state: CaseState) -> list[Assessment]:
        return [
            assess(
                patient,
                self.knowledge.vocabulary,
                self.knowledge.rules,
                self.model,
                priority=state.text("priority"),
                care_level=state.text("care_level"),
            )
            for patient in patients_of(state, self.knowledge.vocabulary)
        ]

    def _casualty(self, row: OnTheSpot, index: int, vehicles: Sequence[Vehicle]) -> Casualty:
        path = f"casualties[{index}]"
        carrying = next((v for v in vehicles if v.vehicle_id == row.loaded_in), None)
        if carrying is not None:
            where = (carrying.latitude, carrying.longitude)
        elif row.loaded_in:
            where = (0.0, 0.0)  # refused as an unknown vehicle once all rows are there
        else:
            where = self._position(row.spot, path)
        pathway = row.pathway or "GENERAL"
        if pathway not in self.knowledge.pathways:
            raise Malformed(
                "PATHWAY_UNKNOWN",
                f"{pathway} is no pathway. Use one of "
                f"{', '.join(sorted(self.knowledge.pathways))}.",
                field=f"{path}.pathway",
            )
        patient = Patient(row.casualty_id, row.age_years, pathway=pathway)
        case = Assessment(
            patient, row.band, None, None, (), pathway, "", (), model_used=False, enough=True
        )
        needs, resources = needs_of(case, self.knowledge.pathways)
        named = {code for need in needs for code in need.codes}
        needs += tuple(
            Need((code,), STATED_PENALTY_MIN)
            for code in dict.fromkeys(row.needed)
            if code not in named
        )
        return Casualty(
            row.casualty_id,
            *where,
            row.band,
            pathway,
            needs,
            resources,
            row.category,
            row.loaded_in,
            row.bound_for,
            row.waited_min,
        )

    def _vehicle(self, row: Offered, index: int, reported: Mapping[str, Reported]) -> Vehicle:
        """As sent; what is left out is what the vehicle itself last reported."""
        path = f"vehicles[{index}]"
        told = reported.get(row.vehicle_id)
        spot = row.spot if told is None else Spot(told.latitude, told.longitude)
        kind = row.vehicle_type or (told.vehicle_type if told is not None else "")
        where = self._position(spot, path)
        if not kind:
            raise Malformed(
                "VEHICLE_TYPE_MISSING",
                "Nobody said what kind of vehicle this is. Send a code of HubSante.typeVecteur.",
                field=f"{path}.vehicle_type",
            )
        return Vehicle(row.vehicle_id, kind, *where, row.seats, row.sector, row.free_in_min)

    def _position(self, spot: Spot, path: str) -> tuple[float, float]:
        if spot.latitude is not None and spot.longitude is not None:
            if not plausible(spot.latitude, spot.longitude):
                raise Malformed(
                    "POSITION_IMPLAUSIBLE",
                    "The position is outside France, often because a digit was lost. Correct it.",
                    field=f"{path}.place",
                )
            return spot.latitude, spot.longitude
        if spot.insee_code:
            commune, _ = self.knowledge.communes.find(spot.insee_code)
            if commune is not None and commune.latitude is not None:
                return commune.latitude, commune.longitude or 0.0
            raise Malformed(
                "INSEE_UNKNOWN",
                "No commune with a position has this INSEE code. Send the 5 characters of the "
                "commune, or latitude and longitude.",
                field=f"{path}.place.insee_code",
            )
        raise Malformed(
            "POSITION_MISSING",
            "No place can be read. Send latitude and longitude, or the INSEE code of a commune.",
            field=f"{path}.place",
        )

    def _sites(self, wanted: Wanted, casualties: Sequence[Casualty]) -> list[Site]:
        directory = self.around.now().directory
        if wanted.facilities:
            return [
                self._site(offer, f"facilities[{index}]", directory.by_finess)
                for index, offer in enumerate(wanted.facilities)
            ]
        return [_from_directory(f) for f in _nearest(directory, casualties)]

    def _site(self, offer: Offer, path: str, known: Mapping[str, Facility]) -> Site:
        base = known.get(offer.finess_geo)
        if base is None:
            if offer.latitude is None or offer.longitude is None:
                raise Malformed(
                    "FACILITY_UNKNOWN",
                    f"{offer.finess_geo} is in no directory here. Send its latitude and longitude "
                    "too, or correct the number.",
                    field=f"{path}.finess_geo",
                )
            base = Facility(offer.finess_geo, offer.name, offer.latitude, offer.longitude)
        facility = replace(
            base,
            name=offer.name or base.name,
            latitude=base.latitude if offer.latitude is None else offer.latitude,
            longitude=base.longitude if offer.longitude is None else offer.longitude,
            capabilities=offer.capabilities or base.capabilities,
            closed=base.closed if offer.closed is None else offer.closed,
            synthetic=base.synthetic and not offer.capabilities,
        )
        places = offer.places or _from_directory(facility).places
        return Site(facility, places, offer.orsan_rank, offer.plan_blanc)


def _from_directory(facility: Facility) -> Site:
    """Its newest count of free beds, or nothing when there is none."""
    count = facility.free_beds()
    return Site(facility, () if count is None else (Places(count.beds, count.updated),))


def _nearest(directory: Directory, casualties: Sequence[Casualty]) -> list[Facility]:
    """The sites that are nearest to any of the casualties."""
    if not directory.facilities or not casualties:
        return []
    spots = {(c.latitude, c.longitude) for c in casualties}
    km = np.min([directory.distances(*spot) for spot in sorted(spots)], axis=0)
    order = np.argsort(km, kind="stable")[:NEAREST_SITES]
    return [directory.facilities[int(i)] for i in order]


def _with(found: Distribution, nowhere: Sequence[Nowhere]) -> Distribution:
    if not nowhere:
        return found
    lost = [
        Told(
            Assignment(name),
            band,
            "",
            None,
            None,
            (),
            (),
            pinned=False,
            changed=False,
            wait=Wait("NO_POSITION", None),
            reasons=(Reason("WAITS_NO_POSITION", "Nobody knows where this person is"),),
        )
        for name, _, band in nowhere
    ]
    told = sorted([*found.told, *lost], key=lambda t: t.assignment.casualty_id)
    findings = [*found.findings, *(Finding("POSITION_MISSING", path) for _, path, _ in nowhere)]
    outcome = replace(found.outcome, waiting=found.outcome.waiting + len(lost))
    nearest = replace(found.nearest, waiting=found.nearest.waiting + len(lost))
    return replace(
        found, told=tuple(told), findings=tidy(findings), outcome=outcome, nearest=nearest
    )
