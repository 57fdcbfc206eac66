"""Learnt forests as a versioned folder: models, arrays, a card, and checksums of them all.

Nothing is pickled: boosters are LightGBM's own text, arrays are NumPy's own files.
"""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np

from services.demand.adapters.bundles import CARD, FORMAT, checked_card, checksum_of, version_of
from services.demand.adapters.engines.bundles.learnt import LearntForests, Schema
from services.demand.adapters.engines.forests import pool, trials
from services.demand.adapters.engines.forests.choose import Choice
from services.demand.adapters.engines.forests.forest import ForestShape, LeafIndex, PathForest
from services.demand.adapters.engines.forests.quantile_boost import Boost
from services.demand.domain.routing import Group, Judged

ARRAYS = "arrays.npz"


@dataclass(frozen=True, slots=True)
class Bundle:
    """What a pool was taught: the engine of each group, and forests to hand on."""

    version: str
    chosen: Mapping[Group, Judged]
    forests: LearntForests


def save(
    folder: Path, forests: LearntForests, chosen: Mapping[Group, Judged], told: Mapping[str, Any]
) -> str:
    """Writes a folder named after its content below `folder`; the version is its name.

    `told`: what the card says beside: when and from what it was learnt.
    """
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"draft-{uuid.uuid4().hex}"
    draft.mkdir()
    arrays: dict[str, Any] = {
        "levels": forests.tested.levels,
        "lead_levels": forests.tested.lead_levels,
    }
    boosters: dict[str, str] = {}
    members = {} if forests.learnt is None else _taken_apart(forests.learnt, arrays, boosters)
    np.savez(draft / ARRAYS, **arrays)
    for name, text in boosters.items():
        (draft / name).write_text(text, encoding="utf-8")
    choice = forests.tested.choice
    card = {
        "format": FORMAT,
        **told,
        "schema": asdict(forests.schema),
        "learnt_from": forests.learnt_from,
        "shares": dict(choice.shares),
        "losses": dict(choice.losses),
        "near": list(choice.near),
        "members": members,
        "routes": {
            group.name: {"engine": one.engine, "reason": one.reason, "figures": dict(one.figures)}
            for group, one in chosen.items()
        },
        "files": {path.name: checksum_of(path) for path in sorted(draft.iterdir())},
    }
    text = json.dumps(card, indent=1, sort_keys=True)
    (draft / CARD).write_text(text, encoding="utf-8")
    version = version_of(text)
    if (folder / version).exists():
        shutil.rmtree(draft)
    else:
        draft.replace(folder / version)
    return version


def load(folder: Path) -> Bundle:
    """Reads a bundle back. BadBundle when a file, the card or the format is not what it was."""
    card = checked_card(folder)
    with np.load(folder / ARRAYS, allow_pickle=False) as kept:
        arrays = {name: kept[name] for name in kept.files}
    schema = dict(card["schema"])
    schema["names"] = tuple(schema["names"])
    choice = Choice(card["shares"], card["losses"], tuple(card["near"]))
    forests = LearntForests(
        Schema(**schema),
        _put_together(folder, card["members"], arrays),
        trials.Tested(choice, arrays["levels"], arrays["lead_levels"]),
        card["learnt_from"],
    )
    chosen = {Group[name]: Judged(**one) for name, one in card["routes"].items()}
    return Bundle(folder.name, chosen, forests)


def _taken_apart(
    learnt: pool.Learnt, arrays: dict[str, Any], boosters: dict[str, str]
) -> dict[str, Any]:
    def forest(one: PathForest, key: str) -> dict[str, Any]:
        boosters[f"{key}.txt"] = one.booster.model_to_string()
        arrays[f"{key}/ratios"], arrays[f"{key}/raw"] = one.ratios, one.raw
        arrays[f"{key}/members"] = np.stack([leaf.members for leaf in one.leaves])
        arrays[f"{key}/offsets"] = np.concatenate([leaf.offsets for leaf in one.leaves])
        arrays[f"{key}/leaves"] = np.array([len(leaf.offsets) for leaf in one.leaves])
        return {"key": key, "shape": asdict(one.shape), "seed": one.seed}

    def boost(one: Boost | None, key: str) -> dict[str, Any] | None:
        if one is None:
            return None
        for level, model in zip(one.levels, one.models, strict=True):
            boosters[f"{key}-{level}.txt"] = model.model_to_string()
        return {"key": key, "levels": list(one.levels)}

    return {
        "spans": asdict(learnt.spans),
        "forests": {
            name: [forest(one, f"forest-{k}-{leg}") for leg, one in enumerate(legs)]
            for k, (name, legs) in enumerate(sorted(learnt.forests.items()))
        },
        "lead_forests": {
            name: forest(one, f"lead-{k}")
            for k, (name, one) in enumerate(sorted(learnt.lead_forests.items()))
        },
        "boost": boost(learnt.boost, "boost"),
        "lead_boost": boost(learnt.lead_boost, "lead-boost"),
    }


def _put_together(
    folder: Path, members: Mapping[str, Any], arrays: Mapping[str, Any]
) -> pool.Learnt | None:
    if not members:
        return None

    def booster(name: str) -> Any:
        return lightgbm.Booster(model_str=(folder / name).read_text(encoding="utf-8"))

    def forest(told: Mapping[str, Any]) -> PathForest:
        key = told["key"]
        borders = np.cumsum(arrays[f"{key}/leaves"])[:-1]
        offsets = np.split(arrays[f"{key}/offsets"], borders)
        return PathForest(
            ForestShape(**told["shape"]),
            booster(f"{key}.txt"),
            arrays[f"{key}/ratios"],
            arrays[f"{key}/raw"],
            tuple(
                LeafIndex(rows, own)
                for rows, own in zip(arrays[f"{key}/members"], offsets, strict=True)
            ),
            told["seed"],
        )

    def boost(told: Mapping[str, Any] | None) -> Boost | None:
        if told is None:
            return None
        models = tuple(booster(f"{told['key']}-{level}.txt") for level in told["levels"])
        return Boost(tuple(told["levels"]), models)

    return pool.Learnt(
        pool.Spans(**members["spans"]),
        {name: tuple(map(forest, legs)) for name, legs in members["forests"].items()},
        boost(members["boost"]),
        {name: forest(one) for name, one in members["lead_forests"].items()},
        boost(members["lead_boost"]),
    )
