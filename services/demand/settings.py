"""What an operator may set for the demand service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import available_timezones

from shared.settings import BadSettings, ServiceSettings, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(ServiceSettings):
    """Shared settings and those of forecasting and of the call signal."""

    zone: str = setting(
        "LARREY_ZONE", "time zone in which a day begins, such as Europe/Paris", "Europe/Paris"
    )
    workers: int = setting("LARREY_DEMAND_WORKERS", "processes that forecast at the same time", 2)
    backend: str = setting(
        "LARREY_DEMAND_BACKEND", "where forecasts are made: local (processes here) or ray", "local"
    )
    ray_address: str = setting(
        "LARREY_DEMAND_RAY_ADDRESS",
        "address of the Ray cluster, such as 10.0.0.5:6379; empty starts one on this machine",
        "",
    )
    together: int = setting(
        "LARREY_DEMAND_TOGETHER",
        "series that are forecast together at most: they learn from each other, memory bounds them",
        20_000,
    )
    future_tolerance: timedelta = setting(
        "LARREY_DEMAND_FUTURE_TOLERANCE_SECONDS",
        "seconds that a movement may lie ahead of our clock",
        timedelta(minutes=5),
    )
    longest_useful: timedelta = setting(
        "LARREY_DEMAND_LONGEST_USEFUL_SECONDS",
        "seconds after which a forecast is too old to act on",
        timedelta(days=45),
    )
    driven_series: int = setting(
        "LARREY_DEMAND_DRIVEN_SERIES",
        "series of a part on which calendars and signals are tried at most; 0: none",
        500,
    )
    call_elasticity: float = setting(
        "LARREY_DEMAND_CALL_ELASTICITY", "share of a change of calls that use follows, 0 to 1", 0.5
    )
    call_factor_lowest: float = setting(
        "LARREY_DEMAND_CALL_FACTOR_LOWEST", "lowest factor that calls may suggest", 0.8
    )
    call_factor_highest: float = setting(
        "LARREY_DEMAND_CALL_FACTOR_HIGHEST", "highest factor that calls may suggest", 1.5
    )
    usual_calls: tuple[str, ...] = setting(
        "LARREY_DEMAND_USUAL_CALLS",
        "usual calls in 7 days by item class, such as respiratory=120,cardiac=90",
        (),
    )

    def __post_init__(self) -> None:
        errors = []
        try:
            ServiceSettings.__post_init__(self)
        except BadSettings as bad:
            errors.extend(bad.errors)
        errors.extend(self._wrong())
        if errors:
            raise BadSettings(errors)

    def _wrong(self) -> list[str]:
        errors = [
            f"{name} must be at least {least}"
            for name, value, least in (
                ("LARREY_DEMAND_WORKERS", self.workers, 1),
                ("LARREY_DEMAND_TOGETHER", self.together, 1),
                ("LARREY_DEMAND_DRIVEN_SERIES", self.driven_series, 0),
            )
            if value < least
        ]
        if self.zone not in available_timezones():
            errors.append("LARREY_ZONE must be a time zone such as Europe/Paris")
        if self.backend not in ("local", "ray"):
            errors.append("LARREY_DEMAND_BACKEND must be local or ray")
        if not 0 <= self.call_elasticity <= 1:
            errors.append("LARREY_DEMAND_CALL_ELASTICITY must lie between 0 and 1")
        if not 0 < self.call_factor_lowest <= 1 <= self.call_factor_highest:
            errors.append(
                "LARREY_DEMAND_CALL_FACTOR_LOWEST must be more than 0 and at most 1, and "
                "LARREY_DEMAND_CALL_FACTOR_HIGHEST at least 1"
            )
        if self._usual() is None:
            errors.append(
                "LARREY_DEMAND_USUAL_CALLS must be a list such as respiratory=120,cardiac=90, "
                "with numbers of 0 or more"
            )
        return errors

    def _usual(self) -> dict[str, float] | None:
        found = {}
        for entry in self.usual_calls:
            name, equals, number = entry.partition("=")
            try:
                calls = float(number)
            except ValueError:
                return None
            if not (name.strip() and equals and 0 <= calls < float("inf")):
                return None
            found[name.strip()] = calls
        return found

    @property
    def usual_by_class(self) -> Mapping[str, float]:
        """Usual calls in 7 days, by item class."""
        return self._usual() or {}
