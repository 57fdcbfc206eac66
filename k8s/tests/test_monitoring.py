"""Rules and panels parse, name exported metrics, and each alert leads to its page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from k8s.dashboards.boards import DASHBOARDS
from k8s.tests.metrics import BY_PROMETHEUS, exported
from k8s.tests.rendering import K8S, SERVICES, manifests, of_kind

RUNBOOKS = K8S.parent / "docs" / "runbooks"
SECTIONS = ("## What it means", "## What to look at", "## What to do")
COMPONENT = K8S / "components" / "monitoring"


def rules() -> list[dict[str, Any]]:
    spec = yaml.safe_load((COMPONENT / "rules.yaml").read_text())["spec"]
    return [rule for group in spec["groups"] for rule in group["rules"]]


ALERTS = [rule for rule in rules() if "alert" in rule]
RECORDS = {rule["record"]: rule["expr"] for rule in rules() if "record" in rule}


def selected(node: Any) -> set[str]:
    """Names of the series that a query reads."""
    found = {node.name} if isinstance(node, promql_parser.VectorSelector) and node.name else set()
    for part in ("expr", "lhs", "rhs", "vector_selector", "param"):
        inner = getattr(node, part, None)
        if inner is not None:
            found |= selected(inner)
    for inner in getattr(node, "args", None) or ():
        found |= selected(inner)
    return found


def names_in(query: str) -> set[str]:
    return selected(promql_parser.parse(query))


def unknown_in(query: str) -> set[str]:
    """Names that no service exports and no rule records."""
    known = BY_PROMETHEUS | set(RECORDS) | {name for s in SERVICES for name in exported(s)}
    return names_in(query) - known


QUERIES = {
    **{rule.get("alert") or rule["record"]: rule["expr"] for rule in rules()},
    **{f"{b.name} {i}": q for b in DASHBOARDS for i, q in enumerate(b.queries())},
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_every_query_parses_and_names_what_is_exported(query: str) -> None:
    assert names_in(query)
    assert unknown_in(query) == set()


def test_a_query_on_a_misspelt_metric_is_seen() -> None:
    good = "sum by (job) (rate(larrey_rpc_calls_total[5m])) / sum(larrey_outbox_age_seconds)"
    assert unknown_in(good) == set()
    assert unknown_in(good.replace("calls_total", "call_total")) == {"larrey_rpc_call_total"}
    assert unknown_in(good.replace("outbox", "outbx")) == {"larrey_outbx_age_seconds"}


def test_every_metric_of_ours_is_watched_by_a_rule_or_a_panel() -> None:
    watched = {name for query in QUERIES.values() for name in names_in(query)}
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in watched}
    for service in SERVICES:
        own = {n for n in exported(service) if n.startswith(f"larrey_{service}_")}
        assert {re.sub(r"_(bucket|sum|count)$", "", n) for n in own} - families <= {
            "larrey_orientation_model",
            "larrey_demand_accuracy_coverage_80",
            "larrey_demand_accuracy_drift",
            "larrey_demand_accuracy_mean_absolute_error",
            "larrey_orientation_capacity_reports_total",
            "larrey_replenishment_plan_item_sites",
            "larrey_replenishment_plan_seconds",
            "larrey_replenishment_plans_total",
        } | families


@pytest.mark.parametrize("alert", ALERTS, ids=lambda a: a["alert"])
def test_every_alert_says_how_grave_it_is_and_leads_to_its_page(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in ("critical", "warning")
    assert alert["annotations"]["summary"]
    page = K8S.parent / alert["annotations"]["runbook"]
    text = page.read_text()
    assert page == RUNBOOKS / f"{alert['alert']}.md"
    assert text.startswith(f"# {alert['alert']}\n")
    places = [text.index(section) for section in SECTIONS]
    assert places == sorted(places)
    lengths = [b - a for a, b in zip(places, [*places[1:], len(text)], strict=True)]
    assert min(lengths) > 80


def test_every_page_belongs_to_an_alert() -> None:
    assert {p.stem for p in RUNBOOKS.glob("*.md")} == {a["alert"] for a in ALERTS}


@pytest.mark.parametrize("board", DASHBOARDS, ids=lambda b: b.name)
def test_the_committed_dashboard_is_what_the_code_makes(board: Any) -> None:
    committed = (COMPONENT / "dashboards" / f"{board.name}.json").read_text()
    assert committed == board.to_json()


def test_there_is_a_dashboard_for_each_service_and_one_for_the_loop() -> None:
    assert {b.name for b in DASHBOARDS} == {*SERVICES, "loop"}
    shipped = of_kind(manifests("production"), "ConfigMap")
    data = next(c["data"] for name, c in shipped.items() if name.startswith("larrey-dashboards"))
    assert set(data) == {f"{b.name}.json" for b in DASHBOARDS}


def test_prometheus_scrapes_every_service_at_its_metrics_port() -> None:
    docs = manifests("production")
    monitor = of_kind(docs, "ServiceMonitor")["larrey"]["spec"]
    chosen = monitor["selector"]["matchExpressions"][0]
    services = of_kind(docs, "Service")
    found = {
        n for n, s in services.items() if s["metadata"]["labels"][chosen["key"]] in chosen["values"]
    }
    assert found == set(SERVICES)
    for name in found:
        assert monitor["endpoints"][0]["port"] in {
            p["name"] for p in services[name]["spec"]["ports"]
        }
    jobs = set(re.findall(r'job="(\w+)"', Path(COMPONENT / "rules.yaml").read_text()))
    assert jobs == set(SERVICES)
