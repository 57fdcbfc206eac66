"""Strimzi's types for the API server, from what this repository uses of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from k8s.tests.schemas import STRIMZI

OPEN = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def structural(schema: dict[str, Any]) -> dict[str, Any]:
    """The same as an API server wants it: unknown fields are refused by its strict check."""
    if "const" in schema:
        return {"type": "string", "enum": [schema["const"]]}
    if "enum" in schema:
        return {"type": "string", "enum": schema["enum"]}
    if schema.get("type") == "object":
        if "properties" not in schema:
            return OPEN
        found = {key: structural(value) for key, value in schema["properties"].items()}
        needed = {"required": schema["required"]} if schema["required"] else {}
        return {"type": "object", "properties": found, **needed}
    if schema.get("type") == "array":
        return {**schema, "items": structural(schema["items"])}
    return schema


def types() -> Iterator[dict[str, Any]]:
    for kind, spec in STRIMZI.items():
        plural = kind.lower() + "s"
        yield {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{plural}.kafka.strimzi.io"},
            "spec": {
                "group": "kafka.strimzi.io",
                "scope": "Namespaced",
                "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
                "versions": [
                    {
                        "name": "v1",
                        "served": True,
                        "storage": True,
                        "schema": {
                            "openAPIV3Schema": {
                                "type": "object",
                                "properties": {"spec": structural(spec)},
                                "required": ["spec"],
                            }
                        },
                    }
                ],
            },
        }
