"""Starts the control plane on loopback, with three played nodes in three zones, and stops it."""

from __future__ import annotations

import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from k8s.cluster.api import Api
from k8s.cluster.build import Built
from shared.testing.guarded import GuardedServer, free_ports

READY_S = 120.0
NODES = ("node-1", "node-2", "node-3")
TOKEN = "of-this-run-only"  # noqa: S105  the server listens on loopback and ends with the test
HOST = "127.0.0.1"


def _node(number: int, name: str) -> dict[str, Any]:
    room = {"cpu": "4", "memory": "8Gi", "ephemeral-storage": "50Gi", "pods": "110"}
    labels = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "topology.kubernetes.io/zone": f"zone-{number}",
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels, "annotations": {"kwok.x-k8s.io/node": "fake"}},
        "status": {"allocatable": room, "capacity": room},
    }


class ControlPlane:
    """etcd, API server, controllers, scheduler and kwok; a context manager."""

    def __init__(self, built: Built, folder: Path) -> None:
        self._built, self._folder = built, folder
        self._etcd, self._peer, self._api_port, *self._others = free_ports(6)
        self.kubeconfig = folder / "kubeconfig"
        self.url = f"https://{HOST}:{self._api_port}"
        self._parts: list[GuardedServer] = []
        self.started_s = 0.0

    @property
    def api(self) -> Api:
        return Api(self.url, TOKEN, self._trust())

    def _trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self._folder / "certs" / "apiserver.crt")

    def _part(self, name: str, arguments: Sequence[str]) -> None:
        part = GuardedServer(
            name, [str(self._built.program), name, *arguments], self._folder / f"{name}.log"
        )
        self._parts.append(part)
        part.start(lambda: True, READY_S)

    def __enter__(self) -> ControlPlane:
        begin = time.monotonic()
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        self.started_s = time.monotonic() - begin
        return self

    def _start(self) -> None:
        folder = self._folder
        folder.mkdir(parents=True, exist_ok=True)
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        (folder / "accounts.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.TraditionalOpenSSL,
                serialization.NoEncryption(),
            )
        )
        (folder / "tokens.csv").write_text(f'{TOKEN},admin,admin,"system:masters"\n')
        store = f"http://{HOST}:{self._etcd}"
        self._part("etcd", [str(folder / "etcd"), store, f"http://{HOST}:{self._peer}"])
        self._part("apiserver", self._server_flags(store))
        self._write_kubeconfig()
        self._await_server()
        controllers, scheduler, kwok = self._others
        common = [f"--kubeconfig={self.kubeconfig}", f"--bind-address={HOST}"]
        self._part(
            "controllers",
            [
                *common,
                f"--secure-port={controllers}",
                f"--cert-dir={folder / 'controllers'}",
                "--leader-elect=false",
                f"--service-account-private-key-file={folder / 'accounts.key'}",
                f"--root-ca-file={folder / 'certs' / 'apiserver.crt'}",
                # An autoscaler that looks each second, at Pods as young as they are here.
                "--horizontal-pod-autoscaler-sync-period=1s",
                "--horizontal-pod-autoscaler-cpu-initialization-period=0s",
                "--horizontal-pod-autoscaler-initial-readiness-delay=0s",
            ],
        )
        self._part(
            "scheduler",
            [
                *common,
                f"--secure-port={scheduler}",
                f"--cert-dir={folder / 'scheduler'}",
                "--leader-elect=false",
            ],
        )
        for number, name in enumerate(NODES, start=1):
            self.api.apply(_node(number, name), status=True)
        self._part(
            "nodes",
            [
                f"--kubeconfig={self.kubeconfig}",
                f"--config={self._built.stages}",
                "--manage-all-nodes=true",
                "--node-lease-duration-seconds=40",
                f"--server-address={HOST}:{kwok}",
                f"--node-ip={HOST}",
                "--cidr=10.244.0.1/16",
            ],
        )
        self.api.until(
            lambda: all(
                any(
                    c["type"] == "Ready" and c["status"] == "True"
                    for c in self.api.get("v1", "nodes", name)
                    .get("status", {})
                    .get("conditions", ())
                )
                for name in NODES
            ),
            "the nodes are ready",
        )
        for doc in yaml.safe_load_all(self._built.types.read_text()):
            self.api.apply(doc)

    def _server_flags(self, store: str) -> list[str]:
        key = self._folder / "accounts.key"
        return [
            f"--etcd-servers={store}",
            f"--bind-address={HOST}",
            f"--advertise-address={HOST}",
            "--endpoint-reconciler-type=none",
            f"--secure-port={self._api_port}",
            f"--cert-dir={self._folder / 'certs'}",
            f"--token-auth-file={self._folder / 'tokens.csv'}",
            "--authorization-mode=Node,RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            "--service-cluster-ip-range=10.96.0.0/16",
        ]

    def _write_kubeconfig(self) -> None:
        server = {
            "server": self.url,
            "certificate-authority": str(self._folder / "certs" / "apiserver.crt"),
        }
        self.kubeconfig.write_text(
            yaml.safe_dump(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "clusters": [{"name": "plane", "cluster": server}],
                    "users": [{"name": "admin", "user": {"token": TOKEN}}],
                    "contexts": [
                        {"name": "plane", "context": {"cluster": "plane", "user": "admin"}}
                    ],
                    "current-context": "plane",
                }
            )
        )

    def _await_server(self) -> None:
        def ready() -> bool:
            request = urllib.request.Request(  # noqa: S310  our own address
                f"{self.url}/readyz", headers={"Authorization": f"Bearer {TOKEN}"}
            )
            try:
                with urllib.request.urlopen(request, timeout=5, context=self._trust()) as told:  # noqa: S310
                    return bool(told.status == 200)
            except (OSError, urllib.error.URLError):
                return False

        self._parts[-1].wait(ready, time.monotonic() + READY_S)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """The store last: the others write to it until they end."""
        for part in reversed(self._parts):
            part.stop()
        self._parts.clear()

    def kubectl(
        self, *arguments: str, told: str | None = None, timeout_s: float = 120.0
    ) -> subprocess.CompletedProcess[str]:
        """kubectl against this plane; `told` is its input. Never raises for an exit code."""
        from k8s.tests.rendering import BIN  # noqa: PLC0415

        return subprocess.run(
            [
                str(BIN / "kubectl"),
                f"--kubeconfig={self.kubeconfig}",
                f"--cache-dir={self._folder / 'cache'}",
                *arguments,
            ],
            input=told,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
        )
