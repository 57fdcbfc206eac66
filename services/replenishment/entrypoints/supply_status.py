"""`larrey replenishment supply-status`: the ANSM's list, from its file to the service."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from larrey.replenishment.v1 import replenishment_pb2_grpc
from services.replenishment.domain.availability import Listed
from services.replenishment.wire.supply import statuses_to_wire
from shared.rpc.client import ClientFiles, channel

SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class SendSupplyStatus:
    """Reads the whole file before anything is sent."""

    read: Callable[[Path, Path | None], Listed]
    show: Callable[[str], None]

    def __call__(self, file: Path, packs: Path | None, address: str, files: ClientFiles) -> None:
        listed = self.read(file, packs)
        request = statuses_to_wire(listed.packs, listed.source_day)
        with channel(address, files=files) as opened:
            ask = replenishment_pb2_grpc.ReplenishmentServiceStub(opened)
            taken = ask.PutSupplyStatus(request, timeout=SECONDS)
        self.show(
            f"{listed.rows} rows of {listed.source_day.isoformat()}: {len(listed.packs)} packs are "
            f"short, in tension or stopped; {taken.items} items of the catalogue are concerned, "
            f"{taken.unknown_packs} packs are of no item of it."
        )
        if listed.disagreeing:
            self.show(
                f"In {listed.disagreeing} rows code and label disagree: the worse of both counts."
            )
        if listed.without_packs:
            self.show(
                f"{listed.without_packs} specialities are listed without a known pack and were "
                "left out. Give CIS_CIP_bdpm.txt of the same source with --packs."
            )
