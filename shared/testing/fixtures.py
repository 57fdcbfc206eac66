"""The pytest plugin of the house: real peers that a whole test run shares."""

from __future__ import annotations

from collections.abc import Callable

import pytest

pytest.register_assert_rewrite("shared.testing.suites")


@pytest.fixture
def report(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Notes a measured figure: printed (see it with -s) and kept in the run's record."""

    def note(line: str) -> None:
        record_property("measured", line)
        print(line)  # noqa: T201  measured figures are what it is for

    return note
