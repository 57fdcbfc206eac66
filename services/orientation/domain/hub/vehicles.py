"""RS-RI, RC-RI, RS-SR and RS-ER: which vehicles are engaged on a case, and their states."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.orientation.domain.case import case_field
from services.orientation.domain.hub.reading import Notebook, entries, part, text
from services.orientation.domain.hub.times import instant


def read_engaged(book: Notebook, body: Mapping[str, Any]) -> None:
    """RS-RI and RC-RI (`state` is a list or one object), RS-ER (names without ids)."""
    for index, resource in entries(body, "resource"):
        path = f"resource[{index}]"
        who = text(resource, "resourceId") or text(resource, "name", 64)
        if not who:
            continue
        said = instant(resource.get("datetime"), book.at(f"{path}.datetime"), book.findings)
        kind = text(resource, "vehicleType", 32)
        if kind and kind not in book.lexicon.vehicle_types:
            book.find("VEHICLE_TYPE_UNKNOWN", f"{path}.vehicleType")
        else:
            book.note(case_field("vehicle", who, "type"), kind, said)
        team = text(part(resource, "team"), "medicalLevel", 16)
        book.note(case_field("vehicle", who, "team"), team, said)
        _state(book, who, part(resource, "state"), f"{path}.state")
        for place, state in entries(resource, "state"):
            _state(book, who, state, f"{path}.state[{place}]")


def read_state(book: Notebook, body: Mapping[str, Any]) -> None:
    """RS-SR: one change of one vehicle."""
    _state(book, text(body, "resourceId"), part(body, "state"), "state")


def _state(book: Notebook, who: str, state: Mapping[str, Any], path: str) -> None:
    said = instant(state.get("datetime"), book.at(f"{path}.datetime"), book.findings)
    status = text(state, "status", 16)
    if status and who:
        book.note(case_field("vehicle", who, "state"), status, said)
        if said is not None:
            # every dated state is kept apart, so that one odd date is found in any order
            book.note(case_field("state", who, status), said.isoformat(), said)
