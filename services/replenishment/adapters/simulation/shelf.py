"""One item on one shelf, day by day, compiled: lots that expire, orders on their way.

A day: what arrives is put on the shelf; the day's demand and what is still owed are
served, oldest lots first; what is too old is thrown away. Vital and essential items owe
what they lack, desirable ones lose the demand.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from services.replenishment.adapters.solver.compiled import compiled

BASE_STOCK, REORDER = 0, 1


@compiled
def serve(lots: Any, coming: Any, owed: Any, demand: Any, keeps: Any) -> Any:
    """One day; `lots` [life] by days left, `coming` [60] by days ahead.

    Gives what was served, what is owed now, and what expired.
    """
    life = len(lots)
    lots[life - 1] += coming[0]
    coming[:-1] = coming[1:]
    coming[-1] = 0.0
    wanted = owed + demand
    served = 0.0
    for k in range(life):
        taken = min(lots[k], wanted - served)
        lots[k] -= taken
        served += taken
        if served >= wanted:
            break
    expired = lots[0]
    lots[:-1] = lots[1:]
    lots[-1] = 0.0
    missing = wanted - served
    return served, (missing if keeps else 0.0), missing, expired


@compiled
def play(days: Any, terms: Any, policy: Any, news: Any, out: Any) -> Any:
    """Plays one item by a rule; fills out [D, 6]: on hand, missing, short of the day's own
    demand, expired, ordered, lead. Gives the cost in EUR.

    days: demand, open, lead, extra days, arriving share [D]; terms: life, owes, holding,
    shortage, price, line; policy: kind, and two levels in days of mean use; news: mean and
    deviation a day as known that morning [D].
    """
    demand, opened, lead, extra, share = days
    life, owes, holding, shortage, price, line = terms
    lots, coming = np.zeros(int(life)), np.zeros(60)
    lots[-1] = 14.0 * news[0, 0]
    owed, cost = 0.0, 0.0
    for d in range(len(demand)):
        if opened[d]:
            have = lots.sum() + coming.sum() - owed
            mean, sd = news[0, d], news[1, d]
            low = policy[1] * mean + policy[3] * sd * np.sqrt(max(policy[1], 1.0))
            high = low + policy[2] * mean
            want = 0.0
            if (policy[0] == REORDER and have < low) or policy[0] != REORDER:
                want = np.ceil(max(0.0, high - have) - 1e-9)
            if want > 0:
                coming[int(lead[d] + extra[d])] += want * share[d]
                cost += line
                out[d, 4] = want
        before = owed
        served, owed, missing, expired = serve(lots, coming, owed, demand[d], owes > 0)
        on_hand = lots.sum()
        out[d, 0], out[d, 1], out[d, 3] = on_hand, missing, expired
        out[d, 2] = min(demand[d], max(0.0, demand[d] - max(0.0, served - before)))
        cost += holding * on_hand + shortage * missing + price * expired
    return cost


@compiled
def tune(days: Any, terms: Any, choices: Any, news: Any) -> Any:
    """The choice [4] that costs least over these days, and what it costs."""
    best, cost = 0, np.inf
    out = np.zeros((len(days[0]), 6))
    for c in range(len(choices)):
        out[:] = 0.0
        found = play(days, terms, choices[c], news, out)
        if found < cost:
            best, cost = c, found
    return best
