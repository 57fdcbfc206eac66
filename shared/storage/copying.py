"""SQLite's write-ahead file is copied back beside the writers, so that no commit waits for it."""

from __future__ import annotations

import sqlite3
import threading

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

EVERY_S = 2.0
# Copying takes a while, during which others write on; what they added is copied in the next go.
# Once nothing is left the file is written from its beginning again.
GOES = 4


class CopyBack:
    """A thread that copies back what was committed, at most every `every_s` seconds.

    Without it the commit that fills the file copies all of it, and every call behind it waits
    for the disk. That still happens, four times as late, if this thread cannot keep up.
    """

    def __init__(self, engine: Engine, every_s: float = EVERY_S) -> None:
        self._engine, self._every_s = engine, every_s
        self._written = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def wrote(self) -> None:
        """There was a commit."""
        self._written.set()

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="copy-back", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._written.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while not self._stopping.wait(self._every_s):
            self._written.wait()
            self._written.clear()
            if not self._stopping.is_set():
                try:
                    self.step()
                except (sqlite3.Error, DBAPIError):
                    continue  # the store is away: writers are told, and copying can wait

    def step(self) -> int:
        """Copies back now; returns how many pages of the file are still to be copied."""
        left = 0
        raw = self._engine.raw_connection()
        try:
            for _ in range(GOES):
                cursor = raw.cursor()
                # Waits for nobody and makes nobody wait.
                _, pages, copied = cursor.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
                cursor.close()
                left = int(pages) - int(copied)
                if left <= 0:
                    break
        finally:
            raw.close()
        return max(left, 0)
