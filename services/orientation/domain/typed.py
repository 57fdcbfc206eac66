"""A typed update: the same facts as a Hub message, with less to go wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache

from services.orientation.domain.case import CaseUpdate, Dating, case_field
from services.orientation.domain.findings import tidy
from services.orientation.domain.hub.affair import take_care_level, take_position, take_priority
from services.orientation.domain.hub.reading import Lexicon, Notebook
from services.orientation.domain.hub.vitals import possible
from shared.errors import Malformed

PATH = "typed"


@dataclass(frozen=True, slots=True)
class TypedUpdate:
    """What a caller says in typed fields; what is left out says nothing."""

    case_id: str
    update_id: str
    said: datetime
    age_years: float | None = None
    sex: str = ""
    motive_code: str = ""
    motive_label: str = field(default="", repr=False)
    complaint_codes: tuple[int, ...] = ()
    vitals: Mapping[str, float] = field(default_factory=dict, repr=False)
    consciousness: str = ""
    latitude: float | None = None
    longitude: float | None = None
    insee_code: str = ""
    priority: str = ""
    care_level: str = ""
    flags: tuple[str, ...] = ()
    exercise: bool = False
    owner: str = ""
    chronic_conditions: int | None = None


def read_typed(update: TypedUpdate, lexicon: Lexicon) -> CaseUpdate:
    """The facts of a typed update. It opens its case: it is the caller's own record.

    Refuses Malformed FIELD_INVALID.
    """
    book = Notebook(lexicon, PATH, update.said, Dating.DATED)
    for name, value in (("owner", update.owner), ("place.insee_code", update.insee_code)):
        if not value.isprintable():
            raise Malformed(
                "FIELD_INVALID",
                f"{name} holds control characters. Remove them and send it again.",
                field=f"{PATH}.{name}",
            )
    _patient(book, update)
    if update.motive_code:
        for problem in lexicon.vocabulary.problems(update.motive_code, update.motive_label):
            book.find(problem, "motive_code")
        book.note("motive_code", update.motive_code)
    take_position(book, update.latitude, update.longitude, "place")
    book.note("insee_code", update.insee_code)
    take_priority(book, update.priority, "priority")
    take_care_level(book, "care_level", update.care_level, "care_level")
    book.note("owner", update.owner)
    for index, flag in enumerate(update.flags):
        if flag in lexicon.flags:
            book.note(case_field("flag", "", flag), True)
        else:
            book.find("FLAG_UNKNOWN", f"flags[{index}]")
    return CaseUpdate(
        update.case_id,
        update.update_id,
        tuple(book.facts),
        tidy(book.findings),
        opens=True,
        exercise=update.exercise,
    )


@cache
def _of_patient(name: str) -> str:
    """Field of the one patient whom a typed update is about; there are some twenty."""
    return case_field("patient", "", name)


def _patient(book: Notebook, update: TypedUpdate) -> None:
    def note(name: str, value: str | float | tuple[float, ...] | None) -> None:
        if value is not None and value != "":
            book.note(_of_patient(name), value)

    note("age_years", update.age_years)
    note("sex", update.sex)
    note("consciousness", update.consciousness)
    note("chronic_condition_count", update.chronic_conditions)
    for name, value in update.vitals.items():
        if possible(name, value):
            note(name, value)
        else:
            book.find("VITAL_IMPOSSIBLE", f"vitals.{name}")
    known = []
    for index, code in enumerate(update.complaint_codes):
        if code in book.lexicon.vocabulary.complaints:
            known.append(code)
        else:
            book.find("COMPLAINT_UNKNOWN", f"complaint_codes[{index}]")
    if known:
        note("complaint_codes", tuple(known))
