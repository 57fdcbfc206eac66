"""Bearer tokens of an OpenID provider, verified against its published keys."""

from __future__ import annotations

import hashlib
import json
import threading
import time
import urllib.request
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import jwt

from shared.access.callers import Caller, from_claims
from shared.errors import Stranger, Unavailable
from shared.telemetry import get_log

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
LEEWAY_S, REFRESH_S, AGAIN_S, FETCH_S = 30, 600.0, 10.0, 5.0
KEPT = 4096
LARGEST_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Provider:
    """Who issues tokens, for whom, where its keys are (URL or file), and the role's claim."""

    issuer: str
    audience: str
    keys: str
    role_claim: str


def read_keys(place: str) -> bytes:
    """The key set at an address or in a file; raises OSError. No proxy is asked."""
    if "://" not in place:
        return Path(place).read_bytes()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(place, timeout=FETCH_S) as answer:
        found: bytes = answer.read(LARGEST_BYTES)
    return found


class Tokens:
    """Verifies tokens; keeps keys for ten minutes, and looks again for a key it lacks."""

    def __init__(self, provider: Provider, read: Callable[[str], bytes] = read_keys) -> None:
        self._provider = provider
        self._read = read
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched = float("-inf")
        self._lock = threading.Lock()
        self._known: OrderedDict[bytes, tuple[float, Caller]] = OrderedDict()

    def caller_known(self, token: str) -> Caller | None:
        """The caller of a token that was verified before and is still valid; never blocks."""
        known = self._known.get(_digest(token))
        return known[1] if known is not None and known[0] > time.time() else None

    def caller(self, token: str) -> Caller:
        """The caller; may ask the provider for keys. Refuses Stranger, Unavailable."""
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            raise _bad("is not one") from None
        key = self._key(str(header.get("kid", "")))
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=ALGORITHMS,
                issuer=self._provider.issuer,
                audience=self._provider.audience,
                leeway=LEEWAY_S,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.ExpiredSignatureError:
            raise Stranger("TOKEN_EXPIRED", "The token has expired: ask for a new one.") from None
        except jwt.PyJWTError as error:
            raise _bad(f"was not issued for this service ({type(error).__name__})") from None
        caller = from_claims(claims, self._provider.role_claim)
        self._known[_digest(token)] = (float(claims["exp"]), caller)
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
        return caller

    def _key(self, kid: str) -> jwt.PyJWK:
        with self._lock:
            age = time.monotonic() - self._fetched
            if age > REFRESH_S or (kid not in self._keys and age > AGAIN_S):
                self._fetch()
            key = self._keys.get(kid)
        if key is None:
            raise _bad("is signed by a key that its issuer does not publish")
        return key

    def _fetch(self) -> None:
        self._fetched = time.monotonic()
        try:
            told = json.loads(self._read(self._provider.keys))
            found = jwt.PyJWKSet.from_dict(told)
        except (OSError, ValueError, jwt.PyJWTError) as error:
            get_log("access").warning("keys not read", error_type=type(error).__name__)
            if not self._keys:
                raise Unavailable(
                    "KEYS_AWAY",
                    "The identity provider's keys cannot be read; it is tried again shortly.",
                ) from None
            return
        self._keys = {str(key.key_id or ""): key for key in found.keys}


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _bad(why: str) -> Stranger:
    return Stranger("TOKEN_WRONG", f"The bearer token {why}: ask your provider for a new one.")
