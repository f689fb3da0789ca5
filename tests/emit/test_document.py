"""The JSON that tools build on: its shape is fixed."""

from __future__ import annotations

from typing import Any

from hypothesis import given

import platform_abi as pa
from platform_abi.emit.plain import SCHEMA_VERSION, to_json
from platform_abi.testing import Scenario, scenarios
from tests.documents import validated
from tests.resolver.shipped import PINNED_CPU, machine_with_nics

#: Field by field; a type, a tuple of types, or a list with the shape of its items.
SHAPE: dict[str, Any] = {
    "schema_version": int,
    "machine": str,
    "build": (str, type(None)),
    "platform": str,
    "accelerator": str,
    "arguments": [str],
    "settings": [
        {
            "driver": str,
            "property": str,
            "value": str,
            "device": (str, type(None)),
            "layer": str,
            "source": str,
        }
    ],
    "preconditions": [{"capability": str, "because": [str]}],
    "unpinned": [{"what": str, "pin": str, "migration": str}],
    "beyond_platform": [
        {
            "feature": str,
            "driver": str,
            "property": str,
            "value": str,
            "device": (str, type(None)),
            "missing": [str],
            "reason": str,
        }
    ],
    "notes": [str],
    "obstacles": [{"code": str, "what": str, "reason": str, "help": str}],
    "migratable": (bool, str),
    "machine_digest": str,
    "digest": str,
}


def _check(shape: Any, found: Any) -> None:
    if isinstance(shape, dict):
        assert list(shape) == list(found)
        for key, inner in shape.items():
            _check(inner, found[key])
    elif isinstance(shape, list):
        assert isinstance(found, list)
        for each in found:
            _check(shape[0], each)
    else:
        assert isinstance(found, shape)


@given(scenarios())
def test_the_shape_is_fixed(scenario: Scenario) -> None:
    """Every document has exactly these fields, in this order, of these types."""
    abi = pa.resolve(scenario.catalogue, scenario.vm, scenario.platform)
    document = pa.abi_document(abi)

    _check(SHAPE, document)
    assert document == validated("resolve", to_json(document))


@given(scenarios())
def test_the_document_is_the_abi(scenario: Scenario) -> None:
    """Arguments, digest and verdict are those of the ABI itself."""
    abi = pa.resolve(scenario.catalogue, scenario.vm, scenario.platform)
    document = pa.abi_document(abi)

    assert pa.arguments(abi) == document["arguments"]
    assert pa.abi_digest(abi) == document["digest"]
    said = "unknown" if abi.migratable is None else abi.migratable
    assert said == document["migratable"]
    assert len(abi.settings) == len(document["settings"])
    assert len(abi.beyond) == len(document["beyond_platform"])


def test_an_example_in_full(catalogue: pa.FileCatalogue) -> None:
    """The values under the fields are what the words say."""
    vm = machine_with_nics(
        catalogue,
        "pc-q35-9.1",
        "user",
        nic="virtio-net-pci,host_uso=on",
        accelerator="tcg",
        cpu=PINNED_CPU,
        build="qemu-10.0.2",
    )
    document = pa.abi_document(pa.resolve(catalogue, vm, "linux-6.1"))

    assert {
        "schema_version": SCHEMA_VERSION,
        "machine": "pc-q35-9.1",
        "build": "qemu-10.0.2",
        "platform": "linux-6.1@2026.2",
        "accelerator": "tcg",
        "unpinned": [],
        "notes": [],
        "obstacles": [],
        "migratable": True,
        "preconditions": [{"capability": "netdev.user", "because": ["virtio-net.netdev-type"]}],
        "beyond_platform": [
            {
                "feature": "virtio-net.host-uso",
                "driver": "virtio-net-pci",
                "property": "host_uso",
                "value": "on",
                "device": "nic0",
                "missing": [],
                "reason": "backend 'user' cannot carry it",
            }
        ],
    }.items() <= document.items()
    assert {
        "driver": "virtio-net-pci",
        "property": "host_uso",
        "value": "on",
        "device": "nic0",
        "layer": "device",
        "source": "argument",
    } in document["settings"]
