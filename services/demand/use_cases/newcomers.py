"""Forecasts of series too new to judge, from those that are not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from services.demand.domain.classes import profile
from services.demand.domain.forecasts import Outcome
from services.demand.domain.newcomers import Like, learn, predict, words
from services.demand.domain.quantiles import LEVELS
from services.demand.domain.series import Series
from services.demand.domain.tables import TableForecast, tidied
from services.demand.ports import Part
from services.demand.use_cases.dress import Told, outcome_of, recent

CLASS_LEVEL = "class level"


def newcomers(part: Part, fresh: Sequence[Series], grown: Sequence[Series]) -> list[Outcome]:
    """One outcome for each fresh series: the level of its like, weighed with its own periods."""
    if not fresh:
        return []
    crowd = learn(Like(one.item_id, one.site_id, one.item_class, recent(one)) for one in grown)
    outcomes = []
    for one in fresh:
        usual = crowd.usual(one.item_id, one.site_id, one.item_class)
        mean, curve = predict(one.values, usual, LEVELS)
        lead_mean = lead_curve = None
        if part.lead:
            # the level is shared by the periods: its doubt does not average out
            lead_mean = np.array([mean * part.lead])
            lead_curve = (curve * part.lead)[None, :]
        made = TableForecast(
            LEVELS,
            np.full((1, part.horizon), mean),
            np.tile(curve, (1, part.horizon, 1)),
            lead_mean,
            lead_curve,
            (CLASS_LEVEL,),
            (words(len(one.values), one.period.word, usual),),
        )
        told = Told(profile(one.values, one.period), {})
        outcomes.append(outcome_of(part, one, tidied(made), told))
    return outcomes
