"""What messages say of vehicles whatever the case: RS-RI, RS-SR, RS-ER, GEO-POS, GEO-RES."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.orientation.domain.case import NEVER
from services.orientation.domain.findings import Finding, tidy
from services.orientation.domain.hub.envelope import Opened, open_payload
from services.orientation.domain.hub.reader import schema_findings
from services.orientation.domain.hub.reading import Lexicon, entries, number, part, text
from services.orientation.domain.hub.times import instant
from services.orientation.domain.places import plausible
from services.orientation.domain.vehicles import POSITION_STATES, VehicleWord, owner_of
from shared.errors import Malformed

ENGAGED = frozenset(("resourcesInfo", "resourcesInfoCisu", "resourcesEngagement"))
FLEET_TYPES = {"SMUR": "SMUR", "SDIS": "SIS", "TSU": "TSU"}


def read_fleet(
    payload: bytes, lexicon: Lexicon
) -> tuple[tuple[VehicleWord, ...], tuple[Finding, ...]]:
    """Every vehicle that the messages in `payload` tell of.

    Refuses as `read_payload` does, and Malformed MESSAGE_NOT_ABOUT_VEHICLES.
    """
    words: list[VehicleWord] = []
    findings: list[Finding] = []
    for message in open_payload(payload, lexicon.schemas):
        findings += [*message.findings, *schema_findings(message, lexicon)]
        words += _Fleet(message, lexicon, findings).words()
    return tuple(words), tidy(findings)


class _Fleet:
    """One message; whatever cannot be read becomes a finding."""

    def __init__(self, message: Opened, lexicon: Lexicon, findings: list[Finding]) -> None:
        self._message, self._lexicon, self._findings = message, lexicon, findings

    def words(self) -> list[VehicleWord]:
        root, body = self._message.root, self._message.body
        if root in ENGAGED:
            return self._engaged(body)
        if root == "resourcesStatus":
            return self._named(text(body, "resourceId"), body, "")
        if root == "geoPositionsUpdate":
            return self._positions(body)
        if root == "geoResourcesDetails":
            return self._details(body)
        if root == "geoResourcesRequest":
            return []
        raise Malformed(
            "MESSAGE_NOT_ABOUT_VEHICLES",
            "Send RS-RI, RS-SR, RS-ER, GEO-POS or GEO-RES here; send the others to ScoreCase.",
            field=self._message.path or "hub_json",
        )

    def _engaged(self, body: Mapping[str, Any]) -> list[VehicleWord]:
        words = []
        for index, resource in entries(body, "resource"):
            who = text(resource, "resourceId") or text(resource, "name", 64)
            words += self._named(who, resource, f"resource[{index}]")
        return words

    def _named(self, who: str, resource: Mapping[str, Any], path: str) -> list[VehicleWord]:
        """Every state that is told, newest or not: the newest wins when they are merged."""
        if not who:
            return []
        kind = text(resource, "vehicleType", 32)
        if kind and kind not in self._lexicon.vehicle_types:
            self._find("VEHICLE_TYPE_UNKNOWN", f"{path}.vehicleType")
            kind = ""
        case_id = text(self._message.body, "caseId")
        base = VehicleWord(
            who, self._message.exercise, owner_of(who), vehicle_type=kind, case_id=case_id
        )
        words = [base]
        states = [(f"{path}.state", part(resource, "state"))]
        states += [(f"{path}.state[{i}]", state) for i, state in entries(resource, "state")]
        for place, state in states:
            status = text(state, "status", 16)
            said = self._when(state.get("datetime"), f"{place}.datetime")
            if status and said is not None:
                words.append(
                    VehicleWord(
                        who,
                        self._message.exercise,
                        owner_of(who),
                        kind,
                        status,
                        said,
                        case_id=case_id,
                    )
                )
        return words

    def _positions(self, body: Mapping[str, Any]) -> list[VehicleWord]:
        words = []
        for index, position in entries(body, "position"):
            who, path = text(position, "resourceId"), f"position[{index}]"
            said = self._when(position.get("datetime"), f"{path}.datetime")
            if not who or said is None:
                continue
            coord = part(position, "coord")
            latitude, longitude = number(coord, "lat"), number(coord, "lon")
            if latitude is None or longitude is None:
                continue
            if not plausible(latitude, longitude):
                self._find("POSITION_IMPLAUSIBLE", f"{path}.coord")
                latitude = longitude = None
            state = POSITION_STATES.get(text(position, "engagedStatus", 32), "")
            if not state and text(position, "status", 16) == "DISPONIBLE":
                state = "DISPONIBLE"
            words.append(
                VehicleWord(
                    who,
                    self._message.exercise,
                    owner_of(who),
                    "",
                    state,
                    said if state else NEVER,
                    latitude,
                    longitude,
                    said,
                )
            )
        return words

    def _details(self, body: Mapping[str, Any]) -> list[VehicleWord]:
        """Names and telephone numbers are not looked at."""
        words = []
        for _, resource in entries(body, "resource"):
            who = text(resource, "resourceId")
            kind = FLEET_TYPES.get(text(resource, "resourceType", 16), "")
            if who:
                words.append(VehicleWord(who, self._message.exercise, owner_of(who), kind))
        return words

    def _when(self, value: object, path: str) -> datetime | None:
        return instant(value, f"{self._message.path}.{path}", self._findings)

    def _find(self, code: str, path: str) -> None:
        where = f"{self._message.path}.{path}" if self._message.path else path
        self._findings.append(Finding(code, where))
