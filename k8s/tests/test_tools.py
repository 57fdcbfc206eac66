"""What `make test-ops` lacks is named with its remedy, and fails it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from k8s.tests.rendering import K8S


def test_a_missing_tool_is_named_with_its_remedy_and_fails(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "k8s.tests.ops.tools"],
        cwd=K8S.parent,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert "needs promtool, which is not here: apt-get install" in done.stderr
