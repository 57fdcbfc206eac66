"""The page on security shows the table as it is."""

from __future__ import annotations

from pathlib import Path

from shared.access.words import lines

PAGE = Path(__file__).resolve().parents[3] / "docs" / "security.md"


def test_the_table_of_the_security_page_is_the_table_of_the_code() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("|")]
    wanted = list(lines())
    first = rows.index(wanted[0])
    assert rows[first : first + len(wanted)] == wanted
    assert len(wanted) > 25
