"""What the forecast needs from a learner: how far each hour strays from its season."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from services.orientation.domain.volume.features import Matrix
from services.orientation.domain.volume.hours import Counts


class Corrector(Protocol):
    """A trained model."""

    def correction(self, features: Matrix) -> Counts:
        """Logarithm of the calls due over the calls that the season expects, a value a row."""
        ...


class Learner(Protocol):
    """Trains a model; the same rows and seed give the same model."""

    def learn(
        self,
        features: Matrix,
        names: Sequence[str],
        expected: Counts,
        calls: Counts,
    ) -> Corrector: ...
