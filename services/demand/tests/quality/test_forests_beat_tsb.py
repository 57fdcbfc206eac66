"""On a generated hospital of known truth the forests beat TSB, and their intervals hold."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from services.demand.adapters.engines.forests.choose import pinball
from services.demand.adapters.engines.forests.engine import Options, forecast
from services.demand.adapters.engines.forests.grid import GRID
from services.demand.adapters.engines.forests.members import pooled_tsb
from services.demand.adapters.engines.forests.panel import Array, SparsePanel
from services.demand.adapters.engines.forests.pool import Effort
from services.demand.domain.quantiles import LEVELS

HORIZON, LEAD = 3, 3
OPTIONS = Options(
    effort=Effort(30, 10_000, 30), backtest_effort=Effort(15, 5_000, 20), backtest_rows=15_000
)


@dataclass(frozen=True, slots=True)
class Hospital:
    """History, and what truly came after it [n, HORIZON]."""

    panel: SparsePanel
    future: Array


def hospital_with_stock_outs(n: int = 200, periods: int = 36, seed: int = 11) -> Hospital:
    """Lumpy use, cut short where the shelf was empty; a low shelf foretells a low record.

    Use is a yes or no with a chance of the item's own, times 1 + negative binomial pieces;
    the shelf is filled rarely and at random, so it decides what can be handed out next.
    """
    generator = np.random.default_rng(seed)
    total = periods + HORIZON
    chance = generator.beta(4.0, 3.0, (n, 1))
    pieces = 2.0 + generator.gamma(1.0, 6.0, (n, 1))
    share = 4.0 / (4.0 + pieces)
    wanted = (generator.random((n, total)) < chance) * (
        1 + generator.negative_binomial(4.0, np.broadcast_to(share, (n, total)))
    )
    shelf = np.zeros(n)
    used, ends, came = np.zeros((n, total)), np.zeros((n, total)), np.zeros((n, total))
    for t in range(total):
        came[:, t] = (generator.random(n) < 0.12) * np.ceil(5.0 * chance * pieces)[:, 0]
        used[:, t] = np.minimum(wanted[:, t], shelf + came[:, t])
        shelf = shelf + came[:, t] - used[:, t]
        ends[:, t] = shelf
    panel = SparsePanel(
        tuple(f"item-{k:04d}" for k in range(n)),
        used,
        np.ones((n, total), dtype=bool),
        np.zeros(n, dtype=np.int64),
        columns={"stock_end": ends, "stock_received": came},
    )
    return Hospital(panel.until(periods), used[:, periods:])


def wql(future: Array, curves: Array) -> float:
    return float(pinball(future, curves).sum() / future.sum())


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_forests_beat_tsb_by_a_tenth_and_cover_what_they_claim() -> None:
    hospital = hospital_with_stock_outs()
    made = forecast(hospital.panel, HORIZON, GRID.tolist(), LEAD, options=OPTIONS)
    spans = [(k, k + 1) for k in range(HORIZON)]
    rival = min(wql(hospital.future, pooled_tsb(hospital.panel, a, spans)) for a in (0.1, 0.3))
    assert wql(hospital.future, made.quantiles) < 0.9 * rival
    assert made.lead_quantiles is not None
    place = {level: list(GRID).index(level) for level in LEVELS}
    below = (hospital.future <= made.quantiles[..., place[0.9]]).mean()
    assert 0.87 <= below <= 0.95
    high = hospital.future <= made.quantiles[..., place[0.975]]
    low = hospital.future >= made.quantiles[..., place[0.025]]
    assert 0.93 <= (high & low).mean() <= 0.99
    reached = (hospital.future.sum(axis=1) <= made.lead_quantiles[:, place[0.95]]).mean()
    assert 0.92 <= reached <= 0.985


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_stock_at_hand_is_used_and_what_it_is_called_matters_little() -> None:
    hospital = hospital_with_stock_outs(150)
    # what is compared is what the forests know, not which blend a back-test likes
    options = replace(OPTIONS, backtest_rows=1)
    blind = replace(hospital.panel, columns={})
    renamed = {f"x_{name}": values for name, values in hospital.panel.columns.items()}
    unknown = replace(hospital.panel, columns=renamed)
    told, untold, guessed = (
        wql(hospital.future, forecast(one, HORIZON, GRID.tolist(), options=options).quantiles)
        for one in (hospital.panel, blind, unknown)
    )
    assert told < 0.93 * untold
    assert guessed < 0.95 * untold
