"""The store in memory: passes the same suite as the real ones (contract/test_store.py)."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from services.demand.domain.accuracy import Cell, Claim, Figures, Place, Sums, sums_of
from services.demand.domain.drivers.signals import Reported
from services.demand.domain.forecasts import Finding, Forecast, Outcome
from services.demand.domain.movements import Movement
from services.demand.domain.periods import Period
from services.demand.domain.runs import Run, RunState
from services.demand.domain.shelf import ShelfDay
from services.demand.domain.signals import Case
from services.demand.domain.uses import Use
from shared.catalogue.codes import Code
from shared.catalogue.items import Item, Site
from shared.catalogue.units import Packing


@dataclass
class MemoryCatalogue:
    known: dict[str, Item] = field(default_factory=dict)
    sites: dict[str, Site] = field(default_factory=dict)

    def put_items(self, items: Sequence[Item]) -> None:
        self.known.update({item.item_id: item for item in items})

    def put_sites(self, sites: Sequence[Site]) -> None:
        self.sites.update({site.site_id: site for site in sites})

    def items(self, codes: Iterable[Code]) -> Mapping[Code, Item]:
        owners = {code: item for item in self.known.values() for code in item.all_codes()}
        return {code: owners[code] for code in codes if code in owners}

    def packings(self, codes: Iterable[Code]) -> Mapping[Code, tuple[str, Packing]]:
        found = self.items(codes)
        return {code: (item.item_id, item.packing) for code, item in found.items()}

    def all_items(self) -> Sequence[Item]:
        return [self.known[item_id] for item_id in sorted(self.known)]

    def site_ids(self) -> frozenset[str]:
        return frozenset(self.sites)

    def school_zones(self) -> Mapping[str, str]:
        return {s.site_id: s.school_zone for s in self.sites.values() if s.school_zone}


@dataclass
class MemoryMovements:
    known: dict[str, Movement] = field(default_factory=dict)

    def fingerprints(self, movement_ids: Sequence[str]) -> Mapping[str, int]:
        return {i: self.known[i].fingerprint for i in movement_ids if i in self.known}

    def add(self, movements: Sequence[Movement]) -> None:
        self.known.update({movement.movement_id: movement for movement in movements})

    def any(self) -> bool:
        return bool(self.known)


@dataclass
class MemoryRuns:
    runs: dict[str, Run] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    done: set[tuple[str, str, str]] = field(default_factory=set)

    def add(self, run: Run, request_key: str) -> bool:
        if request_key and self.keys.setdefault(request_key, run.run_id) != run.run_id:
            return False
        self.runs[run.run_id] = run
        return True

    def get(self, run_id: str) -> Run | None:
        return self.runs.get(run_id)

    def by_key(self, request_key: str) -> Run | None:
        return self.runs.get(self.keys.get(request_key, ""))

    def unfinished(self) -> Sequence[str]:
        return [run_id for run_id, run in self.runs.items() if not run.state.ended]

    def failed_since(self, instant: datetime) -> Sequence[str]:
        return [
            run_id
            for run_id, run in self.runs.items()
            if run.state is RunState.FAILED and run.end_time and run.end_time >= instant
        ]

    def set_state(
        self, run_id: str, state: RunState, *, end_time: datetime | None = None, failure: str = ""
    ) -> None:
        run = self.runs[run_id]
        self.runs[run_id] = replace(run, state=state, end_time=end_time, failure=failure)

    def set_series(self, run_id: str, series: int, done: int) -> None:
        self.runs[run_id] = replace(self.runs[run_id], series=series, series_done=done)

    def advance(self, run_id: str, outcomes: Sequence[Outcome]) -> None:
        run = self.runs[run_id]
        self.runs[run_id] = replace(run, series_done=run.series_done + len(outcomes))
        for outcome in outcomes:
            self.done.add((run_id, outcome.item_id, outcome.site_id))
            if outcome.finding is not None:
                self.note(run_id, outcome.finding)

    def note(self, run_id: str, finding: Finding) -> None:
        run = self.runs[run_id]
        found = {(f.site_id, f.item_id): f for f in (*run.findings, finding)}
        self.runs[run_id] = replace(run, findings=tuple(found[k] for k in sorted(found)))

    def done_in(self, run_id: str) -> frozenset[tuple[str, str]]:
        return frozenset((item, site) for run, item, site in self.done if run == run_id)


@dataclass
class MemoryForecasts:
    newest_by_place: dict[tuple[str, str], Forecast] = field(default_factory=dict)

    def newest(self, site_id: str, item_id: str) -> Forecast | None:
        return self.newest_by_place.get((site_id, item_id))

    def put(self, forecasts: Sequence[Forecast]) -> None:
        self.newest_by_place.update({(f.site_id, f.item_id): f for f in forecasts})

    def some(
        self,
        site_ids: Sequence[str],
        item_ids: Sequence[str],
        after: tuple[str, str] | None,
        limit: int,
    ) -> Sequence[Forecast]:
        found = [
            self.newest_by_place[site, item]
            for site, item in sorted(self.newest_by_place)
            if (not site_ids or site in site_ids)
            and (not item_ids or item in item_ids)
            and (after is None or (site, item) > after)
        ]
        return found[:limit]

    def newest_made(self) -> datetime | None:
        return max((f.made_time for f in self.newest_by_place.values()), default=None)


@dataclass
class MemorySignals:
    cases: dict[str, Case] = field(default_factory=dict)
    counts: dict[tuple[date, str], int] = field(default_factory=dict)
    outside: dict[tuple[str, date], Reported] = field(default_factory=dict)

    def case(self, case_key: str) -> Case | None:
        return self.cases.get(case_key)

    def put_case(self, case: Case) -> None:
        self.cases[case.case_key] = case

    def count(self, day: date, group: str, change: int) -> None:
        self.counts[day, group] = self.counts.get((day, group), 0) + change

    def calls(self, first: date, last: date) -> Mapping[tuple[date, str], int]:
        return {key: calls for key, calls in self.counts.items() if first <= key[0] <= last}

    def put_reported(self, values: Sequence[Reported]) -> None:
        self.outside.update({(one.name, one.published): one for one in values})

    def reported(self, first: date, last: date) -> Sequence[Reported]:
        return [self.outside[key] for key in sorted(self.outside) if first <= key[1] <= last]


@dataclass
class MemoryShelf:
    days: dict[tuple[str, str, int], ShelfDay] = field(default_factory=dict)

    def put(self, reports: Sequence[ShelfDay]) -> None:
        self.days.update({(one.item_id, one.site_id, one.day): one for one in reports})


@dataclass
class MemoryUses:
    known: dict[str, Use] = field(default_factory=dict)

    def put(self, uses: Sequence[Use]) -> None:
        self.known.update({one.use_id: one for one in uses})

    def any(self) -> bool:
        return bool(self.known)

    def of(self, item_ids: Sequence[str], site_ids: Sequence[str]) -> Sequence[Use]:
        found = sorted(self.known.values(), key=lambda u: (u.item_id, u.site_id, u.use_id))
        return [
            one
            for one in found
            if (not item_ids or one.item_id in item_ids)
            and (not site_ids or one.site_id in site_ids)
        ]

    def newest(self) -> Mapping[str, int]:
        return {
            one.site_id: max(
                t
                for other in self.known.values()
                if other.site_id == one.site_id
                for t in (other.start, other.end)
                if t is not None
            )
            for one in self.known.values()
        }


@dataclass
class MemoryAccuracy:
    claims: dict[tuple[str, str, Period, int], Claim] = field(default_factory=dict)
    came: dict[tuple[str, str, Period, int], float] = field(default_factory=dict)
    added: dict[Cell, Sums] = field(default_factory=dict)

    def claim(self, claims: Sequence[Claim]) -> None:
        self.claims.update({one[:4]: one for one in claims})

    def to_judge(self, spans: Mapping[Period, range]) -> Sequence[tuple[Period, int]]:
        inside = {(p, n) for _, _, p, n in self.claims if n in spans.get(p, ())}
        came = {(p, n) for _, _, p, n in self.came}
        known = {(cell.period, cell.number) for cell in self.added}
        return sorted(inside | (came - known), key=lambda one: (one[0].value, one[1]))

    def claims_of(self, period: Period, number: int) -> Sequence[tuple[Claim, float | None]]:
        return [
            (self.claims[key], self.came.get(key))
            for key in sorted(self.claims, key=_by_place)
            if key[2:] == (period, number)
        ]

    def settle(self, period: Period, number: int, came: Sequence[tuple[Claim, float]]) -> None:
        self.came.update({claim[:4]: actual for claim, actual in came})
        for cell in [one for one in self.added if (one.period, one.number) == (period, number)]:
            del self.added[cell]
        known = self.claims_of(period, number)
        self.added |= sums_of([(claim, true) for claim, true in known if true is not None])

    def forget(self, period: Period, made_before: datetime) -> None:
        old = [
            key
            for key, one in self.claims.items()
            if one.period is period and one.made_time < made_before
        ]
        for key in old:
            del self.claims[key]
            self.came.pop(key, None)

    def forget_sums(self, period: Period, before: int) -> None:
        for cell in [one for one in self.added if one.period is period and one.number < before]:
            del self.added[cell]

    def settled(self, item_id: str, site_id: str) -> Sequence[tuple[Claim, float]]:
        return [
            (self.claims[key], self.came[key])
            for key in sorted(self.came, key=_by_place)
            if site_id in ("", key[1]) and item_id == key[0]
        ]

    def sums(self, site_id: str) -> Mapping[Cell, Sums]:
        return {cell: told for cell, told in self.added.items() if site_id in ("", cell.site_id)}


def _by_place(key: tuple[str, str, Period, int]) -> tuple[str, str, str, int]:
    return key[0], key[1], key[2].value, key[3]


@dataclass
class MemoryBooks:
    catalogue: MemoryCatalogue = field(default_factory=MemoryCatalogue)
    movements: MemoryMovements = field(default_factory=MemoryMovements)
    runs: MemoryRuns = field(default_factory=MemoryRuns)
    forecasts: MemoryForecasts = field(default_factory=MemoryForecasts)
    signals: MemorySignals = field(default_factory=MemorySignals)
    shelf: MemoryShelf = field(default_factory=MemoryShelf)
    uses: MemoryUses = field(default_factory=MemoryUses)
    accuracy: MemoryAccuracy = field(default_factory=MemoryAccuracy)


@dataclass
class MemoryStore:
    """All or nothing, as the real ones: an exception puts the books back."""

    books: MemoryBooks = field(default_factory=MemoryBooks)

    @contextmanager
    def write(self) -> Iterator[MemoryBooks]:
        before = copy.deepcopy(self.books)
        try:
            yield self.books
        except BaseException:
            self.books = before
            raise

    @contextmanager
    def read(self) -> Iterator[MemoryBooks]:
        yield self.books


@dataclass
class Counts:
    """A watch that only remembers."""

    accepted: int = 0
    duplicate: int = 0
    refused: int = 0
    ended: list[RunState] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    driver_failures: int = 0
    figures: dict[Place, Figures] = field(default_factory=dict)

    def movements(self, accepted: int, duplicate: int, refused: int) -> None:
        self.accepted += accepted
        self.duplicate += duplicate
        self.refused += refused

    def run_ended(self, state: RunState, seconds: float) -> None:
        self.ended.append(state)

    def series(self, kinds: Mapping[str, int]) -> None:
        self.kinds.update(kinds)

    def drivers_failed(self, parts: int) -> None:
        self.driver_failures += parts

    def forecast_made(self, at: datetime) -> None:
        """Nothing to remember."""

    def accuracy(self, parts: Mapping[Place, Figures]) -> None:
        self.figures = dict(parts)
