"""The verb ``verify``: what it takes, what it prints and what its exit code says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

import platform_abi as pa
from platform_abi.cli import main
from platform_abi.cli.options import VerifyOptions
from platform_abi.cli.verify import run
from platform_abi.emit.lockfile import lockfile
from platform_abi.files import write_text
from platform_abi.host.document import report_line
from platform_abi.verifier.running import RunningVm
from tests.documents import validated
from tests.verifier.recorded_machine import (
    bare,
    promised,
    resolved,
    serving,
    telling,
    with_properties,
)
from tests.verifier.test_verify import able

_NET0 = "/machine/peripheral/net0"


class Stage:
    """A lockfile, a host's report and a socket in one folder."""

    def __init__(self, catalogue: pa.FileCatalogue, folder: Path) -> None:
        self.abi = resolved(catalogue, devices=("virtio-net-pci,netdev=n0,id=net0",))
        self.vm = promised(catalogue, self.abi, bare(catalogue, self.abi))
        self.socket = folder / "qmp"
        self.lock = folder / "vm.lock"
        self.report = folder / "host.json"
        write_text(self.lock, lockfile(catalogue, self.abi))
        write_text(self.report, report_line(able(catalogue)))

    def run(self, vm: RunningVm | None = None, **options: Any) -> int:
        """Run the verb against a QEMU with *vm*."""
        defaults: dict[str, Any] = {
            "lock": str(self.lock),
            "qmp": str(self.socket),
            "timeout": 10.0,
            "host": str(self.report),
        }
        with serving(self.socket, telling(self.vm if vm is None else vm)):
            return run(VerifyOptions(**{**defaults, **options}))


@pytest.fixture
def stage(catalogue: pa.FileCatalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Return what every test here needs."""
    monkeypatch.setattr("platform_abi.cli.verify.load_catalogue", lambda: catalogue)
    return Stage(catalogue, tmp_path)


def test_ok_is_zero(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """A QEMU as promised is 0, and says what was compared."""
    assert stage.run() == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{stage.lock}: ok  (linux-6.9@2026.2; pc-q35-9.1 of QEMU 10.0.2; ")
    assert "properties compared)" in said


def test_drift_is_one(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """A property that is otherwise is 1, with its device, both values and what to do."""
    assert stage.run(with_properties(stage.vm, {_NET0: {"host_uso": "off"}})) == 1
    said = capsys.readouterr().out
    assert ": drift  (" in said
    assert "drift    property: virtio-net-pci.host_uso of net0 is off, and has to be on" in said
    assert "help: start it with the lockfile's arguments" in said


def test_what_nobody_can_tell_is_one_unless_allowed(
    stage: Stage, catalogue: pa.FileCatalogue, capsys: pytest.CaptureFixture[str]
) -> None:
    """Unknown is not yes; whoever allows it is told all the same."""
    report = able(catalogue)
    facts = {name: fact for name, fact in report.facts.items() if name != "tun.uso"}
    write_text(stage.report, report_line(evolve(report, facts=facts)))
    assert stage.run() == 1
    assert stage.run(allow_unknown=True) == 0
    assert capsys.readouterr().out.count("offer-unknown: cannot tell") == 6


def test_drift_is_one_whatever_is_allowed(stage: Stage) -> None:
    """To allow what is unknown allows nothing else."""
    changed = with_properties(stage.vm, {_NET0: {"mrg_rxbuf": "off"}})
    assert stage.run(changed, allow_unknown=True) == 1


def test_the_document(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """With --json it is one document, of the schema that every verb has."""
    assert stage.run(with_properties(stage.vm, {_NET0: {"host_uso": "off"}}), json=True) == 1
    document = validated("verify", capsys.readouterr().out)
    assert document["schema_version"] == 1
    assert (document["status"], document["qemu"]) == ("drift", "10.0.2")
    assert (document["machine"], document["build"]) == ("pc-q35-9.1", "qemu-10.0.2")
    assert document["findings"][0]["property"] == "host_uso"


@pytest.mark.parametrize(
    "options",
    [
        {"qmp": None},
        {"start": True},
        {"words": ["--", "-machine", "q35"]},
        {"words": ["--json"]},
        {"qemu": "qemu-system-x86_64"},
        {"timeout": 0.0},
        {"timeout": -1.0},
        {"timeout": float("nan")},
    ],
    ids=["neither", "both", "words", "behind", "binary", "no time", "less", "nan"],
)
def test_what_contradicts_itself_is_usage(stage: Stage, options: dict[str, Any]) -> None:
    """One of --qmp and --start, and what belongs to the other is refused at once."""
    with pytest.raises(pa.UsageError) as caught:
        stage.run(**options)
    assert caught.value.code == "usage"


def test_the_command_line(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """The whole way from the words of a shell to the exit code."""
    with serving(stage.socket, telling(stage.vm)):
        words = ["--qmp", str(stage.socket), "--host", str(stage.report), "--json", str(stage.lock)]
        assert main(["verify", *words]) == 0
        assert json.loads(capsys.readouterr().out)["status"] == "ok"
    assert main(["verify", *words]) == 4
    error = json.loads(capsys.readouterr().err)["error"]
    assert error["code"] == "qmp-unreachable"


def test_an_edited_lockfile_is_refused(stage: Stage) -> None:
    """Nothing is compared with a lockfile that is not what was locked."""
    stage.lock.write_text(stage.lock.read_text().replace("linux-6.9", "linux-6.8"))
    with pytest.raises(pa.LockError):
        stage.run()


def test_no_qemu_there_is_the_environment(stage: Stage) -> None:
    """A socket that nobody serves is exit code 4, with what to name instead."""
    with pytest.raises(pa.HostError) as caught:
        stage.run(qmp=str(stage.socket.with_name("nobody")))
    assert (caught.value.code, caught.value.exit_code) == ("qmp-unreachable", 4)


def test_no_binary_to_start_is_the_environment(stage: Stage) -> None:
    """A QEMU that is not there is an error by its name."""
    with pytest.raises(pa.HostError) as caught:
        stage.run(qmp=None, start=True, qemu="/nowhere/qemu-system-x86_64")
    assert caught.value.code == "qemu-not-found"
