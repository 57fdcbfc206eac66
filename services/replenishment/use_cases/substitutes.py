"""Take in the substitutes that a named pharmacist approved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.replenishment.domain.substitutes import Approved, Substitute, check_substitutes
from services.replenishment.ports import Store
from services.replenishment.use_cases.catalogue import known_item, named_items
from shared.clock import Clock


@dataclass(frozen=True, slots=True)
class PutSubstitutes:
    """All or none. The substitutes of an item replace those of before; none takes them away.

    Missing ITEM_UNKNOWN; Malformed ITEM_TWICE, SUBSTITUTE_ITSELF, SUBSTITUTE_TWICE.
    """

    store: Store
    clock: Clock

    def __call__(self, asked: Sequence[Approved], approved_by: str) -> int:
        now = self.clock.now()
        with self.store.write() as books:
            codes = [one.item for one in asked]
            codes += [code for one in asked for code, _, _ in one.substitutes]
            named = named_items(books, codes)
            approved: dict[str, list[Substitute]] = {}
            for place, one in enumerate(asked):
                field = f"entries[{place}]"
                item_id = known_item(named, one.item, f"{field}.item").item_id
                ids = [
                    known_item(named, code, f"{field}.substitutes[{k}].item").item_id
                    for k, (code, _, _) in enumerate(one.substitutes)
                ]
                check_substitutes(item_id, ids, frozenset(approved), field)
                approved[item_id] = [
                    Substitute(item_id, other, ratio, note, approved_by, now)
                    for other, (_, ratio, note) in zip(ids, one.substitutes, strict=True)
                ]
            books.supply.replace_substitutes(approved)
        return sum(len(found) for found in approved.values())
