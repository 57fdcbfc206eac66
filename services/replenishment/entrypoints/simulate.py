"""`larrey replenishment simulate`: policies against each other on demand nobody had seen."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Simulate:
    """Plays the campaign, writes it, shows a table, and draws it when asked."""

    campaign: Callable[[Path], dict[str, Any]]
    draw: Callable[[dict[str, Any], Path], None]
    table: Callable[[Row, list[Row]], None]

    def __call__(self, data: Path, answer: Path, plots: Path | None) -> None:
        told = self.campaign(data)
        answer.write_text(json.dumps(told, indent=2) + "\n")
        if plots is not None:
            self.draw(told, plots)
        heads: Row = ("policy", "cost EUR", "served", "vital served", "expired EUR", "lines")
        self.table(heads, [_row(name, one) for name, one in told["policies"].items()])
        heads = ("target", "figure", "95 % interval", "wanted", "shown")
        self.table(heads, [_target(name, one) for name, one in told["targets"].items()])


def _row(name: str, one: dict[str, Any]) -> Row:
    vital = one["by_criticality"]["VITAL"]["fill_rate"]
    return (
        name,
        f"{one['cost_eur']:,.0f}",
        f"{one['fill_rate']:.2%}",
        f"{vital:.2%}",
        f"{one['expired_eur']:,.0f}",
        f"{one['order_lines']:,}",
    )


def _target(name: str, one: dict[str, Any]) -> Row:
    if one["value"] is None:
        return (name, "nothing to compare with", "", f"{one['target']:g}", "no")
    interval = f"{one['low']:.3f} to {one['high']:.3f}"
    shown = "yes" if one["shown"] else "met, not shown" if one["met"] else "no"
    return (name, f"{one['value']:.3f}", interval, f"{one['target']:g}", shown)
