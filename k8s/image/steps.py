"""Proof without a Docker daemon that the image's steps work: `python -m k8s.image.steps SERVICE`.

Runs the build stage of the Dockerfile, its own lines, in an empty folder whose absolute
paths stand for the image's; then starts what was built as the image would and waits until
it is ready. What needs a daemon or root is named and not run: base images, `useradd`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from k8s.image.closure import ROOT

PLACES = re.compile(r"(?<![\w./-])/(tools|build|dist|opt/larrey|src)\b")
READY_S = 90.0


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """(instruction, rest) of each Dockerfile line, continued lines joined."""
    joined = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", text, flags=re.M))
    for line in joined.splitlines():
        word, _, rest = line.strip().partition(" ")
        if word:
            yield word, rest.strip()


def stage(name: str) -> list[tuple[str, str]]:
    """The instructions of one stage; "" is the last."""
    found: list[tuple[str, str]] = []
    current = None
    for word, rest in instructions((ROOT / "Dockerfile").read_text()):
        if word == "FROM":
            current = rest.partition(" AS ")[2]
        elif current == name:
            found.append((word, rest))
    return found


def checkout(target: Path) -> None:
    """What `COPY . .` sees of a clean checkout."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607  whichever git there is
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in listed.stdout.decode().split("\0"):
        if name and (ROOT / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)


def build(service: str, root: Path) -> None:
    """The build stage below `root`; CalledProcessError when a line fails."""
    source = root / "src"
    source.mkdir(parents=True)
    checkout(source)
    (root / "dist").mkdir()
    python = Path(sys.base_prefix) / "bin"
    # What a machine must know to reach its package registry stands in its environment.
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("LARREY_", "VIRTUAL_ENV"))}
    environ |= {"SERVICE": service, "UV_PYTHON_DOWNLOADS": "never"}
    for word, rest in stage("build"):
        if word != "RUN":
            continue
        line = PLACES.sub(lambda found: str(root / found[1]), rest)
        line = re.sub(r"(^|&& )python ", rf"\1{python}/python3 ", line)
        say(f"RUN {rest}")
        shell = ["/bin/bash", "-euo", "pipefail", "-c", line]
        subprocess.run(shell, cwd=source, env=environ, check=True)


def try_out(service: str, root: Path) -> float:
    """Starts the entry point as a Pod would; seconds until it was ready."""
    entry = json.loads(next(rest for word, rest in stage("") if word == "ENTRYPOINT"))
    command = [PLACES.sub(lambda found: str(root / found[1]), part) for part in entry]
    ready = root / "ready.json"
    environ = {
        "PATH": "/usr/bin:/bin",
        "PYTHONDONTWRITEBYTECODE": "1",
        "LARREY_DATA_DIR": str(root / "data"),
        "LARREY_DATABASE_URL": f"sqlite:///{root / 'state.db'}",
        "LARREY_EVENTS_URL": f"sqlite:///{root / 'events.db'}",
        "LARREY_READY_FILE": str(ready),
    }
    begin = time.monotonic()
    with subprocess.Popen([*command, service, "serve"], cwd=root, env=environ) as process:
        try:
            while not ready.exists():
                if process.poll() is not None or time.monotonic() > begin + READY_S:
                    raise SystemExit(f"{service} was not ready: code {process.poll()}.")
                time.sleep(0.05)
            return time.monotonic() - begin
        finally:
            process.terminate()
            process.wait(30)


def say(words: str) -> None:
    print(words, flush=True)  # noqa: T201


def main(service: str) -> None:
    root = Path(tempfile.mkdtemp(prefix="larrey-image-"))
    try:
        build(service, root)
        size = sum(p.stat().st_size for p in (root / "opt/larrey").rglob("*") if not p.is_symlink())
        parts = len(json.loads((root / "dist/sbom.json").read_text())["components"])
        seconds = try_out(service, root)
        skipped = [f"{word} {rest}" for word, rest in stage("") if word in ("RUN", "USER")]
        say(f"{service}: {size / 2**20:.0f} MiB, {parts} packages, ready in {seconds:.1f} s")
        say("not run here: " + "; ".join(skipped))
    finally:
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1])
