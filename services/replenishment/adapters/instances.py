"""Planning problems from files: the `own_multi_item` format of the benchmark instances."""

from __future__ import annotations

import struct
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.replenishment.domain.problem import NO_BREAK, NO_CAP, Ints, Problem, Rows, Storage
from services.replenishment.ports import Instance
from shared.errors import Malformed

# fmt: off
ROWS = (  # one entry per item-site
    "initial_stock", "moq", "break_qty", "break_discount", "pack_price", "holding", "backorder",
    "line_cost", "volume", "cold", "site", "item", "supplier", "lead", "n_order_days",
)
OTHERS = (
    "cum_demand_q", "order_day", "order_cost", "storage_cap", "storage_penalty", "budget_cap",
    "budget_penalty", "alloc_cap",
)
FINITE = (
    "cum_demand_q", "initial_stock", "moq", "pack_price", "holding", "backorder", "line_cost",
    "order_cost", "budget_penalty", "storage_penalty", "lead", "break_qty", "break_discount",
    "n_order_days", "order_day", "item", "site", "supplier", "cold", "volume",
)
NEVER_NEGATIVE = (
    "lead", "n_order_days", "item", "site", "supplier", "cold", "moq", "volume", "alloc_cap",
)
# fmt: on
# What reading a file raises that is no zip, or whose members are cut, changed or locked.
DAMAGED = (
    OSError,
    ValueError,
    AttributeError,
    EOFError,
    KeyError,
    NotImplementedError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    tokenize.TokenError,
)  # fmt: skip
UNLIMITED = 1e8  # an allocation above this is none
NO_LIMIT = np.iinfo(np.int64).max // 4


def read_instance(path: Path) -> Problem:
    """The problem in an .npz file. Malformed INSTANCE_MALFORMED, naming what is wrong."""
    return read_named(path).problem


def read_named(path: Path) -> Instance:
    """The same, with the site and the item of every row."""
    arrays = load_arrays(path, "instance")
    missing = [name for name in (*ROWS, *OTHERS) if name not in arrays]
    if missing:
        raise _bad(path, f"it lacks the arrays {', '.join(missing)}")
    demand = arrays["cum_demand_q"]
    if demand.ndim != 3 or not demand.size:
        raise _bad(path, "cum_demand_q must be item-sites x days x scenarios, none of them 0")
    short = [n for n in ROWS if arrays[n].shape != demand.shape[:1]]
    if short:
        raise _bad(path, f"{', '.join(short)} must have one entry per item-site")
    numbers = {n: a for n, a in arrays.items() if a.dtype.kind == "f"}
    if any(np.isnan(a).any() for a in numbers.values()):
        raise _bad(path, "some numbers are missing (NaN)")
    wrong = _wrong_shape(arrays) or _wrong_number(arrays)
    if wrong:
        raise _bad(path, wrong)
    site, item = arrays["site"].astype(np.int64), arrays["item"].astype(np.int64)
    return Instance(problem_of(arrays), site, item)


def _wrong_shape(arrays: dict[str, NDArray[Any]]) -> str:
    """What is wrong with kinds and shapes, in words; empty when nothing is."""
    known = (*ROWS, *OTHERS, *(n for n in ("max_packs",) if n in arrays))
    texts = [n for n in known if arrays[n].dtype.kind not in "iufb"]
    if texts:
        return f"{', '.join(texts)} must hold plain numbers"
    count, days, _ = arrays["cum_demand_q"].shape
    single = [n for n in ("order_cost", "storage_penalty", "budget_penalty") if arrays[n].ndim]
    if single:
        return f"{', '.join(single)} must be one number"
    if arrays["order_day"].ndim != 2 or len(arrays["order_day"]) != count:
        return "order_day must be item-sites x order days"
    if arrays["alloc_cap"].ndim != 1 or arrays["budget_cap"].ndim != 2:
        return "alloc_cap must have one entry per item, budget_cap be sites x weeks"
    if arrays["storage_cap"].ndim < 2 or arrays["storage_cap"].shape[-1] != days:
        return "storage_cap must be sites x cold or not x days"
    if "max_packs" in arrays and arrays["max_packs"].shape != (count,):
        return "max_packs must have one entry per item-site"
    return ""


def _wrong_number(arrays: dict[str, NDArray[Any]]) -> str:
    """Which array points outside another one, or holds what no shelf or price can be."""
    days = arrays["cum_demand_q"].shape[1]
    endless = [n for n in FINITE if not np.isfinite(arrays[n]).all()]
    if endless:
        return f"{', '.join(endless)} holds an infinite number"
    negative = [n for n in NEVER_NEGATIVE if (arrays[n] < 0).any()]
    if negative:
        return f"{', '.join(negative)} is below 0 somewhere"
    listed, counts = arrays["order_day"], arrays["n_order_days"]
    if counts.max() > listed.shape[1]:
        return "n_order_days counts more days than order_day lists"
    given = listed[np.arange(listed.shape[1])[None, :] < counts[:, None]]
    if given.size and (given.min() < 0 or given.max() >= days):
        return "order_day lists a day outside the days of the demand"
    for name, places in (
        ("item", len(arrays["alloc_cap"])),
        ("site", len(arrays["budget_cap"])),
        ("cold", 2),
        ("site", arrays["storage_cap"].size // days // 2),
    ):
        if arrays[name].max() >= places:
            return f"{name} goes up to {arrays[name].max()}, and only {places} are described"
    return ""


def load_arrays(path: Path, field: str) -> dict[str, NDArray[np.generic]]:
    """The arrays in a file; Malformed INSTANCE_MALFORMED, naming the field it was given in."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except FileNotFoundError:
        raise _bad(path, "there is no such file", field) from None
    except DAMAGED:
        raise _bad(path, "it is not a whole .npz file of numpy arrays", field) from None


def _bad(path: Path, why: str, field: str = "instance") -> Malformed:
    return Malformed("INSTANCE_MALFORMED", f"{path.name} cannot be planned: {why}.", field=field)


def problem_of(arrays: dict[str, NDArray[Any]]) -> Problem:
    """The problem that arrays of the right shapes state."""
    demand = arrays["cum_demand_q"].astype(np.float64, copy=False)
    count, days, levels = demand.shape

    def whole(name: str) -> Ints:
        return arrays[name].astype(np.int64)

    def real(name: str) -> NDArray[np.float64]:
        return arrays[name].astype(np.float64)

    site, supplier, item = whole("site"), whole("supplier"), whole("item")
    places, group = np.unique(np.stack([site, supplier]), axis=1, return_inverse=True)
    discount = real("break_discount")
    allocation = real("alloc_cap")
    capped = allocation < UNLIMITED
    cap_row = np.where(capped, np.cumsum(capped) - 1, NO_CAP)
    capacity = real("storage_cap")
    rows = Rows(
        demand=demand,
        supply=np.broadcast_to(real("initial_stock")[:, None, None], demand.shape),
        pack=np.ones(count),
        lead=whole("lead"),
        order_days=_order_days(whole("order_day"), whole("n_order_days"), days),
        minimum=np.maximum(whole("moq"), 1),
        multiple=np.ones(count, dtype=np.int64),
        most=_most(arrays, discount),
        price=real("pack_price"),
        break_packs=np.where(discount > 0, whole("break_qty"), NO_BREAK)[:, None],
        break_discount=discount[:, None],
        line_cost=real("line_cost"),
        holding=real("holding"),
        shortage=real("backorder"),
        site=site,
        group=group.astype(np.int64).ravel(),
        cap=cap_row[item],
    )
    return Problem(
        rows=rows,
        weights=np.full(levels, 1 / levels),
        order_cost=np.full(places.shape[1], float(arrays["order_cost"])),
        weekly_budget=real("budget_cap"),
        budget_penalty=float(arrays["budget_penalty"]),
        caps=np.floor(allocation[capped] + 1e-6).astype(np.int64),
        storage=Storage(
            volume=real("volume"),
            place=site * 2 + arrays["cold"].astype(np.int64),
            capacity=capacity.reshape(-1, days),
            penalty=float(arrays["storage_penalty"]),
        ),
    )


def _order_days(listed: Ints, counts: Ints, days: int) -> NDArray[np.bool_]:
    flags = np.zeros((len(listed), days), dtype=bool)
    row, place = np.nonzero(np.arange(listed.shape[1])[None, :] < counts[:, None])
    flags[row, listed[row, place]] = True
    return flags


def _most(arrays: dict[str, NDArray[np.generic]], discount: NDArray[np.float64]) -> Ints:
    """[N] packs at most. Only discounted items are limited, to the grid of the instance.

    The cost leaves out the purchase price and subtracts discounts, so buying discounted
    packs that nobody needs lowers it until a budget is full. `max_packs` is the grid with
    which the instances were made and their best bounds computed: it is kept as a limit
    for these items, unless it is not in the file.
    """
    unlimited = np.full(len(discount), NO_LIMIT)
    if "max_packs" not in arrays:
        return unlimited
    most = np.maximum(arrays["max_packs"].astype(np.int64), arrays["moq"].astype(np.int64))
    return np.where(discount > 0, most, unlimited)
