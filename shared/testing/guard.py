"""Starts one server and outlives it: when whoever started this ends, the server ends too.

Run as a program: `python guard.py STOP_SIGNAL GRACE_SECONDS USER SCRATCH COMMAND…` (USER
empty: the same as this one). It writes the server's pid on its first line of output and
reads its own input: a word asks it to stop the server; an end without a word means that
the starter died, also by SIGKILL, and then the folder SCRATCH is removed too.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import select
import shutil
import signal
import subprocess
import sys

PR_SET_PDEATHSIG = 1
DEAF_TO = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _die_with_parent() -> None:
    """In the server, before it begins: SIGKILL when the guard itself is killed.

    What the guard ignores the server must hear again: a JVM that starts with SIGTERM
    ignored never stops in order.
    """
    for number in DEAF_TO:
        signal.signal(number, signal.SIG_DFL)
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def stop(server: subprocess.Popen[bytes], stop_signal: int, grace_s: float) -> None:
    """Asks the server to stop; after its grace it is killed."""
    server.send_signal(stop_signal)
    try:
        server.wait(grace_s)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def main(arguments: list[str]) -> int:
    stop_signal, grace_s = int(arguments[0]), float(arguments[1])
    user, scratch, command = arguments[2] or None, arguments[3], arguments[4:]
    for number in DEAF_TO:
        signal.signal(number, signal.SIG_IGN)
    server = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        preexec_fn=_die_with_parent,  # noqa: PLW1509  one thread, nothing else runs here
        restore_signals=True,
        start_new_session=True,
        stdout=sys.stderr,
        user=user,
        group=pwd.getpwnam(user).pw_gid if user else None,
        extra_groups=[] if user else None,
    )
    os.write(1, f"{server.pid}\n".encode())
    os.close(1)
    while server.poll() is None:
        asked, _, _ = select.select([0], [], [], 0.2)
        if asked:
            orphaned = not os.read(0, 16)
            stop(server, stop_signal, grace_s)
            if orphaned and scratch:
                shutil.rmtree(scratch, ignore_errors=True)
    return server.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
