"""The event log on Apache Kafka, through kafka-python.

Its settings follow the ten points that were learnt about this client: constructors and
metadata block, so both are bounded and done again for ever; a producer serves all
threads, a consumer exactly one; nothing is committed that was not handled.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient
from kafka.errors import (
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
)

from shared.errors import Malformed, TooMuch, Unavailable
from shared.events.event import MAX_EVENT_BYTES, Event, check_size, micros
from shared.events.kafka_reader import OUR_FAULT, KafkaSubscription

MAX_REQUEST_BYTES = MAX_EVENT_BYTES + 64 * 1024  # room for key and headers
BOOTSTRAP_MS = 5_000
CLOSE_SECONDS, DROP_SECONDS = 5.0, 1.0
ALREADY_THERE = 36
PASSED_ON = (
    "security_protocol",
    "ssl_cafile",
    "ssl_certfile",
    "ssl_keyfile",
    "sasl_mechanism",
    "sasl_plain_username",
)


@dataclass(frozen=True, slots=True)
class TopicShape:
    """How topics are made: copies, partitions, and how long events are kept."""

    replication: int
    partitions: int
    retention: timedelta | None

    def configs(self) -> dict[str, str]:
        kept = -1 if self.retention is None else self.retention // timedelta(milliseconds=1)
        return {
            "retention.ms": str(kept),
            "max.message.bytes": str(MAX_REQUEST_BYTES),
            "min.insync.replicas": str(max(1, self.replication - 1)),
        }


def security(options: Mapping[str, str]) -> dict[str, Any]:
    """Client settings from the options of an address; refuses Malformed unknown ones.

    The password is never in the address: `sasl_plain_password_file` names its file.
    """
    found: dict[str, Any] = {}
    for name, value in options.items():
        if name in PASSED_ON:
            found[name] = value
        elif name == "sasl_plain_password_file":
            found["sasl_plain_password"] = Path(value).read_text(encoding="utf-8").strip()
        else:
            raise Malformed(
                "EVENTS_URL_MALFORMED",
                "An option of the event log's address is not known: use retention_days, "
                f"sasl_plain_password_file, {', '.join(PASSED_ON)}.",
                field="events_url",
            )
    return found


def away(what: str, error: KafkaError | None = None) -> Unavailable:
    """The refusal for a Kafka that does not do `what`; a fault of ours is raised as it is."""
    if isinstance(error, OUR_FAULT):
        raise error
    kind = "" if error is None else f" ({type(error).__name__})"
    return Unavailable(
        "EVENTS_AWAY",
        f"Kafka could not {what}{kind}. Check that the brokers run and are reachable, and "
        "that the topics exist; it is tried again.",
    )


def answers(servers: Sequence[str]) -> bool:
    """Whether any broker takes a connection: asked before a client is built.

    A client that is built while no broker is there blocks and leaves a thread behind.
    """
    for server in servers:
        host, _, port = server.rpartition(":")
        try:
            socket.create_connection((host, int(port)), timeout=1.0).close()
        except OSError:
            continue
        return True
    return False


class KafkaLog:
    """An EventLog on a Kafka cluster; facts of one key keep their order.

    The idempotent producer keeps order and doubles nothing through outages shorter than
    `delivery_timeout`. After a longer one the whole batch is sent again: what had
    arrived comes twice (consumers recognise it by its id), and could be seen before an
    older fact of its key if Kafka came back in the very moment when some of a batch
    had been given up and some not.
    """

    def __init__(
        self,
        servers: Sequence[str],
        *,
        client_id: str,
        shape: TopicShape,
        security: Mapping[str, Any],
        delivery_timeout: timedelta = timedelta(seconds=30),
    ) -> None:
        for server in servers:
            if not server.rpartition(":")[2].isdigit():
                raise Malformed(
                    "EVENTS_URL_MALFORMED",
                    "Each Kafka server is host:port.",
                    field="events_url",
                )
        # At debug level the client writes whole records to its log.
        logging.getLogger("kafka").setLevel(logging.ERROR)
        self._common = {
            "bootstrap_servers": list(servers),
            "client_id": client_id,
            "bootstrap_timeout_ms": BOOTSTRAP_MS,
            "reconnect_backoff_max_ms": 1_000,
            "metrics_enabled": False,
            **security,
        }
        self._servers = list(servers)
        self._shape = shape
        self._delivery_ms = delivery_timeout // timedelta(milliseconds=1)
        self._lock = threading.Lock()
        self._producer: Any = None
        self._reachable = False

    @property
    def retention(self) -> timedelta | None:
        return self._shape.retention

    @property
    def reachable(self) -> bool:
        return self._reachable

    def publish(self, events: Sequence[Event]) -> None:
        for event in events:
            check_size(event)
        with self._lock:
            self._reachable = False
            try:
                self._send(self._open_producer(), events)
            except (MessageSizeTooLargeError, RecordListTooLargeError):
                self._drop_producer()
                raise TooMuch(
                    "EVENT_TOO_LARGE",
                    f"Kafka takes fewer than {MAX_REQUEST_BYTES} bytes here: raise the topic's "
                    "max.message.bytes, or split the fact.",
                ) from None
            except KafkaError as error:
                self._drop_producer()
                raise away("store events", error) from None
            self._reachable = True

    def _send(self, producer: Any, events: Sequence[Event]) -> None:
        sent = [
            producer.send(
                event.topic,
                key=event.key.encode(),
                value=event.payload,
                headers=_headers(event),
            )
            for event in events
        ]
        producer.flush(timeout=self._delivery_ms / 1000 + 5)
        for future in sent:
            future.get(timeout=0)

    def _open_producer(self) -> Any:
        if self._producer is None:
            if not answers(self._servers):
                raise away("be reached")
            self._producer = KafkaProducer(
                **self._common,
                linger_ms=5,
                batch_size=131_072,
                compression_type="zstd",
                max_request_size=MAX_REQUEST_BYTES,
                request_timeout_ms=min(10_000, self._delivery_ms - 10),
                delivery_timeout_ms=self._delivery_ms,
                max_block_ms=3_000,
                allow_auto_create_topics=False,
            )
        return self._producer

    def _drop_producer(self) -> None:
        """What the old producer still held must not be sent after what is sent next."""
        producer, self._producer = self._producer, None
        if producer is None:
            return
        # close() first waits for what was never answered, and raises before it ends the
        # sender: told to give up at once, the sender fails those batches and ends.
        producer._sender.force_close()
        try:
            producer.close(timeout=DROP_SECONDS)
        except KafkaTimeoutError:
            logging.getLogger(__name__).debug("a dropped producer ends later")

    def subscribe(self, group: str, topics: Sequence[str]) -> KafkaSubscription:
        return KafkaSubscription(self._common, lambda: answers(self._servers), group, topics)

    def create_topics(self, names: Sequence[str]) -> None:
        if not answers(self._servers):
            raise away("be reached")
        admin: Any = None
        try:
            admin = KafkaAdminClient(
                **{k: v for k, v in self._common.items() if k != "metrics_enabled"}
            )
            there = set(admin.list_topics())
            missing = [name for name in names if name not in there]
            if missing:
                self._make(admin, missing)
        except KafkaError as error:
            raise away("make topics", error) from None
        finally:
            if admin is not None:
                admin.close()

    def _make(self, admin: Any, names: Sequence[str]) -> None:
        shape = {
            "num_partitions": self._shape.partitions,
            "replication_factor": self._shape.replication,
            "configs": self._shape.configs(),
        }
        made = admin.create_topics(dict.fromkeys(names, shape), raise_errors=False)
        for topic in made["topics"]:
            if topic["error_code"] not in (0, ALREADY_THERE):
                raise away(f"make a topic (its error {topic['error_code']})")
        admin.wait_for_topics(list(names))

    def close(self) -> None:
        # A publish that waits for an absent Kafka is not waited for: its facts are in
        # the outbox.
        if not self._lock.acquire(timeout=CLOSE_SECONDS):
            return
        try:
            producer, self._producer = self._producer, None
            if producer is not None:
                producer.close(timeout=CLOSE_SECONDS)
        finally:
            self._lock.release()


def _headers(event: Event) -> list[tuple[str, bytes]]:
    own = {"event-id": event.id, "event-time": str(micros(event.time))}
    return [(name, value.encode()) for name, value in {**event.headers, **own}.items()]
