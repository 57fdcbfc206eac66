"""From settings to a guard and to the server's certificates."""

from __future__ import annotations

import threading
from pathlib import Path

import grpc

from shared.access.guard import Guard
from shared.access.limits import Limits
from shared.settings import ServiceSettings
from shared.telemetry import get_log


def guard_of(settings: ServiceSettings) -> Guard | None:
    """None where nobody is asked and nothing is limited: then no call pays for it."""
    limits = Limits(settings.calls_per_second, settings.streams_per_client)
    closed = settings.access == "closed"
    if not closed and not limits.any:
        return None
    tokens = None
    if settings.oidc_issuer:
        # Only who verifies tokens pays for loading cryptography.
        from shared.access.tokens import Provider, Tokens  # noqa: PLC0415

        tokens = Tokens(
            Provider(
                settings.oidc_issuer,
                settings.oidc_audience,
                settings.oidc_keys,
                settings.oidc_role_claim,
            )
        )
    return Guard(closed=closed, tokens=tokens, limits=limits)


class Certificates:
    """Reads certificate, key and clients' authority again whenever their files change."""

    def __init__(self, cert: Path, key: Path, client_ca: Path | None) -> None:
        self._files = [cert, key, *([client_ca] if client_ca else [])]
        self._lock = threading.Lock()
        self._stamp: tuple[int, ...] = ()
        self._newest: grpc.ServerCertificateConfiguration | None = None

    def read(self) -> grpc.ServerCertificateConfiguration:
        """The newest configuration. Raises OSError."""
        with self._lock:
            stamp = tuple(path.stat().st_mtime_ns for path in self._files)
            if self._newest is not None and stamp == self._stamp:
                return self._newest
            cert, key, *ca = (path.read_bytes() for path in self._files)
            configuration = grpc.ssl_server_certificate_configuration(
                [(key, cert)], ca[0] if ca else None
            )
            self._stamp, self._newest = stamp, configuration
            return configuration

    def fetch(self) -> grpc.ServerCertificateConfiguration:
        """What gRPC asks at each handshake: a file that cannot be read leaves all as it was."""
        try:
            return self.read()
        except (OSError, ValueError) as error:
            get_log("access").warning("certificate not read", error_type=type(error).__name__)
            if self._newest is None:
                raise
            return self._newest


def server_credentials(settings: ServiceSettings) -> grpc.ServerCredentials | None:
    """None for a plain port; raises OSError when a file cannot be read at the start."""
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    certificates = Certificates(settings.tls_cert, settings.tls_key, settings.tls_client_ca)
    return grpc.dynamic_ssl_server_credentials(
        certificates.read(),
        certificates.fetch,
        require_client_authentication=settings.tls_client_ca is not None,
    )
