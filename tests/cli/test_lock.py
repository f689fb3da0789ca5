"""The verb ``lock``, and sources in the place of lockfiles: one virtual machine, however named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.cli import main
from platform_abi.emit.lock_reading import load_lock
from platform_abi.emit.lockfile import lockfile
from platform_abi.files import write_text

_LINE = (
    "qemu-system-x86_64 -machine pc-q35-9.1 -accel kvm -cpu qemu64 -nodefaults "
    "-netdev tap,id=n0 -device virtio-net-pci,netdev=n0,id=net0"
)
_PLATFORM = ["--platform", "linux-6.1"]


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the name of a file with a command line, in the working folder."""
    monkeypatch.chdir(tmp_path)
    write_text("vm.args", _LINE)
    return "vm.args"


def test_what_is_locked_is_what_resolve_locks(
    catalogue: pa.FileCatalogue, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """To the byte, from a file or behind ``--``; and what it is stands on one line."""
    assert 0 == main(["lock", line, *_PLATFORM, "-o", "a.lock"])
    said = capsys.readouterr().out
    assert said.startswith("a.lock: pc-q35-9.1, linux-6.1@")
    assert said.endswith(", 1 device\n")
    assert 0 == main(["lock", *_PLATFORM, "-o", "b.lock", "--", *_LINE.split()])
    assert 0 == main(["resolve", line, *_PLATFORM, "--format", "lock", "-o", "c.lock"])
    texts = {Path(name).read_text() for name in ("a.lock", "b.lock", "c.lock")}
    assert 1 == len(texts)
    vm = pa.from_command_line(catalogue, _LINE).vm
    abi = pa.resolve(catalogue, vm, "linux-6.1")
    assert pa.abi_digest(abi) == pa.abi_digest(load_lock("a.lock", catalogue=catalogue))


def test_a_lockfile_is_locked_anew(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    """For its own platform where none is named, else for that one."""
    main(["lock", line, *_PLATFORM, "-o", "a.lock"])
    assert 0 == main(["lock", "a.lock", "-o", "b.lock"])
    assert Path("a.lock").read_text() == Path("b.lock").read_text()
    assert 0 == main(["lock", "a.lock", "--platform", "linux-6.9", "-o", "b.lock"])
    assert "linux-6.9@" in capsys.readouterr().out


def test_a_source_is_checked_like_its_lockfile(
    line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same findings, with --platform and without a lockfile."""
    main(["lock", line, *_PLATFORM, "-o", "a.lock"])
    capsys.readouterr()
    found = []
    for words in (["a.lock"], [line, *_PLATFORM]):
        main(["check", *words, "--json"])
        found.append(json.loads(capsys.readouterr().out))
    assert found[0] == found[1]
    assert 0 == main(["diff", "abi", "a.lock", "a.lock"])
    assert 0 == main(["explain", "virtio-net-device.host_uso", line, *_PLATFORM])


def test_what_is_not_read_is_nobodys_to_let_pass(
    catalogue: pa.FileCatalogue, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said when it is read, kept in the lockfile, and a finding of every check of that."""
    write_text(line, _LINE + " -device nobody,id=x1")
    assert 0 == main(["lock", line, *_PLATFORM, "-o", "a.lock"])
    told = capsys.readouterr()
    assert "1 piece of it unknown" in told.out
    assert "not read: vm.args: device x1" in told.err
    assert ("unread.device x1", "unknown") in (
        load_lock("a.lock", catalogue=catalogue).vm.hardware or ()
    )
    for words in ([line, *_PLATFORM], ["a.lock"]):
        main(["check", *words, "--json"])
        checks = [
            f["severity"] for f in json.loads(capsys.readouterr().out)["findings"]
            if f["code"] == "vm-unknown"
        ]  # fmt: skip
        assert ["blocked"] == checks


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["lock", "-o", "a"], "nothing to lock"),
        (["lock", "vm.args", "-M", "pc-q35-9.1", "-o", "a"], "take away --machine"),
        (["lock", "vm.args", "-o", "a", "--", "-M", "pc-q35-9.1"], "two virtual machines"),
        (["check", "a.lock", *_PLATFORM], "a lockfile already says"),
        (["resolve", "--from-lock", "a.lock", "vm.args"], "take away SOURCE"),
        (["resolve", "vm.args"], "--platform is missing"),
        (["verify", "--qmp", "s", "--update", "vm.args"], "not a lockfile"),
    ],
)
def test_what_contradicts_itself_is_refused(
    catalogue: pa.FileCatalogue,
    line: str,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    said: str,
) -> None:
    """By name, and nothing is written."""
    abi = pa.resolve(catalogue, pa.from_command_line(catalogue, _LINE).vm, "linux-6.1")
    write_text("a.lock", lockfile(catalogue, abi))
    assert 2 <= main(words) <= 3
    assert said in capsys.readouterr().err
    assert not Path("a").exists()
    assert _LINE == Path(line).read_text()
