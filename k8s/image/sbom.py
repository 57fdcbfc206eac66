"""A CycloneDX list of what a service's image holds: `python -m k8s.image.sbom SERVICE`."""

from __future__ import annotations

import json
import re
import sys
import tomllib
import uuid
from importlib.metadata import metadata
from typing import Any

from k8s.image.closure import ROOT, closure, locked

SHA256 = re.compile(r"sha256:([0-9a-f]{64})")
VERSION = re.compile(r"==([^ ;\\\n]+)")


def _licence(name: str) -> list[dict[str, Any]]:
    told = metadata(name)
    text = told.get("License-Expression") or told.get("License") or ""
    if not text or len(text) > 80:  # some packages put the whole text there
        kinds = [
            c.rsplit(" :: ", 1)[-1] for c in told.get_all("Classifier") or () if "License" in c
        ]
        text = ", ".join(kinds)
    return [{"license": {"name": text}}] if text else []


def _component(name: str, entry: str) -> dict[str, Any]:
    version = VERSION.search(entry)[1]  # type: ignore[index]  # each entry begins so
    reference = f"pkg:pypi/{name}@{version}"
    return {
        "type": "library",
        "bom-ref": reference,
        "name": name,
        "version": version,
        "purl": reference,
        "licenses": _licence(name),
        "properties": [
            {"name": "larrey:locked-sha256", "value": digest} for digest in SHA256.findall(entry)
        ],
    }


def sbom(service: str) -> dict[str, Any]:
    """The same for the same lock: no clock, no chance."""
    entries = locked()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    components = [_component(name, entries[name]) for name in closure(service)]
    whole = f"pkg:pypi/larrey@{project['version']}#{service}"
    number = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(components, sort_keys=True) + whole)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{number}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": whole,
                "name": f"larrey-{service}",
                "version": project["version"],
                "licenses": [{"license": {"id": project["license"]["text"]}}],
            }
        },
        "components": components,
        "dependencies": [{"ref": whole, "dependsOn": [c["bom-ref"] for c in components]}],
    }


if __name__ == "__main__":
    print(json.dumps(sbom(sys.argv[1]), indent=1))  # noqa: T201
