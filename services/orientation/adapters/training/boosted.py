"""Core B: LightGBM held to single inputs and chosen pairs, taken apart leaf by leaf."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import lightgbm
import numpy as np

from services.orientation.adapters.training.layout import Known, Table
from services.orientation.domain.features import (
    AGE,
    AMBULANCE,
    BREATH,
    COMPLAINT,
    GRIDS,
    HEART,
    SEX,
    SPO2,
    SYSTOLIC,
    TEMPERATURE,
    Cells,
    Floats,
)

SETTINGS: dict[str, Any] = {
    "objective": "binary",
    "learning_rate": 0.03,
    "num_leaves": 6,
    "min_data_in_leaf": 100,
    "bagging_fraction": 0.6,
    "bagging_freq": 1,
    "lambda_l2": 10.0,
    "verbosity": -1,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
}


@dataclass(frozen=True, slots=True)
class Encoded:
    """Named numbers that stand for a complaint: one row a complaint cell."""

    names: tuple[str, ...]
    tables: Floats = field(repr=False)


def feature_names(encoded: Encoded, known: Known) -> list[str]:
    return [AGE, SEX, *encoded.names, *known.inputs()]


def pairs(names: list[str], encoded: Encoded) -> list[list[int]]:
    """Sets of features that may meet on one branch: singles, and the pairs of the recipe."""
    at = {name: i for i, name in enumerate(names)}
    allowed = [[i] for i in range(len(names))]
    allowed += [[at[name], at[AGE]] for name in names if name not in (AGE, SEX)]
    allowed.append([at[SEX], at[AGE]])
    risk = encoded.names[0]
    wanted = [(HEART, SYSTOLIC), (HEART, TEMPERATURE), (BREATH, SPO2)]
    wanted += [(risk, name) for name in (SYSTOLIC, SPO2, BREATH, AMBULANCE)]
    allowed += [[at[a], at[b]] for a, b in wanted if a in at and b in at]
    return allowed


def values(names: list[str], cells: Mapping[str, Cells], encoded: Mapping[str, Floats]) -> Floats:
    """The feature matrix; `encoded` holds the complaint numbers of each row."""
    columns = [
        encoded[name] if name in encoded else GRIDS[name].centres()[cells[name]] for name in names
    ]
    return np.stack(columns, axis=1)


@dataclass(frozen=True, slots=True)
class Boosted:
    """Fitted core B: the mean of several seeds."""

    names: tuple[str, ...]
    models: tuple[Any, ...] = field(repr=False)

    def decide(self, x: Floats) -> Floats:
        raw = [model.predict(x, raw_score=True) for model in self.models]
        return np.asarray(np.mean(raw, axis=0))

    def tables(self, encoded: Encoded, sizes: Mapping[str, int]) -> dict[tuple[str, ...], Table]:
        """The same function as tables: each leaf is a box over at most two inputs."""
        boxes = _Boxes(self.names, encoded, sizes)
        for model in self.models:
            for tree in model.dump_model()["tree_info"]:
                boxes.add(tree["tree_structure"], {})
        return {key: table / len(self.models) for key, table in boxes.out.items()}


class _Boxes:
    """Adds up the leaves of trees on the grids of their inputs."""

    def __init__(self, names: tuple[str, ...], encoded: Encoded, sizes: Mapping[str, int]) -> None:
        self._names, self._sizes = names, sizes
        self._axis = {name: GRIDS[name].centres() for name in names if name in GRIDS}
        self._axis |= {name: encoded.tables[:, i] for i, name in enumerate(encoded.names)}
        self._owner = {name: COMPLAINT if name in encoded.names else name for name in names}
        self.out: dict[tuple[str, ...], Table] = {}

    def add(self, node: dict[str, Any], masks: dict[str, Floats]) -> None:
        if "leaf_value" in node:
            self._leaf(float(node["leaf_value"]), masks)
            return
        name = self._names[node["split_feature"]]
        points = self._axis[name]
        left = points <= node["threshold"]
        left[np.isnan(points)] = _unknown_goes_left(node)
        owner = self._owner[name]
        for side, mask in (("left_child", left), ("right_child", ~left)):
            narrowed = masks.get(owner, np.ones(len(points))) * mask
            self.add(node[side], masks | {owner: narrowed})

    def _leaf(self, value: float, masks: dict[str, Floats]) -> None:
        inputs = tuple(sorted(masks)) or (AGE,)
        table = value * masks.get(inputs[0], np.ones(self._sizes[inputs[0]]))
        if len(inputs) == 2:
            table = np.outer(table, masks[inputs[1]])
        known = self.out.get(inputs)
        self.out[inputs] = table if known is None else known + table


def _unknown_goes_left(node: dict[str, Any]) -> bool:
    """LightGBM reads NaN as 0 where a feature had no NaN in training."""
    if node["missing_type"] == "None":
        return bool(node["threshold"] >= 0)
    return bool(node["default_left"])


def fit(
    names: list[str],
    x: Floats,
    label: Floats,
    encoded: Encoded,
    *,
    seeds: tuple[int, ...],
    rounds: int,
    start: Floats,
) -> Boosted:
    """Trains one model a seed, on top of `start`. Rising SpO2 may only lower the score."""
    settings = SETTINGS | {
        "interaction_constraints": pairs(names, encoded),
        "monotone_constraints": [-1 if name == SPO2 else 0 for name in names],
    }
    models = []
    for seed in seeds:
        data = lightgbm.Dataset(
            x, label=label, feature_name=names, init_score=start, free_raw_data=True
        )
        models.append(lightgbm.train(settings | {"seed": seed}, data, num_boost_round=rounds))
    return Boosted(tuple(names), tuple(models))
