"""The decision log: entries chained by their hashes, and checkpoints that let a prefix go.

An entry's hash covers the hash before it, its number, time, kind and text, so nothing can be
changed, taken out or put in between without breaking every hash that follows. Retention
removes a whole prefix and leaves a signed checkpoint that says where the rest begins.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field

GENESIS = "0" * 64
SUGGESTION, DECISION, MODE = "suggestion", "decision", "mode"


@dataclass(frozen=True, slots=True)
class Entry:
    """`body` is JSON with sorted keys; `at_us` microseconds since 1970. Names nobody."""

    kind: str
    at_us: int
    body: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Linked:
    """An entry in its place of the chain; numbers start at 1 and leave none out."""

    seq: int
    hash: str
    entry: Entry


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where a stretch of the chain begins: the last number and hash before it."""

    seq: int = 0
    hash: str = GENESIS


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Everything up to `seq` was removed at `at_us`; `hash` is that of entry `seq`."""

    seq: int
    hash: str
    at_us: int
    signature: str = field(repr=False)

    @property
    def anchor(self) -> Anchor:
        return Anchor(self.seq, self.hash)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a walk along the chain found. `broken_at` is 0 when nothing is wrong."""

    entries: int
    first_seq: int
    last: Anchor
    broken_at: int = 0
    why: str = ""

    @property
    def sound(self) -> bool:
        return not self.why


def link(previous: Anchor, entry: Entry) -> Linked:
    seq = previous.seq + 1
    text = f"{previous.hash}\n{seq}\n{entry.at_us}\n{entry.kind}\n{entry.body}"
    return Linked(seq, hashlib.sha256(text.encode()).hexdigest(), entry)


def _signature(secret: bytes, seq: int, hash_: str, at_us: int) -> str:
    key = hashlib.blake2b(secret, person=b"ledger-keys", digest_size=32).digest()
    return hmac.new(key, f"{seq}\n{hash_}\n{at_us}".encode(), hashlib.sha256).hexdigest()


def checkpoint(secret: bytes, last: Linked, at_us: int) -> Checkpoint:
    """Signed with a key derived from the secret that case ids are hashed with."""
    return Checkpoint(last.seq, last.hash, at_us, _signature(secret, last.seq, last.hash, at_us))


def genuine(secret: bytes, told: Checkpoint) -> bool:
    wanted = _signature(secret, told.seq, told.hash, told.at_us)
    return hmac.compare_digest(wanted, told.signature)


def verify(
    rows: Iterable[Linked], start: Checkpoint | None, head: Anchor, secret: bytes
) -> Verdict:
    """Walks from the checkpoint (the beginning without one) to the head; stops at a fault."""
    at = Anchor()
    if start is not None:
        if not genuine(secret, start):
            return Verdict(0, 0, at, start.seq, "the checkpoint's signature is not genuine")
        at = start.anchor
    first, count = at.seq + 1, 0
    for row in rows:
        if row.seq != at.seq + 1:
            why = f"entry {at.seq + 1} is missing: the next one is {row.seq}"
            return Verdict(count, first, at, at.seq + 1, why)
        wanted = link(at, row.entry)
        if wanted.hash != row.hash:
            why = f"entry {row.seq} was changed, or one before it"
            return Verdict(count, first, at, row.seq, why)
        at = Anchor(row.seq, row.hash)
        count += 1
    if at != head:
        why = f"the log ends at entry {at.seq} and its head says {head.seq}: the end is missing"
        return Verdict(count, first, at, at.seq + 1, why)
    return Verdict(count, first, at)
