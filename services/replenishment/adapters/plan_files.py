"""Plans as files: the orders, and the prices that a later plan may start from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.replenishment.adapters.instances import load_arrays
from services.replenishment.domain.prices import Prices
from services.replenishment.domain.problem import NO_CAP, Floats, Ints
from services.replenishment.ports import Instance, Proved
from shared.errors import Malformed

# Beside `orders`: whose rows and prices these are. Sites, weeks, places and days count
# from 0 as in the instance; rows and allocations go by their numbers, in any order.
NAMES = ("site", "item", "budget_price", "allocation_item", "allocation_price")
TABLES = ("storage_price", "order_share")


def write_plan(path: Path, instance: Instance, found: Proved) -> None:
    arrays: dict[str, NDArray[Any]] = {"orders": found.orders.astype(np.int32)}
    if found.prices is not None:
        arrays |= {
            "site": instance.site,
            "item": instance.item,
            "budget_price": found.prices.budget,
            "allocation_item": _capped_items(instance),
            "allocation_price": found.prices.cap,
            "storage_price": found.prices.shelf,
            "order_share": found.prices.share.astype(np.float32),
        }
    with path.open("wb") as file:  # np.savez would append .npz to another name
        np.savez_compressed(file, allow_pickle=False, **arrays)


def read_start(path: Path, instance: Instance, days: int) -> Prices:
    """The prices in a plan's file, `days` later and in the order of `instance`.

    Item-sites and allocations that the file does not know start from nothing. Malformed
    WARM_START_MALFORMED when it holds no prices, or those of other sites, weeks or days.
    """
    if days < 0:
        raise _bad("the days since that plan must be 0 or more", "warm_days")
    arrays = load_arrays(path, "warm_from")
    missing = [name for name in (*NAMES, *TABLES) if name not in arrays]
    if missing:
        why = f"{path.name} holds no prices ({', '.join(missing)} missing): its plan was cut short"
        raise _bad(f"{why}, or an older version wrote it. Plan without it, or name another file")
    problem = instance.problem
    budget, shelf = _real(arrays["budget_price"]), _real(arrays["storage_price"])
    share, cap_price = _real(arrays["order_share"]), _real(arrays["allocation_price"])
    places = (0 if problem.storage is None else len(problem.storage.capacity), problem.days)
    wanted = {
        "budget_price": (budget, problem.weekly_budget.shape),
        "storage_price": (shelf, places),
        "order_share": (share, (len(arrays["item"]), problem.days)),
    }
    for name, (found, shape) in wanted.items():
        if found.shape != shape:
            why = f"{path.name} is of another group of sites or another horizon: {name} is"
            raise _bad(f"{why} {found.shape}, this problem needs {shape}")
    rows = _places(_keys(instance.site, instance.item), _keys(arrays["site"], arrays["item"]))
    caps = _places(_capped_items(instance), arrays["allocation_item"].astype(np.int64))
    shares = np.vstack([share, np.zeros((1, problem.days))])[rows]
    return Prices(budget, np.append(cap_price, 0.0)[caps], shelf, shares).later(days)


def _bad(why: str, field: str = "warm_from") -> Malformed:
    return Malformed("WARM_START_MALFORMED", f"No plan can start from this: {why}.", field=field)


def _real(array: NDArray[Any]) -> Floats:
    """What is no number is no hint: 0."""
    numbers: Floats = np.nan_to_num(array.astype(np.float64), posinf=0.0, neginf=0.0)
    return np.maximum(numbers, 0.0)


def _keys(site: NDArray[Any], item: NDArray[Any]) -> Ints:
    keys: Ints = item.astype(np.int64) * (1 << 20) + site.astype(np.int64)
    return keys


def _places(wanted: Ints, known: Ints) -> Ints:
    """Where each of `wanted` stands in `known`; -1, the appended entry, where nowhere."""
    if not len(known):
        return np.full(len(wanted), -1)
    order = np.argsort(known, kind="stable")
    place = order[np.minimum(np.searchsorted(known[order], wanted), len(known) - 1)]
    found: Ints = np.where(known[place] == wanted, place, -1)
    return found


def _capped_items(instance: Instance) -> Ints:
    """[C] the item of each cap."""
    cap = instance.problem.rows.cap
    items = np.full(len(instance.problem.caps), -1, dtype=np.int64)
    items[cap[cap != NO_CAP]] = instance.item[cap != NO_CAP]
    return items
