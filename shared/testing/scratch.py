"""Where trial servers keep their data: in memory when there is plenty, else on disk."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108  each folder in it is made by mkdtemp
ENOUGH_BYTES = 4 * 1024**3


def scratch_folder(prefix: str) -> Path:
    """A new folder of our own, which any user may enter.

    A busy disk makes the many small files of a database slow to write and far slower
    to remove; nothing in a trial needs to survive the machine.
    """
    roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ENOUGH_BYTES
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=MEMORY if roomy else None))
    folder.chmod(0o755)
    return folder
