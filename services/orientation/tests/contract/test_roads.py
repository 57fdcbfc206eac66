"""The road routers' HTTP interfaces, spoken with a small server that knows a small network."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import numpy as np
import pytest

from services.orientation.adapters.roads import (
    REST_S,
    CachedRoads,
    RouterAway,
    router_of,
)
from shared.errors import Malformed

HOME = (47.2, -1.5)
SITES = [("440000001", 47.3, -1.5), ("440000002", 47.2, -1.4), ("440000003", 46.0, -2.9)]
# seconds by car; no road leads to the island
ROADS = {(47.3, -1.5): 900.0, (47.2, -1.4): 610.5, (46.0, -2.9): None}


class SmallRouter(BaseHTTPRequestHandler):
    """Answers as OSRM and Valhalla do for the places of this module."""

    asked: ClassVar[list[str]] = []
    mood = "well"

    def log_message(self, *_: Any) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        type(self).asked.append(self.path)
        _, _, rest = self.path.partition("/driving/")
        points = [tuple(map(float, p.split(","))) for p in rest.partition("?")[0].split(";")]
        row = [0.0, *(ROADS[lat, lon] for lon, lat in points[1:])]
        self._say({"code": "Ok", "durations": [row]})

    def do_POST(self) -> None:
        type(self).asked.append(self.path)
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        cells = [{"time": ROADS[t["lat"], t["lon"]]} for t in body["targets"]]
        self._say({"sources_to_targets": [cells]})

    def _say(self, answer: Any) -> None:
        mood = type(self).mood
        if mood == "slow":
            time.sleep(1.0)
        text = json.dumps({"durations": [[1]]} if mood == "short" else answer).encode()
        self.send_response(500 if mood == "ill" else 200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(b"<html>" if mood == "garbled" else text)


@pytest.fixture
def port() -> Iterator[int]:
    SmallRouter.asked, SmallRouter.mood = [], "well"
    server = ThreadingHTTPServer(("127.0.0.1", 0), SmallRouter)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.mark.parametrize("kind", ["osrm", "valhalla"])
def test_both_routers_give_the_same_seconds_and_nothing_where_no_road_leads(
    port: int, kind: str
) -> None:
    router = router_of(f"{kind}+http://127.0.0.1:{port}", 5.0)
    assert router.seconds(HOME, SITES) == [900.0, 610.5, None]


@pytest.mark.parametrize("kind", ["osrm", "valhalla"])
@pytest.mark.parametrize("mood", ["ill", "garbled", "short", "slow"])
def test_a_router_that_is_ill_slow_or_talks_nonsense_is_away(
    port: int, kind: str, mood: str
) -> None:
    SmallRouter.mood = mood
    router = router_of(f"{kind}+http://127.0.0.1:{port}", 0.2)
    with pytest.raises(RouterAway):
        router.seconds(HOME, SITES)


@pytest.mark.parametrize(
    "url", ["http://host:5000", "osrm+https://host", "osrm+http://", "osrm+http://host:99999999"]
)
def test_an_address_that_cannot_be_used_is_refused_with_the_form_it_should_have(url: str) -> None:
    with pytest.raises(Malformed, match="osrm\\+http://host:port"):
        router_of(url, 1.0)


def test_a_place_is_asked_once_and_then_remembered(port: int) -> None:
    roads = CachedRoads(router_of(f"osrm+http://127.0.0.1:{port}", 5.0))
    assert roads.car_minutes(*HOME, ["440000001"]) is None
    for _ in range(3):
        roads.prepare(*HOME, SITES)
    assert len(SmallRouter.asked) == 1
    minutes = roads.car_minutes(*HOME, ["440000002", "440000003", "unheard of"])
    assert minutes is not None
    assert minutes[0] == pytest.approx(610.5 / 60)
    assert np.isnan(minutes[1:]).all()


def test_a_router_is_not_told_the_house(port: int) -> None:
    roads = CachedRoads(router_of(f"osrm+http://127.0.0.1:{port}", 5.0))
    roads.prepare(47.2000321, -1.4999876, SITES)
    assert "-1.50000,47.20000" in SmallRouter.asked[0]


def test_a_router_that_failed_is_left_alone_for_a_while_and_then_asked_again(port: int) -> None:
    at = [0.0]
    told: list[str] = []
    roads = CachedRoads(router_of(f"osrm+http://127.0.0.1:{port}", 5.0), told.append, lambda: at[0])
    SmallRouter.mood = "ill"
    roads.prepare(*HOME, SITES)
    roads.prepare(*HOME, SITES)
    assert len(SmallRouter.asked) == 1
    assert roads.car_minutes(*HOME, ["440000001"]) is None
    SmallRouter.mood, at[0] = "well", REST_S + 1
    roads.prepare(*HOME, SITES)
    assert told == ["away", "asked"]
    assert roads.car_minutes(*HOME, ["440000001"]) is not None
