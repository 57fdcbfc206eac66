"""Who may call which RPC, and where a request names its tenants: read from the protos.

Each RPC says it itself, in the option `(larrey.access.v1.rule)`: a new service brings its
rules with its proto, and nothing here knows of it.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from google.protobuf import descriptor_pool
from google.protobuf.descriptor import MethodDescriptor

from larrey.access.v1 import rule_pb2
from shared.access.callers import Role

KINDS = {
    rule_pb2.TENANT_UNSPECIFIED: "",
    rule_pb2.TENANT_SITE: "site",
    rule_pb2.TENANT_SAMU: "samu",
}
REMEMBERED = 512  # methods are named by callers: a stranger may name any


@dataclass(frozen=True, slots=True)
class Rule:
    """Roles that may call, and the request's tenants: kind `site`, `samu` or none.

    `paths` lead from the request to the fields that name a site or a SAMU. A path whose
    field is empty asks for every tenant, unless `empty_is_all` is False. `whole_group`
    answers about all sites at once.
    """

    roles: frozenset[Role]
    kind: str = ""
    paths: tuple[str, ...] = ()
    whole_group: bool = False
    empty_is_all: bool = True


def _read(method: MethodDescriptor) -> Rule | None:
    options = method.GetOptions()
    if not options.HasExtension(rule_pb2.rule):
        return None
    told = options.Extensions[rule_pb2.rule]
    names = (rule_pb2.Role.Name(role).removeprefix("ROLE_").lower() for role in told.roles)
    return Rule(
        frozenset(Role(name) for name in names),
        KINDS[told.tenant],
        tuple(told.paths),
        told.whole_group,
        not told.empty_is_none,
    )


@lru_cache(REMEMBERED)
def rule_of(method: str) -> Rule | None:
    """The rule of `/larrey.<area>.v1.<Service>/<Rpc>`; None for what no proto lets anyone call.

    Looks among the protos that the running process has loaded.
    """
    try:
        found = descriptor_pool.Default().FindMethodByName(method.strip("/").replace("/", "."))
    except KeyError:
        return None
    return _read(found)


def every_rule() -> Mapping[str, Rule | None]:
    """Each RPC of every proto with its rule, by name: for the page and the proofs."""
    import larrey  # noqa: PLC0415  a namespace of generated code

    found: dict[str, Rule | None] = {}
    for folder in larrey.__path__:
        for path in sorted(Path(folder).rglob("*_pb2.py")):
            name = ".".join(("larrey", *path.relative_to(folder).with_suffix("").parts))
            for service in importlib.import_module(name).DESCRIPTOR.services_by_name.values():
                for method in service.methods:
                    found[f"/{service.full_name}/{method.name}"] = _read(method)
    return MappingProxyType(found)
