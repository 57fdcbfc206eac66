"""Plots of a replay: when the right care began, wrong capabilities, and the hours of the day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from services.orientation.domain.replay.figures import GROUPS
from services.orientation.domain.replay.world import Seen, World

LABELS = {"ours": "Larrey", "nearest_first": "nearest-first"}
COLOURS = {"ours": "tab:blue", "nearest_first": "tab:orange"}
Told = Mapping[str, Sequence[Sequence[Seen]]]


def draw(folder: Path, told: Told, worlds: Sequence[World], groups: Mapping[str, Any]) -> None:
    """Writes right_care.png, wrong_capability.png and hours.png."""
    folder.mkdir(parents=True, exist_ok=True)
    _save(folder / "right_care.png", _right_care(told))
    _save(folder / "wrong_capability.png", _wrong(groups))
    _save(folder / "hours.png", _hours(told, worlds))


def _save(path: Path, figure: Figure) -> None:
    FigureCanvasAgg(figure)
    figure.savefig(path, dpi=120)


def _right_care(told: Told) -> Figure:
    figure = Figure(figsize=(10, 4.5), layout="constrained")
    for place, (group, title) in enumerate((("P0_P1", "P0 and P1"), ("others", "the others"))):
        axes = figure.add_subplot(1, 2, place + 1)
        for way, days in told.items():
            minutes = np.sort([s.right_care_min for day in days for s in day if GROUPS[group](s)])
            if not minutes.size:
                continue
            share = np.arange(1, minutes.size + 1) / minutes.size
            axes.step(minutes, share, where="post", label=LABELS[way], color=COLOURS[way])
        axes.set_title(title)
        axes.set_xlim(0, 240)
        axes.set_ylim(0, 1)
        axes.set_xlabel("minutes from the call to the right care")
        axes.grid(alpha=0.3)
        axes.legend(loc="lower right")
    figure.axes[0].set_ylabel("share of patients")
    figure.suptitle("Made days: how soon the right care began")
    return figure


def _wrong(groups: Mapping[str, Any]) -> Figure:
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    axes = figure.add_subplot()
    names = [n for n in ("all", "P0", "P1", "others") if groups[n]["patients"]]
    for shift, way in ((-0.2, "ours"), (0.2, "nearest_first")):
        rates = [100 * groups[name]["wrong_capability_rate"][way] for name in names]
        bars = axes.bar(
            np.arange(len(names)) + shift, rates, 0.38, label=LABELS[way], color=COLOURS[way]
        )
        axes.bar_label(bars, fmt="%.0f %%")
    axes.set_xticks(range(len(names)), names)
    axes.set_ylabel("first site lacked something needed (%)")
    axes.set_title("Made days: wrong capability, judged by the diagnosis")
    axes.legend()
    return figure


def _hours(told: Told, worlds: Sequence[World]) -> Figure:
    figure = Figure(figsize=(10, 4.5), layout="constrained")
    axes = figure.add_subplot()
    calls = np.zeros(24)
    for world in worlds:
        for call in world.calls:
            calls[int(call.minute // 60) % 24] += 1 / len(worlds)
    axes.bar(range(24), calls, color="0.85", label="calls an hour")
    axes.set_xlabel("hour of the day")
    axes.set_ylabel("calls an hour")
    other = axes.twinx()
    for way, days in told.items():
        sums, counts = np.zeros(24), np.zeros(24)
        for world, day in zip(worlds, days, strict=True):
            for seen in day:
                hour = int(world.calls[seen.number].minute // 60) % 24
                sums[hour] += seen.team_min
                counts[hour] += 1
        mean = sums / np.maximum(counts, 1)
        other.plot(range(24), mean, marker="o", color=COLOURS[way], label=LABELS[way])
    other.set_ylim(bottom=0)
    other.set_ylabel("minutes to the first team")
    other.legend(loc="upper left")
    axes.set_title("Made days: calls and how long the first team took")
    return figure
