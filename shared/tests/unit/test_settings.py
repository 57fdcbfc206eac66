"""Settings: read once, all errors at once, a misspelt name is not ignored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared.settings import BadSettings, ServiceSettings, load, setting

ENOUGH = {
    "LARREY_DATABASE_URL": "sqlite:////srv/demand.db",
    "LARREY_EVENTS_URL": "kafka://a:9092,b:9092",
    "LARREY_DATA_DIR": "/srv/data",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Own(ServiceSettings):
    levels: tuple[str, ...] = setting("LARREY_LEVELS", "list of levels", ("a",))
    exact: bool = setting("LARREY_EXACT", "whether to be exact", default=False)


def test_settings_are_read_with_their_types() -> None:
    own = load(
        Own,
        {
            **ENOUGH,
            "LARREY_LEVELS": "b, c",
            "LARREY_EXACT": "yes",
            "LARREY_STOP_GRACE_SECONDS": "2.5",
            "LARREY_CLOCK_START": "2026-01-05T06:00:00+00:00",
            "PATH": "/bin",
        },
    )
    assert own.levels == ("b", "c")
    assert own.exact is True
    assert own.stop_grace == timedelta(seconds=2.5)
    assert own.clock_start == datetime(2026, 1, 5, 6, tzinfo=UTC)
    assert own.data_dir == Path("/srv/data")


def test_every_error_is_told_at_once() -> None:
    with pytest.raises(BadSettings) as bad:
        load(
            Own,
            {
                "LARREY_DATABASE_URL": "sqlite:////x.db",
                "LARREY_MAX_MESSAGE_BYTES": "many",
                "LARREY_CLOCK_START": "2026-01-05T06:00:00",
                "LARREY_EXACTT": "yes",
                "LARREY_LOG_LEVEL": "loud",
            },
        )
    text = str(bad.value)
    assert text.count("\n") == 6
    for name in (
        "LARREY_EVENTS_URL is not set",
        "LARREY_DATA_DIR is not set",
        "LARREY_MAX_MESSAGE_BYTES must be a whole number",
        "LARREY_CLOCK_START must be an instant",
        "LARREY_EXACTT is not a setting",
        "LARREY_LOG_LEVEL must be debug",
    ):
        assert name in text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LARREY_DATABASE_URL", "mysql://x"),
        ("LARREY_EVENTS_URL", "amqp://x"),
        ("LARREY_LOG_LEVEL", "loud"),
        ("LARREY_WORKER_THREADS", "0"),
        ("LARREY_MIGRATE", "sometimes"),
        ("LARREY_TRACES_ENDPOINT", "collector:4317"),
        ("LARREY_TRACES_SHARE", "2"),
        ("LARREY_ACCESS", "ajar"),
        ("LARREY_ACCESS", "closed"),
        ("LARREY_TLS_CERT", "/x"),
        ("LARREY_OIDC_ISSUER", "https://x"),
        ("LARREY_OIDC_KEYS", "http://id.example.org/keys"),
        ("LARREY_CALLS_PER_SECOND", "-1"),
        ("LARREY_STREAMS_PER_CLIENT", "-1"),
        ("LARREY_STREAMS_PER_CONNECTION", "0"),
        ("LARREY_WATTS_PER_CORE", "0"),
        ("LARREY_DATA_CENTRE_FACTOR", "0.9"),
        ("LARREY_GRID_KG_PER_KWH", "-1"),
        ("LARREY_GRID_KG_PER_KWH", "nan"),
        ("LARREY_MAX_MESSAGE_BYTES", "10"),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(BadSettings, match=name):
        load(Own, {**ENOUGH, name: value})
