"""Stands before every RPC: who calls, may they, is it theirs, is it too much; and notes it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from google.protobuf.message import Message

from shared.access.callers import EVERY, Caller, from_certificate
from shared.access.limits import Limits
from shared.access.table import Rule, rule_of
from shared.access.tenants import tenants_of
from shared.access.tokens import Tokens
from shared.errors import Forbidden, Refusal, Stranger
from shared.telemetry import get_log

BEARER = "bearer "
PEER = re.compile(r"^(ipv[46]:)?(.*?)(:\d+)?$")


class Pass:
    """What one admitted call may be about."""

    __slots__ = ("_caller", "_rule")

    def __init__(self, caller: Caller | None, rule: Rule | None) -> None:
        self._caller, self._rule = caller, rule

    def check(self, request: Message) -> None:
        """Refuses Forbidden NOT_YOURS a request about another's site or SAMU."""
        caller, rule = self._caller, self._rule
        if caller is None or rule is None or not rule.kind:
            return
        for tenant in tenants_of(rule, request):
            if not caller.sees(rule.kind, tenant):
                what = f"every {rule.kind}" if tenant == EVERY else f"another {rule.kind}"
                raise Forbidden(
                    "NOT_YOURS",
                    f"The request is about {what} than yours: name your own, or have the right "
                    "added to your certificate or token.",
                )


NO_CHECK = Pass(None, None)


class Guard:
    """`tokens` is None where no provider is set; `closed` is False where everyone may call."""

    def __init__(
        self,
        *,
        closed: bool,
        tokens: Tokens | None,
        limits: Limits,
        rule_of: Callable[[str], Rule | None] = rule_of,
    ) -> None:
        self._closed, self._tokens, self._limits, self._rule_of = closed, tokens, limits, rule_of
        self._log = get_log("access")

    @asynccontextmanager
    async def admitted(self, method: str, context: Any, *, stream: bool) -> AsyncIterator[Pass]:
        """Lets a call in for as long as the block lasts, or raises why not."""
        if not self._closed:
            client = _peer(context)
            self._limits.enter(client, stream=stream)
            try:
                yield NO_CHECK
            finally:
                self._limits.leave(client, stream=stream)
            return
        caller, entered = None, False
        try:
            caller = await self._caller(context)
            rule = self._rule_of(method)
            if rule is None or caller.role not in rule.roles:
                raise Forbidden(
                    "ROLE_MAY_NOT", f"The role {caller.role.value} may not call this RPC."
                )
            self._limits.enter(caller.name, stream=stream)
            entered = True
            yield Pass(caller, rule)
        except Refusal as refusal:
            self._note(method, caller, refusal.reason)
            raise
        else:
            self._note(method, caller, "")
        finally:
            if entered and caller is not None:
                self._limits.leave(caller.name, stream=stream)

    def _note(self, method: str, caller: Caller | None, reason: str) -> None:
        """Who did what, when (the line's own time), and whether it was done; no content."""
        self._log.info(
            "refused" if reason else "done",
            caller=caller.name if caller else "",
            role=caller.role.value if caller else "",
            rpc=method,
            reason=reason,
        )

    async def _caller(self, context: Any) -> Caller:
        known = context.auth_context() or {}
        names = known.get("x509_common_name", ())
        machine = None
        if names:
            uris = [u.decode("utf-8", "replace") for u in known.get("peer_uri", ())]
            machine = from_certificate(names[0].decode("utf-8", "replace"), uris)
        person = await self._person(context)
        if person is not None:
            return person.within(machine) if machine is not None else person
        if machine is None:
            raise Stranger(
                "WHO_ARE_YOU", "Show a client certificate or a bearer token: nobody else is served."
            )
        return machine

    async def _person(self, context: Any) -> Caller | None:
        sent = dict(context.invocation_metadata() or ())
        told = str(sent.get("authorization", ""))
        if not told:
            return None
        if self._tokens is None or not told.lower().startswith(BEARER):
            raise Stranger(
                "TOKEN_WRONG", "No token of this kind is known here: leave it out, or set OIDC up."
            )
        token = told[len(BEARER) :].strip()
        return self._tokens.caller_known(token) or await asyncio.to_thread(
            self._tokens.caller, token
        )


def _peer(context: Any) -> str:
    """The client's address without its port."""
    found = PEER.fullmatch(str(context.peer()))
    return found[2] if found else ""
