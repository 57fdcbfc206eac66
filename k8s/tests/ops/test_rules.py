"""promtool plays trouble and health against the shipped rules: each alert rings in one only."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from k8s.tests.rendering import K8S

pytestmark = pytest.mark.ops
CASES = Path(__file__).parent / "rules_test.yaml"
SPEC = yaml.safe_load((K8S / "components/monitoring/rules.yaml").read_text())["spec"]


def promtool(folder: Path, spec: Any, *verb: str) -> subprocess.CompletedProcess[str]:
    (folder / "rules.yaml").write_text(yaml.safe_dump(spec))
    (folder / "cases.yaml").write_text(CASES.read_text())
    return subprocess.run(
        ["promtool", *verb], cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )


def without_texts(spec: Any) -> Any:
    """The cases are about when an alert rings; `check rules` reads its texts."""
    bare = yaml.safe_load(yaml.safe_dump(spec))
    for group in bare["groups"]:
        for rule in group["rules"]:
            rule.pop("annotations", None)
    return bare


def test_prometheus_itself_accepts_the_rules(tmp_path: Path) -> None:
    done = promtool(tmp_path, SPEC, "check", "rules", "rules.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_rings_in_its_trouble_and_not_in_health(tmp_path: Path) -> None:
    done = promtool(tmp_path, without_texts(SPEC), "test", "rules", "cases.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_case_of_trouble_and_one_of_health() -> None:
    told: dict[str, set[bool]] = {}
    for case in yaml.safe_load(CASES.read_text())["tests"]:
        for alert in case.get("alert_rule_test", ()):
            told.setdefault(alert["alertname"], set()).add(bool(alert["exp_alerts"]))
    alerts = {r["alert"] for g in SPEC["groups"] for r in g["rules"] if "alert" in r}
    assert told == {alert: {True, False} for alert in alerts}


@pytest.mark.parametrize("alert", ["LarreyOutboxOld", "LarreyErrors", "LarreyDeadLetters"])
def test_a_rule_that_never_rings_fails_its_case(alert: str, tmp_path: Path) -> None:
    broken = without_texts(SPEC)
    for group in broken["groups"]:
        for rule in group["rules"]:
            if rule.get("alert") == alert:
                rule["expr"] = re.sub(r"> [\d.]+$", "> 1e12", rule["expr"])
    done = promtool(tmp_path, broken, "test", "rules", "cases.yaml")
    assert done.returncode != 0
    assert alert in done.stdout + done.stderr
