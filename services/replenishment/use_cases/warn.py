"""Tell the world when a shortage is foreseen, and when that no longer holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.replenishment.domain.policy import Policy
from services.replenishment.domain.positions import Known
from services.replenishment.domain.warnings import Foreseen, WarningRule, concerns, foresee
from services.replenishment.ports import Books, Today
from shared.clock import Clock


@dataclass(frozen=True, slots=True)
class Warn:
    """Looks again at the items that others depend on; tells a change once, not a state."""

    policy: Policy
    rule: WarningRule
    clock: Clock
    today: Today

    def __call__(self, books: Books, keys: Sequence[tuple[str, str]]) -> None:
        """Looks at these (item, site) pairs."""
        self.look(books, books.supply.known(keys))

    def look(self, books: Books, known: Sequence[Known]) -> None:
        concerned = [one for one in known if concerns(one.item)]
        if not concerned:
            return
        day = self.today()
        active = books.warnings.active([(k.item.item_id, k.site_id) for k in concerned])
        for one in concerned:
            foreseen = foresee(one, day, self.policy, self.rule)
            if foreseen is not None:
                self._tell(books, one, foreseen, active)

    def _tell(
        self, books: Books, one: Known, foreseen: Foreseen, active: frozenset[tuple[str, str]]
    ) -> None:
        if foreseen.active == ((foreseen.item_id, foreseen.site_id) in active):
            return
        books.warnings.put(foreseen)
        books.facts.shortage_foreseen(one.item, foreseen, self.clock.now())
