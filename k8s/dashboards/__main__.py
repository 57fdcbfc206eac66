"""Writes each dashboard where the monitoring component takes it from."""

from __future__ import annotations

from pathlib import Path

from k8s.dashboards.boards import DASHBOARDS

FOLDER = Path(__file__).parent.parent / "components" / "monitoring" / "dashboards"

if __name__ == "__main__":
    for board in DASHBOARDS:
        (FOLDER / f"{board.name}.json").write_text(board.to_json())
