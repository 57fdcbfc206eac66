"""The few questions that the tests ask an API server directly: faster than a kubectl each."""

from __future__ import annotations

import json
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

PATIENCE_S = 60.0
CLUSTER_WIDE = {
    "CustomResourceDefinition",
    "Namespace",
    "Node",
    "PersistentVolume",
    "PriorityClass",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
}
PLURALS = {
    "NetworkPolicy": "networkpolicies",
    "PodMetrics": "pods",
    "PriorityClass": "priorityclasses",
    "ValidatingAdmissionPolicy": "validatingadmissionpolicies",
}


class Refused(RuntimeError):
    """The server's answer to what it would not do."""


@dataclass(slots=True)
class Answer:
    """What the server said to one object, with the warnings that kubectl would print."""

    status: int
    body: dict[str, Any]
    warnings: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return self.status < 300 and not self.warnings

    def __str__(self) -> str:
        return "; ".join([str(self.body.get("message", self.status)), *self.warnings])


def path_of(api_version: str, plural: str, namespace: str = "", name: str = "") -> str:
    """Where objects of a kind live."""
    root = f"/api/{api_version}" if "/" not in api_version else f"/apis/{api_version}"
    middle = f"/namespaces/{namespace}" if namespace else ""
    return f"{root}{middle}/{plural}" + (f"/{name}" if name else "")


def plural_of(kind: str) -> str:
    return PLURALS.get(kind, kind.lower() + "s")


class Api:
    """One administrator's door to the server."""

    def __init__(self, url: str, token: str, trust: ssl.SSLContext) -> None:
        self._url, self._token, self._trust = url, token, trust

    def _open(self, method: str, path: str, body: Any, kind: str, timeout_s: float) -> Any:
        request = urllib.request.Request(  # noqa: S310  our own address
            self._url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self._token}", "Content-Type": kind},
        )
        return urllib.request.urlopen(request, timeout=timeout_s, context=self._trust)  # noqa: S310

    def ask(
        self, method: str, path: str, body: Any = None, kind: str = "application/json"
    ) -> Answer:
        """The answer whatever its status."""
        try:
            with self._open(method, path, body, kind, 60.0) as told:
                warnings = told.headers.get_all("Warning") or []
                return Answer(told.status, json.load(told), warnings)
        except urllib.error.HTTPError as error:
            said = error.read().decode()
            plain = not said.startswith("{")  # what the server does not know is no Status
            return Answer(error.code, {"message": said} if plain else json.loads(said))

    def get(self, api_version: str, plural: str, name: str = "", namespace: str = "") -> Any:
        """One object, or a list of them; an empty one when it is not there."""
        found = self.ask("GET", path_of(api_version, plural, namespace, name))
        return found.body if found.status == 200 else {}

    def apply(
        self, doc: dict[str, Any], *, dry: bool = False, status: bool = False, must: bool = True
    ) -> Answer:
        """Server-side apply with strict fields; `status` applies that part too."""
        meta = doc["metadata"]
        where = path_of(
            doc["apiVersion"],
            plural_of(doc["kind"]),
            "" if doc["kind"] in CLUSTER_WIDE else meta.get("namespace", "default"),
            meta["name"],
        )
        asked = "?fieldManager=test&force=true&fieldValidation=Strict" + (
            "&dryRun=All" if dry else ""
        )
        kind = "application/apply-patch+yaml"
        answer = self.ask("PATCH", where + asked, doc, kind)
        if must and answer.status >= 300:
            raise Refused(f"{doc['kind']}/{meta['name']}: {answer}")
        if status:
            self.ask("PATCH", where + "/status" + asked, doc, kind)
        return answer

    def until(self, told: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> None:
        """Asks again until it is so; raises TimeoutError that names `what`."""
        end = time.monotonic() + patience_s
        while not told():
            if time.monotonic() > end:
                raise TimeoutError(f"waited {patience_s:.0f} s until {what}")
            time.sleep(0.1)

    @contextmanager
    def watched(self, namespace: str, app: str) -> Iterator[Ready]:
        """Follows the Pods of an app event by event, as long as the block lasts."""
        base = path_of("v1", "pods", namespace)
        label = f"labelSelector=app.kubernetes.io%2Fname%3D{app}"
        listed = self.ask("GET", f"{base}?{label}").body
        found = Ready()
        for pod in listed["items"]:
            found.heard("ADDED", pod)
        del found.history[:-1]  # they were there together, not one after the other
        since = listed["metadata"]["resourceVersion"]
        stream = self._open(
            "GET",
            f"{base}?watch=1&{label}&resourceVersion={since}&timeoutSeconds=600",
            None,
            "application/json",
            900,
        )

        def follow() -> None:
            try:
                for line in stream:
                    event = json.loads(line)
                    found.heard(event["type"], event["object"])
                    if found.closed:
                        return
            except (OSError, ValueError):
                found.broken = not found.closed

        reader = threading.Thread(target=follow, daemon=True)
        reader.start()
        try:
            yield found
        finally:
            time.sleep(0.5)  # what has happened is on its way
            found.closed = True  # the reader ends with the next event
        if found.broken:
            raise Refused("the watch broke off: what was seen is not all")


@dataclass(slots=True)
class Ready:
    """How many Pods of an app were wanted and how many of them ready, at each event."""

    pods: dict[str, bool] = field(default_factory=dict)
    history: list[tuple[int, int]] = field(default_factory=list)
    closed: bool = False
    broken: bool = False

    def heard(self, event: str, pod: dict[str, Any]) -> None:
        if self.closed:
            return
        name = pod["metadata"]["name"]
        if event == "DELETED":
            self.pods.pop(name, None)
        else:
            conditions = pod.get("status", {}).get("conditions", ())
            ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
            # One that is told to end takes no new calls: the Service has let go of it.
            going = "deletionTimestamp" in pod["metadata"]
            if going:
                self.pods.pop(name, None)
            else:
                self.pods[name] = ready
        self.history.append((len(self.pods), sum(self.pods.values())))

    @property
    def fewest(self) -> int:
        return min(ready for _, ready in self.history)

    @property
    def most(self) -> int:
        return max(count for count, _ in self.history)
