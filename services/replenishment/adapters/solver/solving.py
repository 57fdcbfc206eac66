"""What a solve is asked, what it tells on its way, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from services.replenishment.domain.prices import Prices
from services.replenishment.domain.problem import Floats, Ints


@dataclass(frozen=True, slots=True)
class Effort:
    """When to stop: whichever comes first."""

    seconds: float = float("inf")
    rounds: int = 60
    gap: float = 0.0005


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a solve is: EUR, and (cost - bound) / cost."""

    cost: float
    bound: float
    gap: float
    seconds: float
    rounds: int


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    orders: Ints  # [N, T] packs
    progress: Progress
    prices: Floats  # [R] of the limits, EUR per unit
    named: Prices  # the same and the shares of orders, for the next plan to start from


@dataclass(frozen=True, slots=True)
class Watch:
    """Who looks at a running solve: the time, who is told, and who may end it early."""

    timer: Callable[[], float]
    tell: Callable[[Progress, Ints | None], None] = lambda _progress, _orders: None
    cancelled: Callable[[], bool] = lambda: False
    price: Callable[[Prices], None] | None = None  # told the prices of every round, if asked for


def gap_of(incumbent: float, bound: float) -> float:
    """(cost - bound) / cost, 0 when both are 0, never below 0."""
    if incumbent <= bound or incumbent == 0.0:
        return 0.0
    return min(1.0, (incumbent - bound) / abs(incumbent))


@dataclass(slots=True)
class Clock:
    """The seconds of one solve, and whether it has to stop."""

    watch: Watch
    effort: Effort
    began: float

    @property
    def seconds(self) -> float:
        return self.watch.timer() - self.began

    @property
    def left(self) -> float:
        return self.effort.seconds - self.seconds

    def stop(self) -> bool:
        return self.seconds >= self.effort.seconds or self.watch.cancelled()
