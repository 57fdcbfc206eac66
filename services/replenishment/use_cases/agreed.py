"""Take in the limits of sites and of the whole group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from services.replenishment.domain.agreed import GroupAllotment
from services.replenishment.domain.lanes import Lane, check_lane
from services.replenishment.domain.shelves import StorageLimit
from services.replenishment.ports import Store
from services.replenishment.use_cases.catalogue import check_site, known_item, named_items
from shared.catalogue.codes import Code
from shared.errors import Malformed


@dataclass(frozen=True, slots=True)
class PutStorageLimits:
    """All or none. Missing SITE_UNKNOWN; Malformed LIMIT_TWICE."""

    store: Store

    def __call__(self, limits: Sequence[StorageLimit]) -> int:
        with self.store.write() as books:
            sites = books.catalogue.site_ids()
            for place, one in enumerate(limits):
                check_site(sites, one.site_id, f"limits[{place}].site_id")
            _check_once([one.place for one in limits], "limits", "store")
            books.agreed.put_storage_limits(limits)
        return len(limits)


@dataclass(frozen=True, slots=True)
class PutGroupAllotments:
    """All or none. Missing ITEM_UNKNOWN; Malformed LIMIT_TWICE."""

    store: Store

    def __call__(self, asked: Sequence[tuple[Code, GroupAllotment]]) -> int:
        with self.store.write() as books:
            named = named_items(books, [code for code, _ in asked])
            allotments = [
                replace(
                    draft,
                    item_id=known_item(named, code, f"allotments[{place}].item").item_id,
                )
                for place, (code, draft) in enumerate(asked)
            ]
            _check_once([one.key for one in allotments], "allotments", "item and supplier")
            books.agreed.put_allotments(allotments)
        return len(allotments)


@dataclass(frozen=True, slots=True)
class PutTransferLanes:
    """All or none; a lane that is withdrawn is taken away.

    Missing SITE_UNKNOWN; Malformed LANE_TO_ITSELF, NO_LANE_DAY, LIMIT_TWICE.
    """

    store: Store

    def __call__(self, asked: Sequence[tuple[Lane, bool]]) -> int:
        """Each lane with whether it is withdrawn."""
        with self.store.write() as books:
            sites = books.catalogue.site_ids()
            for place, (lane, withdrawn) in enumerate(asked):
                field = f"lanes[{place}]"
                check_site(sites, lane.from_site_id, f"{field}.from_site_id")
                check_site(sites, lane.to_site_id, f"{field}.to_site_id")
                if not withdrawn:
                    check_lane(lane, field)
            _check_once([lane.key for lane, _ in asked], "lanes", "lane")
            books.agreed.put_lanes([lane for lane, withdrawn in asked if not withdrawn])
            books.agreed.withdraw_lanes([lane.key for lane, withdrawn in asked if withdrawn])
        return len(asked)


def _check_once(keys: Sequence[object], field: str, what: str) -> None:
    """Malformed LIMIT_TWICE."""
    for place, key in enumerate(keys):
        if key in keys[:place]:
            raise Malformed(
                "LIMIT_TWICE",
                f"The request names the same {what} twice. Send one entry for each.",
                field=f"{field}[{place}]",
            )
