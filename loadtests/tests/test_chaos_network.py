"""A bad network before the broker, a clock that jumps: every fact still counts exactly once."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from loadtests.day.clients import scraped
from loadtests.day.processes import SERVICES
from loadtests.tests.test_faults import RETRY_S, Group
from shared.testing.fault_proxy import FaultProxy
from shared.testing.kafka import KafkaBroker
from shared.testing.postgres import PostgresServer

pytestmark = [pytest.mark.chaos, pytest.mark.real, pytest.mark.timeout(900)]
SLOW_S, FAULT_S = 0.3, 12.0
JUMPS_S = (7_200, -7_200, -86_400, 0)  # two hours on, two back, a day back, and right again
SOURCE = Path(__file__).with_name("jumping_clock.c")
HEARD_S = 1.5  # a process looks once a second by how much its clock is off


def say(words: str) -> None:
    print(f"\n  {words}", flush=True)  # noqa: T201


@pytest.fixture(scope="module")
def proxy() -> Iterator[FaultProxy]:
    with FaultProxy() as running:
        yield running


@pytest.fixture(scope="module")
def group(proxy: FaultProxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Group]:
    """The three services reach Kafka through the proxy only."""
    folder = tmp_path_factory.mktemp("network")
    with KafkaBroker(behind=proxy) as kafka, PostgresServer() as postgres:
        made = Group(kafka, postgres, folder)
        with made.system:
            made.prepare()
            yield made


def slow(proxy: FaultProxy) -> None:
    proxy.slow(SLOW_S)


@pytest.mark.parametrize(
    "fault", [slow, FaultProxy.deaf, FaultProxy.cut], ids=["slow", "deaf", "cut"]
)
def test_a_bad_line_to_the_broker_stops_no_answer_and_loses_nothing(
    fault: Callable[[FaultProxy], None],
    proxy: FaultProxy,
    group: Group,
    load: Callable[[], None],
) -> None:
    time.sleep(1)
    before = len(group.sent.cases)
    fault(proxy)
    time.sleep(FAULT_S)
    answered = len(group.sent.cases) - before
    proxy.well()
    told, begin = len(group.sent.cases), time.monotonic()
    while group.calls_counted() < told:
        assert time.monotonic() < begin + RETRY_S
        time.sleep(0.05)
    say(
        f"line {getattr(fault, '__name__', fault)} for {FAULT_S:.0f} s: {answered} calls answered "
        f"meanwhile; all counted {time.monotonic() - begin:.1f} s after it was well"
    )
    load()
    assert answered > 0
    group.audit()


def preloaded(folder: Path) -> Path:
    """What makes a process's clock jump, compiled; fails with the remedy without a compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.fail("make chaos needs a C compiler: apt-get install --no-install-recommends gcc")
    library = folder / "jumping_clock.so"
    command = [compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(SOURCE)]
    subprocess.run(command, check=True, timeout=60)
    return library


def test_a_clock_that_jumps_under_load_loses_and_doubles_nothing(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """The services' own clocks jump while they run; nothing that counts may depend on them."""
    folder = tmp_path_factory.mktemp("clock")
    offset = folder / "offset"
    offset.write_text("0")
    faked = {
        "LD_PRELOAD": str(preloaded(folder)),
        "LARREY_TEST_CLOCK_FILE": str(offset),
        "LARREY_CLOCK_START": "",  # the system's own clock, not the simulated one
    }
    with KafkaBroker() as kafka, PostgresServer() as postgres:
        made = Group(kafka, postgres, folder)
        made.system.settings = dict.fromkeys(SERVICES, faked)
        made.now = datetime.now(UTC)
        with made.system:
            made.prepare()
            for seconds in JUMPS_S:
                made.send(2)
                draft = folder / "draft"
                draft.write_text(str(seconds))
                draft.replace(offset)
                time.sleep(HEARD_S)
                made.send(2)
            made.audit()
            ages = {
                name: scraped(running.metrics).get("larrey_outbox_age_seconds", 0.0)
                for name, running in made.system.services.items()
            }
    say(f"clocks jumped by {JUMPS_S} s under load: outbox ages after it {ages}")
    assert all(0 <= age < 60 for age in ages.values())
