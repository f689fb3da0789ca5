"""The QAPI schema of what is answered here: whole, documented, and with QEMU's own checks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import pytest

from platform_abi.monitor.request import RefusedError
from platform_abi.monitor.schema import Schema, load_schema, read_schema
from tests.monitor.declared import by_name, dangling

SCHEMAS = ["platform.qapi", "control.qapi"]


@pytest.fixture(scope="module")
def schema() -> Schema:
    """Return everything that a monitor without a QEMU answers."""
    return load_schema("control.qapi", "platform.qapi")


def test_every_type_that_is_named_is_declared(schema: Schema) -> None:
    """query-qmp-schema has no reference that leads nowhere, and no name twice."""
    assert set() == dangling(by_name(schema.entries().values()))
    assert set() == dangling(load_schema("platform.qapi").entries())


def test_no_type_is_called_as_qemu_calls_its_own(schema: Schema) -> None:
    """QEMU's types are numbers, built-in types and arrays of them; these are none of those."""
    for name, entry in schema.entries().items():
        if entry["meta-type"] in {"object", "enum"}:
            assert not name.isdigit()
            assert re.fullmatch(r"[A-Z][A-Za-z]+|q_obj_[a-z_-]+-arg", name)


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_definition_is_documented_member_by_member(name: str) -> None:
    """As QAPI asks for: a comment of its own before each, with every member and since when."""
    text = files("platform_abi.monitor").joinpath(name).read_text(encoding="utf-8")
    schema = read_schema(text.encode())
    blocks = {
        match[1]: match[0]
        for match in re.finditer(r"^##\n# @([\w-]+):\n(?:#.*\n)+?##\n(?=\{)", text, re.MULTILINE)
    }
    declared: dict[str, list[str]] = {
        **{enum: list(values) for enum, values in schema.enums.items()},
        **{command: list(arguments) for command, (arguments, _) in schema.commands.items()},
    }
    for struct in re.finditer(
        r"'struct': '(\w+)',(?:\s*'base': '\w+',)?\s*'data': \{([^}]*)\}", text
    ):
        declared[struct[1]] = re.findall(r"'([*\w-]+)':", struct[2])
    assert declared.keys() == blocks.keys()
    for definition, members in declared.items():
        documented = re.findall(r"^# @([\w-]+):", blocks[definition], re.MULTILINE)[1:]
        assert [member.removeprefix("*") for member in members] == documented, definition
        assert "\n# Since: " in blocks[definition], definition
    assert all(len(line) <= 70 for line in text.splitlines())


def test_what_is_no_qapi_is_refused() -> None:
    """A keyword that this reader does not know is an error, not ignored."""
    for text in (b"{ 'event': 'X' }", b"{ 'enum': }", b"[]"):
        with pytest.raises(ValueError, match=r"not understood|JSON parse error"):
            read_schema(text)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"x": 1}, "Parameter 'x' is unexpected"),
        ({"refresh": 1}, "Invalid parameter type for 'refresh', expected: boolean"),
        ({"name": None}, "Invalid parameter type for 'name', expected: string"),
        ({"supported": "maybe"}, "Parameter 'supported' does not accept value 'maybe'"),
    ],
)
def test_arguments_are_checked_in_qemus_words(
    schema: Schema, arguments: Mapping[str, Any], said: str
) -> None:
    """Of the wrong type, of no such value, or not declared."""
    with pytest.raises(RefusedError) as caught:
        schema.check_arguments("query-platforms", arguments)
    assert said == caught.value.desc


def test_a_missing_argument_is_named() -> None:
    """One without a star has to be there; an integer is no boolean."""
    schema = read_schema(b"{ 'command': 'c', 'data': { 'n': 'int' } }")
    for arguments, said in (
        ({}, "Parameter 'n' is missing"),
        ({"n": True}, "Invalid parameter type for 'n', expected: integer"),
    ):
        with pytest.raises(RefusedError) as caught:
            schema.check_arguments("c", arguments)
        assert said == caught.value.desc
    schema.check_arguments("c", {"n": 1})
