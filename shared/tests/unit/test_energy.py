"""Energy follows processor time, of workers too, by the three stated factors."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from prometheus_client import CollectorRegistry

from shared.energy import EnergyCollector, EnergyFactors, cpu_seconds

BURN = "import time\nwhile time.process_time() < 0.5: pass\nprint('burnt', flush=True)\ninput()"


def test_one_kilowatt_hour_of_processor_costs_pue_times_the_grid() -> None:
    factors = EnergyFactors(watts_per_core=10, data_centre_factor=1.75, grid_kg_per_kwh=0.0813)
    an_hour_of_a_hundred_cores = 3600 * 100
    assert factors.joules(an_hour_of_a_hundred_cores) == pytest.approx(3.6e6 * 1.75)
    assert factors.grams(an_hour_of_a_hundred_cores) == pytest.approx(1.75 * 81.3)


def test_processor_time_of_a_living_and_of_an_ended_worker_is_counted_once() -> None:
    before = cpu_seconds()
    with subprocess.Popen(
        [sys.executable, "-c", BURN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "burnt\n"
        living = cpu_seconds() - before
        worker.communicate("\n")
    ended = cpu_seconds() - before
    assert 0.45 <= living < 3
    assert 0 <= ended - living < 0.45


def test_what_is_told_at_a_scrape_never_falls() -> None:
    registry = CollectorRegistry()
    registry.register(EnergyCollector(EnergyFactors(10, 1.75, 0.0813)))
    told = []
    for _ in range(3):
        told.append(registry.get_sample_value("larrey_energy_joules_total") or 0.0)
        end = time.process_time() + 0.02
        while time.process_time() < end:
            continue
    assert told == sorted(told)
    assert told[-1] > told[0]
    grams = registry.get_sample_value("larrey_energy_co2e_grams_total") or 0.0
    assert grams == pytest.approx(told[-1] / 3.6e6 * 81.3, rel=0.2)
