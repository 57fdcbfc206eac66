"""Take in uses of equipment, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.demand.domain.movements import RowRefusal
from services.demand.domain.uses import SentUse, Use
from services.demand.ports import Store
from services.demand.use_cases.read import known_site
from shared.clock import Clock
from shared.errors import Malformed, Missing, Refusal

OLDEST = datetime(1990, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class RecordUses:
    """Stores the good rows of a batch; the others are refused one by one.

    Per row: Missing ITEM_UNKNOWN, SITE_UNKNOWN; Malformed SITE_MALFORMED, FINESS_KEY_WRONG,
    USE_IN_FUTURE, USE_TOO_OLD.
    """

    store: Store
    clock: Clock
    tolerance: timedelta

    def __call__(self, rows: Sequence[SentUse]) -> tuple[int, Sequence[RowRefusal]]:
        """(rows stored or said again, refusals)."""
        refused: list[RowRefusal] = []
        kept: dict[str, Use] = {}
        accepted = 0
        latest = self.clock.now() + self.tolerance
        with self.store.write() as books:
            packings = books.catalogue.packings({row.code for row in rows})
            for row in rows:
                try:
                    found = packings.get(row.code)
                    if found is None:
                        raise Missing(
                            "ITEM_UNKNOWN",
                            f"No item is registered under the {row.code.system.value} code "
                            f"{row.code.value}. Register it with PutItems, then send it again.",
                            field="item.code",
                            code=row.code.value,
                        )
                    site_id = known_site(books, row.site)
                    _in_time(row, latest)
                    kept[row.use_id] = Use(
                        row.use_id,
                        found[0],
                        site_id,
                        row.unit_id,
                        _seconds(row.start),
                        _seconds(row.end),
                    )
                except Refusal as refusal:
                    refused.append(RowRefusal(row.row, row.use_id, refusal))
                else:
                    accepted += 1
            books.uses.put(list(kept.values()))
        return accepted, refused


def _in_time(row: SentUse, latest: datetime) -> None:
    for name, instant in (("start_time", row.start), ("end_time", row.end)):
        if instant is not None and instant > latest:
            raise Malformed(
                "USE_IN_FUTURE",
                "The instant lies in the future: send an end once the unit has come back. Check "
                "the clock and the time zone of the sender: instants are in UTC.",
                field=name,
            )
        if instant is not None and instant < OLDEST:
            raise Malformed(
                "USE_TOO_OLD",
                "The instant lies before 1990: the date is most likely missing.",
                field=name,
            )


def _seconds(instant: datetime | None) -> int | None:
    return None if instant is None else int(instant.timestamp())
