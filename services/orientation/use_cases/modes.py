"""Turn the switch of one SAMU: suggestions shown, in the shadow, or stopped."""

from __future__ import annotations

from dataclasses import dataclass

from services.orientation.domain.ledger import MODE
from services.orientation.domain.modes import Mode
from services.orientation.domain.records import CaseKey
from services.orientation.ports import Around, Records
from shared.errors import Malformed

NO_CASE = CaseKey("", exercise=False)


@dataclass(frozen=True, slots=True)
class SetSuggestions:
    """Kept with an entry in the decision log; other copies see it at their next look."""

    records: Records
    around: Around

    def __call__(self, owner: str, mode: Mode, set_by: str) -> Mode:
        """The mode that held before."""
        for name, value in (("owner", owner), ("set_by", set_by)):
            if not value.isprintable():
                raise Malformed(
                    "FIELD_INVALID",
                    f"{name} holds control characters. Remove them and send it again.",
                    field=name,
                )
        before = self.around.now().modes.of(owner)
        with self.records.open() as record:
            record.put_mode(owner, mode, set_by)
            content = {"owner": owner, "mode": mode.value, "before": before.value, "by": set_by}
            record.log(MODE, NO_CASE, content)
        self.around.refresh()
        return before
