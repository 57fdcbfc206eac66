"""Reads the folders of exactly solved cases and puts each case to the engine."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from services.replenishment.adapters.oracles.pair import MOST_ENTRIES, pair_of, play_pair
from services.replenishment.adapters.oracles.perishable import (
    MOST_STATES,
    Answer,
    play,
    shelf_of,
)
from services.replenishment.adapters.oracles.platelets import (
    MOST_SHELVES,
    platelets_of,
    play_platelets,
)
from services.replenishment.adapters.oracles.textbook import (
    newsvendor,
    reorder_point,
    rolling_plan,
    wagner_whitin,
)
from services.replenishment.adapters.solver.cores import CORES
from services.replenishment.ports import OracleCase
from shared.errors import Malformed

TEXTBOOK: Mapping[str, tuple[str, Callable[[Mapping[str, Any]], float]]] = {
    "ss.json": ("rolling plan against (s, S)", rolling_plan),
    "nv.json": ("newsvendor", newsvendor),
    "ww.json": ("Wagner-Whitin", wagner_whitin),
    "rq.json": ("(r, Q)", reorder_point),
}


def textbook_cases(folder: Path) -> Iterator[OracleCase]:
    """Every case of the files that are there. Malformed ORACLE_MALFORMED."""
    there = [name for name in TEXTBOOK if (folder / name).exists()]
    if not there:
        raise _bad(folder, f"it holds none of {', '.join(TEXTBOOK)}")
    for name in there:
        kind, answer = TEXTBOOK[name]
        for case in _read(folder / name):
            try:
                ours, optimum = answer(case), float(case["cost"])
            except (KeyError, TypeError) as error:
                raise _bad(folder / name, f"a case lacks or misstates {error}") from None
            yield OracleCase(kind, str(case["id"]), ours, optimum, ours / optimum)


def perishable_cases(folder: Path) -> Iterator[OracleCase]:
    """Every scenario, as many at a time as there are cores; those that cannot be solved
    exactly here say why and have no ratio."""

    def played(scenario: Mapping[str, Any]) -> OracleCase:
        kind, name = str(scenario.get("scenario")), str(scenario.get("id"))
        try:
            found = _perishable(kind, scenario["parameters"])
        except (KeyError, TypeError) as error:
            raise _bad(folder, f"scenario {name} lacks or misstates {error}") from None
        if isinstance(found, str):
            return OracleCase(kind, name, reason=found)
        return OracleCase(kind, name, found.ours, found.optimum, found.ratio)

    scenarios = _read(folder / "scenarios.json")
    with ThreadPoolExecutor(CORES, thread_name_prefix="cases") as threads:
        yield from threads.map(played, scenarios)


def _perishable(kind: str, parameters: Mapping[str, Any]) -> Answer | str:
    """Ours and the optimum, or why there is none."""
    if kind == "hendrix_perishable_substitution_two_product":
        pair = pair_of(parameters)
        if pair.entries > MOST_ENTRIES:
            return _too_many(pair.entries, MOST_ENTRIES, "states times what may be left of them")
        return play_pair(pair)
    if kind == "mirjalili_perishable_platelet":
        platelets = platelets_of(parameters)
        if platelets.shelves > MOST_SHELVES:
            return _too_many(platelets.shelves, MOST_SHELVES, "shelves after a delivery")
        return play_platelets(platelets)
    shelf = shelf_of(kind, parameters)
    if shelf is None:
        return "this kind of problem is not played here"
    if shelf.states > MOST_STATES:
        return _too_many(shelf.states, MOST_STATES, "states")
    return play(shelf)


def _too_many(count: int, most: int, of_what: str) -> str:
    return f"{count:,} {of_what} are more than the {most:,} that are solved exactly here"


def _read(path: Path) -> list[dict[str, Any]]:
    try:
        cases = json.loads(path.read_text())
    except FileNotFoundError:
        raise _bad(path, "there is no such file") from None
    except (OSError, ValueError):
        raise _bad(path, "it is not a JSON file") from None
    if not isinstance(cases, list) or not all(isinstance(one, dict) for one in cases):
        raise _bad(path, "it must hold a list of cases")
    return cases


def _bad(path: Path, why: str) -> Malformed:
    return Malformed("ORACLE_MALFORMED", f"{path.name} cannot be played: {why}.", field="data")
