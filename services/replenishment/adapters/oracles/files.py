"""Reads the folders of exactly solved cases and puts each case to the engine."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from services.replenishment.adapters.oracles.perishable import MOST_STATES, play, shelf_of
from services.replenishment.adapters.oracles.textbook import (
    newsvendor,
    reorder_point,
    rolling_plan,
    wagner_whitin,
)
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
    """Every scenario; those that cannot be solved exactly here say why and have no ratio."""
    for scenario in _read(folder / "scenarios.json"):
        kind, name = str(scenario.get("scenario")), str(scenario.get("id"))
        try:
            shelf = shelf_of(scenario)
        except (KeyError, TypeError) as error:
            raise _bad(folder, f"scenario {name} lacks or misstates {error}") from None
        if shelf is None:
            yield OracleCase(kind, name, reason="this kind of problem is not played here")
        elif shelf.states > MOST_STATES:
            states = f"{shelf.states:,} states are more than the {MOST_STATES:,} solved exactly"
            yield OracleCase(kind, name, reason=states)
        else:
            found = play(shelf)
            yield OracleCase(kind, name, found.ours, found.optimum, found.ratio)


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
