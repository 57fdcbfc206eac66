"""The whole evaluation: every policy on every world, in calm and under stress."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from services.replenishment.adapters.simulation.policies import (
    CALM,
    RULES,
    Caution,
    Played,
    Scene,
    Stress,
    by_plan,
    by_rule,
)
from services.replenishment.adapters.simulation.world import KINDS, LINE, ORDER, World, some_of
from services.replenishment.domain.problem import Flags, Floats, Ints

OURS, PEER, CLAIRVOYANT = "ours", "s_S", "clairvoyant_28_days"
TIMES = (
    1.0,
    2.0,
    4.0,
    6.0,
    8.0,
    16.0,
)  # how often a shortage counts where (s, S) is tuned for more service
STRESSED_ITEMS = 6  # of each world
PLAIN = Caution()
CAUTIONS = tuple(
    Caution(spread, shortage, spoilage)
    for spread, shortage in ((1.0, 1.0), (1.0, 3.0), (1.5, 3.0), (2.0, 3.0))
    for spoilage in (1.0, 3.0)
)
STRESSES = (
    Stress("supplier_down_30_days", closed=(30, 60)),
    Stress("allocation_60_percent", share=0.6),
    Stress("demand_doubled_30_days", demand=2.0, surge=(30, 60)),
    Stress("forecast_20_percent_low", bias=0.8),
    Stress("forecast_20_percent_high", bias=1.2),
)
DRAWS = 2000
TARGETS = {"cost_ratio": 0.95, "expired_ratio": 0.8, "vital_fill": 0.995}


@dataclass(frozen=True, slots=True, eq=False)
class Results:
    """What a policy did, item by item over all worlds. EUR and packs over the test."""

    cost: Floats
    demand: Floats
    short: Floats
    expired: Floats
    bought: Floats
    out_days: Floats  # share of days with demand left waiting or lost
    longest: Ints  # days in a row without
    lines: Ints

    def fill(self, who: Flags) -> float:
        asked = float(self.demand[who].sum())
        return 1.0 - float(self.short[who].sum()) / asked if asked else 1.0


def results(scene: Scene, played: Played) -> Results:
    w, ordered = scene.world, played.ordered > 0
    lines = np.zeros((int(w.supplier.max()) + 1, ordered.shape[1]))
    np.add.at(lines, w.supplier, ordered)
    # an order's cost is shared evenly by its lines
    share = ordered * ORDER / np.maximum(lines[w.supplier], 1)
    cost = w.holding * played.on_hand.sum(axis=1) + w.shortage * played.missing.sum(axis=1)
    expired = w.price * played.expired.sum(axis=1)
    out = played.missing > 1e-9
    return Results(
        cost=cost + expired + LINE * ordered.sum(axis=1) + share.sum(axis=1),
        demand=played.demand.sum(axis=1),
        short=played.short.sum(axis=1),
        expired=expired,
        bought=w.price * played.ordered.sum(axis=1),
        out_days=out.mean(axis=1),
        longest=np.array([_longest(row) for row in out]),
        lines=ordered.sum(axis=1),
    )


def _longest(flags: Flags) -> int:
    longest = run = 0
    for flag in flags:
        run = run + 1 if flag else 0
        longest = max(longest, run)
    return longest


def _joined(parts: Sequence[Results]) -> Results:
    return Results(*(np.concatenate([getattr(p, n) for p in parts]) for n in Results.__slots__))


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """One policy on one world: what a process is given to do."""

    policy: str
    world: World
    stress: Stress = CALM
    times: float = 1.0  # a shortage counts, where a rule is tuned
    caution: Caution = PLAIN


Play = Callable[[str, Sequence[Job]], list[Results]]


def play_one(job: Job) -> Results:
    scene = Scene(job.world, job.stress)
    if job.policy in RULES:
        return results(scene, by_rule(scene, RULES[job.policy](), job.times))
    return results(scene, by_plan(scene, job.policy == CLAIRVOYANT, job.caution))


def campaign(worlds: Sequence[World], play: Play) -> dict[str, Any]:
    """Everything that the report holds. `play` runs jobs, side by side where it can.

    Ours is set on every other item; only the items between them are reported.
    """
    chosen, tried = choose(some_of(worlds, slice(1, None, 2)), play)
    worlds = some_of(worlds, slice(0, None, 2))
    everyone = (*RULES, OURS, CLAIRVOYANT)
    found = _all("policies", [Job(n, w, caution=chosen) for n in everyone for w in worlds], play)
    kind = np.concatenate([w.kind for w in worlds])
    source = np.array([name for w in worlds for name in w.source])
    everybody = np.ones(len(kind), dtype=bool)
    told: dict[str, Any] = {
        "items": len(kind),
        "test_days": sorted({w.days - w.warm for w in worlds}),
        "set_on_other_items": {"chosen": asdict(chosen), "tried": tried},
        "policies": {name: _summary(one, kind) for name, one in found.items()},
        "ours_against": {
            name: _against(found[OURS], found[name], everybody) for name in found if name != OURS
        },
        "by_file": {
            name: _against(found[OURS], found[PEER], source == name) for name in sorted(set(source))
        },
        "at_equal_service": _equal_service(worlds, found, play),
    }
    few = some_of(worlds, slice(STRESSED_ITEMS))
    told["stress"] = {stress.name: _stressed(few, stress, chosen, play) for stress in STRESSES}
    told["targets"] = _targets(found, kind, told["at_equal_service"])
    return told


def choose(worlds: Sequence[World], play: Play) -> tuple[Caution, list[dict[str, Any]]]:
    """The cheapest setting that serves vital items well enough, or the one that serves best.

    Cost counts every shortage at its own price, whatever the setting.
    """
    if not worlds:
        return PLAIN, []
    jobs = [Job(OURS, w, caution=c) for c in CAUTIONS for w in worlds]
    done, many = play("settings", jobs), len(worlds)
    vital = np.concatenate([w.kind for w in worlds]) == 0
    found = [_joined(done[k * many : (k + 1) * many]) for k in range(len(CAUTIONS))]
    fills = [one.fill(vital) for one in found]
    costs = [float(one.cost.sum()) for one in found]
    enough = [k for k in range(len(found)) if fills[k] >= TARGETS["vital_fill"]]
    best = min(enough, key=costs.__getitem__) if enough else int(np.argmax(fills))
    tried = [
        {
            **asdict(caution),
            "vital_fill": fills[k],
            "cost_eur": costs[k],
            "expired_eur": float(found[k].expired.sum()),
        }
        for k, caution in enumerate(CAUTIONS)
    ]
    return CAUTIONS[best], tried


def _all(name: str, jobs: Sequence[Job], play: Play) -> dict[str, Results]:
    done = play(name, jobs)
    policies = dict.fromkeys(job.policy for job in jobs)
    return {
        policy: _joined([r for job, r in zip(jobs, done, strict=True) if job.policy == policy])
        for policy in policies
    }


def _stressed(
    worlds: Sequence[World], stress: Stress, caution: Caution, play: Play
) -> dict[str, Any]:
    jobs = [Job(name, w, stress, caution=caution) for name in (*RULES, OURS) for w in worlds]
    found = _all(stress.name, jobs, play)
    kind = np.concatenate([w.kind for w in worlds])
    return {
        "policies": {name: _summary(one, kind) for name, one in found.items()},
        "ours_against_s_S": _against(found[OURS], found[PEER], np.ones(len(kind), dtype=bool)),
    }


def _summary(one: Results, kind: Ints) -> dict[str, Any]:
    everybody = np.ones(len(kind), dtype=bool)
    bought = float(one.bought.sum())
    return {
        "cost_eur": float(one.cost.sum()),
        "fill_rate": one.fill(everybody),
        "stockout_day_share": float(one.out_days.mean()),
        "longest_stockout_days": int(one.longest.max()),
        "expired_eur": float(one.expired.sum()),
        "expired_of_purchases": float(one.expired.sum()) / bought if bought else 0.0,
        "order_lines": int(one.lines.sum()),
        "by_criticality": {
            name.value: {
                "items": int((kind == k).sum()),
                "fill_rate": one.fill(kind == k),
                "stockout_day_share": float(one.out_days[kind == k].mean())
                if (kind == k).any()
                else None,
            }
            for k, name in enumerate(KINDS)
        },
    }


def _against(ours: Results, peer: Results, who: Flags) -> dict[str, Any]:
    """Ratios with 95 % intervals of a paired bootstrap over items."""
    draw = np.random.default_rng(3)
    places = np.flatnonzero(who)
    picks = places[draw.integers(0, len(places), (DRAWS, len(places)))]
    return {
        "items": len(places),
        "cost_ratio": _ratio(ours.cost, peer.cost, places, picks),
        "expired_ratio": _ratio(ours.expired, peer.expired, places, picks),
        "fill_rate_ours": ours.fill(who),
        "fill_rate_theirs": peer.fill(who),
    }


def _ratio(above: Floats, below: Floats, places: Ints, picks: Ints) -> dict[str, float | None]:
    """None where the other one has nothing to compare with."""
    if below[places].sum() <= 0:
        return {"value": None, "low": None, "high": None}
    drawn = below[picks].sum(axis=1)
    ratios = above[picks].sum(axis=1)[drawn > 0] / drawn[drawn > 0]
    low, high = np.quantile(ratios, [0.025, 0.975])
    value = above[places].sum() / below[places].sum()
    return {"value": float(value), "low": float(low), "high": float(high)}


def _equal_service(
    worlds: Sequence[World], found: dict[str, Results], play: Play
) -> dict[str, Any]:
    """(s, S) tuned for more and more service until it fills as much as ours does."""
    ours = found[OURS]
    everybody = np.ones(len(ours.cost), dtype=bool)
    sweep: list[dict[str, Any]] = []
    for times in TIMES:
        jobs = [Job(PEER, w, times=times) for w in worlds]
        peer = _joined(play(f"(s, S), shortages counted {times:g} times", jobs))
        against = _against(ours, peer, everybody)
        sweep.append({"shortage_times": times, **against})
        if against["fill_rate_theirs"] >= against["fill_rate_ours"]:
            break
    reached = against["fill_rate_theirs"] >= against["fill_rate_ours"]
    return {"shortage_times": times, "reached": reached, **against, "sweep": sweep}


def _targets(found: dict[str, Results], kind: Ints, equal: dict[str, Any]) -> dict[str, Any]:
    """Each target with its interval; `shown` only where the whole interval keeps it.

    Cost and what expired are compared where (s, S) serves at least as much as ours.
    """
    ours, vital = found[OURS], np.flatnonzero(kind == 0)
    draw = np.random.default_rng(4)
    picks = vital[draw.integers(0, len(vital), (DRAWS, len(vital)))]
    fills = 1.0 - ours.short[picks].sum(axis=1) / np.maximum(ours.demand[picks].sum(axis=1), 1e-12)
    low, high = np.quantile(fills, [0.025, 0.975])
    fill = {"value": ours.fill(kind == 0), "low": float(low), "high": float(high)}
    against = {name: equal[name] for name in ("cost_ratio", "expired_ratio")}
    parts = {**against, "vital_fill": fill}
    told = {}
    for name, part in parts.items():
        target = TARGETS[name]
        if name == "vital_fill":
            met, shown = part["value"] >= target, part["low"] >= target
        else:
            equal_service = equal["reached"] and part["value"] is not None
            met = equal_service and part["value"] <= target
            shown = equal_service and part["high"] <= target
        told[name] = {**part, "target": target, "met": bool(met), "shown": bool(shown)}
    return told
