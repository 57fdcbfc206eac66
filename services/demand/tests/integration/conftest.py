"""One service that has recorded and forecast, shared by the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from larrey.demand.v1 import demand_pb2 as pb
from services.demand.tests.integration.running import (
    ITEMS,
    Running,
    Stub,
    a_service,
    batches,
    furnish,
    histories,
    watch,
)


@pytest.fixture(scope="package")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service that has recorded 20 items' histories and forecast them."""
    with a_service(tmp_path_factory.mktemp("demand")) as service, service.stub() as stub:
        furnish(stub, [*ITEMS, "NEVER-USED"])
        answer = stub.RecordConsumption(batches(histories(ITEMS)), timeout=60)
        assert answer.refused == 0
        order = pb.StartForecastRunRequest(
            period=pb.PERIOD_MONTH, horizon=6, request_key="first", lead_time=3
        )
        told = watch(stub, stub.StartForecastRun(order, timeout=10).run.run_id)
        assert told[-1].state == pb.RUN_STATE_DONE
        service.loaded_after_run = service.loaded()
        yield service


@pytest.fixture
def stub(running: Running) -> Iterator[Stub]:
    with running.stub() as link:
        yield link


@pytest.fixture(scope="package")
def running_stub(running: Running) -> Iterator[Stub]:
    """The same, for situations that a whole module shares."""
    with running.stub() as link:
        yield link
