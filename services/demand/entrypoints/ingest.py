"""The movement stream: the next batch is read while the last one is being stored."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from larrey.demand.v1 import demand_pb2 as pb
from services.demand.use_cases.record import BatchOutcome, RecordMovements
from services.demand.wire.movements import read_rows, refusal_to_wire
from shared.rpc.threads import in_thread

REFUSALS_SHOWN = 1000


@dataclass(frozen=True, slots=True)
class Ingest:
    """Each message is one transaction; what is stored stays when the stream is cut."""

    record: RecordMovements

    async def stream(
        self, requests: AsyncIterator[pb.RecordConsumptionRequest]
    ) -> pb.RecordConsumptionResponse:
        answer = pb.RecordConsumptionResponse()
        row = 0
        storing: asyncio.Task[BatchOutcome] | None = None
        try:
            async for request in requests:
                if storing is not None:
                    _add(answer, await storing)
                storing = asyncio.create_task(in_thread(self._batch, request.movements, row))
                row += len(request.movements)
            if storing is not None:
                _add(answer, await storing)
        finally:
            # A stream that is cut, or refused, still lets the batch in hand end whole.
            if storing is not None:
                await asyncio.wait([storing])
        return answer

    def _batch(self, movements: Sequence[pb.Movement], first_row: int) -> BatchOutcome:
        rows, refused = read_rows(movements, first_row)
        return self.record(rows, refused)


def _add(answer: pb.RecordConsumptionResponse, outcome: BatchOutcome) -> None:
    answer.accepted += outcome.accepted
    answer.duplicate += outcome.duplicate
    answer.refused += len(outcome.refusals)
    room = REFUSALS_SHOWN - len(answer.refusals)
    answer.refusals.extend(refusal_to_wire(refused) for refused in outcome.refusals[:room])
