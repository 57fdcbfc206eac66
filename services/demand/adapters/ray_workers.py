"""Workers on a Ray cluster: the same functions as on spawned processes, elsewhere."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from services.demand.adapters.workers import ASK_SECONDS, lost, make, teach_models
from services.demand.ports import Part, PartMade

# Nothing phones home, and no token is written into anybody's home directory: the cluster is
# the operator's own, on a network of their own.
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}
# Parts sent ahead of those that are being made, per process.
AHEAD = 2


@dataclass(slots=True)
class RayWorkers:
    """Makes parts on a Ray cluster, in any order; a local one when `address` is empty.

    The cluster's machines run this same version of Larrey and see the folder of models. A
    part whose process died is tried again in halves, down to the series whose fault it was.
    """

    processes: int
    address: str = ""
    _ray: Any = field(default=None)

    def forecast(self, parts: Sequence[Part], stopped: Callable[[], bool]) -> Iterator[PartMade]:
        ray = self._open()
        task = ray.remote(num_cpus=1, max_retries=0)(make)
        waiting = list(reversed(parts))
        running: dict[Any, Part] = {}
        while (waiting or running) and not stopped():
            while waiting and len(running) < AHEAD * self.processes:
                part = waiting.pop()
                running[task.remote(part)] = part
            for done in ray.wait(list(running), timeout=ASK_SECONDS)[0]:
                part = running.pop(done)
                try:
                    yield ray.get(done)
                except ray.exceptions.RayTaskError as error:
                    raise error.cause from None
                except ray.exceptions.RayError:
                    if len(part.series) > 1:
                        waiting.extend(part.halves())
                    else:
                        yield lost(part)
        for task_left in running:
            ray.cancel(task_left, force=True)

    def teach(self, sample: Part, folder: str, stopped: Callable[[], bool]) -> str:
        """The bundle that was learnt; empty when told to stop before it was."""
        ray = self._open()
        future = ray.remote(num_cpus=1, max_retries=0)(teach_models).remote(sample, folder)
        while not stopped():
            if ray.wait([future], timeout=ASK_SECONDS)[0]:
                return str(ray.get(future))
        ray.cancel(future, force=True)
        return ""

    def _open(self) -> Any:
        if self._ray is None:
            os.environ.update(QUIET)
            # an extra of its own: only who asks for this backend needs the library
            ray = import_module("ray")
            options: dict[str, Any] = {"log_to_driver": False, "configure_logging": False}
            if self.address:
                ray.init(address=self.address, **options)
            else:
                ray.init(
                    num_cpus=self.processes,
                    include_dashboard=False,
                    _node_ip_address="127.0.0.1",
                    **options,
                )
            self._ray = ray
        return self._ray

    def close(self) -> None:
        """Leaves the cluster; ends it when it was our own."""
        ray, self._ray = self._ray, None
        if ray is not None:
            ray.shutdown()
