"""The protos keep the house style, and no change breaks a client of the last release."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROTO = Path(__file__).resolve().parent.parent
BUF = Path(sys.executable).parent / "buf"
RELEASED = PROTO / "released.binpb"


def image(folder: Path, out: Path) -> Path:
    """The descriptor image of the protos in `folder`, made as `make setup` makes it."""
    script = (
        "import runpy, sys, pathlib; "
        f"m = runpy.run_path({str(PROTO / 'generate.py')!r}); "
        f"m['generate'](pathlib.Path({str(out / 'gen')!r}), "
        f"pathlib.Path({str(out / 'image.binpb')!r}), pathlib.Path({str(folder)!r}))"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, timeout=60)
    return out / "image.binpb"


def buf(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BUF, *arguments, "--config", PROTO / "buf.yaml"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """A copy of the protos that a test may change."""
    return Path(shutil.copytree(PROTO / "larrey", tmp_path / "copy" / "larrey")).parent


def test_the_protos_pass_the_lint(tmp_path: Path) -> None:
    done = buf("lint", image(PROTO, tmp_path))
    assert done.returncode == 0, done.stdout


def test_the_lint_refuses_a_field_in_another_style(changed: Path, tmp_path: Path) -> None:
    path = changed / "larrey/demand/v1/demand.proto"
    path.write_text(path.read_text().replace("string ward_id = 7", "string wardId = 7"))
    assert "wardId" in buf("lint", image(changed, tmp_path)).stdout


def test_nothing_that_the_last_release_promised_was_broken(tmp_path: Path) -> None:
    done = buf("breaking", image(PROTO, tmp_path), "--against", RELEASED)
    assert done.returncode == 0, done.stdout


def test_a_removed_field_is_found(changed: Path, tmp_path: Path) -> None:
    path = changed / "larrey/demand/v1/demand.proto"
    text = path.read_text()
    lines = [line for line in text.splitlines() if "string ward_id = 7" not in line]
    assert len(lines) < len(text.splitlines())
    path.write_text("\n".join(lines))
    done = buf("breaking", image(changed, tmp_path), "--against", RELEASED)
    assert "ward_id" in done.stdout
