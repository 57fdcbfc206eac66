"""Folders of learnt models: their cards, their checksums, and which of them is the newest.

Reads no model: the running service checks bundles here and leaves the engines to its workers.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from shared.telemetry import get_log

CARD = "card.json"
FORMAT = 1
# Bundles of one question that are kept, the newest first.
KEPT = 3


class BadBundle(ValueError):
    """The folder does not hold what its card says: it must not be used."""


def version_of(card: str) -> str:
    """The name of a bundle: its card names every file with its checksum."""
    return f"v{FORMAT}-{hashlib.sha256(card.encode()).hexdigest()[:24]}"


def checksum_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checked_card(folder: Path) -> dict[str, Any]:
    """The card of a bundle. BadBundle when a file, the card or the format is not what it was."""
    try:
        text = (folder / CARD).read_text(encoding="utf-8")
        card: dict[str, Any] = json.loads(text)
        if version_of(text) != folder.name:
            raise BadBundle(f"the card of {folder.name} was changed")
        if card["format"] != FORMAT:
            raise BadBundle(f"format {card['format']} is not read by this version, {FORMAT} is")
        for name, checksum in card["files"].items():
            if checksum_of(folder / name) != checksum:
                raise BadBundle(f"{name} is not the file that the card was written for")
    except (OSError, KeyError, json.JSONDecodeError) as error:
        raise BadBundle(f"{folder.name} cannot be read: {type(error).__name__}") from None
    return card


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """Bundles below `folder`, one folder per question that was learnt."""

    folder: Path

    def place(self, question: str) -> str:
        """Where bundles of a question are written."""
        return str(self.folder / question)

    def newest(self, question: str, not_before: datetime) -> str:
        """The newest sound bundle of a question; empty when there is none that young.

        A bundle that is not what its card says is logged and left aside.
        """
        found = []
        for folder in (self.folder / question).glob("v*"):
            try:
                made = datetime.fromisoformat(checked_card(folder)["made"])
            except (BadBundle, KeyError, ValueError):
                get_log("models").warning("bundle refused", version=folder.name)
                continue
            found.append((made, folder))
        found.sort(reverse=True)
        for _, folder in found[KEPT:]:
            shutil.rmtree(folder, ignore_errors=True)
        if found and found[0][0] >= not_before:
            return str(found[0][1])
        return ""
