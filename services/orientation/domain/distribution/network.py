"""The problem as a flow: each casualty is one unit from a seat, through her, to a place.

                 sector ─► vehicle ─► casualty ─► casualty ─► site and category ─► place
        source ─┤            ▲         (in)        (out)                              │
                 ├───────────┘ seats     ▲                                            ▼
                 ├──────────────────────►┘ already loaded                           sink
                 └──────────────────────────── waits ────────────────────────────────►┘

The arc through a casualty carries what waiting would have cost as a gain, so that the
cheapest flow of as many units as there are casualties is the best allocation. Costs are
whole hundredths of a weighted minute: a min-cost flow on them is solved exactly.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from services.orientation.domain.distribution.check import free_places, over
from services.orientation.domain.distribution.cost import covers, seats_of
from services.orientation.domain.distribution.problem import (
    ANY,
    CATEGORIES,
    Allocation,
    Assignment,
    Problem,
    Site,
)
from services.orientation.domain.distribution.tables import Floats, Tables
from services.orientation.domain.distribution.terms import (
    OVER_MIN,
    PLACE_WEIGHT,
    category_of,
    place_prices,
)

Ints = npt.NDArray[np.int64]
UNIT = 100  # whole costs a weighted minute


@dataclass(frozen=True, slots=True)
class Network:
    """A min-cost flow problem: `supply` units go from node `source` to node `sink`."""

    tails: Ints = field(repr=False)
    heads: Ints = field(repr=False)
    capacities: Ints = field(repr=False)
    costs: Ints = field(repr=False)
    source: int
    sink: int
    supply: int


@dataclass(frozen=True, slots=True)
class Layers:
    """Where the arcs that say who goes with what to where begin."""

    seats_from: int
    rides_from: int
    seat_rows: Ints = field(repr=False)  # [arc] casualty and
    seat_columns: Ints = field(repr=False)  # vehicle
    ride_rows: Ints = field(repr=False)  # [arc] casualty and
    ride_columns: Ints = field(repr=False)  # site


class _Arcs:
    """Collects arcs: large blocks first, then the single ones."""

    def __init__(self) -> None:
        self.blocks: list[tuple[Ints, Ints, Ints, Ints]] = []
        self.singles: list[tuple[int, int, int, float]] = []
        self.count = 0

    def add(self, tails: Ints, heads: Ints, capacity: int, costs: Floats) -> int:
        """Number of the first arc of the block; `costs` are weighted minutes."""
        first = self.count
        spread = np.full(tails.shape, capacity, dtype=np.int64)
        self.blocks.append((tails, heads, spread, _whole(costs)))
        self.count += tails.size
        return first

    def one(self, tail: int, head: int, capacity: int, cost: float) -> None:
        self.singles.append((tail, head, capacity, cost))

    def joined(self) -> list[Ints]:
        tails, heads, capacities, costs = zip(*self.singles, strict=True)
        last = [np.array(part, dtype=np.int64) for part in (tails, heads, capacities)]
        last.append(_whole(np.array(costs)))
        return [np.concatenate([*(block[i] for block in self.blocks), last[i]]) for i in range(4)]


@dataclass(frozen=True, slots=True)
class _Nodes:
    """Where the nodes of each layer begin."""

    vehicle: int
    person_in: int
    person_out: int
    site: int  # three nodes a site: UA, UR, any
    sites: int

    @property
    def sector(self) -> int:
        return self.site + 3 * self.sites


def _whole(costs: Floats) -> Ints:
    return np.rint(costs * UNIT).astype(np.int64)


def network(problem: Problem, tables: Tables) -> tuple[Network, Layers]:
    """The flow problem of a problem that was not refused."""
    people, vehicles, sites = len(problem.casualties), len(problem.vehicles), len(problem.sites)
    source, sink = 0, 1
    nodes = _Nodes(2, 2 + vehicles, 2 + vehicles + people, 2 + vehicles + 2 * people, sites)
    in_at, out_at, site_at = nodes.person_in, nodes.person_out, nodes.site
    arcs = _Arcs()
    most = float(tables.waiting.max(initial=0.0))
    arcs.one(source, sink, people, most)
    rows = np.arange(people)
    arcs.add(in_at + rows, out_at + rows, 1, most - tables.waiting)
    _seats(arcs, problem, source, nodes)
    # who could leave: everybody who does not lie in a vehicle yet
    free = np.array([not c.loaded_in for c in problem.casualties], dtype=bool)
    able = np.array([seats_of(v) > 0 for v in problem.vehicles], dtype=bool)
    wanted = free[:, None] & able[None, :] & (tables.pickup < tables.waiting[:, None])
    seat_rows, seat_columns = np.nonzero(wanted)
    seats_from = arcs.add(
        nodes.vehicle + seat_columns, in_at + seat_rows, 1, tables.pickup[seat_rows, seat_columns]
    )
    reachable = _reachable(problem, tables)
    ride_rows, ride_columns = np.nonzero(reachable)
    kinds = np.array([_kind(problem, category_of(c)) for c in problem.casualties], dtype=np.int64)
    rides_from = arcs.add(
        out_at + ride_rows,
        site_at + 3 * ride_columns + kinds[ride_rows],
        1,
        tables.delivery[ride_rows, ride_columns],
    )
    for column, site in enumerate(problem.sites):
        _places(arcs, problem, site, site_at + 3 * column, sink)
    _beyond(arcs, problem, site_at, sink)
    tails, heads, capacities, costs = arcs.joined()
    return (
        Network(tails, heads, capacities, costs, source, sink, people),
        Layers(seats_from, rides_from, seat_rows, seat_columns, ride_rows, ride_columns),
    )


def _kind(problem: Problem, category: str) -> int:
    """Which of a site's three nodes somebody of a category arrives at."""
    return CATEGORIES.index(category) if problem.situation.novi else 2


def _seats(arcs: _Arcs, problem: Problem, source: int, nodes: _Nodes) -> None:
    """Seats that are left, through the sector of a vehicle that counts as cover."""
    loaded = Counter(c.loaded_in for c in problem.casualties if c.loaded_in)
    sectors: dict[str, int] = {}
    stock: Counter[str] = Counter()
    kept = {cover.sector for cover in problem.cover}
    for at, vehicle in enumerate(problem.vehicles):
        left = seats_of(vehicle) - loaded[vehicle.vehicle_id]
        if left <= 0:
            continue
        if vehicle.sector in kept and covers(vehicle):
            node = sectors.setdefault(vehicle.sector, nodes.sector + len(sectors))
            stock[vehicle.sector] += 1
            arcs.one(node, nodes.vehicle + at, 1, 0.0)
        else:
            arcs.one(source, nodes.vehicle + at, left, 0.0)
    for cover in problem.cover:
        if cover.sector in sectors:
            staying = min(cover.keep, stock[cover.sector])
            node = sectors[cover.sector]
            arcs.one(source, node, stock[cover.sector] - staying, 0.0)
            arcs.one(source, node, staying, cover.price)
    for row, casualty in enumerate(problem.casualties):
        if casualty.loaded_in:
            arcs.one(source, nodes.person_in + row, 1, 0.0)


def _reachable(problem: Problem, tables: Tables) -> npt.NDArray[np.bool_]:
    """Rides worth taking; somebody bound for a site has that one alone."""
    open_ = np.array([not s.facility.closed for s in problem.sites], dtype=bool)
    found = open_[None, :] & (tables.delivery < tables.waiting[:, None])
    site_at = {s.facility.finess_geo: i for i, s in enumerate(problem.sites)}
    for row, casualty in enumerate(problem.casualties):
        if casualty.bound_for:
            column = site_at[casualty.bound_for]
            kept = casualty.loaded_in or found[row, column]
            found[row] = False
            found[row, column] = bool(kept)
    return found


def _places(arcs: _Arcs, problem: Problem, site: Site, first: int, sink: int) -> None:
    shared = first + 2
    for price in place_prices(problem, site, ANY):
        arcs.one(shared, sink, 1, price)
    if problem.situation.novi:
        for number, category in enumerate(CATEGORIES):
            for price in place_prices(problem, site, category):
                arcs.one(first + number, sink, 1, price)
            arcs.one(first + number, shared, len(problem.casualties), 0.0)


def _beyond(arcs: _Arcs, problem: Problem, site_at: int, sink: int) -> None:
    """Who is already bound for a full site gets in all the same."""
    going: dict[str, Counter[str]] = {}
    for casualty in problem.casualties:
        if casualty.loaded_in and casualty.bound_for:
            going.setdefault(casualty.bound_for, Counter())[category_of(casualty)] += 1
    for column, site in enumerate(problem.sites):
        bound = going.get(site.facility.finess_geo)
        without = over(free_places(problem, site), bound) if bound else 0
        if without:
            arcs.one(site_at + 3 * column + 2, sink, without, PLACE_WEIGHT * OVER_MIN)


def read_flow(problem: Problem, layers: Layers, flow: Ints) -> Allocation:
    """Who goes with what to where, from the units on each arc."""
    seat_of: dict[int, int] = {}
    used = flow[layers.seats_from : layers.seats_from + layers.seat_rows.size] > 0
    for row, column in zip(layers.seat_rows[used], layers.seat_columns[used], strict=True):
        seat_of[int(row)] = int(column)
    site_of: dict[int, int] = {}
    used = flow[layers.rides_from : layers.rides_from + layers.ride_rows.size] > 0
    for row, column in zip(layers.ride_rows[used], layers.ride_columns[used], strict=True):
        site_of[int(row)] = int(column)
    chosen = []
    for row, casualty in enumerate(problem.casualties):
        vehicle = casualty.loaded_in
        if row in seat_of:
            vehicle = problem.vehicles[seat_of[row]].vehicle_id
        finess = problem.sites[site_of[row]].facility.finess_geo if row in site_of else ""
        chosen.append(Assignment(casualty.casualty_id, vehicle, finess))
    return Allocation(tuple(chosen))
