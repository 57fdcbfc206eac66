"""Days of cover, chance and day of running out, expected expiry: per item and site."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.replenishment.domain.policy import Policy
from services.replenishment.domain.positions import NoSuggestion, position
from services.replenishment.domain.risks import Candidate, Place, Risk, candidates, risk_of
from services.replenishment.ports import Store, Today
from services.replenishment.use_cases.catalogue import check_site

DEFAULT_DAYS, DEFAULT_PAGE = 28, 100
LEFT_OUT_SHOWN = 1000


@dataclass(frozen=True, slots=True)
class Assessed:
    risks: Sequence[Risk]
    candidates: Sequence[tuple[Candidate, ...]]  # one entry a risk
    not_assessed: Sequence[NoSuggestion]
    more_after: Place | None


@dataclass(frozen=True, slots=True)
class AssessRisk:
    """The riskiest items first, from what is known now. Missing SITE_UNKNOWN."""

    store: Store
    policy: Policy
    today: Today

    def __call__(self, site_id: str, days: int, size: int, after: Place | None) -> Assessed:
        """A page after `after`; what cannot be assessed comes with the first page."""
        days, size = days or DEFAULT_DAYS, size or DEFAULT_PAGE
        day = self.today()
        with self.store.read() as books:
            if site_id:
                check_site(books.catalogue.site_ids(), site_id, "site_id")
            known = books.supply.all_known(site_id)
        risks, left_out = [], []
        for one in known:
            at = position(one, day, days, self.policy)
            if isinstance(at, NoSuggestion):
                left_out.append(at)
            else:
                risks.append(risk_of(at, day, days))
        by_place = {(risk.item.item_id, risk.site_id): risk for risk in risks}
        risks.sort(key=lambda risk: risk.place)
        if after is not None:
            risks = [risk for risk in risks if risk.place > after]
            left_out = []
        shown = risks[:size]
        more = shown[-1].place if len(risks) > size else None
        found = [candidates(risk, by_place) for risk in shown]
        return Assessed(shown, found, left_out[:LEFT_OUT_SHOWN], more)
