"""How good probabilities are: ranking, calibration and who is missed."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from services.orientation.domain.features import Floats

Mask = npt.NDArray[np.bool_]
BINS = 10
# Share of visits that a nurse put into the two gravest levels, among those with a level
NURSE_SHARE = 0.166


def auroc(label: Floats, chance: Floats) -> float:
    """Chance that a case is above somebody else, ties counted half. NaN without both kinds."""
    cases = float(label.sum())
    rest = len(label) - cases
    if not cases or not rest:
        return math.nan
    _, inverse, count = np.unique(chance, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[inverse]
    return float((rank[label == 1].sum() - cases * (cases + 1) / 2) / (cases * rest))


def auprc(label: Floats, chance: Floats) -> float:
    """Mean share of cases among all that are at least as high, over the cases; ties together."""
    if not label.sum():
        return math.nan
    levels, inverse = np.unique(-chance, return_inverse=True)
    cases = np.bincount(inverse, weights=label, minlength=len(levels))
    rows = np.bincount(inverse, minlength=len(levels))
    precision = np.cumsum(cases) / np.cumsum(rows)
    return float((precision * cases).sum() / label.sum())


def brier(label: Floats, chance: Floats) -> float:
    return float(np.mean((chance - label) ** 2)) if len(label) else math.nan


def calibration_error(label: Floats, chance: Floats, bins: int = BINS) -> float:
    """Mean gap between what was said and what happened, in bins of equal count."""
    if not len(label):
        return math.nan
    order = np.argsort(chance, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    gaps = [abs(label[part].mean() - chance[part].mean()) * len(part) for part in parts]
    return float(sum(gaps) / len(label))


def found_at(label: Floats, chance: Floats, share: float) -> float:
    """Share of the cases found when that share of all, the highest, is flagged."""
    if not label.sum():
        return math.nan
    flagged = chance >= np.quantile(chance, 1 - share)
    return float(label[flagged].sum() / label.sum())


def accuracy(label: Floats, chance: Floats) -> dict[str, float | int]:
    """The figures of one score on the visits whose outcome is known."""
    return {
        "visits": len(label),
        "cases": int(label.sum()),
        "mean_chance": float(chance.mean()) if len(chance) else math.nan,
        "auroc": auroc(label, chance),
        "auprc": auprc(label, chance),
        "brier": brier(label, chance),
        "ece": calibration_error(label, chance),
        "found_at_10_percent": found_at(label, chance, 0.10),
        "found_at_20_percent": found_at(label, chance, 0.20),
    }


def missed_at_nurse_volume(label: Floats, chance: Floats, graded: Mask) -> float:
    """Share of the cases not flagged when as many are flagged as nurses do, of graded visits."""
    found = found_at(label[graded], chance[graded], NURSE_SHARE) if graded.any() else math.nan
    return 1 - found
