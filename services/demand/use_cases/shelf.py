"""Take in what is known of shelves, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from services.demand.domain.movements import RowRefusal
from services.demand.domain.periods import EPOCH
from services.demand.domain.shelf import SentShelfDay, ShelfDay
from services.demand.ports import Store
from services.demand.use_cases.read import known_site
from shared.catalogue.codes import Code
from shared.clock import Clock, today
from shared.errors import Malformed, Missing, Refusal

OLDEST = date(1990, 1, 1)


@dataclass(frozen=True, slots=True)
class RecordShelf:
    """Stores the good rows of a batch; the others are refused one by one.

    Per row: Missing ITEM_UNKNOWN, SITE_UNKNOWN; Malformed SITE_MALFORMED, FINESS_KEY_WRONG,
    DAY_IN_FUTURE, DAY_MALFORMED, DAY_TWICE (the same shelf and day said twice, differently).
    """

    store: Store
    clock: Clock
    zone: str

    def __call__(self, rows: Sequence[SentShelfDay]) -> tuple[int, Sequence[RowRefusal]]:
        """(rows stored or said again, refusals)."""
        refused: list[RowRefusal] = []
        kept: dict[tuple[str, str, int], ShelfDay] = {}
        accepted = 0
        now = today(self.clock, self.zone)
        with self.store.write() as books:
            packings = books.catalogue.packings({row.code for row in rows})
            for row in rows:
                try:
                    found = packings.get(row.code)
                    if found is None:
                        raise _unknown(row.code)
                    item_id, packing = found
                    site_id = known_site(books, row.site)
                    _check_day(row.day, now)
                    level = None if row.level is None else packing.to_base(*row.level)
                    said = ShelfDay(item_id, site_id, (row.day - EPOCH).days, level, row.out)
                    key = (item_id, site_id, said.day)
                    if kept.setdefault(key, said) != said:
                        raise _twice()
                except Refusal as refusal:
                    refused.append(RowRefusal(row.row, f"{row.code.value}@{row.site}", refusal))
                else:
                    accepted += 1
            books.shelf.put(list(kept.values()))
        return accepted, refused


def _unknown(code: Code) -> Missing:
    return Missing(
        "ITEM_UNKNOWN",
        f"No item is registered under the {code.system.value} code {code.value}. Register it "
        "with PutItems, then send the row again.",
        field="item.code",
        code=code.value,
    )


def _check_day(day: date, now: date) -> None:
    if day > now:
        raise Malformed(
            "DAY_IN_FUTURE",
            f"The day {day} has not come yet. Check the clock of the sender.",
            field="day",
        )
    if day < OLDEST:
        raise Malformed(
            "DAY_MALFORMED",
            f"The day {day} lies before 1990: the date is most likely missing. Send the day "
            "that the report is about.",
            field="day",
        )


def _twice() -> Malformed:
    return Malformed(
        "DAY_TWICE",
        "This message says two different things of the same shelf and day. Send one of them.",
        field="day",
    )
