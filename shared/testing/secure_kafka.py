"""A real Kafka node that speaks only TLS to clients and asks each for its rights (ACLs)."""

from __future__ import annotations

import base64
import os
import shutil
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Any

from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    KafkaAdminClient,
    ResourcePattern,
    ResourceType,
)
from kafka.errors import KafkaError, KafkaTimeoutError

from shared.testing.certificates import Authority, Issued
from shared.testing.guarded import free_ports
from shared.testing.jars import class_path
from shared.testing.kafka import PROPERTIES, READY_S, KafkaNode
from shared.testing.scratch import scratch_folder

# The controller's own listener stays on loopback in the clear, as its caller User:ANONYMOUS.
SECURITY = """
listener.security.protocol.map=CONTROLLER:PLAINTEXT,SSL:SSL
inter.broker.listener.name=SSL
ssl.keystore.type=PEM
ssl.keystore.location={keystore}
ssl.truststore.type=PEM
ssl.truststore.location={truststore}
ssl.client.auth=required
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:CN=broker;User:CN=admin;User:ANONYMOUS
allow.everyone.if.no.acl.found=false
"""


class SecureKafka:
    """One node; a context manager. Users are certificates: `user` makes one with no rights."""

    def __init__(self) -> None:
        self._folder = scratch_folder("larrey-secure-kafka-")
        self.authority = Authority(self._folder / "ca")
        self._admin = self.authority.issue("admin")
        broker = self.authority.issue("broker")
        keystore = self._folder / "broker.pem"
        keystore.write_bytes(broker.key.read_bytes() + broker.cert.read_bytes())
        port, controller = free_ports(2)
        home = self._folder / "node-1"
        plain = PROPERTIES.format(
            node=1,
            voters=f"1@127.0.0.1:{controller}",
            port=port,
            advertised=port,
            controller_port=controller,
            data=home / "data",
            copies=1,
            in_step=1,
        )
        plain = plain.replace(f"PLAINTEXT://127.0.0.1:{port}", f"SSL://127.0.0.1:{port}")
        replaced = ("listener.security.protocol.map", "inter.broker.listener.name")
        kept = [line for line in plain.splitlines() if not line.startswith(replaced)]
        own = SECURITY.format(keystore=keystore, truststore=self.authority.ca)
        self._server = f"127.0.0.1:{port}"
        self._node = KafkaNode(
            home,
            node=1,
            properties="\n".join(kept) + own,
            port=port,
            jars=class_path(),
            scratch=self._folder,
        )

    def url(self, issued: Issued) -> str:
        """As the manifests write it: who holds these files."""
        return (
            f"kafka://{self._server}?security_protocol=SSL&ssl_cafile={issued.ca}"
            f"&ssl_certfile={issued.cert}&ssl_keyfile={issued.key}"
        )

    def user(self, name: str) -> Issued:
        return self.authority.issue(name)

    def admin(self) -> KafkaAdminClient:
        return KafkaAdminClient(
            bootstrap_servers=[self._server],
            bootstrap_timeout_ms=3_000,
            security_protocol="SSL",
            ssl_cafile=str(self._admin.ca),
            ssl_certfile=str(self._admin.cert),
            ssl_keyfile=str(self._admin.key),
        )

    def grant(self, name: str, acls: Iterable[dict[str, Any]]) -> None:
        """Rights as a KafkaUser of Strimzi lists them."""
        made = [
            ACL(
                principal=f"User:CN={name}",
                host="*",
                operation=ACLOperation[operation.upper()],
                permission_type=ACLPermissionType.ALLOW,
                resource_pattern=ResourcePattern(
                    ResourceType[acl["resource"]["type"].upper()], acl["resource"]["name"]
                ),
            )
            for acl in acls
            for operation in acl["operations"]
        ]
        admin = self.admin()
        try:
            told = admin.create_acls(made)
            if told["failed"]:
                raise RuntimeError(f"{len(told['failed'])} rights were not granted")
        finally:
            admin.close()

    def __enter__(self) -> SecureKafka:
        cluster = base64.urlsafe_b64encode(b"\x00" + os.urandom(15)).decode().rstrip("=")
        self._node.format(cluster)
        self._node.start()
        end = time.monotonic() + READY_S
        while True:
            try:
                admin = self.admin()
                admin.list_topics()
                admin.close()
            except (KafkaError, KafkaTimeoutError):
                if time.monotonic() > end:
                    raise
                time.sleep(0.2)
            else:
                return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._node.kill()
        shutil.rmtree(self._folder, ignore_errors=True)
