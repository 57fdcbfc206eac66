"""A made-up fact on a topic of its own, so that no two tests share a topic."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import uuid4

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message

from larrey.events.v1 import topic_pb2

TEXT = descriptor_pb2.FieldDescriptorProto.TYPE_STRING
WHOLE = descriptor_pb2.FieldDescriptorProto.TYPE_INT64


def a_fact(topic: str | None = None) -> type[Message]:
    """A message type with `subject` (the key), `number` and `note`, telling `topic`.

    The same topic gives the same type, also in another process.
    """
    topic = topic or f"larrey.testing.{uuid4().hex[:12]}.v1"
    tag = hashlib.blake2b(topic.encode(), digest_size=6).hexdigest()
    file = descriptor_pb2.FileDescriptorProto(
        name=f"larrey/testing/{tag}.proto",
        package=f"larrey.testing.t{tag}",
        syntax="proto3",
        dependency=["larrey/events/v1/topic.proto"],
    )
    told = file.message_type.add(name="Told")
    for number, (name, kind) in enumerate(
        [("subject", TEXT), ("number", WHOLE), ("note", TEXT)], start=1
    ):
        told.field.add(
            name=name,
            number=number,
            type=kind,
            label=descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL,
        )
    option = told.options.Extensions[topic_pb2.topic]
    option.name = topic
    option.key = "subject"
    pool = descriptor_pool.Default()
    pool.Add(file)
    found: Any = pool.FindMessageTypeByName(f"{file.package}.Told")
    return message_factory.GetMessageClass(found)


def tell(kind: type[Message], subject: str, number: int, note: str = "") -> Message:
    """One such fact."""
    make: Any = kind
    message: Message = make(subject=subject, number=number, note=note)
    return message
