"""The kubectl commands that a page of docs/ tells an operator to run."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from k8s.cluster.plane import ControlPlane
from k8s.tests.rendering import BIN, K8S

DOCS = K8S.parent / "docs"
BLOCK = re.compile(r"```sh\n(.*?)```", re.S)


def commands(page: str) -> list[str]:
    """Every line of its `sh` blocks that starts with kubectl, as an operator would type it."""
    found = []
    for block in BLOCK.findall((DOCS / page).read_text()):
        lines = block.replace("\\\n", " ").splitlines()
        found += [line.strip() for line in lines if line.startswith("kubectl ")]
    return found


def run_command(
    plane: ControlPlane, command: str, folder: Path
) -> subprocess.CompletedProcess[str]:
    """Runs it in `folder` against the plane; what the page leaves open (…) gets a value."""
    return subprocess.run(
        ["bash", "-euc", command.replace("…", "some-value")],  # noqa: S607
        cwd=folder,
        env={
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "KUBECONFIG": str(plane.kubeconfig),
            "HOME": str(plane.kubeconfig.parent),  # kubectl keeps a cache there
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
