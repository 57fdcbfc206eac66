"""Take in what is told of vehicles: the newest state and position of each stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from services.orientation.domain.findings import Finding, tidy
from services.orientation.domain.hub.fleet import read_fleet
from services.orientation.domain.hub.reading import Lexicon
from services.orientation.domain.vehicles import VehicleWord, told
from services.orientation.ports import Keyer, Meter, Record, Records
from shared.clock import Clock
from shared.errors import Refusal

CLOCK_SLACK = timedelta(minutes=5)


@dataclass(slots=True)
class Heard:
    """What became of the messages of one stream."""

    accepted: int = 0
    superseded: int = 0
    refused: list[tuple[int, str, Refusal]] = field(default_factory=list)
    findings: set[Finding] = field(default_factory=set)

    def told(self) -> tuple[Finding, ...]:
        return tidy(self.findings)


@dataclass(frozen=True, slots=True)
class ReportResources:
    """Writes the vehicles of one message in one transaction."""

    records: Records
    lexicon: Lexicon = field(repr=False)
    keyer: Keyer
    meter: Meter
    clock: Clock

    def __call__(self, row: int, payload: bytes, heard: Heard) -> None:
        """A message that cannot be read is refused alone; the stream goes on."""
        try:
            words, findings = read_fleet(payload, self.lexicon)
        except Refusal as refusal:
            heard.refused.append((row, "", refusal))
            self.meter.vehicles(0, 0, 1)
            return
        heard.findings |= set(findings)
        usable = [word for word in words if self._in_time(word, heard)]
        changed = 0
        if usable:
            with self.records.open() as record:
                changed = self._keep(record, usable)
        known = len({(word.resource_id, word.exercise) for word in usable})
        heard.accepted += changed
        heard.superseded += known - changed
        self.meter.vehicles(changed, known - changed, 0)

    def _in_time(self, word: VehicleWord, heard: Heard) -> bool:
        """A state from the future would stand for ever: it is left out and told."""
        if max(word.state_time, word.position_time) <= self.clock.now() + CLOCK_SLACK:
            return True
        heard.findings.add(Finding("VEHICLE_STATE_IN_FUTURE", "resource[].state[].datetime"))
        return False

    def _keep(self, record: Record, words: Sequence[VehicleWord]) -> int:
        """How many vehicles changed. Rows are taken in one order everywhere."""
        by_vehicle: dict[tuple[str, bool], list[VehicleWord]] = {}
        for word in words:
            by_vehicle.setdefault((word.resource_id, word.exercise), []).append(word)
        changed = 0
        for (resource_id, exercise), said in sorted(by_vehicle.items()):
            known = record.vehicle(resource_id, exercise=exercise)
            vehicle = known
            for word in said:
                key = ""
                if word.case_id:
                    key = self.keyer.key(word.case_id, exercise=exercise).value
                vehicle = told(vehicle, word, key)
            if vehicle is None or vehicle == known:
                continue
            changed += 1
            record.put_vehicle(vehicle)
            moved = known is None or known.state != vehicle.state
            if moved and vehicle.state and not exercise:
                record.tell_moved(vehicle)
        return changed
