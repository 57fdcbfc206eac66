"""The planning problem of the day after: what a plan meets when it is made again."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from services.replenishment.adapters.generator import NO_ALLOCATION, Arrays
from services.replenishment.adapters.instances import load_arrays, read_named
from services.replenishment.domain.problem import Ints
from shared.errors import Malformed

WEEK = 7


def day_after(instance: Path, plan: Path | None, seed: int) -> Arrays:
    """The same from files; without a plan nothing was ordered. Malformed as `read_named`."""
    rows = len(read_named(instance).site)  # refuses what is no instance
    arrays = load_arrays(instance, "day_after")
    orders = np.zeros((rows, arrays["cum_demand_q"].shape[1]), dtype=np.int64)
    if plan is not None:
        found = load_arrays(plan, "plan").get("orders")
        if found is None or found.shape != orders.shape:
            raise Malformed(
                "PLAN_MALFORMED",
                f"{plan.name} is no plan of {instance.name}: it needs orders of the shape "
                f"{orders.shape}.",
                field="plan",
            )
        orders = found.astype(np.int64)
    return tomorrow(arrays, orders, seed)


def tomorrow(arrays: Arrays, orders: Ints, seed: int) -> Arrays:
    """The problem one day later, once the first day's `orders` were placed.

    Each row's use of the day is drawn from that day's levels; what was ordered counts as
    stock at once, as if it had arrived. Later use is that of the same days less the mean of the
    first, the new last day is like its weekday of the week before, and so are its shelves
    and order days. What was ordered is taken off its allocation and off its week's budget;
    a day of the next week's budget comes in its place.
    """
    draw = np.random.default_rng(seed)
    demand = arrays["cum_demand_q"]
    count, days, levels = demand.shape
    used = demand[np.arange(count), 0, draw.integers(0, levels, count)]
    mean = demand.mean(axis=2, keepdims=True)
    later = np.maximum(demand[:, 1:] - mean[:, :1], 0.0)
    last = later[:, -1:] + mean[:, days - WEEK, None] - mean[:, days - WEEK - 1, None]
    ordered = np.bincount(arrays["item"], orders[:, 0], len(arrays["alloc_cap"]))
    allocation = arrays["alloc_cap"]
    limited = allocation < NO_ALLOCATION
    shelves = arrays["storage_cap"]
    again = shelves[..., days - WEEK : days - WEEK + 1]
    listed, counts = _order_days(arrays, days)
    first = orders[:, 0]
    off = np.where(first >= arrays["break_qty"], arrays["break_discount"], 0.0)
    paid = np.bincount(arrays["site"], first * arrays["pack_price"] * (1.0 - off))
    budget = arrays["budget_cap"].astype(float)
    coming = np.append(budget[:, 1:], budget[:, -1:], axis=1) / WEEK
    kept = np.append(budget[:, :1] - paid[:, None], budget[:, 1:] * (1 - 1 / WEEK), axis=1)
    return arrays | {
        "cum_demand_q": np.maximum.accumulate(np.concatenate([later, last], axis=1), axis=1),
        "initial_stock": arrays["initial_stock"] - used + orders[:, 0],
        "budget_cap": np.maximum(kept + coming, 0.0),
        "alloc_cap": np.where(limited, np.maximum(allocation - ordered, 0.0), allocation),
        "storage_cap": np.concatenate([shelves[..., 1:], again], axis=-1),
        "order_day": listed,
        "n_order_days": counts,
    }


def _order_days(arrays: Arrays, days: int) -> tuple[Ints, Ints]:
    """The calendar a day later, with the day that can now still arrive."""
    count = len(arrays["lead"])
    old, lead = arrays["order_day"], arrays["lead"]
    open_days = np.zeros((count, days + 1), dtype=bool)
    row, place = np.nonzero(np.arange(old.shape[1])[None, :] < arrays["n_order_days"][:, None])
    open_days[row, old[row, place]] = True
    new = np.maximum(days - lead, WEEK)  # arrives on the new last day
    rows = np.arange(count)
    open_days[rows, new] |= open_days[rows, new - WEEK]
    shifted = open_days[:, 1:]
    counts = shifted.sum(axis=1)
    listed = np.argsort(~shifted, axis=1, kind="stable")[:, : max(1, int(counts.max()))]
    return listed.astype(np.int64), counts.astype(np.int64)
