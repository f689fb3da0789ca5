"""The QAPI schema of what is answered here: it is whole, and the answers are what it declares."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

import platform_abi as pa
from platform_abi.compat.supported import newest
from platform_abi.monitor.commands import Answers, about_itself
from platform_abi.monitor.reader import Message, Reader
from platform_abi.monitor.request import CommandError, read_request
from platform_abi.monitor.schema import Schema, load_schema, read_schema
from tests.monitor.declared import by_name, dangling, wrong

SCHEMAS = ["platform.qapi", "control.qapi"]
Ask = Callable[..., dict[str, Any]]

CAPTURES = Path(__file__).parent.parent / "captures"
HOST = pa.read_report((CAPTURES / "constructed-ubuntu-24.04.json").read_bytes(), "a host")


@pytest.fixture(scope="module")
def schema() -> Schema:
    """Return everything that a monitor without a QEMU answers."""
    return load_schema("control.qapi", "platform.qapi")


@pytest.fixture
def lock(catalogue: pa.FileCatalogue) -> tuple[pa.GuestAbi, str]:
    """Return a guest ABI with everything in it that a lockfile may have, and its lockfile."""
    vm = pa.virtual_machine(
        catalogue.devices(),
        "pc-q35-9.1",
        devices=["virtio-net-pci,netdev=n0,id=net0,host_uso=on"],
        netdevs=["tap,id=n0,vhost=on"],
    )
    abi = pa.resolve(catalogue, vm, "linux-6.1")
    text = pa.lock_text(abi, definitions="sha256:0")
    return pa.read_lock(text, "vm.lock"), text


@pytest.fixture
def ask(
    catalogue: pa.FileCatalogue, schema: Schema, lock: tuple[pa.GuestAbi, str], probed: list[int]
) -> Ask:
    """Return a function that asks for a command with arguments, and returns the whole reply."""

    def probe(_catalogue: pa.FileCatalogue) -> pa.HostReport:
        probed.append(1)
        return HOST

    answers = Answers(
        schema,
        load=lambda: catalogue,
        probe=probe,
        choose=newest,
        lock=lock,
        constants=about_itself(schema),
    )

    def asked(command: str, **arguments: Any) -> dict[str, Any]:
        text = json.dumps({"execute": command, "arguments": arguments, "id": 1}).encode()
        message = next(Reader().feed(text))
        assert isinstance(message, Message)
        reply = json.loads(answers.line(read_request(message)))
        assert 1 == reply.pop("id")
        assert isinstance(reply, dict)
        return reply

    return asked


@pytest.fixture
def probed() -> list[int]:
    """Return what grows by one with each time that the host is asked."""
    return []


# --- the schema ----------------------------------------------------------------------------------


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
    with pytest.raises(CommandError) as caught:
        schema.check_arguments("query-platforms", arguments)
    assert said == caught.value.desc


def test_a_missing_argument_is_named() -> None:
    """One without a star has to be there; an integer is no boolean."""
    schema = read_schema(b"{ 'command': 'c', 'data': { 'n': 'int' } }")
    for arguments, said in (
        ({}, "Parameter 'n' is missing"),
        ({"n": True}, "Invalid parameter type for 'n', expected: integer"),
    ):
        with pytest.raises(CommandError) as caught:
            schema.check_arguments("c", arguments)
        assert said == caught.value.desc
    schema.check_arguments("c", {"n": 1})


# --- the answers ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        *("query-platforms", "query-platform", "query-platform-host"),
        *("query-version", "query-commands", "query-qmp-schema"),
    ],
)
def test_every_answer_is_what_the_schema_declares(schema: Schema, ask: Ask, command: str) -> None:
    """Each member is declared and of its type, and each that is not optional is there."""
    entries = schema.entries()
    value = ask(command)["return"]
    assert [] == wrong(entries, entries[command]["ret-type"], value)


def test_platforms_are_judged_as_the_command_line_does(
    catalogue: pa.FileCatalogue, ask: Ask
) -> None:
    """In the same order, with the same verdict and reasons; one of them is the newest."""
    verdicts = pa.query_platforms(catalogue, HOST)
    answer = ask("query-platforms")["return"]
    assert [(v.name, v.supported, len(v.missing)) for v in verdicts] == [
        (p["name"], p["supported"], len(p["missing"])) for p in answer
    ]
    assert {"2026.1"} == {p["edition"] for p in answer}
    chosen = pa.newest(verdicts, HOST)
    assert chosen is not None
    assert [chosen.name] == [p["name"] for p in answer if p["newest"]]


def test_platforms_can_be_asked_for_by_name_and_by_verdict(ask: Ask) -> None:
    """A platform that nothing defines is an error with the nearest name."""
    assert ["linux-6.9"] == [p["name"] for p in ask("query-platforms", name="linux-6.9")["return"]]
    for verdict in ("yes", "no", "unknown"):
        found = ask("query-platforms", supported=verdict)["return"]
        assert {verdict} >= {p["supported"] for p in found}
    error = ask("query-platforms", name="linux-6.99")["error"]
    assert "GenericError" == error["class"]
    assert error["desc"].startswith("unknown platform 'linux-6.99'; did you mean")


def test_the_host_is_asked_once_and_again_when_told_to(ask: Ask, probed: list[int]) -> None:
    """Whichever command needs it first; refresh asks again."""
    ask("query-platform")
    assert 0 == len(probed)
    ask("query-platforms")
    ask("query-platform-host")
    ask("query-platforms", refresh=False)
    assert 1 == len(probed)
    ask("query-platform-host", refresh=True)
    assert 2 == len(probed)


def test_the_host_report_is_one_that_other_verbs_take(ask: Ask) -> None:
    """What is in ``report`` is read back as what was probed."""
    answer = ask("query-platform-host")["return"]
    assert HOST == pa.read_report(json.dumps(answer["report"]), "report")
    assert sorted(HOST.facts) == [fact["capability"] for fact in answer["facts"]]


def test_the_platform_in_use_is_what_the_lockfile_says(
    ask: Ask, lock: tuple[pa.GuestAbi, str]
) -> None:
    """With its digest and text, so that the same ABI can be made of it; nothing is null."""
    abi, text = lock
    answer = ask("query-platform")["return"]
    assert (abi.platform, pa.abi_digest(abi)) == (answer["platform"], answer["digest"])
    assert abi == pa.read_lock(answer["lock"], "lock")
    assert text == answer["lock"]
    assert ["virtio-net.host-uso"] == [entry["feature"] for entry in answer["beyond-platform"]]
    assert not answer["migratable"]
    assert answer["unpinned"]


def test_without_a_lockfile_there_is_no_platform_in_use(
    catalogue: pa.FileCatalogue, schema: Schema
) -> None:
    """The error says what is missing."""
    answers = Answers(schema, load=lambda: catalogue, probe=lambda _: HOST, choose=newest)
    message = next(Reader().feed(b'{"execute":"query-platform"}'))
    assert isinstance(message, Message)
    reply = json.loads(answers.line(read_request(message)))
    assert reply["error"]["desc"].startswith("No lockfile was given to this monitor")


def test_what_fails_below_is_an_error_in_qemus_form(schema: Schema) -> None:
    """A definition that cannot be read is told to the client, with what to do."""

    def load() -> pa.FileCatalogue:
        raise pa.DefinitionError(["x.toml:1: wrong"], help="correct it")

    answers = Answers(schema, load=load, probe=lambda _: HOST, choose=newest)
    message = next(Reader().feed(b'{"execute":"query-platforms"}'))
    assert isinstance(message, Message)
    reply = json.loads(answers.line(read_request(message)))
    assert {"class": "GenericError", "desc": "x.toml:1: wrong; correct it"} == reply["error"]
