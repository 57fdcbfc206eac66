"""Every event names its topic, and every topic has a golden example that still decodes."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format

from larrey.events.v1 import topic_pb2

PROTO = Path(__file__).resolve().parent.parent
EXAMPLES = PROTO / "examples"


def events() -> dict[str, Any]:
    """Message class of every topic, by the topic's name."""
    found = {}
    for path in sorted(PROTO.glob("larrey/*/v1/events.proto")):
        name = ".".join(path.relative_to(PROTO).with_suffix("").parts) + "_pb2"
        module = importlib.import_module(name)
        for message in module.DESCRIPTOR.message_types_by_name.values():
            topic = message.GetOptions().Extensions[topic_pb2.topic]
            found[topic.name] = getattr(module, message.name)
    return found


TOPICS = sorted(events())


def test_every_event_message_names_a_topic_of_its_own_service() -> None:
    for topic, message in events().items():
        package = message.DESCRIPTOR.file.package  # larrey.<service>.v1
        service = package.split(".")[1]
        assert topic.startswith(f"larrey.{service}."), message.DESCRIPTOR.full_name
        assert topic.endswith(".v1")


def test_no_example_is_an_orphan() -> None:
    assert sorted(p.stem for p in EXAMPLES.glob("*.json")) == TOPICS


@pytest.mark.parametrize("topic", TOPICS)
def test_the_golden_example_decodes_and_comes_back_the_same(topic: str) -> None:
    text = (EXAMPLES / f"{topic}.json").read_text()
    message = json_format.Parse(text, events()[topic]())
    back = json_format.MessageToDict(message, preserving_proto_field_name=True)
    again = json_format.MessageToDict(
        events()[topic].FromString(message.SerializeToString()), preserving_proto_field_name=True
    )
    assert back == again
    assert json_format.Parse(json.dumps(back), events()[topic]()) == message


@pytest.mark.parametrize("topic", TOPICS)
def test_the_key_of_a_topic_is_a_field_that_the_example_fills(topic: str) -> None:
    message = events()[topic]
    key = message.DESCRIPTOR.GetOptions().Extensions[topic_pb2.topic].key
    example = json_format.Parse((EXAMPLES / f"{topic}.json").read_text(), message())
    assert getattr(example, key)
