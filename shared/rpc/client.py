"""How a Larrey service is called from Python."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import grpc

from shared.errors import Malformed, Refusal
from shared.rpc.status import refusal_from

MESSAGE_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ClientFiles:
    """PEM files of a caller, read at each connection, and a file with a bearer token."""

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    token: Path | None = None

    def credentials(self) -> grpc.ChannelCredentials | None:
        """None for a plain channel; refuses Malformed files that do not go together."""
        if self.ca is None and (self.cert or self.key or self.token):
            raise Malformed(
                "CA_NEEDED",
                "A certificate or token is only shown to a service that proves who it is: name "
                "the certificate of who signed its own.",
                field="ca",
            )
        if (self.cert is None) != (self.key is None):
            raise Malformed("KEY_NEEDED", "Name both the certificate and its key.", field="key")
        if self.ca is None:
            return None
        tls = grpc.ssl_channel_credentials(_read(self.ca), _read(self.key), _read(self.cert))
        if self.token is None:
            return tls
        token = (_read(self.token) or b"").decode().strip()
        return grpc.composite_channel_credentials(tls, grpc.access_token_call_credentials(token))


def _read(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        return path.read_bytes()
    except OSError:
        raise Malformed(
            "FILE_UNREADABLE", f"{path} cannot be read: check its name and rights.", field="file"
        ) from None


def channel(
    address: str,
    *,
    files: ClientFiles = ClientFiles(),
    message_bytes: int = MESSAGE_BYTES,
) -> grpc.Channel:
    """A channel, plain unless `files` says otherwise; answers of up to `message_bytes`."""
    options = [
        ("grpc.max_receive_message_length", message_bytes),
        ("grpc.enable_http_proxy", 0),
    ]
    credentials = files.credentials()
    if credentials is None:
        return grpc.insecure_channel(address, options=options)
    return grpc.secure_channel(address, credentials, options=options)


def refusal_of(error: grpc.RpcError) -> Refusal | None:
    """The refusal behind an error: reason, field and remedy; None for a transport error."""
    return refusal_from(error)
