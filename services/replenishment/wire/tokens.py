"""Page tokens: opaque to callers, and good only for the question they came with."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from typing import Any

from shared.errors import Malformed


def token_of(question: tuple[Any, ...], place: Any) -> str:
    """A token that continues the listing that `question` names, after `place`."""
    text = json.dumps([_mark(question), place], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def place_of(question: tuple[Any, ...], token: str) -> Any:
    """The place in a token; Malformed PAGE_TOKEN_WRONG when it is of another question."""
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        mark, place = json.loads(raw)
    except (binascii.Error, ValueError, TypeError):
        raise _wrong() from None
    if mark != _mark(question):
        raise _wrong()
    return place


def _mark(question: tuple[Any, ...]) -> str:
    return hashlib.blake2b(repr(question).encode(), digest_size=6).hexdigest()


def _wrong() -> Malformed:
    return Malformed(
        "PAGE_TOKEN_WRONG",
        "This page token is not of this listing. Send the token of the answer before with the "
        "same other fields, or leave it out to start at the first page.",
        field="page_token",
    )
