"""A sender that is killed at a chosen moment: run as a program by the fault tests.

Arguments: database address, log address, topic, number of facts, moment (before | after
the log has acknowledged). It prints the number of each fact once it is committed.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence
from typing import Any

from shared.events import Event, EventLog, open_log
from shared.testing.facts import a_fact
from shared.testing.party import Party


class DeadlyLog:
    """A log at whose touch the process ends as by a power cut."""

    def __init__(self, inner: EventLog, moment: str, survive: int) -> None:
        self._inner = inner
        self._moment = moment
        self._survive = survive

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def publish(self, events: Sequence[Event]) -> None:
        self._survive -= 1
        deadly = self._survive < 0
        if deadly and self._moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        self._inner.publish(events)
        if deadly:
            os.kill(os.getpid(), signal.SIGKILL)


def main(arguments: Sequence[str]) -> None:
    database_url, events_url, topic, count, moment = arguments
    log = DeadlyLog(open_log(events_url, client_id="crashing"), moment, survive=2)
    party = Party("sender", database_url, events_url, log=log).make_tables()
    kind = a_fact(topic)
    party.relay.start()
    for number in range(int(count)):
        party.tell(kind, f"s{number % 5}", number)
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
        time.sleep(0.002)
    time.sleep(60)  # the relay's next batch kills us


if __name__ == "__main__":
    main(sys.argv[1:])
