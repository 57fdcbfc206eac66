"""Strict schemas: Kubernetes' own, those of the operators' types, and ours for Strimzi."""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any

import jsonschema
import kubernetes_validate

VERSION = "1.36"
CLOUDCOIL = {
    "cert-manager.io/v1": "cloudcoil.models.cert_manager.v1",
    "keda.sh/v1alpha1": "cloudcoil.models.keda.v1alpha1",
    "monitoring.coreos.com/v1": "cloudcoil.models.prometheus_operator.v1",
}
TEXT, WHOLE, FLAG = {"type": "string"}, {"type": "integer", "minimum": 0}, {"type": "boolean"}
NAME = {"type": "string", "pattern": r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"}


def _closed(needed: dict[str, Any], free: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {**needed, **(free or {})},
        "required": list(needed),
        "additionalProperties": False,
    }


def _list(of: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "minItems": 1, "items": of}


CONFIG = {"type": "object", "additionalProperties": {"type": ["string", "integer", "boolean"]}}
TLS = _closed({"type": {"const": "tls"}})
OPERATIONS = {"enum": ["Read", "Write", "Create", "Delete", "Alter", "Describe", "All"]}
# What this repository uses of the Strimzi operator's types, version v1, and nothing else.
STRIMZI: dict[str, dict[str, Any]] = {
    "KafkaTopic": _closed({"partitions": WHOLE, "replicas": WHOLE, "config": CONFIG}),
    "KafkaUser": _closed(
        {
            "authentication": TLS,
            "authorization": _closed(
                {
                    "type": {"const": "simple"},
                    "acls": _list(
                        _closed(
                            {
                                "resource": _closed(
                                    {
                                        "type": {"enum": ["topic", "group", "cluster"]},
                                        "name": TEXT,
                                        "patternType": {"enum": ["literal", "prefix"]},
                                    }
                                ),
                                "operations": _list(OPERATIONS),
                            }
                        )
                    ),
                }
            ),
        }
    ),
    "KafkaNodePool": _closed(
        {
            "replicas": WHOLE,
            "roles": _list({"enum": ["controller", "broker"]}),
            "storage": _closed(
                {
                    "type": {"const": "jbod"},
                    "volumes": _list(
                        _closed(
                            {"id": WHOLE, "type": {"const": "persistent-claim"}, "size": TEXT},
                            {"deleteClaim": FLAG, "kraftMetadata": {"const": "shared"}},
                        )
                    ),
                }
            ),
        },
        {"resources": {"type": "object"}},
    ),
    "Kafka": _closed(
        {
            "kafka": _closed(
                {
                    "version": TEXT,
                    "listeners": _list(
                        _closed(
                            {
                                "name": TEXT,
                                "port": {"type": "integer", "minimum": 9092},
                                "type": {"const": "internal"},
                                "tls": FLAG,
                            },
                            {"authentication": TLS},
                        )
                    ),
                    "config": CONFIG,
                },
                {
                    "authorization": _closed({"type": {"const": "simple"}}),
                    "rack": _closed({"topologyKey": TEXT}),
                },
            ),
            "entityOperator": _closed({"topicOperator": _closed({}), "userOperator": _closed({})}),
        }
    ),
}


def _strimzi(kind: str) -> dict[str, Any]:
    metadata = _closed(
        {"name": NAME, "namespace": NAME}, {"labels": {"type": "object"}, "annotations": {}}
    )
    return _closed({"apiVersion": TEXT, "kind": TEXT, "metadata": metadata, "spec": STRIMZI[kind]})


def _shut(schema: Any) -> None:
    """Forbids what the schema does not name: pydantic leaves that open."""
    if isinstance(schema, dict):
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
        for value in schema.values():
            _shut(value)
    elif isinstance(schema, list):
        for value in schema:
            _shut(value)


@cache
def _checker(api_version: str, kind: str) -> Any:
    if api_version == "kafka.strimzi.io/v1":
        schema = _strimzi(kind)
    else:
        module = importlib.import_module(CLOUDCOIL[api_version])
        schema = getattr(module, kind).model_json_schema(by_alias=True)
        _shut(schema)
    return jsonschema.Draft202012Validator(schema)


def problems(doc: dict[str, Any]) -> list[str]:
    """What is wrong with one manifest; a type that no schema is known of is wrong too."""
    name = f"{doc['kind']}/{doc['metadata']['name']}"
    if doc["apiVersion"] in CLOUDCOIL or doc["apiVersion"].startswith("kafka.strimzi.io/"):
        try:
            checker = _checker(doc["apiVersion"], doc["kind"])
        except (KeyError, AttributeError, ImportError):
            return [f"{name}: no schema of {doc['apiVersion']} is known"]
        return [f"{name}{e.json_path[1:]}: {e.message}" for e in checker.iter_errors(doc)]
    try:
        kubernetes_validate.validate(doc, VERSION, strict=True)
    except (kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError) as error:
        return [f"{name}: {error.message}"]
    return []
