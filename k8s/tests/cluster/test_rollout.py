"""Updates, drains and load on real controllers: orientation keeps answering throughout."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from k8s.cluster.plane import NODES, ControlPlane
from k8s.tests.cluster.pages import commands, run_command
from k8s.tests.rendering import K8S

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]
COPIES, BUDGET = 3, 1
MIGRATIONS = "app.kubernetes.io/component=migration"
METRICS = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {
        "name": "pods.metrics.k8s.io",
        "annotations": {"api-approved.kubernetes.io": "unapproved, pushed by a test"},
    },
    "spec": {
        "group": "metrics.k8s.io",
        "scope": "Namespaced",
        "names": {"kind": "PodMetrics", "plural": "pods", "singular": "pod"},
        "versions": [
            {
                "name": "v1beta1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "x-kubernetes-preserve-unknown-fields": True,
                    }
                },
            }
        ],
    },
}


def deployment(plane: ControlPlane, name: str) -> Any:
    return plane.api.get("apps/v1", "deployments", name, "larrey")


def settled(plane: ControlPlane, name: str = "orientation") -> bool:
    found = deployment(plane, name)
    told, wanted = found["status"], found["spec"]["replicas"]
    return bool(
        told.get("observedGeneration") == found["metadata"]["generation"]
        and told.get("updatedReplicas") == told.get("readyReplicas") == wanted
        and told.get("replicas") == wanted
    )


def patch(plane: ControlPlane, spec: dict[str, Any]) -> None:
    told = json.dumps({"spec": spec})
    done = plane.kubectl("-n", "larrey", "patch", "deployment", "orientation", "-p", told)
    assert done.returncode == 0, done.stderr


def update(plane: ControlPlane, template: dict[str, Any]) -> None:
    patch(plane, {"template": template})
    plane.api.until(lambda: settled(plane), "the update has ended")


def test_an_update_of_orientation_never_goes_below_what_was_there(
    installed: ControlPlane, report: Callable[[str], None]
) -> None:
    plane = installed
    plane.api.until(lambda: settled(plane), "orientation stands")
    newer = {"name": "orientation", "image": "larrey-orientation:0.1.1"}
    with plane.api.watched("larrey", "orientation") as seen:
        update(plane, {"spec": {"containers": [newer]}})
    report(f"update of orientation: fewest ready {seen.fewest}, most at once {seen.most}")
    assert seen.fewest >= COPIES
    assert seen.most <= COPIES + 1
    assert len(seen.history) > 2 * COPIES, "the watch saw the Pods come and go"


def test_a_reckless_update_is_seen_to_go_below_the_budget(installed: ControlPlane) -> None:
    """The broken twin of the test above."""
    plane = installed
    plane.api.until(lambda: settled(plane), "orientation stands")
    patch(plane, {"strategy": {"rollingUpdate": {"maxUnavailable": 3, "maxSurge": 0}}})
    with plane.api.watched("larrey", "orientation") as seen:
        update(plane, {"metadata": {"annotations": {"x": "y"}}})
    patch(plane, {"strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}})
    assert seen.fewest < COPIES - BUDGET


def test_a_drain_waits_for_the_disruption_budget(
    installed: ControlPlane, report: Callable[[str], None]
) -> None:
    plane = installed
    plane.api.until(lambda: settled(plane), "orientation stands")
    drain = ("drain", "--ignore-daemonsets", "--delete-emptydir-data", "--force")
    where = {
        p["spec"]["nodeName"]
        for p in plane.api.get("v1", "pods", namespace="larrey")["items"]
        if p["metadata"]["labels"]["app.kubernetes.io/name"] == "orientation"
    }
    assert where == set(NODES), "one copy in each zone"
    try:
        with plane.api.watched("larrey", "orientation") as seen:
            for name in NODES:
                assert plane.kubectl("cordon", name).returncode == 0
            assert plane.kubectl(*drain, NODES[0]).returncode == 0
            held = plane.kubectl(*drain, NODES[1], "--timeout=6s")
            assert held.returncode != 0, "the second copy must stay: the first has no other place"
            assert "disruption budget" in held.stderr
            assert plane.kubectl("uncordon", NODES[2]).returncode == 0
            done = plane.kubectl(*drain, NODES[1], "--timeout=90s")
            assert done.returncode == 0, done.stderr
            plane.api.until(
                lambda: sum(seen.pods.values()) == COPIES, "all copies stand on the third node"
            )
    finally:
        for name in NODES:
            plane.kubectl("uncordon", name)
    report(f"two nodes drained: fewest ready {seen.fewest} of {COPIES}")
    assert seen.fewest == COPIES - BUDGET


def _push(plane: ControlPlane, total_milli: int, stop: threading.Event) -> None:
    """What metrics-server would say: the load is shared by the copies that are there."""
    while not stop.is_set():
        pods = [
            p
            for p in plane.api.get("v1", "pods", namespace="larrey")["items"]
            if p["metadata"]["labels"]["app.kubernetes.io/name"] == "orientation"
        ]
        for pod in pods:
            plane.api.apply(
                {
                    "apiVersion": "metrics.k8s.io/v1beta1",
                    "kind": "PodMetrics",
                    "metadata": {
                        "name": pod["metadata"]["name"],
                        "namespace": "larrey",
                        "labels": pod["metadata"]["labels"],
                    },
                    "timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                    "window": "15s",
                    "containers": [
                        {
                            "name": "orientation",
                            "usage": {"cpu": f"{total_milli // len(pods)}m", "memory": "300Mi"},
                        }
                    ],
                },
                must=False,
            )
        stop.wait(0.5)


def test_copies_of_orientation_follow_the_processor(
    installed: ControlPlane, report: Callable[[str], None]
) -> None:
    """At 120 % of what three copies asked for, with 60 % as the aim, six are needed."""
    plane = installed
    plane.api.until(lambda: settled(plane), "orientation stands")
    plane.api.apply(METRICS)
    stop, begin = threading.Event(), time.monotonic()
    pushing = threading.Thread(target=_push, args=(plane, COPIES * 300, stop))
    pushing.start()
    try:
        plane.api.until(
            # by steps: a copy whose metrics are not there yet counts as idle
            lambda: deployment(plane, "orientation")["spec"]["replicas"] >= 2 * COPIES,
            "the autoscaler has moved to what the load needs",
        )
        plane.api.until(lambda: settled(plane), "the new copies are ready")
        took = time.monotonic() - begin
        time.sleep(3)
        copies = deployment(plane, "orientation")["spec"]["replicas"]
    finally:
        stop.set()
        pushing.join()
    report(f"pushed 120 % of the request: {COPIES} copies became {copies} in {took:.1f} s")
    assert copies == 2 * COPIES


def _images(plane: ControlPlane, app: str) -> set[str]:
    return {
        p["spec"]["containers"][0]["image"]
        for p in plane.api.get("v1", "pods", namespace="larrey")["items"]
        if p["metadata"]["labels"]["app.kubernetes.io/name"] == app
    }


def test_an_upgrade_as_documented_migrates_before_any_new_copy_starts(
    installed: ControlPlane, tmp_path: Path, report: Callable[[str], None]
) -> None:
    plane = installed
    shutil.copytree(K8S, tmp_path / "k8s", ignore=shutil.ignore_patterns("tests", "cluster"))
    overlay = tmp_path / "k8s/overlays/production/kustomization.yaml"
    overlay.write_text(re.sub(r"newTag: [\w.]+", "newTag: 9.9.9", overlay.read_text()))
    steps = commands("upgrade.md")
    waits = next(i for i, step in enumerate(steps) if " wait " in step)

    def run(step: str) -> subprocess.CompletedProcess[str]:
        done = run_command(plane, step, tmp_path)
        assert done.returncode == 0, f"{step}\n{done.stderr}"
        assert "Warning" not in done.stderr
        return done

    for step in steps[: waits + 1]:
        run(step)
    jobs = plane.api.get("batch/v1", "jobs", namespace="larrey")["items"]
    migrated = [j for j in jobs if j["metadata"]["name"].endswith("-migrate")]
    assert len(migrated) == 3
    for job in migrated:
        assert job["spec"]["template"]["spec"]["containers"][0]["image"].endswith(":9.9.9")
        assert job["status"]["succeeded"] == 1
    for service in ("demand", "replenishment", "orientation"):
        assert f"larrey-{service}:9.9.9" not in _images(plane, service)
    with plane.api.watched("larrey", "orientation") as seen:
        for step in steps[waits + 1 :]:
            run(step)
        plane.api.until(lambda: settled(plane), "the upgrade has ended")
    report(f"upgrade after three migrations: fewest ready {seen.fewest}")
    assert _images(plane, "orientation") == {"larrey-orientation:9.9.9"}
    assert seen.fewest >= seen.history[0][1] >= COPIES


def test_a_migration_job_of_before_must_be_deleted_first(
    installed: ControlPlane, tmp_path: Path
) -> None:
    """Why the page's first step is there."""
    shutil.copytree(K8S, tmp_path / "k8s", ignore=shutil.ignore_patterns("tests", "cluster"))
    overlay = tmp_path / "k8s/overlays/production/kustomization.yaml"
    overlay.write_text(re.sub(r"newTag: [\w.]+", "newTag: 9.9.10", overlay.read_text()))
    done = run_command(
        installed, f"kubectl apply -k k8s/overlays/production -l {MIGRATIONS}", tmp_path
    )
    assert done.returncode != 0
    assert "immutable" in done.stderr
