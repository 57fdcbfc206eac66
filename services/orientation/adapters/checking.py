"""Outgoing messages, checked with the Hub's own schemas by a general validator."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema

from services.orientation.domain.hub.schema import quick_pattern

NAMES = ("EDXL-DE-envelope-only", "RC-DE", "RS-EDA-MAJ")


class HubCheck:
    """A second opinion beside our own compiled checks: slow, and used once per export."""

    def __init__(self, schemas: Path) -> None:
        self._checks: dict[str, Any] = {}
        for name in NAMES:
            text = (schemas / f"{name}.schema.json").read_text(encoding="utf-8")
            self._checks[name] = jsonschema.Draft7Validator(_quick(json.loads(text)))

    def problems(self, envelope: Any) -> list[str]:
        """Paths where the envelope, its header or its RS-EDA-MAJ break their schema."""
        message = envelope["content"][0]["jsonContent"]["embeddedJsonContent"]["message"]
        parts = zip(NAMES, (envelope, message, message["createCaseHealthUpdate"]), strict=True)
        return [
            f"{name}:{error.json_path}"
            for name, part in parts
            for error in self._checks[name].iter_errors(part)
        ]


def _quick(node: Any) -> Any:
    """The schema with the one pattern that could take for ever written another way."""
    if isinstance(node, dict):
        changed = {key: _quick(value) for key, value in node.items()}
        if isinstance(changed.get("pattern"), str):
            changed["pattern"] = quick_pattern(changed["pattern"])
        return changed
    if isinstance(node, list):
        return [_quick(value) for value in node]
    return node
