"""Who calls: name, role and tenants, from a client certificate or from a token's claims.

A certificate carries its rights as URIs of its subject's alternative names:

    spiffe://larrey/role/<role>                        ops, service
    spiffe://larrey/role/<role>/site/<FINESS or *>     erp, pharmacist
    spiffe://larrey/role/<role>/samu/<Hub id or *>     lrm, regulator

One certificate has one role and any number of tenants. What is not said is not granted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from shared.errors import Stranger

EVERY = "*"
RIGHT = re.compile(
    r"spiffe://larrey/role/(?P<role>[a-z]+)(?:/(?P<kind>site|samu)/(?P<tenant>[A-Za-z0-9.*-]+))?"
)


class Role(Enum):
    ERP = "erp"
    LRM = "lrm"
    REGULATOR = "regulator"
    PHARMACIST = "pharmacist"
    OPS = "ops"
    SERVICE = "service"

    @property
    def everywhere(self) -> bool:
        """Whether the role belongs to no tenant."""
        return self in (Role.OPS, Role.SERVICE)


@dataclass(frozen=True, slots=True)
class Caller:
    """`name` is a machine's or a person's id, never a patient's."""

    name: str
    role: Role
    sites: frozenset[str] = frozenset()
    samus: frozenset[str] = frozenset()

    def sees(self, kind: str, tenant: str) -> bool:
        """Whether `tenant` ("*" is all of them) is within this caller's rights."""
        if self.role.everywhere:
            return True
        own = self.sites if kind == "site" else self.samus
        return EVERY in own or tenant in own

    def within(self, other: Caller) -> Caller:
        """A person through a machine: the person's role, the tenants that both have."""
        if other.role.everywhere:
            return self
        return Caller(
            self.name,
            self.role,
            _both(self.sites, other.sites),
            _both(self.samus, other.samus),
        )


def _both(one: frozenset[str], other: frozenset[str]) -> frozenset[str]:
    if EVERY in one:
        return other
    return one if EVERY in other else one & other


def _role(text: str) -> Role:
    try:
        return Role(text)
    except ValueError:
        known = ", ".join(r.value for r in Role)
        raise Stranger(
            "ROLE_UNKNOWN", f"The certificate or token names no role of: {known}."
        ) from None


def from_certificate(name: str, uris: Iterable[str]) -> Caller:
    """The caller that a verified certificate describes; refuses Stranger one without rights."""
    rights = [found for uri in uris if (found := RIGHT.fullmatch(uri))]
    roles = {found["role"] for found in rights}
    if len(roles) != 1:
        raise Stranger(
            "ROLE_UNKNOWN",
            "The certificate must carry the URI spiffe://larrey/role/<role>[/site|samu/<tenant>] "
            "of exactly one role: have it issued anew.",
        )
    tenants = {
        kind: frozenset(found["tenant"] for found in rights if found["kind"] == kind)
        for kind in ("site", "samu")
    }
    return Caller(name, _role(roles.pop()), tenants["site"], tenants["samu"])


def from_claims(claims: Mapping[str, Any], role_claim: str) -> Caller:
    """The caller that a verified token describes.

    `role_claim` is a dotted path to a text or a list; exactly one of our roles may stand
    there. Tenants are the lists `larrey_sites` and `larrey_samus`.
    """
    told: Any = claims
    for part in role_claim.split("."):
        told = told.get(part) if isinstance(told, Mapping) else None
    words = [told] if isinstance(told, str) else told if isinstance(told, list) else []
    known = {role.value for role in Role}
    roles = {word for word in words if isinstance(word, str) and word in known}
    if len(roles) != 1:
        raise Stranger(
            "ROLE_UNKNOWN",
            f"The token's claim {role_claim} must name exactly one of {', '.join(sorted(known))}.",
        )
    name = claims.get("preferred_username") or claims.get("sub")
    return Caller(
        str(name),
        _role(roles.pop()),
        _texts(claims.get("larrey_sites")),
        _texts(claims.get("larrey_samus")),
    )


def _texts(value: Any) -> frozenset[str]:
    if isinstance(value, str):
        return frozenset({value})
    return frozenset(v for v in value or () if isinstance(v, str))
