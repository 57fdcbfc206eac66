"""What a plan's limits and shared orders were worth: where the next plan may start from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from services.replenishment.domain.problem import Floats

WEEK = 7


@dataclass(frozen=True, slots=True, eq=False)
class Prices:
    """Prices of one solve, by what they belong to."""

    budget: Floats  # [S, W] EUR per EUR; 0 where a budget is unlimited
    cap: Floats  # [C] EUR a pack
    shelf: Floats  # [P, T] EUR a m3-day; [0, T] where storage is not limited
    share: Floats  # [N, T] EUR of the order's cost that the row bears for ordering that day

    def later(self, days: int) -> Prices:
        """The same prices for a horizon that begins some days later.

        The days that this adds at the end repeat their weekday of the week before; a week
        that begins later takes on so much of the next one.
        """
        horizon = self.share.shape[1]
        ahead = np.arange(horizon) + days
        again = max(0, horizon - WEEK) + (ahead - horizon) % WEEK
        day = np.minimum(np.where(ahead < horizon, ahead, again), horizon - 1)
        whole, part = divmod(days, WEEK)
        week = np.arange(self.budget.shape[1])
        last = len(week) - 1
        first, second = np.minimum(week + whole, last), np.minimum(week + whole + 1, last)
        budget = ((WEEK - part) * self.budget[:, first] + part * self.budget[:, second]) / WEEK
        return replace(self, budget=budget, shelf=self.shelf[:, day], share=self.share[:, day])
