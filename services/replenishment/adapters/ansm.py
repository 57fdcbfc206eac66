"""The ANSM's availability list (CIS_CIP_Dispo_Spec) and the packs of each speciality.

Both are files of the public drug database (BDPM): tab-separated, without a head, dates as
dd/mm/yyyy, UTF-8 or cp1252. Code and label of a status may disagree (the worse counts, and
is told), a key may have several rows (the newest counts, the worse of one day), and most
rows name a speciality (CIS) without a pack: CIS_CIP_bdpm says which packs it has.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from services.replenishment.domain.availability import (
    Availability,
    Listed,
    SupplyStatus,
    severity,
)
from shared.catalogue.codes import Code, CodeSystem, parse_code
from shared.errors import Malformed, Refusal

BY_CODE = {
    "1": Availability.SHORTAGE,
    "2": Availability.TENSION,
    "3": Availability.STOPPED,
    "4": None,  # back in stock
}
BY_LABEL = {
    "rupture de stock": Availability.SHORTAGE,
    "tension d'approvisionnement": Availability.TENSION,
    "arret de commercialisation": Availability.STOPPED,
    "remise a disposition": None,
}


@dataclass(frozen=True, slots=True)
class _Row:
    cis: str
    cip13: str
    availability: Availability | None
    since: date | None
    updated: date
    disagrees: bool

    @property
    def place(self) -> tuple[date, int]:
        """The newest last; of one day the worst last."""
        return self.updated, _rank(self.availability)


def read_listed(file: Path, packs: Path | None = None) -> Listed:
    """The state of each pack in `file`. Malformed ANSM_FILE with the line and the column.

    Without `packs` (CIS_CIP_bdpm) only rows that name their pack can be used.
    """
    rows = [_row(file, number, fields) for number, fields in _lines(file, 7)]
    if not rows:
        raise _bad(file, 1, "it is empty; take CIS_CIP_Dispo_Spec.txt of the BDPM")
    source_day = max(row.updated for row in rows)
    newest: dict[tuple[str, str], _Row] = {}
    for row in rows:
        key = (row.cis, row.cip13)
        if key not in newest or row.place > newest[key].place:
            newest[key] = row
    held = {} if packs is None else _packs(packs)
    by_pack: dict[Code, _Row] = {}
    without = 0
    for row in newest.values():
        codes = [_cip13(file, row.cip13)] if row.cip13 else held.get(row.cis, [])
        without += not codes and row.availability is not None
        for code in codes:
            if code not in by_pack or row.place > by_pack[code].place:
                by_pack[code] = row
    found = [
        (code, SupplyStatus(row.availability, row.since, source_day))
        for code, row in by_pack.items()
        if row.availability is not None
    ]
    found.sort(key=lambda pair: (severity(pair[1]), pair[0].value))
    odd = sum(row.disagrees for row in rows)
    return Listed(tuple(found), source_day, len(rows), odd, without)


def _row(file: Path, number: int, fields: list[str]) -> _Row:
    cis, cip13, code, label, since, updated = (text.strip() for text in fields[:6])
    if not (len(cis) == 8 and cis.isdigit()):
        raise _bad(file, number, f"column 1 is no CIS code of 8 digits: {cis[:20]!r}")
    if code not in BY_CODE:
        raise _bad(file, number, f"column 3 is no status of 1 to 4: {code[:20]!r}")
    told = BY_CODE[code]
    named = BY_LABEL.get(_plain(label), told)
    day = _day(file, number, 6, updated)
    if day is None:
        raise _bad(file, number, "column 6 holds no date of update")
    worse = max(told, named, key=_rank)
    return _Row(cis, cip13, worse, _day(file, number, 5, since), day, told is not named)


def _rank(availability: Availability | None) -> int:
    return -1 if availability is None else list(Availability).index(availability)


def _packs(file: Path) -> dict[str, list[Code]]:
    found: dict[str, list[Code]] = {}
    for number, fields in _lines(file, 7):
        cis, cip7, cip13 = fields[0].strip(), fields[1].strip(), fields[6].strip()
        if not (len(cis) == 8 and cis.isdigit()):
            raise _bad(file, number, f"column 1 is no CIS code of 8 digits: {cis[:20]!r}")
        try:
            code = _cip13(file, cip13) if cip13 else parse_code(CodeSystem.CIP7, cip7)
        except Refusal as refusal:
            raise _bad(file, number, refusal.message) from None
        found.setdefault(cis, []).append(code)
    return found


def _cip13(file: Path, text: str) -> Code:
    return parse_code(CodeSystem.CIP13, text, field=file.name)


def _lines(file: Path, least: int) -> Iterator[tuple[int, list[str]]]:
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise Malformed(
            "ANSM_FILE", f"{file.name} cannot be read: {error.strerror}.", field="file"
        ) from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", errors="replace")
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        fields = line.split("\t")
        if len(fields) < least:
            raise _bad(file, number, f"it has {len(fields)} columns and {least} are needed")
        yield number, fields


def _day(file: Path, number: int, column: int, text: str) -> date | None:
    if not text:
        return None
    try:
        return datetime.strptime(text, "%d/%m/%Y").date()  # noqa: DTZ007  a day has no zone
    except ValueError:
        raise _bad(file, number, f"column {column} is no date dd/mm/yyyy: {text[:20]!r}") from None


def _plain(label: str) -> str:
    """Without accents, in small letters, with a straight apostrophe."""
    bare = unicodedata.normalize("NFKD", label.replace("\u2019", "'")).casefold()
    return "".join(letter for letter in bare if not unicodedata.combining(letter)).strip()


def _bad(file: Path, number: int, what: str) -> Malformed:
    return Malformed(
        "ANSM_FILE",
        f"{file.name}, line {number}: {what}. Nothing was sent.",
        field=f"file[{number}]",
    )
