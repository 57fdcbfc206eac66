"""The auditor: was every fact that was sent counted exactly once, and in order?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Audit:
    """What differs between what was sent and what is stored, by name."""

    sent: int
    stored: int
    missing: tuple[str, ...]
    doubled: tuple[str, ...]
    strangers: tuple[str, ...]
    disordered: tuple[str, ...]  # keys whose facts were stored in another order

    @property
    def clean(self) -> bool:
        """True when every fact counts exactly once, in the order of its key."""
        return not (self.missing or self.doubled or self.strangers or self.disordered)

    def __str__(self) -> str:
        lists = {
            "missing": self.missing,
            "doubled": self.doubled,
            "never sent": self.strangers,
            "keys out of order": self.disordered,
        }
        said = [
            f"{len(names)} {what} ({', '.join(names[:5])}…)"
            for what, names in lists.items()
            if names
        ]
        verdict = "; ".join(said) or "each counted exactly once"
        return f"{self.sent} sent, {self.stored} stored: {verdict}"


def audit(sent: Mapping[str, Sequence[str]], stored: Iterable[tuple[str, str]]) -> Audit:
    """Compares facts `sent` (key → names in order) with `stored` (key, name) in order."""
    expected = Counter(name for names in sent.values() for name in names)
    by_key: dict[str, list[str]] = {}
    for key, name in stored:
        by_key.setdefault(key, []).append(name)
    found = Counter(name for names in by_key.values() for name in names)
    return Audit(
        sent=expected.total(),
        stored=found.total(),
        missing=tuple(sorted((expected - found).elements())),
        doubled=tuple(sorted(name for name in found if found[name] > expected[name] > 0)),
        strangers=tuple(sorted(found.keys() - expected.keys())),
        disordered=tuple(
            sorted(
                key
                for key, names in by_key.items()
                if key in sent and not _in_order(names, sent[key])
            )
        ),
    )


def _in_order(names: Sequence[str], order: Sequence[str]) -> bool:
    place = {name: number for number, name in enumerate(order)}
    places = [place[name] for name in dict.fromkeys(names) if name in place]
    return places == sorted(places)
