"""Throws broken input at a decoder: it may refuse, it may not crash, hang or eat the memory."""

from __future__ import annotations

import hashlib
import os
import random
import resource
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from shared.errors import Refusal

Mutate = Callable[[random.Random, Sequence[bytes]], bytes]
MEMORY_BYTES = 6 * 2**30
SLOW_S = 20.0  # one small input that takes longer holds everybody else up
DEAD_S = 120.0
ROOT = Path(__file__).resolve().parents[2]
OURS = tuple(f"{ROOT / name}{os.sep}" for name in ("services", "shared", "loadtests", "k8s"))


@dataclass(frozen=True, slots=True)
class Target:
    """One decoder: good examples, how they are broken, and what reads them.

    `read` may raise a Refusal, or what `also` names; anything else is a crash.
    """

    name: str
    seeds: Sequence[bytes]
    mutate: Mutate
    read: Callable[[bytes], object]
    also: tuple[type[BaseException], ...] = ()


@dataclass(slots=True)
class Crash:
    """What broke the decoder; the same place in the code is one crash."""

    where: str
    data: bytes
    trace: str


@dataclass(slots=True)
class Found:
    """What became of the tries of one target."""

    name: str
    tries: int = 0
    taken: int = 0
    refused: int = 0
    seconds: float = 0.0
    crashes: dict[str, Crash] = field(default_factory=dict)


def where(error: BaseException) -> str:
    """The kind of error and the innermost place in our own code."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if f.filename.startswith(OURS)]
    last = (own or frames)[-1]
    place = Path(last.filename)
    return f"{type(error).__name__} in {'/'.join(place.parts[-3:])}:{last.lineno} {last.name}"


def tried(target: Target, data: bytes) -> tuple[str, Crash | None]:
    """One try: "taken", "refused" or "crashed"."""
    begin = time.monotonic()
    outcome, crash = "taken", None
    try:
        target.read(data)
    except Refusal:
        outcome = "refused"
    except target.also:
        outcome = "refused"
    except Exception as error:  # noqa: BLE001  that is what is looked for
        return "crashed", Crash(where(error), data, traceback.format_exc())
    took = time.monotonic() - begin
    if took > SLOW_S:
        crash = Crash(f"took {took:.0f} s", data, "")
        outcome = "crashed"
    return outcome, crash


def rounds(
    target: Target, seconds: float, seed: int, note: Path, tries: int = sys.maxsize
) -> Found:
    """Tries for so long, `tries` times at most; each input stands in `note` while it is read.

    What was taken joins the examples now and then, so that changes add up.
    """
    draw = random.Random(seed)
    pool, found = list(target.seeds), Found(target.name)
    for data in target.seeds:  # a decoder that refuses its own examples is not tested
        outcome, crash = tried(target, data)
        if outcome != "taken":
            said = crash.trace if crash else "refused"
            raise ValueError(f"{target.name} does not take its own example: {said}")
    begin = time.monotonic()
    while (now := time.monotonic() - begin) < seconds and found.tries < tries:
        data = target.mutate(draw, pool)
        note.write_bytes(data)
        outcome, crash = tried(target, data)
        found.tries += 1
        if crash is not None:
            found.crashes.setdefault(crash.where, crash)
        elif outcome == "refused":
            found.refused += 1
        else:
            found.taken += 1
            if draw.random() < 0.05 and len(data) < 200_000:
                if len(pool) > 4 * len(target.seeds) + 100:
                    pool[len(target.seeds) + draw.randrange(100)] = data
                else:
                    pool.append(data)
    found.seconds = now
    return found


Make = Callable[[Path], Sequence[Target]]


def _child(make: Make, name: str, plan: tuple[float, int], folder: Path, back: Connection) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, resource.RLIM_INFINITY))
    try:
        target = next(t for t in make(folder) if t.name == name)
        back.send(rounds(target, *plan, folder / "input"))
    except Exception as error:  # noqa: BLE001  told in words where the run is shown
        back.send(f"{type(error).__name__}: {error}")


def apart(make: Make, name: str, seconds: float, seed: int, folder: Path) -> Found:
    """The same in a process of its own: one that dies of an input is a crash as well."""
    spawn = get_context("spawn")
    receiver, sender = spawn.Pipe(duplex=False)
    folder.mkdir(parents=True, exist_ok=True)
    process = spawn.Process(
        target=_child, args=(make, name, (seconds, seed), folder, sender), daemon=True
    )
    process.start()
    sender.close()
    begin = time.monotonic()
    told: Found | str | None = None
    try:
        if receiver.poll(seconds + DEAD_S):
            told = receiver.recv()
    except EOFError:
        told = None
    if isinstance(told, str):
        raise RuntimeError(told)  # noqa: TRY004  a message that came back, not a wrong type
    if told is None:
        process.kill()
        process.join()
        note = folder / "input"
        data = note.read_bytes() if note.exists() else b""
        ended = f"died with {process.exitcode}" if process.exitcode != -9 else "hung or was killed"
        told = Found(name, tries=1, seconds=time.monotonic() - begin)
        told.crashes[ended] = Crash(ended, data, "")
    process.join()
    return told


def keep(crash: Crash, name: str, folder: Path) -> Path:
    """Writes what broke it beside its trace; returns the file."""
    folder.mkdir(parents=True, exist_ok=True)
    mark = hashlib.blake2b(crash.where.encode(), digest_size=4).hexdigest()
    stem = f"{name.replace(' ', '-')}-{mark}"
    path = folder / f"{stem}.bin"
    path.write_bytes(crash.data)
    (folder / f"{stem}.txt").write_text(f"{crash.where}{os.linesep}{crash.trace}")
    return path
