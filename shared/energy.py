"""Energy of a process and its workers, from processor time and three stated settings.

    joules = processor seconds x watts per core x data-centre factor (PUE)
    grams of CO2e = joules / 3.6e6 x kilograms per kWh of the grid x 1000

Processor time is what the system counts for this process, its ended children and its living
ones; memory, disk and network are not counted. The defaults: 1.75 (PUE) and 0.0813 kg CO2e
per kWh (French mix) are those of Eval-Carbone-SIH (NumEcoEval); 10 W a core is a server
processor of 200 W with 20 cores at full load, to be replaced by what the operator measured.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.metrics_core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

JOULES_PER_KWH = 3.6e6
TICKS = os.sysconf("SC_CLK_TCK")
UTIME = 11  # place in /proc/<pid>/stat after the name: user, system, children's user, system


@dataclass(frozen=True, slots=True)
class EnergyFactors:
    """Watts of one busy core, data-centre factor (1 or more), kg CO2e per kWh."""

    watts_per_core: float
    data_centre_factor: float
    grid_kg_per_kwh: float

    def joules(self, cpu_seconds: float) -> float:
        return cpu_seconds * self.watts_per_core * self.data_centre_factor

    def grams(self, cpu_seconds: float) -> float:
        return self.joules(cpu_seconds) / JOULES_PER_KWH * self.grid_kg_per_kwh * 1000


def cpu_seconds(proc: Path = Path("/proc")) -> float:
    """Processor seconds of this process, its ended children and its living ones."""
    total, left = 0.0, [os.getpid()]
    while left:
        here = proc / str(left.pop())
        try:
            fields = (here / "stat").read_text().rpartition(")")[2].split()
            total += sum(int(field) for field in fields[UTIME : UTIME + 4]) / TICKS
            for task in (here / "task").iterdir():
                left += [int(child) for child in (task / "children").read_text().split()]
        except (OSError, ValueError):
            continue  # it ended while we looked: its parent counts it from now on
    return total


class EnergyCollector(Collector):
    """Reads processor time at each scrape; what it tells never falls."""

    def __init__(self, factors: EnergyFactors) -> None:
        self._factors = factors
        self._seen = 0.0

    def collect(self) -> Iterator[Metric]:
        self._seen = max(self._seen, cpu_seconds())
        seen = self._seen
        for name, words, value in (
            ("cpu_seconds", "Processor seconds of the service and its workers.", seen),
            ("energy_joules", "Energy of these processor seconds.", self._factors.joules(seen)),
            ("energy_co2e_grams", "CO2 equivalent of this energy.", self._factors.grams(seen)),
        ):
            yield CounterMetricFamily(f"larrey_{name}", words, value=value)
