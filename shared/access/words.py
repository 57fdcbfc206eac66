"""The table of access as a page shows it: `python -m shared.access.words`."""

from __future__ import annotations

from collections.abc import Iterator

from shared.access.table import Rule, every_rule


def _what(rule: Rule) -> str:
    if rule.whole_group:
        return "the whole group's callers only"
    return {"site": "its own sites", "samu": "its own SAMU's cases"}.get(rule.kind, "anything")


def lines() -> Iterator[str]:
    """Markdown rows, one for each RPC."""
    yield "| RPC | roles | about |"
    yield "| --- | --- | --- |"
    for rpc, rule in every_rule().items():
        if rule is None:
            continue  # refused to everyone; a test sees to it that there is none
        service, name = rpc.rsplit(".", 1)[1].split("/")
        roles = ", ".join(sorted(role.value for role in rule.roles))
        yield f"| {service.removesuffix('Service').lower()}.{name} | {roles} | {_what(rule)} |"


if __name__ == "__main__":
    print("\n".join(lines()))  # noqa: T201
