"""People of one vehicle told the same site where that costs nothing: seats are exchanged.

The flow plans each seat on its own; among plans that cost the same it may send the people of
one vehicle to several sites. Here two people exchange their seats when their vehicles then
have fewer sites to drive to and the weighted minutes to the seats do not grow. Sites, the
vehicles that leave and who waits stay as they are, so what was the cheapest plan still is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from services.orientation.domain.distribution.network import Ints
from services.orientation.domain.distribution.problem import Allocation, Problem
from services.orientation.domain.distribution.tables import Tables

NO_MORE = 1e-9  # weighted minutes: less than the flow can tell apart


def together(problem: Problem, tables: Tables, allocation: Allocation) -> Allocation:
    """The same allocation with seats exchanged; itself where no vehicle is shared."""
    plan = _Plan(problem, tables, allocation)
    if not plan.split():
        return allocation
    while plan.exchange():
        continue
    return plan.allocation(allocation)


def extra_stops(allocation: Allocation) -> int:
    """Sites beyond the first that vehicles drive to, added up."""
    sites: dict[str, set[str]] = {}
    for chosen in allocation.assignments:
        if not chosen.waits:
            sites.setdefault(chosen.vehicle_id, set()).add(chosen.finess_geo)
    return sum(len(named) - 1 for named in sites.values())


class _Plan:
    """Vehicle and site of every casualty by number; -1 is none."""

    def __init__(self, problem: Problem, tables: Tables, allocation: Allocation) -> None:
        vehicle_at = {v.vehicle_id: i for i, v in enumerate(problem.vehicles)}
        site_at = {s.facility.finess_geo: i for i, s in enumerate(problem.sites)}
        chosen = allocation.assignments
        self._problem, self._tables = problem, tables
        self.seat: Ints = np.array(
            [-1 if a.waits else vehicle_at[a.vehicle_id] for a in chosen], dtype=np.int64
        )
        self.site: Ints = np.array(
            [-1 if a.waits else site_at[a.finess_geo] for a in chosen], dtype=np.int64
        )
        loaded = np.array([bool(c.loaded_in) for c in problem.casualties], dtype=bool)
        self.movable: Ints = np.flatnonzero((self.seat >= 0) & ~loaded)

    def sites_of(self, vehicle: int) -> list[int]:
        """One entry for each of its people."""
        return [int(site) for site in self.site[self.seat == vehicle]]

    def split(self) -> list[int]:
        """Vehicles whose people go to several sites."""
        used, riders = np.unique(self.seat[self.seat >= 0], return_counts=True)
        return [int(v) for v in used[riders > 1] if len(set(self.sites_of(int(v)))) > 1]

    def exchange(self) -> bool:
        """Carries out the cheapest exchange that helps; False when none does."""
        best: tuple[float, int, int] | None = None
        for vehicle in self.split():
            named = self.sites_of(vehicle)
            for row in self.movable[self.seat[self.movable] == vehicle]:
                rest = list(named)
                rest.remove(int(self.site[row]))
                if int(self.site[row]) in rest:
                    continue  # there is somebody to go with
                found = self._partner(int(row), vehicle, rest)
                if found is not None and (best is None or found < best):
                    best = found
        if best is None:
            return False
        _, one, other = best
        self.seat[one], self.seat[other] = self.seat[other], self.seat[one]
        return True

    def _partner(
        self, row: int, vehicle: int, rest: Sequence[int]
    ) -> tuple[float, int, int] | None:
        """(price, the two who exchange) of the cheapest exchange that saves a stop."""
        others = self.movable[
            (self.seat[self.movable] != vehicle) & np.isin(self.site[self.movable], rest)
        ]
        pickup, waiting = self._tables.pickup, self._tables.waiting
        theirs = self.seat[others]
        price = (
            pickup[row, theirs]
            + pickup[others, vehicle]
            - pickup[row, vehicle]
            - pickup[others, theirs]
        )
        allowed = (price <= NO_MORE) & (pickup[row, theirs] < waiting[row])
        allowed &= pickup[others, vehicle] < waiting[others]
        for place in np.flatnonzero(allowed)[np.argsort(price[allowed], kind="stable")]:
            other = int(others[place])
            left = self.sites_of(int(theirs[place]))
            before = len(set(left))
            left.remove(int(self.site[other]))
            # this vehicle has one stop less; the other one must not have one more
            if len({*left, int(self.site[row])}) <= before:
                return float(price[place]), row, other
        return None

    def allocation(self, first: Allocation) -> Allocation:
        vehicles = self._problem.vehicles
        return Allocation(
            tuple(
                chosen
                if chosen.waits
                else replace(chosen, vehicle_id=vehicles[int(self.seat[row])].vehicle_id)
                for row, chosen in enumerate(first.assignments)
            )
        )
