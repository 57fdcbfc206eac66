"""The few refusals of Larrey: an error's type says what to do next, on gRPC and on Kafka.

| raised           | means                           | gRPC                | Kafka                |
| ---------------- | ------------------------------- | ------------------- | -------------------- |
| Malformed        | can never be right              | INVALID_ARGUMENT    | dead letter          |
| Missing          | not there                       | NOT_FOUND           | waits or dead letter |
| NotNow           | the present state forbids it    | FAILED_PRECONDITION | dead letter          |
| Stranger         | we do not know who this is      | UNAUTHENTICATED     | dead letter          |
| Forbidden        | this caller may not             | PERMISSION_DENIED   | dead letter          |
| TooMuch          | over a limit of size or rate    | RESOURCE_EXHAUSTED  | slower               |
| Unavailable      | something we lean on is away    | UNAVAILABLE         | offset kept, retried |
| NotInThisVersion | an RPC promised, not yet built  | UNIMPLEMENTED       | dead letter          |
| anything else    | our bug                         | INTERNAL            | stop and page        |
"""

from __future__ import annotations

import pickle


class Refusal(Exception):
    """Something was refused.

    `reason` is a stable word for programs, `message` a sentence with the remedy for
    people, `field` the path of the value in the request, `facts` the ids involved.
    None of them ever carries patient data.
    """

    def __init__(self, reason: str, message: str, *, field: str = "", **facts: str | float) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message
        self.field = field
        self.facts = {name: str(value) for name, value in facts.items()}

    def __reduce__(self) -> tuple[object, ...]:
        # worker processes hand refusals back whole
        return (_rebuild, (type(self), self.reason, self.message, self.field, self.facts))


def _rebuild(
    kind: type[Refusal], reason: str, message: str, field: str, facts: dict[str, str]
) -> Refusal:
    return kind(reason, message, field=field, **facts)


class Malformed(Refusal):
    """The request can never be right; change it."""


class Missing(Refusal):
    """What is asked for is not there.

    `waits_for` names what must become known before a fact can be used, for instance
    "item:ABC"; empty when it can never come.
    """

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        field: str = "",
        waits_for: str = "",
        **facts: str | float,
    ) -> None:
        super().__init__(reason, message, field=field, **facts)
        self.waits_for = waits_for


class NotNow(Refusal):
    """The request is right, but the present state forbids it."""


class Stranger(Refusal):
    """Nobody knows who this caller is; show a certificate or a token."""


class Forbidden(Refusal):
    """This caller may not do that."""


class TooMuch(Refusal):
    """Over a limit of size or rate; send less or slower."""


class Unavailable(Refusal):
    """Something the service leans on is away; try again."""


class NotInThisVersion(Refusal):
    """The RPC is promised by the interface and not built yet."""

    def __init__(self, message: str) -> None:
        super().__init__("NOT_IN_THIS_VERSION", message)

    def __reduce__(self) -> tuple[object, ...]:
        return (NotInThisVersion, (self.message,))


def sendable(error: Exception) -> Exception:
    """For the way to another process: an error of a library may not survive it; its name does."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301  our own words
    except Exception:  # noqa: BLE001  the same
        return RuntimeError(type(error).__name__)
    return error
