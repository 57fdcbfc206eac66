"""What Prometheus is told of the replenishment service."""

from __future__ import annotations

from datetime import datetime

from services.replenishment.domain.plans import Plan, PlanState
from shared.catalogue.items import Criticality
from shared.clock import Clock
from shared.telemetry import Telemetry

NEVER = float("nan")


class Metrics:
    """Declares every metric of the service; counts, never contents."""

    def __init__(self, telemetry: Telemetry, clock: Clock) -> None:
        self._clock = clock
        self._newest: datetime | None = None
        self._plans = telemetry.counter(
            "replenishment_plans_total", "Plans that ended, by state", ("state",)
        )
        self._seconds = telemetry.histogram(
            "replenishment_plan_seconds",
            "Seconds that the solver used for a proposed plan",
            buckets=(1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600),
        )
        self._gap = telemetry.gauge(
            "replenishment_plan_gap", "Proven gap of the newest plan, as a fraction"
        )
        self._item_sites = telemetry.gauge(
            "replenishment_plan_item_sites", "Item-sites in the newest plan"
        )
        age = telemetry.gauge(
            "replenishment_newest_plan_age_seconds",
            "Age of the newest proposed plan; not a number while there is none",
        )
        age.set_function(self._age)
        self._risk = telemetry.gauge(
            "replenishment_item_sites_at_risk",
            "Item-sites likely to run out within the horizon if nothing more is ordered",
            ("criticality",),
        )
        self._known = telemetry.gauge(
            "replenishment_item_sites_assessed", "Item-sites that were assessed", ("criticality",)
        )
        self._expiry = telemetry.gauge(
            "replenishment_expected_expiry_eur",
            "EUR of stock expected to expire unused within the horizon unless it is moved",
            ("criticality",),
        )
        self._lines = telemetry.counter(
            "replenishment_lines_decided_total", "Plan lines decided, by verdict", ("verdict",)
        )
        self._reports = telemetry.counter(
            "replenishment_stock_reports_total", "Stock reports received, by outcome", ("outcome",)
        )

    def _age(self) -> float:
        newest = self._newest
        return NEVER if newest is None else (self._clock.now() - newest).total_seconds()

    def plan_ended(self, plan: Plan, at: datetime) -> None:
        self._plans.labels(plan.state.value.lower()).inc()
        if plan.state is PlanState.PROPOSED:
            self._newest = at
            self._seconds.observe(plan.seconds)
            self._gap.set(plan.gap)
            self._item_sites.set(plan.item_sites)

    def lines_decided(self, accepted: int, changed: int, refused: int) -> None:
        self._lines.labels("accepted").inc(accepted)
        self._lines.labels("changed").inc(changed)
        self._lines.labels("refused").inc(refused)

    def risk(
        self, criticality: Criticality, item_sites: int, at_risk: int, expiry_eur: float
    ) -> None:
        kind = criticality.value.lower()
        self._known.labels(kind).set(item_sites)
        self._risk.labels(kind).set(at_risk)
        self._expiry.labels(kind).set(expiry_eur)

    def reports(self, accepted: int, superseded: int, refused: int) -> None:
        self._reports.labels("accepted").inc(accepted)
        self._reports.labels("superseded").inc(superseded)
        self._reports.labels("refused").inc(refused)
