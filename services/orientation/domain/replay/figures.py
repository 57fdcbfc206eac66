"""Figures of two ways to orient the same days, with paired intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from services.orientation.domain.replay.world import Seen
from services.orientation.domain.severity import Band

Floats = npt.NDArray[np.float64]
LONG_WAIT_MIN = 30.0
GRAVE = (Band.LIFE_THREAT, Band.SEVERE)
MEASURES: dict[str, Callable[[Seen], float]] = {
    "right_care_min": lambda s: s.right_care_min,
    "right_care_without_box_wait_min": lambda s: s.right_care_without_box_wait_min,
    "team_min": lambda s: s.team_min,
    "arrival_min": lambda s: s.arrival_min,
    "box_wait_min": lambda s: s.box_wait_min,
    "wrong_capability_rate": lambda s: float(s.wrong),
    "wrong_known_need_rate": lambda s: float(s.wrong_known),
    "no_free_box_rate": lambda s: float(s.box_wait_min > 0),
    "long_box_wait_rate": lambda s: float(s.box_wait_min > LONG_WAIT_MIN),
}
GROUPS: dict[str, Callable[[Seen], bool]] = {
    "all": lambda _: True,
    "P0": lambda s: s.band is Band.LIFE_THREAT,
    "P1": lambda s: s.band is Band.SEVERE,
    "P0_P1": lambda s: s.band in GRAVE,
    "others": lambda s: s.band not in GRAVE,
    "grave_in_truth": lambda s: s.grave,
}


def compared(
    ours: Sequence[Sequence[Seen]],
    nearest: Sequence[Sequence[Seen]],
    resamples: npt.NDArray[np.int64],
) -> dict[str, dict[str, object]]:
    """Group → measure → means, difference and its 95 % interval over resampled days.

    `ours[d]` and `nearest[d]` are the same day; `resamples` is [draw, day] of day numbers.
    `change` is the difference as a share of nearest-first's mean.
    """
    return {
        group: _group(_kept(ours, belongs), _kept(nearest, belongs), resamples)
        for group, belongs in GROUPS.items()
    }


def _kept(days: Sequence[Sequence[Seen]], belongs: Callable[[Seen], bool]) -> list[list[Seen]]:
    return [[seen for seen in day if belongs(seen)] for day in days]


def _group(
    ours: Sequence[Sequence[Seen]],
    nearest: Sequence[Sequence[Seen]],
    resamples: npt.NDArray[np.int64],
) -> dict[str, object]:
    told: dict[str, object] = {"patients": sum(len(day) for day in ours)}
    if not told["patients"]:
        return told
    for name, measure in MEASURES.items():
        told[name] = _measure(_sums(ours, measure), _sums(nearest, measure), resamples)
    return told


def _sums(days: Sequence[Sequence[Seen]], measure: Callable[[Seen], float]) -> Floats:
    """[day, (sum, count)]"""
    return np.array([[sum(map(measure, day)), len(day)] for day in days], dtype=np.float64)


def _measure(
    ours: Floats, nearest: Floats, resamples: npt.NDArray[np.int64]
) -> Mapping[str, float | list[float] | None]:
    mean, other = _mean(ours.sum(axis=0)), _mean(nearest.sum(axis=0))
    drawn, drawn_other = ours[resamples].sum(axis=1), nearest[resamples].sum(axis=1)
    kept = (drawn[:, 1] > 0) & (drawn_other[:, 1] > 0)
    one = drawn[kept, 0] / drawn[kept, 1]
    two = drawn_other[kept, 0] / drawn_other[kept, 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        changes = (one - two) / two
    changes = changes[np.isfinite(changes)]
    return {
        "ours": mean,
        "nearest_first": other,
        "difference": mean - other,
        "difference_95": _interval(one - two),
        "change": (mean - other) / other if other else None,
        "change_95": _interval(changes) if changes.size else None,
    }


def _mean(sums: Floats) -> float:
    return float(sums[0] / sums[1])


def _interval(values: Floats) -> list[float]:
    return [float(v) for v in np.quantile(values, [0.025, 0.975])]
