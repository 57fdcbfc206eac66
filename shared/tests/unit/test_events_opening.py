"""An address names a log or is refused with the form that works."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from shared.errors import Malformed
from shared.events import open_log
from shared.events.embedded import EmbeddedLog
from shared.events.kafka import KafkaLog, TopicShape, security


def test_a_sqlite_address_opens_the_embedded_log(tmp_path: Path) -> None:
    log = open_log(f"sqlite:///{tmp_path}/events.db?retention_days=2", client_id="t")
    assert isinstance(log, EmbeddedLog)
    assert log.retention == timedelta(days=2)
    assert open_log(f"sqlite:///{tmp_path}/e.db", client_id="t").retention is None


def test_a_kafka_address_opens_kafka_without_touching_the_network() -> None:
    log = open_log("kafka://a.example:9092,b.example:9093", client_id="t")
    assert isinstance(log, KafkaLog)
    assert not log.reachable
    assert log.retention is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "sqlite://",
        "sqlite:///",
        "sqlite:///e.db?nonsense=1",
        "sqlite:///e.db?retention_days=-1",
        "sqlite:///e.db?retention_days=week",
        "kafka://",
        "kafka://host-without-port",
        "kafka://h:9092?sasl_plain_password=in-the-open",
        "amqp://h:5672",
    ],
)
def test_another_address_is_refused(url: str) -> None:
    with pytest.raises(Malformed, match="EVENTS_URL_MALFORMED"):
        open_log(url, client_id="t")


def test_a_password_is_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("open sesame\n")
    options = security(
        {
            "security_protocol": "SASL_SSL",
            "sasl_plain_password_file": str(tmp_path / "password"),
        }
    )
    assert options == {"security_protocol": "SASL_SSL", "sasl_plain_password": "open sesame"}


def test_three_copies_need_two_in_step() -> None:
    assert TopicShape(3, 4, None).configs()["min.insync.replicas"] == "2"
    assert TopicShape(1, 4, None).configs()["min.insync.replicas"] == "1"
    assert TopicShape(1, 4, None).configs()["retention.ms"] == "-1"
    assert TopicShape(1, 4, timedelta(days=1)).configs()["retention.ms"] == "86400000"
