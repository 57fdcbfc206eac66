"""One control plane for the whole run, and an installation on it as the pages tell it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml

from k8s.cluster.build import built
from k8s.cluster.plane import ControlPlane
from k8s.tests.cluster.pages import commands, run_command
from k8s.tests.cluster.strimzi import types
from k8s.tests.rendering import K8S


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with ControlPlane(built(), tmp_path_factory.mktemp("plane")) as running:
        for doc in types():
            running.api.apply(doc)
        for overlay in ("dev", "production"):
            namespace = K8S / "overlays" / overlay / "namespace.yaml"
            running.api.apply(yaml.safe_load(namespace.read_text()))
        for doc in yaml.safe_load_all((K8S / "admission" / "policies.yaml").read_text()):
            running.api.apply(doc)
        yield running


@pytest.fixture(scope="session")
def installed(plane: ControlPlane) -> ControlPlane:
    """Production, applied with the very commands of docs/deploy.md."""
    disk = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": "disk"},
        "spec": {
            "capacity": {"storage": "20Gi"},
            "accessModes": ["ReadWriteOnce"],
            "hostPath": {"path": "/nowhere"},
        },
    }
    plane.api.apply(disk)
    # as a newcomer finds it
    plane.kubectl("delete", "namespace", "larrey", "--wait=true")
    plane.kubectl("delete", "-k", str(K8S / "admission"))
    for command in commands("deploy.md"):
        done = run_command(plane, command, K8S.parent)
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        assert "Warning" not in done.stderr, f"{command}\n{done.stderr}"
    plane.api.until(
        lambda: (
            plane.api.get("apps/v1", "deployments", "orientation", "larrey")
            .get("status", {})
            .get("readyReplicas")
            == 3
        ),
        "three copies of orientation are ready",
    )
    print(f"control plane up in {plane.started_s:.1f} s, production applied as documented")  # noqa: T201
    return plane
