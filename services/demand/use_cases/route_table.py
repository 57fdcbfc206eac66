"""Forecasts a whole table: every engine is tried on rolling origins, the best serves its group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from services.demand.domain.routing import (
    LEAST_TO_CHOOSE,
    MOST_ORIGINS,
    Group,
    Judged,
    Losses,
    class_words,
    groups,
    judge,
    losses,
    origins,
    within_reach,
    worth_trying,
)
from services.demand.domain.tables import (
    Asked,
    Flags,
    HistoryTable,
    Ints,
    TableForecast,
    joined,
    tidied,
)
from services.demand.ports import Progress, TableEngine

SAMPLE = 60


@dataclass(frozen=True, slots=True)
class RouteTable:
    """The engine of each group by back-test; the forecast says which one, and why.

    `homes`: the engines that serve a group when no back-test can decide, the first one that
    is tried at all.
    """

    engines: Sequence[TableEngine]
    homes: Mapping[Group, Sequence[str]]
    progress: Progress = field(repr=False)
    sample: int = SAMPLE
    most: int = 1_000_000
    tests: int = MOST_ORIGINS

    def choose(self, table: HistoryTable, asked: Asked) -> Mapping[Group, Judged]:
        """The engine of each group that the table has, by rolling origins inside it."""
        if len(table.ids) > self.most:
            places = np.linspace(0, len(table.ids) - 1, self.most).astype(np.int64)
            table = table.rows(np.unique(places))
        rows = _rows(groups(table))
        counts = {group: len(members) for group, members in rows.items()}
        engines = [one for one in self.engines if worth_trying(one.home, one.serves, counts)]
        found: Mapping[str, Sequence[Losses]] = {one.name: () for one in engines}
        if max(counts.values()) >= LEAST_TO_CHOOSE:
            found = self._back_tests(table, asked, engines)
        sampled = frozenset(one.name for one in engines if one.slow)
        # Without a back-test the few go with the many: an engine that learns from a whole
        # pool knows more of them than one that is left with them alone.
        many = max(rows, key=lambda group: len(rows[group]))
        untested = not any(found.values())
        chosen: dict[Group, Judged] = {}
        for group, members in rows.items():
            tried = {one.name: found[one.name] for one in engines if group in one.serves}
            homes = (*self.homes[many], *self.homes[group]) if untested else self.homes[group]
            default = next(name for name in homes if name in tried)
            chosen[group] = judge(tried, members, default, sampled)
        return chosen

    def _back_tests(
        self,
        table: HistoryTable,
        asked: Asked,
        engines: Sequence[TableEngine],
    ) -> dict[str, list[Losses]]:
        found: dict[str, list[Losses]] = {one.name: [] for one in engines}
        tests = origins(table.length, asked.horizon, table.season)[: self.tests]
        kinds = _rows(groups(table))
        kept = list(engines)
        left = len(tests) * len(engines)
        with self.progress.stage("back-tests", left) as step:
            for known, periods in tests:
                cut = table.until(known)
                # only the periods are compared, so no sum over the lead time is asked for
                test = Asked(table.periods[known : known + periods], asked.levels, trial=True)
                for engine in kept:
                    wanted = np.ones(len(cut.ids), dtype=bool)
                    if engine.slow:
                        wanted = _sample(cut, engine.serves, self.sample)
                    part = cut.rows(np.flatnonzero(wanted)) if engine.slow else cut
                    if len(part.ids):
                        made = tidied(engine(part, test))
                        found[engine.name].append(losses(table, cut, made, wanted, periods))
                    step()
                    left -= 1
                kept = self._worth_more(kept, found, kinds)
                if not kept:
                    break
            for _ in range(left):
                step()
        return found

    def _worth_more(
        self,
        engines: Sequence[TableEngine],
        found: Mapping[str, Sequence[Losses]],
        rows: Mapping[Group, Ints],
    ) -> list[TableEngine]:
        """Those that are not far behind in a group that is still open.

        A costly engine that has lost clearly at the newest origin need not lose again at older
        ones, and where one is left in every group the older origins have nothing to decide.
        """
        near: set[str] = set()
        for group, members in rows.items():
            serving = {one.name for one in engines if group in one.serves}
            default = next((name for name in self.homes[group] if name in serving), None)
            default = default or min(serving, default=None)
            if default is None:
                continue
            tried = {name: found[name] for name in sorted(serving)}
            rivals = within_reach(tried, members, default)
            near |= rivals if len(rivals) > 1 else set()
        return [one for one in engines if one.name in near]

    def forecast(
        self, table: HistoryTable, asked: Asked, chosen: Mapping[Group, Judged]
    ) -> TableForecast:
        """The forecast of the chosen engines; groups that were not judged go to their home."""
        rows = _rows(groups(table))
        chosen = {g: chosen.get(g, Judged(self.homes[g][-1], "Not back-tested.")) for g in rows}
        by_name = {one.name: one for one in self.engines}
        words = class_words(table)
        parts: list[tuple[Ints, TableForecast]] = []
        names = sorted({judged.engine for judged in chosen.values()})
        with self.progress.stage("forecast", len(names)) as step:
            for name in names:
                mine = np.sort(
                    np.concatenate(
                        [rows[g] for g, judged in chosen.items() if judged.engine == name]
                    )
                )
                engine = by_name[name]
                if engine.slow or len(mine) >= self.most:
                    made = tidied(engine(table.rows(mine), asked))
                else:
                    # the whole table: engines that learn from all series get all of them
                    made = tidied(engine(table, asked)).rows(mine)
                parts.append((mine, made))
                step()
        whole = joined(len(table.ids), parts)
        why = {i: judged.reason for g, judged in chosen.items() for i in rows[g]}
        return replace(
            whole,
            reasons=tuple(
                f"{words[i]} demand. {why[i]} {whole.reasons[i]}".strip()
                for i in range(len(table.ids))
            ),
        )


def _rows(kinds: Sequence[Group]) -> dict[Group, Ints]:
    found = {
        group: np.array([i for i, kind in enumerate(kinds) if kind is group], dtype=np.int64)
        for group in Group
    }
    return {group: rows for group, rows in found.items() if len(rows)}


def _sample(table: HistoryTable, serves: frozenset[Group], most: int) -> Flags:
    """Evenly spaced series of the groups that an engine serves, at most `most` of them."""
    mine = np.flatnonzero([kind in serves for kind in groups(table)])
    wanted = np.zeros(len(table.ids), dtype=bool)
    if len(mine):
        places = np.unique(np.linspace(0, len(mine) - 1, min(most, len(mine))).astype(int))
        wanted[mine[places]] = True
    return wanted
