"""What recent emergency calls suggest for an item class: an assumption, said as one.

The outlook stands beside the forecast and is never mixed into it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from services.demand.domain.syndromes import groups_moving

WEEK_DAYS = 7
# Days before the last seven that must be known before they say what is usual.
DAYS_NEEDED = 14
DAYS_USED = 56


@dataclass(frozen=True, slots=True)
class Rules:
    """The assumptions, as an operator set them.

    `elasticity`: share of the change of calls that use follows. `prior_calls`: calls as
    usual that are mixed in, so that three calls instead of one move nothing.
    `usual`: calls in 7 days by item class, for a service that has not seen enough days.
    """

    elasticity: float = 0.5
    lowest: float = 0.8
    highest: float = 1.5
    prior_calls: float = 10.0
    usual: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outlook:
    item_class: str
    calls: int
    usual_calls: float | None
    factor: float
    first_mean: float
    reason: str


@dataclass(frozen=True, slots=True)
class Signals:
    """Calls counted by (day, syndrome group), and the first day that was ever counted."""

    today: date
    first_day: date | None
    calls: Mapping[tuple[date, str], int]

    def groups(self) -> frozenset[str]:
        return frozenset(group for _, group in self.calls)

    def total(self, groups: frozenset[str], first: date, last: date) -> int:
        """Calls of these groups from `first` to `last`, both included."""
        return sum(
            count
            for (day, group), count in self.calls.items()
            if first <= day <= last and group in groups
        )


def judge(item_class: str, first_mean: float, signals: Signals, rules: Rules) -> Outlook:
    """The outlook of an item class whose first forecast period has this mean."""

    def unmoved(calls: int, usual: float | None, reason: str) -> Outlook:
        return Outlook(item_class, calls, usual, 1.0, first_mean, reason)

    if not item_class:
        return unmoved(0, None, "This item belongs to no class that emergency calls may move.")
    groups = groups_moving(item_class, signals.groups())
    week_start = signals.today - timedelta(days=WEEK_DAYS - 1)
    calls = signals.total(groups, week_start, signals.today)
    usual, source = _usual(item_class, groups, signals, rules)
    if usual is None:
        return unmoved(
            calls,
            None,
            f"Too few days of calls are known to say what is usual for {item_class} "
            f"({DAYS_NEEDED} before the last {WEEK_DAYS} are needed, or a configured base rate).",
        )
    seen = _days_seen(signals, week_start)
    if not seen:
        return unmoved(calls, usual, "No calls were received in the last 7 days.")
    expected = usual * seen / WEEK_DAYS
    ratio = (calls + rules.prior_calls) / (expected + rules.prior_calls)
    factor = min(max(1 + rules.elasticity * (ratio - 1), rules.lowest), rules.highest)
    days = f"the last {WEEK_DAYS} days" if seen == WEEK_DAYS else f"the {seen} day(s) known"
    reason = (
        f"{calls} calls that may need {item_class} items in {days}, where {expected:.0f} are "
        f"usual ({source}). Assumed, not learnt: use follows {rules.elasticity:.0%} of the "
        f"change, within {rules.lowest:g} to {rules.highest:g}. The forecast itself is "
        "unchanged."
    )
    return Outlook(item_class, calls, usual, factor, first_mean * factor, reason)


def _days_seen(signals: Signals, week_start: date) -> int:
    if signals.first_day is None or signals.first_day > signals.today:
        return 0
    return (signals.today - max(signals.first_day, week_start)).days + 1


def _usual(
    item_class: str, groups: frozenset[str], signals: Signals, rules: Rules
) -> tuple[float | None, str]:
    last = signals.today - timedelta(days=WEEK_DAYS)
    if signals.first_day is not None:
        first = max(signals.first_day, last - timedelta(days=DAYS_USED - 1))
        days = (last - first).days + 1
        if days >= DAYS_NEEDED:
            total = signals.total(groups, first, last)
            return total * WEEK_DAYS / days, f"mean of the {days} days before"
    configured = rules.usual.get(item_class)
    return configured, "the base rate that this service was configured with"
