"""Figures that say how good a score is."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from services.orientation.domain.features import Floats


def auroc(label: Floats, score: Floats) -> float:
    return float(roc_auc_score(label, score))


def auprc_at(label: Floats, score: Floats, share: float) -> float:
    """Average precision with the positives weighted to the given share of all."""
    positives, count = float(label.sum()), float(len(label))
    weight = share / (1 - share) * (count - positives) / positives
    weights = np.where(label == 1, weight, 1.0)
    return float(average_precision_score(label, score, sample_weight=weights))


def calibration_error(label: Floats, chance: Floats, bins: int = 10) -> float:
    """Mean gap between what was said and what happened, in bins of equal count."""
    order = np.argsort(chance, kind="stable")
    gaps = [
        abs(label[part].mean() - chance[part].mean()) * len(part)
        for part in np.array_split(order, bins)
    ]
    return float(sum(gaps) / len(label))
