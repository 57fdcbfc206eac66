"""Environment variables → one frozen dataclass per service, with all errors at once."""

from __future__ import annotations

import dataclasses
import re
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

S = TypeVar("S")
LOOPBACK = re.compile(r"http://(127\.0\.0\.1|localhost|\[::1\])[:/]")


class BadSettings(ValueError):
    """One or more settings are missing or wrong; the text lists every one."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__("The settings cannot be used:\n" + "\n".join(f"  - {e}" for e in errors))
        self.errors = errors


def setting(env: str, help: str, default: Any = MISSING, *, example: str = "") -> Any:  # noqa: A002
    """A field that an operator sets through the variable `env`; `help` names its unit.

    A field without a default gives an `example`: with it the other settings are judged
    although this one is missing, so that all errors are told at once.
    """
    metadata = {"env": env, "help": help, "example": example}
    if default is MISSING:
        if not example:
            raise TypeError(f"{env} has no default: give an example")
        return field(metadata=metadata)
    return field(default=default, metadata=metadata)


def _flag(text: str) -> bool:
    words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    return words[text.lower()]


def _instant(text: str) -> datetime:
    value = datetime.fromisoformat(text)
    if value.tzinfo is None:
        raise ValueError("no offset")
    return value


PARSERS: Mapping[Any, tuple[str, Callable[[str], Any]]] = {
    str: ("text", str),
    int: ("a whole number", int),
    float: ("a number", float),
    bool: ("true or false", _flag),
    Path: ("a path", Path),
    datetime: ("an instant such as 2026-01-05T06:00:00+00:00", _instant),
    timedelta: ("a number of seconds", lambda text: timedelta(seconds=float(text))),
}


def _parser(kind: Any) -> tuple[str, Callable[[str], Any]]:
    if get_origin(kind) in (Union, types.UnionType):
        kind = next(a for a in get_args(kind) if a is not type(None))
    if get_origin(kind) is tuple:
        return (
            "a list separated by commas",
            lambda text: tuple(t.strip() for t in text.split(",") if t.strip()),
        )
    return PARSERS[kind]


def load(cls: type[S], environ: Mapping[str, str]) -> S:
    """Reads every field of the dataclass `cls` from `environ`.

    Raises BadSettings with one line for each setting that is missing, that cannot be
    read, or whose name starts with LARREY_ and means nothing here (a misspelt name
    must not be silently ignored).
    """
    hints = get_type_hints(cls)
    values: dict[str, Any] = {}
    errors: list[str] = []
    known: set[str] = set()
    for item in dataclasses.fields(cls):  # type: ignore[arg-type]  # cls is a dataclass
        env = item.metadata["env"]
        known.add(env)
        words, parse = _parser(hints[item.name])
        if item.default is MISSING:
            values[item.name] = parse(item.metadata["example"])
        text = environ.get(env)
        if text is None or text == "":
            if item.default is MISSING:
                errors.append(f"{env} is not set: {item.metadata['help']}")
            continue
        try:
            values[item.name] = parse(text)
        except (ValueError, KeyError):
            errors.append(f"{env} must be {words} ({item.metadata['help']})")
    errors.extend(
        f"{name} is not a setting of this service: correct its name or unset it"
        for name in sorted(environ)
        if name.startswith("LARREY_") and name not in known and not name.startswith(TOLERATED)
    )
    try:
        found = cls(**values)
    except BadSettings as bad:
        errors.extend(bad.errors)
    if errors:
        raise BadSettings(errors)
    return found


# Read by the tests, the caches and the shell around a service, never by the service itself.
TOLERATED = ("LARREY_TEST_", "LARREY_CACHE", "LARREY_KAFKA", "LARREY_POSTGRES")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSettings:
    """What every service lets its operator set."""

    database_url: str = setting(
        "LARREY_DATABASE_URL",
        "sqlite:///file or postgresql://user@host/name",
        example="sqlite:///larrey.db",
    )
    events_url: str = setting(
        "LARREY_EVENTS_URL",
        "sqlite:///file or kafka://host:port[,host:port]",
        example="sqlite:///events.db",
    )
    migrate: str = setting(
        "LARREY_MIGRATE",
        "start: bring the tables up to date, then serve; only: bring them up to date and end; "
        "never: wait until something else did",
        "start",
    )
    data_dir: Path = setting(
        "LARREY_DATA_DIR", "folder that the service may write to", example="data"
    )
    grpc_address: str = setting(
        "LARREY_GRPC_ADDRESS", "host:port for gRPC; port 0 picks a free one", "127.0.0.1:0"
    )
    health_address: str = setting(
        "LARREY_HEALTH_ADDRESS",
        "host:port where health alone is asked without TLS, by a kubelet; none when left out",
        "",
    )
    metrics_address: str = setting(
        "LARREY_METRICS_ADDRESS",
        "host:port for /metrics; port 0 picks a free one",
        "127.0.0.1:0",
    )
    ready_file: Path | None = setting(
        "LARREY_READY_FILE", "file written with the addresses once the service is ready", None
    )
    clock_start: datetime | None = setting(
        "LARREY_CLOCK_START", "instant at which a simulated clock starts", None
    )
    stop_grace: timedelta = setting(
        "LARREY_STOP_GRACE_SECONDS",
        "seconds that running calls get at a stop",
        timedelta(seconds=10),
    )
    default_deadline: timedelta = setting(
        "LARREY_DEFAULT_DEADLINE_SECONDS",
        "seconds that a unary call gets when the caller sets no deadline",
        timedelta(seconds=30),
    )
    max_message_bytes: int = setting(
        "LARREY_MAX_MESSAGE_BYTES", "bytes of the largest request", 4 * 1024 * 1024
    )
    worker_threads: int = setting("LARREY_WORKER_THREADS", "threads for calls that block", 8)
    log_level: str = setting("LARREY_LOG_LEVEL", "debug, info, warning or error", "info")
    poison_limit: int = setting(
        "LARREY_POISON_LIMIT", "dead letters in a row that stop the consumer", 1000
    )
    access: str = setting(
        "LARREY_ACCESS", "open: everyone may call; closed: roles and tenants are checked", "open"
    )
    tls_cert: Path | None = setting("LARREY_TLS_CERT", "PEM file of our certificate", None)
    tls_key: Path | None = setting("LARREY_TLS_KEY", "PEM file of our certificate's key", None)
    tls_client_ca: Path | None = setting(
        "LARREY_TLS_CLIENT_CA",
        "PEM file of who signs callers' certificates; with it every caller must show one",
        None,
    )
    oidc_issuer: str = setting("LARREY_OIDC_ISSUER", "issuer of bearer tokens, as in `iss`", "")
    oidc_audience: str = setting("LARREY_OIDC_AUDIENCE", "whom tokens are for, as in `aud`", "")
    oidc_keys: str = setting("LARREY_OIDC_KEYS", "https address or file of the issuer's JWKS", "")
    oidc_role_claim: str = setting(
        "LARREY_OIDC_ROLE_CLAIM", "dotted path to the claim with the role", "realm_access.roles"
    )
    calls_per_second: float = setting(
        "LARREY_CALLS_PER_SECOND", "calls that one client may make a second; 0 for no limit", 0.0
    )
    streams_per_client: int = setting(
        "LARREY_STREAMS_PER_CLIENT", "streams that one client may hold open; 0 for no limit", 0
    )
    streams_per_connection: int = setting(
        "LARREY_STREAMS_PER_CONNECTION", "calls that run at once on one connection", 1000
    )
    traces_endpoint: str = setting(
        "LARREY_TRACES_ENDPOINT", "http:// or https:// address of an OTLP receiver (gRPC)", ""
    )
    traces_share: float = setting(
        "LARREY_TRACES_SHARE", "share of new traces that are kept, 0 to 1", 0.1
    )
    watts_per_core: float = setting(
        "LARREY_WATTS_PER_CORE", "watts of one busy core (a 200 W processor of 20 cores)", 10.0
    )
    data_centre_factor: float = setting(
        "LARREY_DATA_CENTRE_FACTOR", "PUE: energy of the room by energy of its machines", 1.75
    )
    grid_kg_per_kwh: float = setting(
        "LARREY_GRID_KG_PER_KWH", "kg CO2e per kWh of the grid (France, NumEcoEval)", 0.0813
    )
    topic_replication: int = setting("LARREY_TOPIC_REPLICATION", "copies of each Kafka topic", 1)
    topic_partitions: int = setting("LARREY_TOPIC_PARTITIONS", "partitions of each Kafka topic", 4)

    def __post_init__(self) -> None:
        errors = []
        if self.log_level not in ("debug", "info", "warning", "error"):
            errors.append("LARREY_LOG_LEVEL must be debug, info, warning or error")
        if self.migrate not in ("start", "only", "never"):
            errors.append("LARREY_MIGRATE must be start, only or never")
        if self.max_message_bytes < 1024:
            errors.append("LARREY_MAX_MESSAGE_BYTES must be at least 1024")
        positive = ("worker_threads", "poison_limit", "topic_replication", "topic_partitions")
        errors += [
            f"LARREY_{name.upper()} must be at least 1"
            for name in positive
            if getattr(self, name) < 1
        ]
        errors += self._access_errors() + self._watch_errors()
        if not self.database_url.startswith(
            ("sqlite:///", "postgresql://", "postgresql+psycopg://")
        ):
            errors.append("LARREY_DATABASE_URL must start with sqlite:/// or postgresql://")
        if not self.events_url.startswith(("sqlite:///", "kafka://")):
            errors.append("LARREY_EVENTS_URL must start with sqlite:/// or kafka://")
        if errors:
            raise BadSettings(errors)

    def _watch_errors(self) -> list[str]:
        errors = []
        if self.traces_endpoint and not self.traces_endpoint.startswith(("http://", "https://")):
            errors.append("LARREY_TRACES_ENDPOINT must start with http:// or https://")
        if not 0 <= self.traces_share <= 1:
            errors.append("LARREY_TRACES_SHARE must lie between 0 and 1")
        if not 0 < self.watts_per_core < float("inf"):
            errors.append("LARREY_WATTS_PER_CORE must be more than 0")
        if not 1 <= self.data_centre_factor < float("inf"):
            errors.append("LARREY_DATA_CENTRE_FACTOR must be at least 1")
        if not 0 <= self.grid_kg_per_kwh < float("inf"):
            errors.append("LARREY_GRID_KG_PER_KWH must be at least 0")
        return errors

    def _access_errors(self) -> list[str]:
        errors = []
        if self.access not in ("open", "closed"):
            errors.append("LARREY_ACCESS must be open or closed")
        if (self.tls_cert is None) != (self.tls_key is None):
            errors.append("LARREY_TLS_CERT and LARREY_TLS_KEY are set together or not at all")
        if self.tls_client_ca is not None and self.tls_cert is None:
            errors.append("LARREY_TLS_CLIENT_CA needs LARREY_TLS_CERT and LARREY_TLS_KEY")
        oidc = (self.oidc_issuer, self.oidc_audience, self.oidc_keys)
        if any(oidc) and not all(oidc):
            errors.append(
                "LARREY_OIDC_ISSUER, LARREY_OIDC_AUDIENCE and LARREY_OIDC_KEYS are set together"
            )
        if self.oidc_keys.startswith("http://") and not LOOPBACK.match(self.oidc_keys):
            errors.append("LARREY_OIDC_KEYS must be https:// or a file: keys need a safe road")
        return errors + self._closed_errors()

    def _closed_errors(self) -> list[str]:
        errors = []
        if self.access == "closed" and self.tls_cert is None:
            errors.append("LARREY_ACCESS=closed needs LARREY_TLS_CERT and LARREY_TLS_KEY")
        if self.access == "closed" and self.tls_client_ca is None and not self.oidc_issuer:
            errors.append("LARREY_ACCESS=closed needs LARREY_TLS_CLIENT_CA or LARREY_OIDC_ISSUER")
        if not 0 <= self.calls_per_second < float("inf"):
            errors.append("LARREY_CALLS_PER_SECOND must be at least 0")
        if self.streams_per_client < 0:
            errors.append("LARREY_STREAMS_PER_CLIENT must be at least 0")
        if self.streams_per_connection < 1:
            errors.append("LARREY_STREAMS_PER_CONNECTION must be at least 1")
        return errors
