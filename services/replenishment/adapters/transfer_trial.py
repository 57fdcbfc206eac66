"""What transfers are worth: a made group planned with its lanes and without them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from services.replenishment.adapters.made_group import FIRST_DAY, made_group
from services.replenishment.adapters.sharer import found_in_time
from services.replenishment.adapters.solver.engine import solve
from services.replenishment.adapters.solver.sharing import shared
from services.replenishment.adapters.solver.solving import Effort, Watch
from services.replenishment.domain.agreed import GroupLimits
from services.replenishment.domain.assemble import Assembled, assemble
from services.replenishment.domain.check import check, cost
from services.replenishment.domain.expiry import expected_loss
from services.replenishment.domain.plans import Asked
from services.replenishment.domain.policy import Policy
from services.replenishment.domain.risks import price_of
from services.replenishment.domain.sharing import Sharing
from services.replenishment.domain.transfers import carried_out, check_transfers
from services.replenishment.ports import Shared
from services.replenishment.use_cases.share import ShareStock

DAYS = 28


def trial(items: int, seconds: float, seed: int) -> dict[str, Any]:
    """Both plans by the service's own rules and engine, with the same seconds. EUR."""
    known, lanes = made_group(items, seed)
    policy, agreed = Policy(), GroupLimits(lanes=lanes)
    assembled = assemble(known, FIRST_DAY, DAYS, None, policy, agreed=agreed)
    began, cpu = time.monotonic(), time.process_time()
    asked = Asked(DAYS, None, seconds, seed, "")
    chosen = ShareStock(_here, policy)(assembled, agreed, asked, lambda: False)
    if chosen is None:
        raise RuntimeError("the choice of transfers stopped although nobody asked for it")
    chose, chose_cpu = time.monotonic() - began, time.process_time() - cpu
    after = carried_out(known, chosen.moves)
    planned = assemble(after, FIRST_DAY, DAYS, None, policy, agreed=agreed)
    without, with_moves = _planned(assembled, seconds), _planned(planned, seconds)
    return {
        "item_sites": assembled.problem.rows.count,
        "transfers": len(chosen.moves),
        "broken_rules": list(check_transfers(chosen.before, chosen.moves, lanes, policy)),
        "worth_eur": sum(chosen.worth_eur),
        "moving_eur": chosen.cost_eur,
        "expiry_eur": {"without": _lost(assembled), "with": _lost(planned)},
        "orders_eur": {"without": without["cost"], "with": with_moves["cost"]},
        "shortage_eur": {"without": without["shortage"], "with": with_moves["shortage"]},
        "gap": {"without": without["gap"], "with": with_moves["gap"]},
        "choosing_seconds": chose,
        "choosing_cpu_seconds": chose_cpu,
        "note": chosen.note,
    }


def _here(
    sharing: Sharing,
    seconds: float,
    seed: int,
    stopped: Callable[[], bool],  # noqa: ARG001  nobody stops a trial
) -> Shared | None:
    """The choice in this process."""
    return found_in_time(shared(sharing, seconds, seed))


def _planned(assembled: Assembled, seconds: float) -> dict[str, float]:
    problem = assembled.problem
    found = solve(problem, Effort(seconds=seconds), 1, Watch(time.monotonic))
    if check(problem, found.orders):
        raise RuntimeError("the solver's plan breaks a limit")
    costs = cost(problem, found.orders)
    return {"cost": costs.total, "shortage": costs.shortage, "gap": found.progress.gap}


def _lost(assembled: Assembled) -> float:
    return sum(
        float(expected_loss(at.stock, at.demand, DAYS)[-1]) * (price_of(at) or 0.0)
        for at in assembled.positions
    )
