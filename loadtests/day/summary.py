"""What the day amounts to: the figures of `.larrey/last-run.json` and the last table."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from loadtests.day.clients import scraped
from loadtests.day.demand_step import DemandResult
from loadtests.day.loop_step import LoopResult
from loadtests.day.orientation_step import OrientationResult
from loadtests.day.processes import Running
from loadtests.day.replenishment_step import ReplenishmentResult
from loadtests.day.screen import table

COUNTERS = {
    "published": "larrey_events_published_total",
    "consumed": "larrey_events_consumed_total",
    "dead": "larrey_events_dead_total",
}


@dataclass(frozen=True, slots=True)
class Events:
    published: int
    consumed: int
    dead: int


def totals(services: Iterable[Running]) -> Events:
    """Sums the services' own event counters, once nothing waits to be published."""
    running = list(services)
    for _ in range(100):
        found = [scraped(service.metrics) for service in running]
        if not any(samples.get("larrey_outbox_depth", 0) for samples in found):
            break
        time.sleep(0.1)
    return Events(
        **{name: int(sum(s.get(counter, 0) for s in found)) for name, counter in COUNTERS.items()}
    )


@dataclass(slots=True)
class Summary:
    demand: DemandResult
    replenishment: ReplenishmentResult
    orientation: OrientationResult
    loop: LoopResult
    events: Events
    exit_codes: dict[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, dict[str, float]]:
        """The keys that other programs read; fractions, counts, seconds, milliseconds."""
        d, r, o = self.demand, self.replenishment, self.orientation
        return {
            "demand": {"series": d.series, "forecasts": d.forecasts, "seconds": d.seconds},
            "replenishment": {
                "item_sites": r.item_sites,
                "order_lines": r.order_lines,
                "gap": r.gap,
                "seconds": r.seconds,
            },
            "orientation": {
                "cases": o.cases,
                "with_reasons": o.with_reasons,
                "p50_ms": o.p50_ms,
                "p99_ms": o.p99_ms,
            },
            "events": {
                "published": self.events.published,
                "consumed": self.events.consumed,
                "dead": self.events.dead,
            },
            "loop": {
                "items_moved": self.loop.items_moved,
                "cases_moved": self.loop.cases_moved,
            },
        }

    def show(self, console: Console, seconds: float) -> None:
        d, r, o = self.demand, self.replenishment, self.orientation
        table(
            console,
            f"The day in {seconds:.0f} seconds",
            ("service", "what it did", "s"),
            [
                (
                    "demand",
                    f"{d.movements:,} movements ({d.movements_per_s:,.0f}/s), {d.series} series, "
                    f"{d.forecasts} forecasts a year ahead",
                    f"{d.seconds:.1f}",
                ),
                (
                    "replenishment",
                    f"{r.item_sites} item-sites over 28 days, {r.order_lines} order lines, "
                    f"{r.transfers} transfers, gap {r.gap:.2%}, {r.approved} lines approved",
                    f"{r.seconds:.1f}",
                ),
                (
                    "orientation",
                    f"{o.cases} calls, {o.with_reasons} with reasons, {o.p50_ms:.1f} ms p50, "
                    f"{o.p99_ms:.1f} ms p99",
                    f"{o.seconds:.1f}",
                ),
                (
                    "the loop",
                    f"{self.events.published:,} events published, {self.events.consumed:,} "
                    f"consumed, {self.events.dead} dead; {self.loop.items_moved} items and "
                    f"{self.loop.cases_moved} cases moved",
                    "",
                ),
            ],
        )


def write(path: Path, summary: Summary) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(summary.as_dict(), indent=2) + "\n")
