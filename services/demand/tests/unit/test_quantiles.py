"""The levels of a forecast."""

from __future__ import annotations

from services.demand.domain.quantiles import LEVELS


def test_the_levels_are_the_contracts_and_symmetric_up_to_the_far_tail() -> None:
    assert len(LEVELS) == 18
    assert list(LEVELS) == sorted(set(LEVELS))
    assert {0.01, 0.025, 0.5, 0.98, 0.999} <= set(LEVELS)
