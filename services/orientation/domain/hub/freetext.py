"""What free text may do: point at red flags that nobody set. It changes no score.

The text is looked at where it comes in and dropped: neither a word of it nor where in it
something stood is kept. A phrase that is denied close before ("pas de", "sans") does not count.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from services.orientation.domain.text import words

DENIALS = frozenset(("pas", "sans", "non", "ni", "aucun", "aucune", "nie", "absence", "jamais"))
LOOK_BACK = 3  # words before a phrase in which a denial counts
MOST_CHARACTERS = 20_000


@dataclass(frozen=True, slots=True)
class Phrases:
    """Phrases as words without accents, each with the red flag it points at."""

    rows: tuple[tuple[tuple[str, ...], str], ...] = field(default=(), repr=False)

    @staticmethod
    def of(rows: Iterable[tuple[str, str]]) -> Phrases:
        """From (flag, phrase)."""
        return Phrases(tuple((words(phrase), flag) for flag, phrase in rows))

    def flags_in(self, text: str) -> frozenset[str]:
        told = words(text[:MOST_CHARACTERS])
        first: dict[str, list[int]] = {}
        for place, word in enumerate(told):
            first.setdefault(word, []).append(place)
        return frozenset(
            flag
            for phrase, flag in self.rows
            if any(_said(told, place, phrase) for place in first.get(phrase[0], ()))
        )


def _said(told: Sequence[str], place: int, phrase: Sequence[str]) -> bool:
    if tuple(told[place : place + len(phrase)]) != tuple(phrase):
        return False
    return not DENIALS & set(told[max(0, place - LOOK_BACK) : place])
