"""A directory of facilities as a file: CSV or JSON, one facility a row."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from services.orientation.domain.facilities import BedCount, Facility
from shared.errors import Malformed

NEEDED = ("finess_geo", "name", "lat", "lon")
TRUE = frozenset(("true", "1", "yes"))


def read_directory(path: Path) -> tuple[Facility, ...]:
    """Facilities of a file.

    Each row has finess_geo, name, lat, lon and may have capabilities (ROR codes: a list,
    or words parted by blanks, commas, semicolons or |), beds_free with beds_time, closed,
    synthetic_capabilities. The file is a CSV with these columns, a JSON list, a JSON
    object with the list under "facilities", or one JSON object a line. Refuses Malformed
    DIRECTORY_MALFORMED with the row.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise _malformed(path, 0, "cannot be read: check its path, and that it is UTF-8") from error
    facilities = []
    for number, row in enumerate(_rows(path, text), start=1):
        facilities.append(_facility(path, number, row))
    if not facilities:
        raise _malformed(path, 0, "holds no facility")
    return tuple(facilities)


def _malformed(path: Path, row: int, what: str) -> Malformed:
    where = f"row {row} of the directory" if row else "the directory"
    return Malformed("DIRECTORY_MALFORMED", f"{where.capitalize()} {what}.", field=str(path))


def _rows(path: Path, text: str) -> Iterator[Mapping[str, Any]]:
    start = text.lstrip()[:1]
    if start not in ("{", "["):
        yield from csv.DictReader(text.splitlines())
        return
    try:
        tree = json.loads(text)
    except ValueError:
        tree = _lines(path, text)
    if isinstance(tree, dict):
        tree = tree.get("facilities", [tree])
    for row in tree if isinstance(tree, list) else []:
        if not isinstance(row, dict):
            raise _malformed(path, 0, "must hold one JSON object a facility")
        yield row


def _lines(path: Path, text: str) -> list[Any]:
    try:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    except ValueError as error:
        raise _malformed(path, 0, "is neither CSV nor JSON") from error


def _facility(path: Path, number: int, row: Mapping[str, Any]) -> Facility:
    names = {
        "lat": row.get("lat", row.get("latitude")),
        "lon": row.get("lon", row.get("longitude")),
    }
    name = row.get("name") or row.get("hospital_name") or ""
    try:
        latitude, longitude = float(str(names["lat"])), float(str(names["lon"]))
        finess = str(row["finess_geo"]).strip().zfill(9)
    except (KeyError, ValueError) as error:
        raise _malformed(path, number, f"needs {', '.join(NEEDED)} with numbers") from error
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise _malformed(path, number, "has a position that does not exist")
    return Facility(
        finess,
        str(name),
        latitude,
        longitude,
        frozenset(_codes(row.get("capabilities"))),
        _beds(path, number, row),
        str(row.get("closed", "")).lower() in TRUE,
        str(row.get("synthetic_capabilities", "")).lower() in TRUE,
    )


def _codes(value: Any) -> list[str]:
    if isinstance(value, list):
        return [str(code) for code in value]
    text = str(value or "")
    for mark in ",;|":
        text = text.replace(mark, " ")
    return text.split()


def _beds(path: Path, number: int, row: Mapping[str, Any]) -> tuple[BedCount, ...]:
    free, taken = row.get("beds_free"), row.get("beds_time")
    if free in (None, "") or taken in (None, ""):
        return ()
    try:
        updated = datetime.fromisoformat(str(taken))
        count = int(str(free))
    except ValueError as error:
        raise _malformed(path, number, "has a bed count or time that cannot be read") from error
    if updated.tzinfo is None or count < 0:
        raise _malformed(path, number, "needs a bed count of 0 or more and a time with an offset")
    return (BedCount("02", "01", count, updated),)
