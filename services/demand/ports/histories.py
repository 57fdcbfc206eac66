"""What was used, read for a run or for one item while a caller waits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Protocol

from services.demand.domain.runs import RunOrder
from services.demand.domain.series import Series


class History(Protocol):
    """What was used, by item, site and day, for ever."""

    def compact(self) -> int:
        """Moves staged movements into the history files; how many there were."""
        ...

    def series(self, order: RunOrder, since: int | None = None) -> Sequence[Series]:
        """The histories that an order asks for, by item and site, without class or unit.

        `since`: only what moved from this day on (counted from 1970).
        """
        ...

    def ends(self, order: RunOrder) -> Mapping[str, int]:
        """Number of the first period of the order's grid that is not history, by site."""
        ...

    def ward_use(
        self, site_id: str, item_ids: Sequence[str], since: int
    ) -> dict[str, dict[str, float]]:
        """Item -> ward -> base units used since a day (counted from 1970), wards with none
        left out; the ward "" is what named none."""
        ...


class ItemHistory(Protocol):
    """The history of one item at one site, read while a caller waits."""

    def series(
        self, order: RunOrder, item_id: str, site_id: str, since: date | None = None
    ) -> Series | None:
        """As a run of this order would read it; None when there is none.

        `since`: only the periods from this one on, 0 where nothing moved; None when none of
        them is over.
        """
        ...
