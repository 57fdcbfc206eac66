"""What an operator may set for the replenishment service."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from zoneinfo import available_timezones

from services.replenishment.domain.demand import Spread
from services.replenishment.domain.policy import Policy, Service
from services.replenishment.domain.warnings import WarningRule
from shared.catalogue.items import Criticality
from shared.settings import BadSettings, ServiceSettings, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(ServiceSettings):
    """Shared settings and those of planning and of warnings."""

    zone: str = setting(
        "LARREY_ZONE", "time zone in which a day begins, such as Europe/Paris", "Europe/Paris"
    )
    gap: float = setting(
        "LARREY_REPLENISHMENT_GAP", "proven gap at which a plan is good enough, fraction", 0.0005
    )
    future_tolerance: timedelta = setting(
        "LARREY_REPLENISHMENT_FUTURE_TOLERANCE_SECONDS",
        "seconds that a stock count may lie ahead of our clock",
        timedelta(minutes=5),
    )
    compiled_dir: Path | None = setting(
        "LARREY_REPLENISHMENT_COMPILED_DIR",
        "folder for the solver's compiled loops; beside the code, or in the data folder when "
        "the code may not be written to, if left out",
        None,
    )
    worker_memory_mb: int = setting(
        "LARREY_REPLENISHMENT_WORKER_MEMORY_MB",
        "most MB that one plan's solver may take beyond its engines; 0 is no cap",
        4096,
    )
    holding_rate: float = setting(
        "LARREY_REPLENISHMENT_HOLDING_RATE", "cost of holding stock, fraction of price a year", 0.25
    )
    budget_penalty: float = setting(
        "LARREY_REPLENISHMENT_BUDGET_PENALTY", "EUR that each EUR over a weekly budget costs", 0.1
    )
    storage_penalty: float = setting(
        "LARREY_REPLENISHMENT_STORAGE_PENALTY",
        "EUR that each m3 above the room for ambient goods costs a day",
        10.0,
    )
    kept_back_days: int = setting(
        "LARREY_REPLENISHMENT_KEPT_BACK_DAYS",
        "days before its last day that a lot is kept back unless a pharmacist releases it",
        0,
    )
    level_vital: float = setting(
        "LARREY_REPLENISHMENT_LEVEL_VITAL", "chance of having enough, vital items", 0.995
    )
    level_essential: float = setting(
        "LARREY_REPLENISHMENT_LEVEL_ESSENTIAL", "chance of having enough, essential items", 0.98
    )
    level_desirable: float = setting(
        "LARREY_REPLENISHMENT_LEVEL_DESIRABLE", "chance of having enough, desirable items", 0.95
    )
    floor_vital: float = setting(
        "LARREY_REPLENISHMENT_FLOOR_VITAL", "least EUR for a day's use missing a day, vital", 50.0
    )
    floor_essential: float = setting(
        "LARREY_REPLENISHMENT_FLOOR_ESSENTIAL",
        "least EUR for a day's use missing a day, essential",
        10.0,
    )
    floor_desirable: float = setting(
        "LARREY_REPLENISHMENT_FLOOR_DESIRABLE",
        "least EUR for a day's use missing a day, desirable",
        2.0,
    )
    weekday_weights: tuple[str, ...] = setting(
        "LARREY_REPLENISHMENT_WEEKDAY_WEIGHTS",
        "seven weights from Monday to Sunday by which a period's demand falls on its days",
        ("1.15", "1.1", "1.1", "1.1", "1.05", "0.8", "0.7"),
    )
    correlation: float = setting(
        "LARREY_REPLENISHMENT_ERROR_CORRELATION",
        "how alike forecast errors of neighbouring periods are, 0 to 1",
        0.5,
    )
    warn_probability: float = setting(
        "LARREY_REPLENISHMENT_WARN_PROBABILITY",
        "chance of running out above which a shortage is foreseen",
        0.3,
    )
    warn_days: int = setting(
        "LARREY_REPLENISHMENT_WARN_DAYS", "fewest days ahead that a warning looks", 7
    )

    def __post_init__(self) -> None:
        errors = []
        try:
            ServiceSettings.__post_init__(self)
        except BadSettings as bad:
            errors.extend(bad.errors)
        if self.zone not in available_timezones():
            errors.append("LARREY_ZONE must be a time zone such as Europe/Paris")
        names = {
            "GAP": self.gap,
            "HOLDING_RATE": self.holding_rate,
            "BUDGET_PENALTY": self.budget_penalty,
            "STORAGE_PENALTY": self.storage_penalty,
            "FLOOR_VITAL": self.floor_vital,
            "FLOOR_ESSENTIAL": self.floor_essential,
            "FLOOR_DESIRABLE": self.floor_desirable,
        }
        errors += [
            f"LARREY_REPLENISHMENT_{name} must be 0 or more"
            for name, value in names.items()
            if not 0 <= value < float("inf")
        ]
        shares = {
            "LEVEL_VITAL": self.level_vital,
            "LEVEL_ESSENTIAL": self.level_essential,
            "LEVEL_DESIRABLE": self.level_desirable,
            "WARN_PROBABILITY": self.warn_probability,
        }
        errors += [
            f"LARREY_REPLENISHMENT_{name} must lie between 0 and 1"
            for name, value in shares.items()
            if not 0 < value < 1
        ]
        if not 0 <= self.correlation <= 1:
            errors.append("LARREY_REPLENISHMENT_ERROR_CORRELATION must lie between 0 and 1")
        if not 0 <= self.kept_back_days <= 365:
            errors.append("LARREY_REPLENISHMENT_KEPT_BACK_DAYS must lie between 0 and 365")
        if self.worker_memory_mb < 0:
            errors.append("LARREY_REPLENISHMENT_WORKER_MEMORY_MB must be 0 or more")
        if not 1 <= self.warn_days <= 28:
            errors.append("LARREY_REPLENISHMENT_WARN_DAYS must lie between 1 and 28")
        if self._weights() is None:
            errors.append(
                "LARREY_REPLENISHMENT_WEEKDAY_WEIGHTS must be seven numbers above 0, such as "
                "1.15,1.1,1.1,1.1,1.05,0.8,0.7"
            )
        if errors:
            raise BadSettings(errors)

    def _weights(self) -> tuple[float, ...] | None:
        try:
            weights = tuple(float(text) for text in self.weekday_weights)
        except ValueError:
            return None
        fits = len(weights) == 7 and all(0 < weight < float("inf") for weight in weights)
        return weights if fits else None

    @property
    def policy(self) -> Policy:
        essential = Service(self.level_essential, self.floor_essential)
        return Policy(
            holding_rate=self.holding_rate,
            budget_penalty=self.budget_penalty,
            storage_penalty=self.storage_penalty,
            kept_back_days=self.kept_back_days,
            spread=Spread(self._weights() or Spread().weekday_weights, self.correlation),
            services={
                Criticality.VITAL: Service(self.level_vital, self.floor_vital),
                Criticality.ESSENTIAL: essential,
                Criticality.UNSPECIFIED: essential,
                Criticality.DESIRABLE: Service(self.level_desirable, self.floor_desirable),
            },
        )

    @property
    def warning_rule(self) -> WarningRule:
        return WarningRule(self.warn_probability, self.warn_days)
