"""The answers that are made here: what the schema declares, and what the command line says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import platform_abi as pa
from platform_abi.compat.supported import newest
from platform_abi.monitor.commands import Commands, about_itself
from platform_abi.monitor.reader import Message, read_messages
from platform_abi.monitor.request import read_request
from platform_abi.monitor.schema import Schema, load_schema
from tests.monitor.declared import wrong

Ask = Callable[..., dict[str, Any]]

CAPTURES = Path(__file__).parent.parent / "captures"
HOST = pa.read_report((CAPTURES / "constructed-ubuntu-24.04.json").read_bytes(), "a host")


def _answer(commands: Commands, text: bytes) -> dict[str, Any]:
    (message,) = read_messages(text)
    assert isinstance(message, Message)
    reply = json.loads(commands.answer(read_request(message)))
    assert isinstance(reply, dict)
    return reply


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

    commands = Commands(
        schema,
        load=lambda: catalogue,
        probe=probe,
        choose=newest,
        lock=lock,
        constants=about_itself(schema),
    )

    def asked(command: str, **arguments: Any) -> dict[str, Any]:
        text = json.dumps({"execute": command, "arguments": arguments, "id": 1}).encode()
        reply = _answer(commands, text)
        assert 1 == reply.pop("id")
        return reply

    return asked


@pytest.fixture
def probed() -> list[int]:
    """Return what grows by one with each time that the host is asked."""
    return []


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
    newer = {p["name"] for p in answer if p["edition"] != "2026.2"}
    assert newer == {v.name for v in verdicts if not catalogue.platform(v.name).is_at("2026.2")}
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
    assert abi.migratable == answer["migratable"]
    assert answer["unpinned"]


def test_without_a_lockfile_there_is_no_platform_in_use(
    catalogue: pa.FileCatalogue, schema: Schema
) -> None:
    """The error says what is missing."""
    commands = Commands(schema, load=lambda: catalogue, probe=lambda _: HOST, choose=newest)
    reply = _answer(commands, b'{"execute":"query-platform"}')
    assert reply["error"]["desc"].startswith("No lockfile was given to this monitor")


def test_what_fails_below_is_an_error_in_qemus_form(schema: Schema) -> None:
    """A definition that cannot be read is told to the client, with what to do."""

    def load() -> pa.FileCatalogue:
        raise pa.DefinitionError(["x.toml:1: wrong"], help="correct it")

    commands = Commands(schema, load=load, probe=lambda _: HOST, choose=newest)
    reply = _answer(commands, b'{"execute":"query-platforms"}')
    assert {"class": "GenericError", "desc": "x.toml:1: wrong; correct it"} == reply["error"]
