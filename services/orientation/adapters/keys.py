"""Case ids to keys: a keyed hash, so that a stolen table names nobody."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from services.orientation.domain.records import CaseKey


@dataclass(frozen=True, slots=True)
class KeyedHash:
    """BLAKE2b with a secret key; an exercise has another key than the case it imitates."""

    secret: bytes = field(repr=False)

    def key(self, case_id: str, *, exercise: bool) -> CaseKey:
        digest = hashlib.blake2b(case_id.encode(), digest_size=16, key=self.secret[:64])
        return CaseKey(digest.hexdigest(), exercise)
