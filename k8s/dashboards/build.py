"""Rows of panels → the JSON that Grafana reads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, PER_ROW, HEIGHT = 24, 3, 8
SOURCE = {"type": "prometheus", "uid": "${source}"}


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture: what it answers, its queries by legend, and the unit of its axis."""

    title: str
    queries: dict[str, str]
    unit: str = "short"
    help: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True, slots=True)
class Dashboard:
    """`name` is also its file; `rows` are read from above."""

    name: str
    title: str
    rows: Sequence[Row]

    def queries(self) -> list[str]:
        return [q for row in self.rows for panel in row.panels for q in panel.queries.values()]

    def to_json(self) -> str:
        panels: list[dict[str, Any]] = []
        top = 0
        for row in self.rows:
            panels.append(_row(row.title, top, len(panels) + 1))
            top += 1
            for place, panel in enumerate(row.panels):
                line, column = divmod(place, PER_ROW)
                panels.append(_panel(panel, top + line * HEIGHT, column, len(panels) + 1))
            top += -(-len(row.panels) // PER_ROW) * HEIGHT
        dashboard = {
            "uid": f"larrey-{self.name}",
            "title": self.title,
            "tags": ["larrey"],
            "editable": False,
            "refresh": "30s",
            "schemaVersion": 39,
            "time": {"from": "now-6h", "to": "now"},
            "templating": {
                "list": [{"name": "source", "type": "datasource", "query": "prometheus"}]
            },
            "panels": panels,
        }
        return json.dumps(dashboard, indent=1, sort_keys=True) + "\n"


def _row(title: str, top: int, number: int) -> dict[str, Any]:
    place = {"x": 0, "y": top, "w": WIDTH, "h": 1}
    return {"id": number, "type": "row", "title": title, "gridPos": place, "panels": []}


def _panel(panel: Panel, top: int, column: int, number: int) -> dict[str, Any]:
    width = WIDTH // PER_ROW
    return {
        "id": number,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.help,
        "datasource": SOURCE,
        "gridPos": {"x": column * width, "y": top, "w": width, "h": HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + i), "expr": query, "legendFormat": legend}
            for i, (legend, query) in enumerate(panel.queries.items())
        ],
    }
