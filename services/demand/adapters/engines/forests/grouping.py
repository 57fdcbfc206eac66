"""What the neighbours do: level, growth and share of zeros of each group a series is in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from services.demand.adapters.engines.forests.panel import Array, Ints, SparsePanel

# A group tells something new when it has a few members and is not the whole panel.
LEAST_MEMBERS = 4.0
# Pairs of categories that are crossed at most, those with the smallest groups first.
PAIRS = 2


def codes_of(words: Sequence[str]) -> Ints:
    """[n] numbers of the words in sorted order."""
    return np.unique(np.asarray(words, dtype=str), return_inverse=True)[1].astype(np.int64)


def groupings(panel: SparsePanel) -> dict[str, Ints]:
    """Name -> group number of every series; a group that hides in another is left out."""
    codes = {name: codes_of(panel.categories[name]) for name in sorted(panel.categories)}
    found: dict[str, Ints] = {"panel": np.zeros(len(panel.ids), dtype=np.int64)}
    singles = {k: v for k, v in codes.items() if _useful(v)}
    found.update(singles)
    crossed = {}
    for a, b in combinations(singles, 2):
        pair = np.unique(codes[a] * (codes[b].max() + 1) + codes[b], return_inverse=True)[1]
        known = {int(v.max()) for v in singles.values()}
        if _useful(pair) and int(pair.max()) not in known:
            crossed[f"{a} x {b}"] = pair.astype(np.int64)
    smallest = sorted(crossed, key=lambda name: (-int(crossed[name].max()), name))[:PAIRS]
    return found | {name: crossed[name] for name in smallest}


def _useful(codes: Ints) -> bool:
    groups = int(codes.max()) + 1
    return groups > 1 and len(codes) / groups >= LEAST_MEMBERS


def group_features(panel: SparsePanel, size: Array) -> Mapping[str, Array]:
    """Features [n]: of each group its zero share, growth and level, and its number."""
    made: dict[str, Array] = {}
    recent = panel.alive[:, -12:]
    y = np.where(recent, panel.y[:, -12:], 0.0)
    sums = {
        "count_12": recent.sum(1).astype(np.float64),
        "total_12": y.sum(1),
        "zeros_3": ((panel.y[:, -3:] == 0) & recent[:, -3:]).sum(1).astype(np.float64),
        "count_3": recent[:, -3:].sum(1).astype(np.float64),
        "total_3": y[:, -3:].sum(1),
        "relative_3": y[:, -3:].sum(1) / size,
        "relative_1": y[:, -1] / size,
        "count_1": recent[:, -1].astype(np.float64),
    }
    for name, codes in groupings(panel).items():
        groups = int(codes.max()) + 1
        total = {k: np.bincount(codes, v, groups)[codes] for k, v in sums.items()}
        count_3 = np.maximum(total["count_3"], 1.0)
        level = total["total_12"] / np.maximum(total["count_12"], 1.0)
        made[f"{name}_zero_share"] = total["zeros_3"] / count_3
        made[f"{name}_growth"] = np.log((total["total_3"] / count_3 + 0.1) / (level + 0.1))
        made[f"{name}_relative_3"] = total["relative_3"] / count_3
        made[f"{name}_relative_1"] = total["relative_1"] / np.maximum(total["count_1"], 1.0)
        if groups > 1:
            made[f"{name}_level"] = np.log1p(level)
    for name in sorted(panel.categories):
        made[f"{name}_code"] = codes_of(panel.categories[name]).astype(np.float64)
    return made
