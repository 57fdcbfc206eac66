"""The learner: LightGBM on Poisson counts, a few members apart in seed, averaged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import lightgbm as lgb
import numpy as np

from services.orientation.domain.volume.features import CATEGORICAL, Matrix
from services.orientation.domain.volume.hours import Counts

MEMBERS = 3
# Yesterday before 18h, hour by hour: trees only find noise there.
LEFT_OUT = frozenset(f"hour_before_{hours}" for hours in range(7, 25))
ROUNDS = 400
# Chosen by rolling over 2017 and 2018 of the New York file. One thread: the same model
# on every machine, and the other core stays free.
SETTINGS: dict[str, Any] = {
    "objective": "poisson",
    "learning_rate": 0.04,
    "num_leaves": 31,
    "min_data_in_leaf": 50,
    "max_bin": 63,
    "feature_fraction": 0.4,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 10.0,
    "poisson_max_delta_step": 0.7,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}


@dataclass(frozen=True, slots=True)
class BoostedCorrector:
    """Several boosters, one answer: the mean of their logarithms."""

    boosters: tuple[Any, ...] = field(repr=False)
    used: list[int] = field(repr=False)  # columns of the table

    def correction(self, features: Matrix) -> Counts:
        total = np.zeros(len(features))
        table = features[:, self.used]
        for booster in self.boosters:
            total += booster.predict(table, raw_score=True, num_threads=1)
        return total / len(self.boosters)


@dataclass(frozen=True, slots=True)
class BoostedLearner:
    """Learns what the season left over; `seed` fixes all that is drawn."""

    seed: int = 0
    members: int = MEMBERS
    rounds: int = ROUNDS

    def learn(
        self,
        features: Matrix,
        names: Sequence[str],
        expected: Counts,
        calls: Counts,
    ) -> BoostedCorrector:
        used = [at for at, name in enumerate(names) if name not in LEFT_OUT]
        rows = lgb.Dataset(
            features[:, used],
            calls,
            init_score=np.log(expected),
            feature_name=[names[at] for at in used],
            categorical_feature=list(CATEGORICAL),
            params={"max_bin": SETTINGS["max_bin"], "verbosity": -1},
            free_raw_data=False,
        )
        return BoostedCorrector(
            tuple(
                lgb.train(SETTINGS | {"seed": self.seed + member}, rows, self.rounds)
                for member in range(self.members)
            ),
            used,
        )
