"""The JSON that tools build on: its shape is fixed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.emit.plain import SCHEMA_VERSION, plain, to_json
from platform_abi.model.value import frozen
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
        "platform": "linux-6.1@2026.1",
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


def test_json_is_ascii_with_a_newline() -> None:
    """No locale or encoding can change a document's bytes."""
    text = to_json({"ä": "\ud800\u2028"})

    assert text.isascii()
    assert text.endswith("}\n")


@frozen(kw_only=True)
class _Inner:
    name: str
    number: int


@frozen(kw_only=True)
class _Outer:
    text: str
    inner: _Inner | None
    rows: tuple[_Inner, ...]
    table: Mapping[str, int]


_INNER = st.builds(_Inner, name=st.text(max_size=3), number=st.integers())
_OUTER = st.builds(
    _Outer,
    text=st.text(max_size=3),
    inner=st.none() | _INNER,
    rows=st.lists(_INNER, max_size=3).map(tuple),
    table=st.dictionaries(st.text(max_size=3), st.integers(), max_size=3),
)


@given(value=_OUTER)
def test_without_a_shape_a_value_has_its_fields(value: _Outer) -> None:
    """In their order, with everything in them, and nothing that JSON does not hold."""
    found = plain(value, {})
    assert list(found) == ["text", "inner", "rows", "table"]
    assert found["rows"] == [{"name": row.name, "number": row.number} for row in value.rows]
    assert json.loads(to_json(found)) == found


@given(value=_OUTER)
def test_a_shape_says_keys_and_where_their_values_are(value: _Outer) -> None:
    """Another name, an inner value or null for none, null for what is empty, and a function's."""
    shape = ("said:text", "text?", "inner_name:inner.name", ("count", lambda it: len(it.rows)))
    assert plain(value, {_Outer: shape}) == {
        "said": value.text,
        "text": value.text or None,
        "inner_name": None if value.inner is None else value.inner.name,
        "count": len(value.rows),
    }


def test_what_is_no_json_is_an_error() -> None:
    """A set has no order that a document could have."""
    with pytest.raises(TypeError):
        plain(frozenset({"x"}), {})
