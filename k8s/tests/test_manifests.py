"""Every overlay renders, validates strictly and keeps every rule; broken twins are seen."""

from __future__ import annotations

import copy
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from k8s.tests import invariants as rules
from k8s.tests.rendering import OVERLAYS, SERVICES, Manifest, container, manifests, of_kind, pods
from k8s.tests.schemas import problems

Break = Callable[[list[Manifest]], Any]


def pod(docs: list[Manifest], service: str) -> Manifest:
    found: Manifest = of_kind(docs, "Deployment")[service]["spec"]["template"]["spec"]
    return found


def env(docs: list[Manifest], service: str, name: str) -> Manifest:
    found: list[Manifest] = container(docs, service)["env"]
    return next(v for v in found if v["name"] == name)


def first_acl(docs: list[Manifest]) -> Manifest:
    acls: list[Manifest] = of_kind(docs, "KafkaUser")["larrey-demand"]["spec"]["authorization"][
        "acls"
    ]
    return acls[0]


def nightly(docs: list[Manifest]) -> list[str]:
    spec = of_kind(docs, "CronJob")["demand-run"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    args: list[str] = spec["containers"][0]["args"]
    return args


def policy(docs: list[Manifest], name: str) -> Manifest:
    found: Manifest = of_kind(docs, "NetworkPolicy")[name]["spec"]
    return found


def lag(docs: list[Manifest]) -> Manifest:
    found: Manifest = of_kind(docs, "ScaledObject")["replenishment"]["spec"]
    return found


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_overlay_validates_strictly(overlay: str) -> None:
    assert [p for doc in manifests(overlay) for p in problems(doc)] == []


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("rule", rules.RULES, ids=lambda r: r.__name__)
def test_every_overlay_keeps_every_rule(overlay: str, rule: rules.Rule) -> None:
    assert list(rule(manifests(overlay))) == []


MISSPELT: list[tuple[str, Break]] = [
    ("Deployment", lambda d: d["spec"]["template"]["spec"].update(terminationGracePeriod=1)),
    ("CronJob", lambda d: d["spec"].update(timezone="Europe/Paris")),
    ("NetworkPolicy", lambda d: d["spec"].update(policyType=[])),
    ("KafkaTopic", lambda d: d["spec"].update(partition=4)),
    ("KafkaUser", lambda d: d["spec"]["authorization"]["acls"][0].update(operation="Read")),
    ("Kafka", lambda d: d["spec"]["kafka"].update(replicas=3)),
    ("KafkaNodePool", lambda d: d["spec"].update(roles=["broker", "chief"])),
    ("Certificate", lambda d: d["spec"].update(dnsName=[])),
    ("Issuer", lambda d: d.update(apiVersion="cert-manager.io/v0")),
    ("ScaledObject", lambda d: d["spec"].update(maxReplicas=4)),
    ("TriggerAuthentication", lambda d: d["spec"]["secretTargetRef"][0].pop("parameter")),
    ("HorizontalPodAutoscaler", lambda d: d["spec"].update(minReplica=1)),
]


@pytest.mark.parametrize(("kind", "spoil"), MISSPELT, ids=lambda v: v if isinstance(v, str) else "")
def test_a_misspelt_field_of_every_type_is_refused(kind: str, spoil: Break) -> None:
    doc = copy.deepcopy(next(iter(of_kind(manifests("production"), kind).values())))
    assert problems(doc) == []
    spoil(doc)
    assert problems(doc) != []


TWINS: list[tuple[rules.Rule, Break]] = [
    (
        rules.every_variable_is_a_setting,
        lambda d: env(d, "demand", "LARREY_DATA_DIR").update(name="LARREY_DATADIR"),
    ),
    (
        rules.every_variable_is_a_setting,
        lambda d: env(d, "demand", "LARREY_MIGRATE").update(value="start"),
    ),
    (
        rules.ports_are_those_that_are_listened_on,
        lambda d: env(d, "demand", "LARREY_GRPC_ADDRESS").update(value="0.0.0.0:1"),
    ),
    (
        rules.ports_are_those_that_are_listened_on,
        lambda d: of_kind(d, "Service")["orientation"]["spec"]["ports"][0].update(port=1),
    ),
    (
        rules.probes_ask_for_a_service_that_exists,
        lambda d: container(d, "demand")["readinessProbe"]["grpc"].update(service="x"),
    ),
    (
        rules.probes_ask_for_a_service_that_exists,
        lambda d: container(d, "demand")["livenessProbe"]["grpc"].update(port=50051),
    ),
    (
        rules.a_pod_gets_longer_to_end_than_its_longest_answer,
        lambda d: pod(d, "orientation").update(terminationGracePeriodSeconds=30),
    ),
    (
        rules.a_pod_gets_longer_to_end_than_its_longest_answer,
        lambda d: env(d, "demand", "LARREY_STOP_GRACE_SECONDS").update(value="5"),
    ),
    (
        rules.no_pod_may_gain_rights,
        lambda d: pod(d, "demand")["securityContext"].pop("runAsNonRoot"),
    ),
    (
        rules.no_pod_may_gain_rights,
        lambda d: container(d, "demand")["securityContext"].update(readOnlyRootFilesystem=False),
    ),
    (rules.no_pod_may_gain_rights, lambda d: pod(d, "demand").pop("automountServiceAccountToken")),
    (
        rules.every_pod_asks_for_what_it_needs,
        lambda d: container(d, "replenishment")["resources"].pop("limits"),
    ),
    (
        rules.every_image_has_a_version,
        lambda d: container(d, "replenishment").update(image="larrey-replenishment:latest"),
    ),
    (
        rules.selectors_find_their_pods,
        lambda d: of_kind(d, "Service")["demand"]["spec"]["selector"].update(x="y"),
    ),
    (
        rules.selectors_find_their_pods,
        lambda d: pod(d, "orientation").pop("topologySpreadConstraints"),
    ),
    (
        rules.the_nightly_run_is_a_call_that_demand_understands,
        lambda d: nightly(d).__setitem__(3, '{"horizont": 90}'),
    ),
    (rules.mounted_files_are_there, lambda d: pod(d, "demand")["volumes"].pop()),
    (
        rules.topics_are_those_of_the_protos,
        lambda d: d.remove(next(x for x in d if x["kind"] == "KafkaTopic")),
    ),
    (
        rules.topics_are_those_of_the_protos,
        lambda d: next(x for x in d if x["kind"] == "KafkaTopic")["spec"].update(replicas=1),
    ),
    (
        rules.kafka_users_may_do_what_their_service_does,
        lambda d: first_acl(d).update(operations=["All"]),
    ),
    (
        rules.kafka_users_may_do_what_their_service_does,
        lambda d: first_acl(d)["resource"].update(name="larrey.other.v1"),
    ),
    (
        rules.scaling_on_lag_reads_what_its_service_hears,
        lambda d: lag(d)["triggers"][0]["metadata"].update(consumerGroup="replenishment"),
    ),
    (
        rules.scaling_on_lag_reads_what_its_service_hears,
        lambda d: lag(d)["triggers"][0]["metadata"].update(topic="larrey.x.v1"),
    ),
    (
        rules.scaling_on_lag_reads_what_its_service_hears,
        lambda d: lag(d).update(maxReplicaCount=12),
    ),
    (
        rules.scaling_follows_what_exists,
        lambda d: of_kind(d, "Deployment")["orientation"]["spec"].update(replicas=3),
    ),
    (rules.only_named_roads_are_open, lambda d: policy(d, "nobody-talks").update(ingress=[{}])),
    (
        rules.certificates_name_their_service,
        lambda d: of_kind(d, "Certificate")["demand-tls"]["spec"].update(dnsNames=["x"]),
    ),
    (
        rules.certificates_name_their_service,
        lambda d: of_kind(d, "Certificate")["demand-tls"]["spec"].update(secretName="x"),
    ),
    (
        rules.the_nightly_run_is_a_call_that_demand_understands,
        lambda d: nightly(d).pop(-2),
    ),
    (
        rules.mounted_files_are_there,
        lambda d: env(d, "demand", "LARREY_TLS_CERT").update(value="/etc/larrey/tsl/tls.crt"),
    ),
    (
        rules.the_production_like_are_closed,
        lambda d: env(d, "demand", "LARREY_ACCESS").update(value="open"),
    ),
    (
        rules.the_production_like_are_closed,
        lambda d: env(d, "demand", "LARREY_CALLS_PER_SECOND").update(value="many"),
    ),
    (
        rules.only_named_roads_are_open,
        lambda d: policy(d, "services-are-called")["podSelector"]["matchExpressions"][0][
            "values"
        ].append("damand"),
    ),
    (rules.orientation_goes_first, lambda d: pod(d, "orientation").pop("priorityClassName")),
]


@pytest.mark.parametrize(("rule", "spoil"), TWINS, ids=lambda v: getattr(v, "__name__", ""))
def test_a_broken_twin_is_seen_by_its_rule(rule: rules.Rule, spoil: Break) -> None:
    docs = manifests("production")
    spoil(docs)
    assert list(rule(docs)) != []


def test_every_rule_has_a_broken_twin() -> None:
    assert {rule for rule, _ in TWINS} == set(rules.RULES)


def test_every_component_is_part_of_production() -> None:
    text = (Path(__file__).parent.parent / "overlays/production/kustomization.yaml").read_text()
    for component in (Path(__file__).parent.parent / "components").iterdir():
        assert f"- ../../components/{component.name}\n" in text


@pytest.mark.slow
@pytest.mark.parametrize("service", SERVICES)
def test_a_migration_job_s_settings_bring_the_tables_up_to_date(
    service: str, tmp_path: Path
) -> None:
    job = of_kind(manifests("production"), "Job")[f"{service}-migrate"]
    found = job["spec"]["template"]["spec"]["containers"][0]
    given = {v["name"]: v["value"] for v in found["env"] if "value" in v}
    store = tmp_path / "state.db"
    done = subprocess.run(
        [Path(sys.executable).parent / "larrey", *found["args"]],
        env={
            "PATH": os.environ["PATH"],
            **given,
            "LARREY_DATA_DIR": str(tmp_path / "data"),
            "LARREY_EVENTS_URL": f"sqlite:///{tmp_path}/unused.db",
            "LARREY_DATABASE_URL": f"sqlite:///{store}",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert store.exists()
    assert "tables are up to date" in done.stderr


def test_the_secrets_that_a_newcomer_makes_are_those_that_nothing_else_makes() -> None:
    docs = manifests("production")
    wanted = set()
    for _, template in pods(docs):
        spec = template["spec"]
        wanted |= {v["secret"]["secretName"] for v in spec.get("volumes", ()) if "secret" in v}
        for found in spec["containers"]:
            keys = [v.get("valueFrom", {}).get("secretKeyRef") for v in found.get("env", ())]
            wanted |= {key["name"] for key in keys if key}
    made = {c["spec"]["secretName"] for c in of_kind(docs, "Certificate").values()}
    made |= {*of_kind(docs, "KafkaUser"), "larrey-cluster-ca-cert"}  # by cert-manager, Strimzi
    page = (Path(__file__).parents[2] / "docs" / "deploy.md").read_text()
    assert set(re.findall(r"create secret generic (\S+)", page)) == wanted - made
