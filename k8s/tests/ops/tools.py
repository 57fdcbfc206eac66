"""Names every tool that `make test-ops` needs and that is missing, with its remedy."""

from __future__ import annotations

import shutil
import sys

REMEDIES = {
    "prometheus": "apt-get install --no-install-recommends prometheus",
    "promtool": "apt-get install --no-install-recommends prometheus",
}


def missing() -> dict[str, str]:
    """Tool → how to get it."""
    return {tool: remedy for tool, remedy in REMEDIES.items() if shutil.which(tool) is None}


if __name__ == "__main__":
    absent = missing()
    for tool, remedy in absent.items():
        print(f"make test-ops needs {tool}, which is not here: {remedy}", file=sys.stderr)  # noqa: T201
    sys.exit(1 if absent else 0)
