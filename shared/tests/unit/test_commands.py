"""Which services' commands are loaded."""

from __future__ import annotations

import subprocess
import sys

from shared.cli import build


def groups(wanted: str | None) -> set[str | None]:
    return {group.name for group in build(wanted).registered_groups}


def test_a_command_loads_its_own_service_only() -> None:
    assert groups("replenishment") == {"store", "replenishment"}


def test_a_word_that_names_no_service_still_finds_all_of_them() -> None:
    assert {"demand", "orientation", "replenishment"} <= groups("--help")
    assert groups("--help") == groups(None)


def test_the_commands_of_one_service_do_not_pay_for_the_others() -> None:
    ask = "import sys; from shared.cli import build; build('replenishment'); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert not {"pandas", "grpc", "services.demand"} & set(loaded.stdout.split())
