"""The verb resolve: arguments, lockfiles, and what is said beside them."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

import pytest

from tests.cli.commands import NIC, PINNED, RESOLVE, Run, run_command
from tests.conftest import DEFINITIONS


def test_findings_go_to_stderr_and_arguments_to_stdout(capsys: Run) -> None:
    """What is on stdout can be given to QEMU as it is; what a user must know is beside it."""
    _, out, err = run_command(
        capsys,
        *RESOLVE,
        "--device",
        "virtio-net-pci,netdev=n0,host_uso=on",
        "--netdev",
        "user,id=n0",
        "--cpu",
        "host",
    )

    assert all(line.startswith("-") for line in out.splitlines())
    assert shlex.split(out)[:2] == ["-machine", "pc-q35-9.1"]
    assert "beyond the platform: virtio-net-pci.host_uso=on of device[0]: backend 'user'" in err
    assert "not migratable: x86-cpu.host-model is left to the host; pin it: -cpu with" in err
    assert "note: no devices given" in run_command(capsys, *RESOLVE)[2]
    assert "" == run_command(capsys, *PINNED)[2]


def test_an_error_leaves_the_earlier_output(capsys: Run, tmp_path: Path) -> None:
    """Nothing is written, not even in part, where resolving fails."""
    target = tmp_path / "f"
    target.write_text("earlier")
    code, out, _ = run_command(
        capsys, *RESOLVE, "--cpu", "host", "--format", "readconfig", "-o", str(target)
    )

    assert (2, "") == (code, out)
    assert "earlier" == target.read_text()


def test_a_lockfile_says_it_all_again(capsys: Run, tmp_path: Path) -> None:
    """--lock writes beside the arguments what --from-lock makes the same arguments of."""
    lock = str(tmp_path / "vm.lock")
    _, first, _ = run_command(capsys, *RESOLVE, *NIC, "--cpu", "host", "--lock", lock)
    code, again, err = run_command(capsys, "resolve", "--from-lock", lock)

    assert (0, first) == (code, again)
    assert "not migratable: x86-cpu.host-model" in err
    assert first == run_command(capsys, "resolve", "--from-lock", lock, "--format", "lines")[1]


def test_a_lockfile_outlives_its_definitions(
    capsys: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Arguments, JSON and the lockfile itself come out the same with all platforms gone."""
    lock = tmp_path / "vm.lock"
    run_command(capsys, *PINNED, "--lock", str(lock))
    expected = {
        form: run_command(capsys, *PINNED, *form)[1]
        for form in ((), ("--json",), ("--format", "lock"))
    }
    left = tmp_path / "definitions"
    shutil.copytree(DEFINITIONS, left, ignore=shutil.ignore_patterns("platforms", "editions"))
    monkeypatch.setattr("platform_abi.definitions.search.packaged", lambda: str(left))

    assert 2 == run_command(capsys, *PINNED)[0]
    for form, text in expected.items():
        assert (0, text, "") == run_command(capsys, "resolve", "--from-lock", str(lock), *form)


def test_a_lockfile_that_nothing_vouches_for_is_refused(
    capsys: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without any definitions nobody knows what a value does, and unknown is not yes."""
    lock = tmp_path / "vm.lock"
    run_command(capsys, *PINNED, "--lock", str(lock))
    monkeypatch.setattr("platform_abi.definitions.search.packaged", lambda: "/nonexistent")

    code, out, told = run_command(capsys, "resolve", "--from-lock", str(lock))
    assert (3, "") == (code, out)
    assert told.startswith("error[lock-refused]")


@pytest.mark.parametrize(
    ("extra", "named"),
    [
        (["-M", "pc-q35-9.1"], "--machine"),
        (["--platform", "linux-6.9"], "--platform"),
        (["--cpu", "host"], "--cpu"),
        (["--build", "qemu-11.1.3"], "--build"),
        (["--device", "e1000"], "--device"),
        (["--netdev", "tap,id=a"], "--netdev"),
        (["--global", "a.b=c"], "--global"),
        (["--backend", "a=tap"], "--backend"),
        (["--accel", "tcg"], "--accel"),
        (["--arch", "aarch64"], "--arch"),
        (["--strict"], "--strict"),
    ],
)
def test_what_a_lockfile_already_says_is_refused_beside_it(
    capsys: Run, tmp_path: Path, extra: list[str], named: str
) -> None:
    """An option that would be ignored is an error that names it."""
    lock = str(tmp_path / "vm.lock")
    run_command(capsys, *PINNED, "--lock", lock)
    code, out, err = run_command(capsys, "resolve", "--from-lock", lock, *extra)

    assert (2, "") == (code, out)
    assert f"take away {named}\n" in err


def test_every_form_of_arguments_is_the_same_arguments(capsys: Run) -> None:
    """Lines, one shell line and JSON are three spellings of one list."""
    _, lines, _ = run_command(capsys, *PINNED)
    _, shell, _ = run_command(capsys, *PINNED, "--format", "shell")
    _, document, _ = run_command(capsys, *PINNED, "--json")

    assert 1 == shell.count("\n")
    assert json.loads(document)["arguments"] == shlex.split(lines) == shlex.split(shell)


def test_strict_refuses_what_is_beyond_the_platform(capsys: Run) -> None:
    """The same command resolves with a remark, and with --strict not at all."""
    words = ["resolve", "-M", "pc-q35-9.1", "--platform", "linux-6.1,virtio-net.host-uso=on", *NIC]

    assert 0 == run_command(capsys, *words)[0]
    code, out, err = run_command(capsys, *words, "--strict")
    assert (2, "") == (code, out)
    assert err.startswith("error[beyond-platform]: ")
