"""Instances that fuzzing found to crash the reader: refused, with the array that is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.replenishment.adapters.generator import generate, write
from services.replenishment.adapters.instances import read_instance
from shared.errors import Malformed

Break = Callable[[dict[str, Any]], object]


def set_to(name: str, value: Any) -> Break:
    return lambda arrays: arrays.update({name: value})


def filled(name: str, value: float) -> Break:
    return lambda arrays: arrays[name].fill(value)


@pytest.mark.parametrize("cut", range(40, 2000, 190))
def test_a_file_that_was_changed_on_the_way_is_no_whole_file(cut: int, tmp_path: Path) -> None:
    path = tmp_path / "made.npz"
    write(path, generate(4, 1))
    data = bytearray(path.read_bytes())
    data[cut : cut + 30] = bytes(30)
    path.write_bytes(data)
    with pytest.raises(Malformed, match="INSTANCE_MALFORMED"):
        read_instance(path)


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (set_to("order_cost", np.zeros(3)), "order_cost must be one number"),
        (set_to("storage_penalty", np.array("x")), "storage_penalty must hold plain numbers"),
        (set_to("holding", np.zeros(4, dtype=complex)), "holding must hold plain numbers"),
        (set_to("order_day", np.zeros(4, dtype=int)), "order_day must be"),
        (set_to("alloc_cap", np.zeros((2, 2))), "alloc_cap must have"),
        (set_to("alloc_cap", np.zeros(0)), "item goes up to"),
        (set_to("budget_cap", np.zeros((0, 4))), "site goes up to"),
        (set_to("storage_cap", np.zeros(1)), "storage_cap must be"),
        (set_to("max_packs", np.zeros(2)), "max_packs must have"),
        (filled("order_day", 127), "order_day lists a day outside"),
        (filled("n_order_days", 99), "n_order_days counts more days"),
        (filled("lead", -1), "lead is below 0"),
        (filled("alloc_cap", -np.inf), "alloc_cap is below 0"),
        (filled("site", 120), "site goes up to 120"),
        (set_to("cold", np.full(4, 2)), "cold goes up to 2"),
        (filled("pack_price", np.inf), "pack_price holds an infinite number"),
    ],
)
def test_an_array_that_fits_no_other_is_named(spoil: Break, named: str, tmp_path: Path) -> None:
    arrays: dict[str, Any] = {k: np.array(v) for k, v in generate(4, 1).items()}
    path = tmp_path / "made.npz"
    write(path, arrays)
    read_instance(path)
    spoil(arrays)
    write(path, arrays)
    with pytest.raises(Malformed, match="INSTANCE_MALFORMED") as refused:
        read_instance(path)
    assert named in str(refused.value)
