"""A logger that was made before logs were set up follows them all the same."""

from __future__ import annotations

import json
import subprocess
import sys

EARLY = """
from shared.telemetry import configure_logs, get_log
log = get_log("early")
configure_logs("orientation", "info")
log.info("ready", model_version="m-1", patient="Morel")
"""


def test_a_logger_made_early_writes_one_object_a_line_of_safe_keys_only() -> None:
    done = subprocess.run([sys.executable, "-c", EARLY], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    told = json.loads(done.stderr)
    assert told["place"] == "early"
    assert told["model_version"] == "m-1"
    assert "Morel" not in done.stderr
