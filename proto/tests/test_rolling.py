"""Two versions at once: what the last release says the new one understands, and the other way."""

from __future__ import annotations

import importlib
import random
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.message_factory import GetMessageClass

from shared.testing.mutants import spoil

RELEASED = Path(__file__).resolve().parent.parent / "released.binpb"
MADE, CHANGES = 20, 12


@cache
def released() -> Any:
    """The last release's messages, in a pool of their own beside the new ones."""
    files = descriptor_pb2.FileDescriptorSet.FromString(RELEASED.read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)  # type: ignore[no-untyped-call]
    return pool


def old_messages() -> list[str]:
    """Every request, answer and fact of the last release."""
    files = descriptor_pb2.FileDescriptorSet.FromString(RELEASED.read_bytes())
    ours = [file for file in files.file if file.package.startswith("larrey.")]
    spoken = {
        name.lstrip(".")
        for file in ours
        for service in file.service
        for method in service.method
        for name in (method.input_type, method.output_type)
    }
    facts = {
        f"{file.package}.{message.name}"
        for file in ours
        if file.name.endswith("/events.proto")
        for message in file.message_type
    }
    return sorted(spoken | facts)


def new_message(name: str) -> Any:
    package = name.rpartition(".")[0]
    for file in ("events", package.split(".")[1]):
        try:
            importlib.import_module(f"{package}.{file}_pb2")
        except ModuleNotFoundError:
            continue
    return GetMessageClass(descriptor_pool.Default().FindMessageTypeByName(name))


def made(kind: Any, draw: random.Random) -> Any:
    message = kind()
    for _ in range(CHANGES):
        spoil(draw, message)
    return message


def same(one: Any, other: Any) -> bool:
    """Equal on the wire: NaN is no equal of itself in memory."""
    told: bool = one.SerializeToString(deterministic=True) == other.SerializeToString(
        deterministic=True
    )
    return told


@pytest.mark.parametrize("name", old_messages())
def test_an_old_and_a_new_version_understand_each_other(name: str) -> None:
    """An old message passes through new code whole; a new one through old code too."""
    old = GetMessageClass(released().FindMessageTypeByName(name))
    new = new_message(name)
    draw = random.Random(name)
    for _ in range(MADE):
        said = made(old, draw)
        heard = new.FromString(said.SerializeToString())
        assert same(old.FromString(heard.SerializeToString()), said)
        told = made(new, draw)
        passed = old.FromString(told.SerializeToString())
        assert same(new.FromString(passed.SerializeToString()), told)


def test_the_last_release_said_something() -> None:
    assert len(old_messages()) > 40
