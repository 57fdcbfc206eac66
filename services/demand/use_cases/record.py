"""Take in movements: each row is accepted, known already, or refused with its reason."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from services.demand.domain.movements import Movement, RowRefusal, SentMovement, fingerprint
from services.demand.domain.periods import EPOCH
from services.demand.ports import Books, Store, Watch
from shared.catalogue.codes import Code, CodeSystem, check_finess, parse_code
from shared.catalogue.units import Packing, Unit
from shared.clock import Clock
from shared.errors import Malformed, Missing, NotNow, Refusal

# Clocks change at full quarters of an hour: one look-up per quarter is enough.
QUARTER_SECONDS = 900
OLDEST = datetime(1990, 1, 1, tzinfo=UTC)
CODES_KEPT = 200_000
UNITS = {unit.value: unit for unit in Unit}
Resolved = tuple[str, Packing] | Refusal


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    accepted: int
    duplicate: int
    refusals: Sequence[RowRefusal]


class Calendar:
    """Local days of instants; remembers each quarter of an hour that it was asked for."""

    def __init__(self, zone: str) -> None:
        self._zone = ZoneInfo(zone)
        self._days: dict[int, int] = {}

    def day(self, seconds: int) -> int:
        """Days since 1970 of the local day that holds the instant."""
        quarter = seconds // QUARTER_SECONDS
        known = self._days.get(quarter)
        if known is None:
            local = datetime.fromtimestamp(quarter * QUARTER_SECONDS, self._zone).date()
            if len(self._days) > CODES_KEPT:
                self._days.clear()
            known = self._days[quarter] = (local - EPOCH).days
        return known


@dataclass(slots=True)
class RecordMovements:
    """Stores the good rows of a batch in one transaction and says what became of each.

    Refusals of a row: CHECK_DIGIT_WRONG, CODE_MALFORMED, SITE_MALFORMED,
    FINESS_KEY_WRONG, ITEM_UNKNOWN, SITE_UNKNOWN, MOVEMENT_IN_FUTURE,
    MOVEMENT_TOO_OLD, MOVEMENT_CONFLICT.
    """

    store: Store
    clock: Clock
    watch: Watch
    zone: str
    tolerance: timedelta
    _codes: dict[tuple[str, str], Code | Refusal] = field(default_factory=dict)
    _calendar: Calendar | None = None

    def __call__(
        self, rows: Sequence[SentMovement], refused: Sequence[RowRefusal] = ()
    ) -> BatchOutcome:
        """`refused` are rows of the batch that the door could not read: counted, handed on."""
        with self.store.write() as books:
            judged, refusals = self._judge(books, rows)
            accepted, duplicate, conflicts = self._compare(books, judged)
            books.movements.add(accepted)
        everyone = sorted((*refused, *refusals, *conflicts), key=lambda r: r.row)
        self.watch.movements(len(accepted), duplicate, len(everyone))
        return BatchOutcome(len(accepted), duplicate, everyone)

    def _code(self, system: str, text: str) -> Code | Refusal:
        key = (system, text)
        found = self._codes.get(key)
        if found is None:
            if len(self._codes) > CODES_KEPT:
                self._codes.clear()
            try:
                found = parse_code(CodeSystem(system), text, field="item.code")
            except Malformed as refusal:
                found = refusal
            self._codes[key] = found
        return found

    def _resolve(
        self, books: Books, asked: Iterable[tuple[str, str]]
    ) -> dict[tuple[str, str], Resolved]:
        """(item id, packing) of each spelling of a code, or why there is none."""
        codes = {spelling: self._code(*spelling) for spelling in asked}
        packings = books.catalogue.packings(c for c in codes.values() if isinstance(c, Code))
        return {
            spelling: code if isinstance(code, Refusal) else packings.get(code) or _unknown(code)
            for spelling, code in codes.items()
        }

    def _judge(
        self, books: Books, rows: Sequence[SentMovement]
    ) -> tuple[list[tuple[int, Movement]], list[RowRefusal]]:
        items = self._resolve(books, {(row.code_system, row.code) for row in rows})
        sites = _Sites(books.catalogue.site_ids())
        latest = (self.clock.now() + self.tolerance).timestamp()
        oldest = OLDEST.timestamp()
        calendar = self._calendar = self._calendar or Calendar(self.zone)
        judged: list[tuple[int, Movement]] = []
        refusals: list[RowRefusal] = []
        for row in rows:
            try:
                if not oldest <= row.seconds <= latest:
                    raise _out_of_time(row.seconds < oldest)
                item = items[row.code_system, row.code]
                if isinstance(item, Refusal):
                    raise item
                judged.append((row.row, _movement(row, item, sites, calendar)))
            except Refusal as refusal:
                refusals.append(RowRefusal(row.row, row.movement_id, refusal))
        return judged, refusals

    @staticmethod
    def _compare(
        books: Books, judged: Sequence[tuple[int, Movement]]
    ) -> tuple[list[Movement], int, list[RowRefusal]]:
        known = dict(books.movements.fingerprints([m.movement_id for _, m in judged]))
        accepted: list[Movement] = []
        conflicts: list[RowRefusal] = []
        duplicate = 0
        for row, movement in judged:
            before = known.get(movement.movement_id)
            if before is None:
                known[movement.movement_id] = movement.fingerprint
                accepted.append(movement)
            elif before == movement.fingerprint:
                duplicate += 1
            else:
                conflicts.append(RowRefusal(row, movement.movement_id, _conflict()))
        return accepted, duplicate, conflicts


class _Sites:
    """Checks each spelling of a site once per batch."""

    def __init__(self, known: frozenset[str]) -> None:
        self._known = known
        self._checked: dict[str, str] = {}

    def check(self, text: str) -> str:
        if text in self._known:
            return text
        if text not in self._checked:
            site_id = check_finess(text, field="site_id")
            if site_id not in self._known:
                raise Missing(
                    "SITE_UNKNOWN",
                    f"The site {site_id} is not registered here. Register it with PutSites, "
                    "then send the row again.",
                    field="site_id",
                    site_id=site_id,
                )
            self._checked[text] = site_id
        return self._checked[text]


def _movement(
    row: SentMovement, item: tuple[str, Packing], sites: _Sites, calendar: Calendar
) -> Movement:
    item_id, packing = item
    site_id = sites.check(row.site_id)
    return Movement(
        row.movement_id,
        fingerprint(row, item_id, site_id),
        item_id,
        site_id,
        calendar.day(row.seconds),
        row.reason,
        packing.to_base(row.amount, UNITS[row.unit]),
        row.ward_id,
    )


def _unknown(code: Code) -> Missing:
    return Missing(
        "ITEM_UNKNOWN",
        f"No item is registered under the {code.system.value} code {code.value}. Register it "
        "with PutItems, then send the row again.",
        field="item.code",
        code=code.value,
    )


def _out_of_time(too_old: bool) -> Malformed:
    if too_old:
        return Malformed(
            "MOVEMENT_TOO_OLD",
            "The movement is dated before 1990: the date is most likely missing. Send the "
            "instant at which the stock moved.",
            field="occurred_time",
        )
    return Malformed(
        "MOVEMENT_IN_FUTURE",
        "The movement is dated in the future. Check the clock and the time zone of the sender: "
        "instants are in UTC.",
        field="occurred_time",
    )


def _conflict() -> NotNow:
    return NotNow(
        "MOVEMENT_CONFLICT",
        "This movement id was recorded before with other content, and a record is never "
        "overwritten. Send a correction as a movement of its own, with a new id.",
        field="movement_id",
    )
