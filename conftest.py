"""Fixtures that every test of the house may use, and which files are tested together."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

pytest_plugins = ["shared.testing.fixtures"]

# These ask one service that is started and fed for all of them: once for each that tests them.
DEMAND = "services/demand/tests/integration"
ASK_ONE_SERVICE = frozenset(
    f"{DEMAND}/test_{name}.py"
    for name in (
        "bad_histories",
        "equipment",
        "facts",
        "one_item",
        "refusals",
        "service",
        "signals",
    )
)


class Together(LoadFileScheduling):  # type: ignore[misc]  # the library has no types for it
    """File by file, and files that share a service as if they were one."""

    def _split_scope(self, nodeid: str) -> str:
        file = PurePath(nodeid.partition("::")[0]).as_posix()
        return DEMAND if file in ASK_ONE_SERVICE else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together | None:
    return Together(config, log) if config.getvalue("dist") == "loadfile" else None
