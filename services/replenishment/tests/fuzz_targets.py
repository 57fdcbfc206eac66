"""What replenishment reads from strangers: facts, instances, the agency's list, oracle cases."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from services.replenishment.adapters.ansm import read_listed
from services.replenishment.adapters.generator import generate, write
from services.replenishment.adapters.instances import read_instance
from services.replenishment.main import build
from shared.testing.fuzzed_events import event_targets
from shared.testing.fuzzing import Target
from shared.testing.mutants import arrays_mutant, bytes_mutant

DATA = Path(__file__).parent / "data"


def targets(folder: Path) -> Sequence[Target]:
    """Files are written into `folder`."""
    instance, listed = folder / "given.npz", folder / "given.txt"
    write(folder / "seed.npz", generate(4, 1))
    packs = Path(shutil.copy(DATA / "CIS_CIP_bdpm.txt", folder))

    def plan(data: bytes) -> object:
        instance.write_bytes(data)
        return read_instance(instance)

    def agency(data: bytes) -> object:
        listed.write_bytes(data)
        return read_listed(listed, packs)

    return [
        Target(
            "replenishment solve --instance",
            [(folder / "seed.npz").read_bytes()],
            arrays_mutant,
            plan,
        ),
        Target(
            "replenishment supply-status",
            [(DATA / "CIS_CIP_Dispo_Spec.txt").read_bytes()],
            bytes_mutant,
            agency,
        ),
        *event_targets(build, folder / "events"),
    ]
