"""Vehicles that drive to several sites: in which order, and how long each way then takes.

The plan prices every seat on its own. Here the ways of one vehicle are put one behind the
other: the site of the gravest first, then from site to site.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from services.orientation.domain.distribution.problem import Allocation, Problem
from services.orientation.domain.distribution.tables import Floats, Tables
from services.orientation.domain.distribution.terms import CARRIER, weight
from services.orientation.domain.places import distance_km
from services.orientation.domain.travel import travel_minutes

UNLOAD_MIN = 10.0  # from the doors of a site until the vehicle drives on; a draft


class Way(NamedTuple):
    """One person's way from where they are to the doors of their site.

    `stop` of `stops`, the first one is 1; `detour_min` is what `minutes` has above the
    straight way; `after` names the site before.
    """

    minutes: float
    stop: int = 1
    stops: int = 1
    detour_min: float = 0.0
    after: str = ""


def ways(problem: Problem, tables: Tables, allocation: Allocation) -> list[Way | None]:
    """By casualty; None for who waits."""
    site_at = {s.facility.finess_geo: i for i, s in enumerate(problem.sites)}
    found: list[Way | None] = [None] * len(problem.casualties)
    riders: dict[str, dict[int, list[int]]] = {}  # vehicle → site → its people
    for row, chosen in enumerate(allocation.assignments):
        if not chosen.waits:
            column = site_at[chosen.finess_geo]
            found[row] = Way(float(tables.ride[row, column]))
            riders.setdefault(chosen.vehicle_id, {}).setdefault(column, []).append(row)
    for by_site in riders.values():
        if len(by_site) > 1:
            for row, way in _one_behind_the_other(problem, tables.ride, by_site):
                found[row] = way
    return found


def _one_behind_the_other(
    problem: Problem, ride: Floats, by_site: dict[int, list[int]]
) -> list[tuple[int, Way]]:
    order = sorted(by_site, key=lambda site: _first(problem, ride, site, by_site[site]))
    out, minutes = [], 0.0
    for place, site in enumerate(order):
        if place:
            minutes += UNLOAD_MIN + between(problem, order[place - 1], site)
            after = problem.sites[order[place - 1]].facility.name
        else:
            minutes, after = max(float(ride[row, site]) for row in by_site[site]), ""
        for row in by_site[site]:
            straight = float(ride[row, site])
            taken = minutes if place else straight
            out.append((row, Way(taken, place + 1, len(order), taken - straight, after)))
    return out


def _first(
    problem: Problem, ride: Floats, site: int, rows: Sequence[int]
) -> tuple[float, float, str]:
    """The site of whom waiting harms most, then the nearest."""
    gravest = max(weight(problem.casualties[row]) for row in rows)
    nearest = min(float(ride[row, site]) for row in rows)
    return -gravest, nearest, problem.sites[site].facility.finess_geo


def between(problem: Problem, one: int, other: int) -> float:
    """Minutes from the doors of one site to those of another."""
    a, b = problem.sites[one].facility, problem.sites[other].facility
    km = distance_km(a.latitude, a.longitude, b.latitude, b.longitude)
    return travel_minutes(km, CARRIER, problem.local_hour)
