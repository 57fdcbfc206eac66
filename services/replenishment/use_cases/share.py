"""Choose what to move between sites before anything is ordered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from services.replenishment.domain.agreed import GroupLimits
from services.replenishment.domain.assemble import Assembled
from services.replenishment.domain.lanes import Lane
from services.replenishment.domain.plans import Asked
from services.replenishment.domain.policy import Policy
from services.replenishment.domain.positions import ApprovedOrder
from services.replenishment.domain.sharing import moves_of, sharing, worth_of
from services.replenishment.domain.transfers import Before, check_transfers, fitting, moving_cost
from services.replenishment.ports import Sharer, SolverLost

PART, LEAST_SECONDS, MOST_SECONDS = 0.25, 2.0, 60.0  # of a plan's seconds


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """The moves of a plan, what each is worth (EUR), and why there are none if that is odd."""

    before: Before
    moves: tuple[ApprovedOrder, ...] = ()
    worth_eur: tuple[float, ...] = ()
    cost_eur: float = 0.0
    note: str = ""


@dataclass(frozen=True, slots=True)
class ShareStock:
    """Moves that keep every rule of the independent check; none where the choice fails.

    A plan never fails for want of transfers: it then orders as if nothing could be moved,
    and says so. None when `stopped`.
    """

    sharer: Sharer
    policy: Policy

    def __call__(
        self, assembled: Assembled, agreed: GroupLimits, asked: Asked, stopped: Callable[[], bool]
    ) -> Chosen | None:
        before = Before.of(assembled)
        lanes = tuple(agreed.lanes)
        found = sharing(assembled, lanes, self.policy) if lanes else None
        if found is None:
            return Chosen(before)
        seconds = min(MOST_SECONDS, max(LEAST_SECONDS, PART * asked.seconds))
        try:
            shared = self.sharer(found, seconds, asked.seed, stopped)
        except SolverLost as lost:
            return Chosen(before, note=_without(str(lost)))
        if shared is None:
            return None
        moves = moves_of(found, shared.chosen, assembled)
        worth = worth_of(found, shared.chosen, shared.values)
        kept = fitting(before, moves, worth)
        broken = check_transfers(before, kept, lanes, self.policy)
        if broken:
            return Chosen(before, note=_without(f"They break {', '.join(broken)}."))
        by_move = dict(zip(moves, worth, strict=True))
        return self._chosen(before, kept, [by_move[move] for move in kept], lanes)

    def _chosen(
        self,
        before: Before,
        moves: tuple[ApprovedOrder, ...],
        worth: Sequence[float],
        lanes: Sequence[Lane],
    ) -> Chosen:
        return Chosen(before, moves, tuple(worth), moving_cost(moves, lanes))


def _without(why: str) -> str:
    return f"Transfers were not worked out, the plan orders as if nothing could be moved. {why}"
