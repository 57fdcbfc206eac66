"""Case ids to keys: a keyed hash, so that a stolen table names nobody."""

from __future__ import annotations

import hashlib
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from services.orientation.domain.records import CaseKey


@dataclass(frozen=True, slots=True)
class KeyedHash:
    """BLAKE2b with a secret key; an exercise has another key than the case it imitates."""

    secret: bytes = field(repr=False)

    def key(self, case_id: str, *, exercise: bool) -> CaseKey:
        digest = hashlib.blake2b(case_id.encode(), digest_size=16, key=self.secret[:64])
        return CaseKey(digest.hexdigest(), exercise)


def secret_of(named: str, folder: Path) -> bytes:
    """The operator's secret, else the one of the folder, drawn once and readable by us alone.

    It must outlive the store: with another secret no stored case is found again.
    """
    if named:
        return named.encode()
    path = folder / "case.key"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_bytes()
    with os.fdopen(handle, "wb") as file:
        secret = secrets.token_hex(32).encode()
        file.write(secret)
    return secret
