"""A real Apache Kafka 4.3.0 (KRaft), started from wheels: no system Java, no container."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError, KafkaTimeoutError

from shared.testing.fault_proxy import FaultProxy
from shared.testing.guarded import GuardedServer, ServerFailed, answers, free_ports
from shared.testing.jars import class_path
from shared.testing.java import java_command
from shared.testing.scratch import scratch_folder

READY_S = 90.0
LOG4J = """
rootLogger.level = WARN
rootLogger.appenderRef.out.ref = OUT
appender.out.type = Console
appender.out.name = OUT
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = [%d] %p %m (%c)%n
"""
PROPERTIES = """
process.roles=broker,controller
node.id={node}
controller.quorum.voters={voters}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{advertised}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
offsets.topic.replication.factor={copies}
offsets.topic.num.partitions=4
transaction.state.log.replication.factor={copies}
transaction.state.log.min.isr={in_step}
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor={copies}
share.coordinator.state.topic.min.isr={in_step}
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
num.network.threads=2
num.io.threads=2
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=500
"""


class KafkaNode:
    """One broker and controller in one process, on ports that it keeps for its life."""

    def __init__(
        self,
        folder: Path,
        *,
        node: int,
        properties: str,
        port: int,
        jars: str,
        scratch: Path | None,
        options: tuple[str, ...] = (),
        grace_s: float = 15.0,
    ) -> None:
        folder.mkdir(parents=True)
        self.port = port
        self._folder = folder
        log4j = f"-Dlog4j2.configurationFile={folder / 'log4j2.properties'}"
        self._format = [*java_command(jars), log4j, "kafka.tools.StorageTool", "format"]
        self._serve = [*java_command(jars, *options), log4j, "kafka.Kafka"]
        self._properties = folder / "server.properties"
        self._properties.write_text(properties)
        (folder / "log4j2.properties").write_text(LOG4J)
        self._server = GuardedServer(
            f"Kafka node {node}",
            [*self._serve, str(self._properties)],
            folder / "kafka.log",
            scratch=scratch,
            grace_s=grace_s,
        )

    def format(self, cluster: str) -> None:
        tool = [*self._format, "-t", cluster, "-c", str(self._properties)]
        done = subprocess.run(tool, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ServerFailed(f"Kafka's storage could not be formatted:\n{done.stderr[-2000:]}")

    def launch(self) -> None:
        """Starts the process; a node of three is ready only once two others are there."""
        self._server.start(lambda: True, READY_S)

    def start(self) -> None:
        """Starts it and waits until it takes connections."""
        self.launch()
        self.wait(time.monotonic() + READY_S)

    def wait(self, end: float) -> None:
        self._server.wait(lambda: answers(self.port), end)

    def stop(self) -> None:
        self._server.stop()

    def kill(self) -> None:
        self._server.kill()

    @property
    def pid(self) -> int | None:
        return self._server.pid


class KafkaBroker:
    """A cluster of one node or three; a context manager, also outside the tests.

    `stop` and `start` keep ports and data, so that clients see an outage and a return.
    """

    def __init__(
        self,
        *,
        nodes: int = 1,
        folder: Path | None = None,
        behind: FaultProxy | None = None,
        options: tuple[str, ...] = (),
        grace_s: float = 15.0,
    ) -> None:
        """`behind` is a running proxy through which every client reaches a single node.

        `options` are further options of the Java runtime; after `grace_s` a node that was asked
        to stop is killed.
        """
        self._behind = behind
        self._own_folder = folder is None
        self._folder = folder or scratch_folder("larrey-kafka-")
        jars = class_path()
        ports = free_ports(2 * nodes)
        if behind is not None:
            if nodes != 1:
                raise ValueError("one proxy stands before one node")
            behind.target = ports[0]
        voters = ",".join(f"{n + 1}@127.0.0.1:{ports[2 * n + 1]}" for n in range(nodes))
        self.nodes: list[KafkaNode] = []
        for n in range(nodes):
            home = self._folder / f"node-{n + 1}"
            properties = PROPERTIES.format(
                node=n + 1,
                voters=voters,
                port=ports[2 * n],
                advertised=ports[2 * n] if behind is None else behind.port,
                controller_port=ports[2 * n + 1],
                data=home / "data",
                copies=nodes,
                in_step=max(1, nodes - 1),
            )
            self.nodes.append(
                KafkaNode(
                    home,
                    node=n + 1,
                    properties=properties,
                    port=ports[2 * n],
                    jars=jars,
                    scratch=self._folder if self._own_folder else None,
                    options=options,
                    grace_s=grace_s,
                )
            )
        self._cluster = base64.urlsafe_b64encode(b"\x00" + os.urandom(15)).decode().rstrip("=")
        self._formatted = False

    @property
    def url(self) -> str:
        """kafka://127.0.0.1:port[,…], as open_log reads it."""
        return "kafka://" + ",".join(self.servers)

    @property
    def servers(self) -> list[str]:
        if self._behind is not None:
            return [f"127.0.0.1:{self._behind.port}"]
        return [f"127.0.0.1:{node.port}" for node in self.nodes]

    def start(self) -> None:
        """Starts every node and returns when an admin client lists topics."""
        if not self._formatted:
            for node in self.nodes:
                node.format(self._cluster)
            self._formatted = True
        end = time.monotonic() + READY_S
        for node in self.nodes:
            node.launch()
        for node in self.nodes:
            node.wait(end)
        while not self._lists_topics():
            if time.monotonic() > end:
                self.stop()
                raise ServerFailed(f"Kafka listed no topics within {READY_S:.0f} s.")
            time.sleep(0.1)

    def _lists_topics(self) -> bool:
        try:
            admin = KafkaAdminClient(bootstrap_servers=self.servers, bootstrap_timeout_ms=3_000)
        except KafkaTimeoutError:
            return False
        try:
            admin.list_topics()
            return len(admin.describe_cluster()["brokers"]) == len(self.nodes)
        except KafkaError:
            return False
        finally:
            admin.close()

    def stop(self) -> None:
        """Stops every node; their data stay."""
        for node in self.nodes:
            node.stop()

    def kill(self) -> None:
        """SIGKILL to every node; their data stay."""
        for node in self.nodes:
            node.kill()

    def close(self) -> None:
        """Stops, and removes the data if the folder was made here (then in no order)."""
        if not self._own_folder:
            self.stop()
        else:
            self.kill()
            shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> KafkaBroker:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
