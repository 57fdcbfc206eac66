"""Keep what replenishment foresees to run out, for the cases that will need it."""

from __future__ import annotations

from services.orientation.domain.facilities import Shortage
from services.orientation.ports import ShortageBook


def foresee(book: ShortageBook, shortage: Shortage, *, lifted: bool) -> None:
    """Idempotent: the newest word about an item at a site stands, however often it comes.

    An item that no orientation depends on is of no concern here.
    """
    if shortage.resource:
        book.put(shortage, lifted=lifted)
