"""The API server takes every overlay without a warning, and refuses what is broken."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from k8s.cluster.api import Answer
from k8s.cluster.plane import ControlPlane
from k8s.tests.rendering import K8S, OVERLAYS, Manifest, manifests, of_kind
from k8s.tests.test_manifests import MISSPELT, TWINS

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]
Spoil = Callable[[Any], Any]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_overlay_is_accepted_without_a_warning(plane: ControlPlane, overlay: str) -> None:
    """Pod Security `restricted` warns of what it would refuse: a warning is a fault here."""
    folder = str(K8S / "overlays" / overlay)
    done = plane.kubectl(
        "apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict",
        "--warnings-as-errors", "-k", folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    assert len(done.stdout.splitlines()) == len(manifests(overlay))


def spec(doc: Manifest) -> Manifest:
    found: Manifest = doc["spec"]
    return found


def pod(doc: Manifest) -> Manifest:
    found: Manifest = doc["spec"]["template"]["spec"]
    return found


def first(doc: Manifest) -> Manifest:
    found: Manifest = pod(doc)["containers"][0]
    return found


BROKEN: list[tuple[str, str, str, Spoil]] = [
    ("a selector that finds no Pod", "Deployment", "orientation",
     lambda d: spec(d)["selector"]["matchLabels"].update(x="y")),
    ("memory that is no quantity", "Deployment", "demand",
     lambda d: first(d)["resources"]["limits"].update(memory="4 GB")),
    ("a request above its limit", "Deployment", "demand",
     lambda d: first(d)["resources"]["requests"].update(memory="5Gi")),
    ("a mount without a volume", "Deployment", "replenishment",
     lambda d: pod(d)["volumes"].pop()),
    ("a Pod as root", "Deployment", "demand",
     lambda d: pod(d)["securityContext"].update(runAsNonRoot=False)),
    ("the node's disk", "Deployment", "demand",
     lambda d: pod(d)["volumes"].append({"name": "x", "hostPath": {"path": "/"}})),
    ("a capability", "Deployment", "orientation",
     lambda d: first(d)["securityContext"]["capabilities"].update(add=["NET_RAW"])),
    ("more rights later", "Deployment", "orientation",
     lambda d: first(d)["securityContext"].update(allowPrivilegeEscalation=True)),
    ("no seccomp profile", "Deployment", "orientation",
     lambda d: pod(d)["securityContext"].pop("seccompProfile")),
    ("the newest image, whichever", "Deployment", "orientation",
     lambda d: first(d).update(image="larrey-orientation:latest")),
    ("a root that can be written", "Deployment", "orientation",
     lambda d: first(d)["securityContext"].update(readOnlyRootFilesystem=False)),
    ("a token of the API server", "Job", "demand-migrate",
     lambda d: pod(d).pop("automountServiceAccountToken")),
    ("no limit of memory", "Deployment", "replenishment",
     lambda d: first(d)["resources"].pop("limits")),
    ("a job that always starts again", "Job", "demand-migrate",
     lambda d: pod(d).update(restartPolicy="Always")),
    ("a night that is no time", "CronJob", "demand-run",
     lambda d: spec(d).update(schedule="30 25 * * *")),
    ("a time zone that nobody knows", "CronJob", "demand-run",
     lambda d: spec(d).update(timeZone="Europe/Lutece")),
    ("two budgets at once", "PodDisruptionBudget", "orientation",
     lambda d: spec(d).update(minAvailable=2)),
    ("a smallest size above the largest", "HorizontalPodAutoscaler", "orientation",
     lambda d: spec(d).update(minReplicas=12)),
    ("a port beyond all ports", "Service", "demand",
     lambda d: spec(d)["ports"][0].update(port=70000)),
    ("a priority that is the system's own", "PriorityClass", "larrey-orientation",
     lambda d: d.update(value=2_000_000_000)),
    ("a use that no certificate has", "Certificate", "demand-tls",
     lambda d: spec(d).update(usages=["serving"])),
    ("an interval that is no duration", "ServiceMonitor", "larrey",
     lambda d: spec(d)["endpoints"][0].update(interval="a while")),
    ("a topic without partitions", "KafkaTopic", "larrey.demand.forecast-published.v1",
     lambda d: spec(d).pop("partitions")),
]  # fmt: skip


def answered(plane: ControlPlane, doc: Manifest) -> Answer:
    return plane.api.apply(doc, dry=True, must=False)


@pytest.mark.parametrize(
    ("kind", "name", "spoil"), [b[1:] for b in BROKEN], ids=[b[0] for b in BROKEN]
)
def test_the_server_refuses_or_warns_of(
    plane: ControlPlane, kind: str, name: str, spoil: Spoil
) -> None:
    doc = copy.deepcopy(of_kind(manifests("production"), kind)[name])
    assert answered(plane, doc).clean, "the whole one is accepted"
    spoil(doc)
    assert not answered(plane, doc).clean


@pytest.mark.parametrize(("kind", "spoil"), MISSPELT, ids=[m[0] for m in MISSPELT])
def test_the_server_refuses_a_misspelt_field_of(
    plane: ControlPlane, kind: str, spoil: Spoil
) -> None:
    doc = copy.deepcopy(next(iter(of_kind(manifests("production"), kind).values())))
    spoil(doc)
    assert answered(plane, doc).status >= 400


def changed(before: list[Manifest], after: list[Manifest]) -> list[Manifest]:
    old = {(d["kind"], d["metadata"]["name"]): d for d in before}
    return [d for d in after if old.get((d["kind"], d["metadata"]["name"])) != d]


def test_each_invariant_s_broken_twin_is_refused_by_the_server_or_by_the_rule(
    plane: ControlPlane, report: Callable[[str], None]
) -> None:
    """A server knows no settings and no protos: what it lets through, the rule must stop."""
    whole, by_server, by_rule = manifests("production"), set(), set()
    for rule, spoil in TWINS:
        broken = manifests("production")
        spoil(broken)
        refused = [a for d in changed(whole, broken) if not (a := answered(plane, d)).clean]
        if refused:
            by_server.add(rule.__name__)
        else:
            assert list(rule(broken)), f"nobody refuses the broken twin of {rule.__name__}"
            by_rule.add(rule.__name__)
    report(f"refused by the API server: {', '.join(sorted(by_server))}")
    report(f"refused by the rule: {', '.join(sorted(by_rule))}")
    assert {
        "no_pod_may_gain_rights",
        "every_pod_asks_for_what_it_needs",
        "every_image_has_a_version",
        "mounted_files_are_there",
    } <= by_server
