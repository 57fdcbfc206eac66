"""Every series that the services export, read from their own registries."""

from __future__ import annotations

import asyncio
import importlib
import tempfile
from functools import cache
from pathlib import Path

from k8s.tests.facts import NOWHERE
from shared.service import Service

SUFFIXES = {
    "counter": ("_total",),
    "histogram": ("_bucket", "_sum", "_count"),
    "gauge": ("",),
}
BY_PROMETHEUS = frozenset({"up", "ALERTS"})


async def _names(service: str, folder: Path) -> set[str]:
    build = importlib.import_module(f"services.{service}.main").build
    parts = build({**NOWHERE, "LARREY_DATA_DIR": str(folder)})
    Service(parts)  # declares what the plinth exports
    families = list(parts.telemetry.registry.collect())
    parts.database.close()
    parts.log.close()
    return {f.name + suffix for f in families for suffix in SUFFIXES[f.type]}


@cache
def exported(service: str) -> frozenset[str]:
    """Sample names of one service, without starting it."""
    with tempfile.TemporaryDirectory() as folder:
        return frozenset(asyncio.run(_names(service, Path(folder))))
