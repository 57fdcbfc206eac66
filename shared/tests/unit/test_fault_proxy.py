"""The proxy that plays a bad network passes all, and is slow, deaf or cut when told so."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from shared.testing.fault_proxy import FaultProxy


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of a server that sends back what it gets."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                peer, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(peer,), daemon=True).start()

    def answer(peer: socket.socket) -> None:
        with peer:
            try:
                while piece := peer.recv(65536):
                    peer.sendall(piece)
            except OSError:
                return

    threading.Thread(target=serve, daemon=True).start()
    yield listening.getsockname()[1]
    listening.close()


def asked(peer: socket.socket, said: bytes) -> bytes:
    peer.sendall(said)
    heard = b""
    while len(heard) < len(said):
        piece = peer.recv(65536)
        if not piece:
            break
        heard += piece
    return heard


def answered(peer: socket.socket, said: bytes) -> bool:
    try:
        return asked(peer, said) == said
    except OSError:
        return False


def test_everything_passes_both_ways_in_order(echo: int) -> None:
    said = bytes(range(256)) * 1000
    with FaultProxy(echo) as proxy, socket.create_connection(("127.0.0.1", proxy.port)) as peer:
        assert asked(peer, said) == said


def test_a_slow_line_delays_and_loses_nothing(echo: int) -> None:
    with FaultProxy(echo) as proxy, socket.create_connection(("127.0.0.1", proxy.port)) as peer:
        proxy.slow(0.2)
        begin = time.monotonic()
        assert asked(peer, b"x") == b"x"
        assert time.monotonic() - begin >= 0.4


def test_a_deaf_line_passes_nothing_until_it_is_well(echo: int) -> None:
    with FaultProxy(echo) as proxy, socket.create_connection(("127.0.0.1", proxy.port)) as peer:
        assert asked(peer, b"a") == b"a"
        proxy.deaf()
        peer.sendall(b"b")
        peer.settimeout(0.3)
        with pytest.raises(TimeoutError):
            peer.recv(1)
        proxy.well()
        peer.settimeout(10)
        assert peer.recv(1) == b"b"


def test_a_cut_line_ends_connections_and_takes_none(echo: int) -> None:
    with FaultProxy(echo) as proxy, socket.create_connection(("127.0.0.1", proxy.port)) as peer:
        assert asked(peer, b"a") == b"a"
        proxy.cut()
        peer.settimeout(10)
        assert not answered(peer, b"b")
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as later:
            assert not answered(later, b"c")
        proxy.well()
        with socket.create_connection(("127.0.0.1", proxy.port)) as again:
            assert asked(again, b"d") == b"d"
