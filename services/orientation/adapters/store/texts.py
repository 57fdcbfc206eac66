"""Cases and entries of the log as text: JSON with sorted keys, equal content always equal text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from services.orientation.domain.case import CaseState
from services.orientation.domain.records import state_content


def canonical(content: Mapping[str, Any]) -> str:
    """JSON without blanks, keys in order; instants as ISO 8601 with their offset."""
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS).decode()


def state_to_text(state: CaseState) -> str:
    return canonical(state_content(state))
