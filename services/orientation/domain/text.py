"""Comparing labels as people write them: accents, case and punctuation do not count."""

from __future__ import annotations

import re
import unicodedata

WORD = re.compile(r"[a-z0-9]+")


def words(text: str) -> tuple[str, ...]:
    plain = unicodedata.normalize("NFKD", text.replace("\u2019", "'")).encode("ascii", "ignore")
    return tuple(WORD.findall(plain.decode("ascii").lower()))


def same_label(one: str, other: str) -> bool:
    """True when one says all that the other says: a longer label may add to a shorter."""
    first, second = set(words(one)), set(words(other))
    return first <= second or second <= first
