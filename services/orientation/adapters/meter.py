"""The metrics of orientation, declared before they are emitted."""

from __future__ import annotations

import math
import threading
from typing import Any

from services.orientation.domain.decision import Decision, triage_proxy
from services.orientation.domain.drift import Drift
from services.orientation.domain.measured import Measured
from services.orientation.domain.modes import Mode
from services.orientation.domain.severity import Band
from shared.telemetry import Telemetry

SENDING = frozenset(("INTER", "CONSEIL", "PMT"))  # decisions that say how much is sent


class PrometheusMeter:
    """Labels are fixed words: nothing of a case can reach a metric."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._scored = telemetry.counter(
            "orientation_answers", "Answers given, by band.", ["band", "exercise"]
        )
        self._findings = telemetry.counter(
            "orientation_findings", "Data-quality findings, by code.", ["code"]
        )
        self._rules_only = telemetry.counter(
            "orientation_rules_only", "Answers that rest on rules alone, by cause.", ["why"]
        )
        self._decisions = telemetry.counter(
            "orientation_decisions",
            "Human decisions, by whether they followed and what was shown.",
            ["followed", "mode"],
        )
        self._triage = telemetry.counter(
            "orientation_triage_proxy",
            "Decisions by whether the human sent more (under) or less (over) than the band asks.",
            ["kind"],
        )
        self._vehicles = telemetry.counter(
            "orientation_vehicle_reports", "Vehicles told of, by what became of it.", ["outcome"]
        )
        self._overrides = telemetry.counter(
            "orientation_overrides", "Decisions that differ, by coded reason.", ["reason"]
        )
        self._capacity = telemetry.counter(
            "orientation_capacity_reports",
            "Rows of capacity reports, by what became of them.",
            ["outcome"],
        )
        self._roads = telemetry.counter(
            "orientation_road_requests", "Questions to the road router, by outcome.", ["outcome"]
        )
        self._age = telemetry.histogram(
            "orientation_capacity_age_minutes",
            "Age of the bed count of the first facility proposed.",
            buckets=(5, 15, 30, 60, 120, 240, 480, 1440),
        )
        self._drift = telemetry.gauge(
            "orientation_drift_index",
            "Population stability index of p_icu over the last 2000 answers; look from 0.25 on.",
        )
        self._process = telemetry.gauge(
            "orientation_scoring_process",
            "1 while the process that answers calls is there, 0 while the one at the door has to "
            "do it, not a number where it always does.",
        )
        self._process.set(math.nan)
        # Each label is looked up once: every answer needs some.
        self._of_kind: dict[tuple[Band, bool], Any] = {}
        self._of_code: dict[str, Any] = {}
        self._moved: Drift | None = None
        self._lock = threading.Lock()
        self._model = telemetry.gauge(
            "orientation_model", "1 for the model that is loaded.", ["version"]
        )

    def answered(self, measured: Measured) -> None:
        kind = measured.band, measured.exercise
        scored = self._of_kind.get(kind)
        if scored is None:
            scored = self._scored.labels(measured.band.name, str(measured.exercise).lower())
            self._of_kind[kind] = scored
        scored.inc()
        for code in measured.findings:
            found = self._of_code.get(code)
            if found is None:
                found = self._of_code[code] = self._findings.labels(code)
            found.inc()
        if measured.rules_only:
            self._rules_only.labels(measured.rules_only).inc()
        if measured.beds_age_min is not None:
            self._age.observe(measured.beds_age_min)
        if self._moved is not None and measured.p_icu is not None:
            with self._lock:
                self._moved.add(measured.p_icu)

    def watch_drift(self, drift: Drift | None) -> None:
        """Compares what is answered with the training visits from now on."""
        self._moved = drift
        self._drift.set_function(self._index)

    def _index(self) -> float:
        """Not a number before enough was answered: 0 would say that nothing moved."""
        if self._moved is None:
            return math.nan
        with self._lock:
            found = self._moved.index()
        return math.nan if found is None else found

    def decided(self, decided: Decision, band: Band, mode: Mode, reason: str) -> None:
        self._decisions.labels(str(decided.followed).lower(), mode.value).inc()
        if not decided.followed:
            self._overrides.labels(reason).inc()
        if decided.decision_type in SENDING:
            self._triage.labels(triage_proxy(band, decided.resource_type)).inc()

    def capacity(self, accepted: int, superseded: int, refused: int) -> None:
        for outcome, count in (
            ("accepted", accepted),
            ("superseded", superseded),
            ("refused", refused),
        ):
            self._capacity.labels(outcome).inc(count)

    def vehicles(self, accepted: int, superseded: int, refused: int) -> None:
        for outcome, count in (
            ("accepted", accepted),
            ("superseded", superseded),
            ("refused", refused),
        ):
            self._vehicles.labels(outcome).inc(count)

    def roads(self, outcome: str) -> None:
        self._roads.labels(outcome).inc()

    def scoring_process(self, there: bool) -> None:
        self._process.set(int(there))

    def model(self, version: str) -> None:
        self._model.labels(version or "none").set(1)
