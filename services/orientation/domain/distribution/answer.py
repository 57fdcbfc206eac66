"""What is said of an allocation: who goes with what to where and why, and who waits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.orientation.domain.distribution.cost import Cost
from services.orientation.domain.distribution.problem import Assignment
from services.orientation.domain.distribution.waits import Wait
from services.orientation.domain.findings import Finding
from services.orientation.domain.severity import Band, Reason


@dataclass(frozen=True, slots=True)
class Told:
    """One casualty's share. Minutes are left out for who waits."""

    assignment: Assignment
    band: Band
    category: str
    scene_min: float | None
    ride_min: float | None
    met: tuple[str, ...]
    missing: tuple[str, ...]
    pinned: bool
    changed: bool
    wait: Wait | None
    reasons: tuple[Reason, ...]

    @property
    def arrival_min(self) -> float | None:
        """Minutes from now until the doors of the site, without the time on the spot."""
        if self.scene_min is None or self.ride_min is None:
            return None
        return self.scene_min + self.ride_min


@dataclass(frozen=True, slots=True)
class Outcome:
    """An allocation in figures that can be compared."""

    cost: float  # weighted minutes, prices of stability left out
    assigned: int
    waiting: int
    wrong_capability: int  # brought to a site that lacks something needed
    mean_arrival_min: float | None
    grave_arrival_min: float | None  # of life-threat and severe casualties


@dataclass(frozen=True, slots=True)
class CoverTold:
    sector: str
    stood: int
    keep: int
    stays: int


@dataclass(frozen=True, slots=True)
class Distribution:
    """The whole answer. `unchanged` is the share of earlier assignments that stand."""

    told: tuple[Told, ...]
    cost: Cost
    outcome: Outcome
    nearest: Outcome
    nearest_assignments: Mapping[str, Assignment] = field(repr=False)
    cover: tuple[CoverTold, ...]
    unchanged: float | None
    findings: tuple[Finding, ...]
    milliseconds: float
