"""What the README tells a newcomer to type works, and every file that it names exists."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pool, json_format, message_factory
from rich.console import Console

from larrey.demand.v1 import demand_pb2
from larrey.orientation.v1 import orientation_pb2
from larrey.replenishment.v1 import replenishment_pb2
from loadtests.day import demand_step, replenishment_step
from loadtests.day.cli import GRPC_PORTS
from loadtests.day.clients import Clients
from loadtests.day.processes import SERVICES, System, embedded
from loadtests.day.world import START, products

ROOT = Path(__file__).resolve().parent.parent.parent
README = (ROOT / "README.md").read_text()
CALL = re.compile(r"grpcurl -plaintext -d '(.+?)' \\?\s+localhost:(\d+) (\S+)/(\S+)", re.S)
MODULES = (demand_pb2, replenishment_pb2, orientation_pb2)


def calls() -> list[tuple[dict[str, Any], int, str, str]]:
    return [(json.loads(body), int(port), s, m) for body, port, s, m in CALL.findall(README)]


def test_every_verb_of_make_in_the_readme_exists() -> None:
    verbs = set(re.findall(r"`make ([a-z-]+)`", README)) | set(
        re.findall(r"^make ([a-z-]+)", README, re.M)
    )
    known = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    assert {"run", "test", "up", "run-real"} <= verbs <= known


def test_every_file_that_a_document_links_to_exists() -> None:
    for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for link in re.findall(r"\]\((?!http)([^)#]+)", path.read_text()):
            assert (path.parent / link).exists(), f"{path.name}: {link}"


def test_the_readme_shows_one_call_per_service_on_its_own_port() -> None:
    assert [port for _, port, _, _ in calls()] == list(GRPC_PORTS)
    for body, _, service, method in calls():
        assert _request(service, method, body).ByteSize() > 0


def test_what_the_readme_calls_unimplemented_is_so_in_the_protos_too() -> None:
    named = set(re.findall(r"`(?:demand|replenishment|orientation)\.([A-Za-z]+)`", README))
    told = set()
    for path in (ROOT / "proto").rglob("*.proto"):
        for comment, rpc in re.findall(r"((?:  //[^\n]*\n)+)  rpc (\w+)", path.read_text()):
            if "UNIMPLEMENTED" in comment:
                told.add(rpc)
    assert named == told


def _request(service: str, method: str, body: dict[str, Any]) -> Any:
    found = descriptor_pool.Default().FindServiceByName(service).methods_by_name[method]
    return json_format.ParseDict(body, message_factory.GetMessageClass(found.input_type)())


@pytest.mark.slow
def test_the_readme_s_calls_and_the_erp_s_client_are_answered(tmp_path: Path) -> None:
    folder = tmp_path / "up"
    folder.mkdir()
    some = products()[:12]
    quiet = Console(quiet=True)
    with System(embedded(folder), folder, START.isoformat()) as system:
        clients = Clients.of(system.services)
        demand_step.play(clients, some, quiet)
        replenishment_step.play(clients, some, quiet)
        addresses = {
            port: system.services[name].grpc
            for name, port in zip(SERVICES, GRPC_PORTS, strict=True)
        }
        for body, port, service, method in calls():
            found = descriptor_pool.Default().FindServiceByName(service).methods_by_name[method]
            answer = message_factory.GetMessageClass(found.output_type)
            with grpc.insecure_channel(addresses[port]) as channel:
                call = channel.unary_unary(
                    f"/{service}/{method}",
                    request_serializer=lambda m: m.SerializeToString(),
                    response_deserializer=answer.FromString,
                )
                assert call(_request(service, method, body), timeout=30).ByteSize() > 0
        script = (ROOT / "docs/examples/erp_client.py").read_text()
        for port, address in addresses.items():
            script = script.replace(f"localhost:{port}", address)
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60
        )
    assert done.returncode == 0, done.stderr
    assert "accepted 1, duplicate 0, refused 0" in done.stdout
    assert "may run out with" in done.stdout
