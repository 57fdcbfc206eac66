"""Sets a group back to the start of its topics, as an operator would to replay them."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from kafka import TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError


def rewind(url: str, group: str, topics: Sequence[str], within_s: float = 20.0) -> None:
    """Forgets how far `group` has read; no member of it may run."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        raw = sqlite3.connect(parts.path[1:], isolation_level=None)
        raw.executemany(
            "DELETE FROM offsets WHERE reader = ? AND topic = ?",
            [(group, topic) for topic in topics],
        )
        raw.close()
        return
    admin = KafkaAdminClient(bootstrap_servers=parts.netloc.split(","))
    end = time.monotonic() + within_s
    try:
        while True:
            try:
                places = [
                    TopicPartition(found["name"], partition["partition_index"])
                    for found in admin.describe_topics(list(topics))
                    for partition in found["partitions"]
                ]
                admin.delete_group_offsets(group, places)
            except KafkaError:  # the broker still counts a member that has just left
                if time.monotonic() > end:
                    raise
                time.sleep(0.5)
            else:
                return
    finally:
        admin.close()
