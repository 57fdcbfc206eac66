"""Minutes on real roads from a router that the operator runs: OSRM or Valhalla, over HTTP.

A router is asked before a case is scored, for the nearest sites at once and for no longer than
the operator allows; what it said is kept for its square. While it is away the distance model
answers and says so, and it is left alone for a while.
"""

from __future__ import annotations

import http.client
import json
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

import numpy as np

from services.orientation.domain.travel import Floats
from shared.errors import Malformed
from shared.telemetry import get_log

MOST_SITES = 99  # with the origin as many as an OSRM server takes by default
MOST_SQUARES = 2000
ROUNDED = 3  # decimals of a degree, about 100 m: a router need not know the house
REST_S = 30.0  # how long a router that failed is left alone
MOST_BYTES = 4 * 1024 * 1024
KINDS = ("osrm", "valhalla")

Place = tuple[float, float]  # latitude, longitude
Site = tuple[str, float, float]  # FINESS, latitude, longitude


class RouterAway(Exception):
    """The router does not answer, or not with what it should."""


class Router(Protocol):
    def seconds(self, origin: Place, sites: Sequence[Site]) -> list[float | None]:
        """Seconds by car to each site, None where no road leads; RouterAway otherwise."""
        ...


@dataclass(frozen=True, slots=True)
class Http:
    """One request to one server; redirects are not followed, proxies not used."""

    host: str
    port: int
    prefix: str
    timeout_s: float

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=self.timeout_s)
        try:
            text = None if body is None else json.dumps(body)
            headers = {"Content-Type": "application/json"} if text else {}
            connection.request(method, f"{self.prefix}{path}", text, headers)
            response = connection.getresponse()
            answer = response.read(MOST_BYTES)
            if response.status != http.client.OK:
                raise RouterAway(f"status {response.status}")
            return json.loads(answer)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise RouterAway(type(error).__name__) from error
        finally:
            connection.close()


def _numbers(found: Any, count: int) -> list[float | None]:
    """Exactly `count` times, each a number that can be or nothing."""
    if not isinstance(found, list) or len(found) != count:
        raise RouterAway("another number of answers")
    out: list[float | None] = []
    for value in found:
        usable = isinstance(value, int | float) and not isinstance(value, bool)
        out.append(float(value) if usable and 0 <= value < 86_400 else None)
    return out


@dataclass(frozen=True, slots=True)
class Osrm:
    """The table service of OSRM."""

    http: Http

    def seconds(self, origin: Place, sites: Sequence[Site]) -> list[float | None]:
        points = [origin, *((latitude, longitude) for _, latitude, longitude in sites)]
        told = ";".join(f"{longitude:.5f},{latitude:.5f}" for latitude, longitude in points)
        answer = self.http.ask("GET", f"/table/v1/driving/{told}?sources=0&annotations=duration")
        try:
            row = answer["durations"][0]
        except (KeyError, IndexError, TypeError) as error:
            raise RouterAway("no durations") from error
        return _numbers(row, len(points))[1:]


@dataclass(frozen=True, slots=True)
class Valhalla:
    """The matrix service of Valhalla."""

    http: Http

    def seconds(self, origin: Place, sites: Sequence[Site]) -> list[float | None]:
        body = {
            "sources": [{"lat": origin[0], "lon": origin[1]}],
            "targets": [{"lat": lat, "lon": lon} for _, lat, lon in sites],
            "costing": "auto",
        }
        answer = self.http.ask("POST", "/sources_to_targets", body)
        try:
            row = [cell["time"] for cell in answer["sources_to_targets"][0]]
        except (KeyError, IndexError, TypeError) as error:
            raise RouterAway("no times") from error
        return _numbers(row, len(sites))


def router_of(url: str, timeout_s: float) -> Router:
    """The router at osrm+http://host:port or valhalla+http://host:port.

    Refuses Malformed ROADS_URL_MALFORMED.
    """
    parts = urlsplit(url)
    kind, _, scheme = parts.scheme.partition("+")
    try:
        port = parts.port or 80
    except ValueError:
        port = 0
    if kind not in KINDS or scheme != "http" or not parts.hostname or not port:
        raise Malformed(
            "ROADS_URL_MALFORMED",
            "Write osrm+http://host:port or valhalla+http://host:port.",
            field="LARREY_ROADS_URL",
        )
    link = Http(parts.hostname, port, parts.path.rstrip("/"), timeout_s)
    return Osrm(link) if kind == "osrm" else Valhalla(link)


@dataclass(slots=True)
class CachedRoads:
    """What the router said, by rounded place; never asked while an answer is made."""

    router: Router
    told: Callable[[str], None] = field(default=lambda _: None)  # "asked", "away"
    now: Callable[[], float] = time.monotonic
    _known: OrderedDict[Place, Mapping[str, float]] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _rests_until: float = -math.inf

    def prepare(self, latitude: float, longitude: float, sites: Sequence[Site]) -> None:
        """Asks for the sites of a place that is new; returns in time whatever happens."""
        place = (round(latitude, ROUNDED), round(longitude, ROUNDED))
        with self._lock:
            if place in self._known or self.now() < self._rests_until:
                return
        asked = sites[:MOST_SITES]
        try:
            seconds = self.router.seconds(place, asked)
        except RouterAway as away:
            self._rests_until = self.now() + REST_S
            self.told("away")
            get_log("roads").warning("router is away", reason=str(away), delay_s=REST_S)
            return
        self.told("asked")
        minutes = {
            site[0]: found / 60.0
            for site, found in zip(asked, seconds, strict=True)
            if found is not None
        }
        with self._lock:
            self._known[place] = minutes
            while len(self._known) > MOST_SQUARES:
                self._known.popitem(last=False)

    def car_minutes(self, latitude: float, longitude: float, sites: Sequence[str]) -> Floats | None:
        place = (round(latitude, ROUNDED), round(longitude, ROUNDED))
        with self._lock:
            known = self._known.get(place)
        if known is None:
            return None
        return np.array([known.get(site, np.nan) for site in sites])
