"""What a QEMU prints of itself is asked of its program once, and of what starts one each time."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.definitions.state import user_folder
from platform_abi.qemu.netdevs import ask_netdevs
from platform_abi.qemu.printed import (
    PrintedQuestions,
    ask_and_keep,
    keep_printed,
    kept_printed,
    printed_file,
    printed_version,
)
from platform_abi.qemu.program import file_identity
from tests.qemu.programs import HELP, code_of, qemu, script

IDENTITY = "build-id:0123456789abcdef0123456789abcdef01234567"
PRINTED = ("QEMU emulator version 9.1.0\n", "Available netdev backend types:\nsocket\ntap\n")
_SOURCE = Path(__file__).with_name("printing_qemu.c")


def _program(path: Path, *defined: str) -> str:
    """Return a QEMU that is a program, compiled with *defined*."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler, and so no program to stand for a QEMU")
    words = [compiler, *(f"-D{each}" for each in defined), "-Wl,--build-id=sha1"]
    subprocess.run([*words, "-o", path, _SOURCE], check=True)
    return str(path)


def _report(binary: str) -> pa.HostReport:
    with PrintedQuestions(binary) as questions:
        return questions.answer({}, 20.0)


def _kept() -> list[Path]:
    return sorted(Path(user_folder() or "").glob("*.printed"))


def test_a_program_is_asked_once(tmp_path: Path) -> None:
    """From then on nothing is started, and the answer is the same."""
    binary = _program(tmp_path / "qemu")
    asked = _report(binary)
    assert asked == ask_netdevs({}, binary)
    assert len(_kept()) == 1
    identity = file_identity(binary)
    # The file says which program it is, and can no longer be started.
    Path(binary).chmod(0o644)
    assert code_of(lambda: ask_netdevs({}, binary)) == "qemu-not-found"
    assert kept_printed(identity or "") is not None
    Path(binary).chmod(0o755)
    with PrintedQuestions(binary) as questions:
        assert questions._questions._asked == []
        assert questions.answer({}, 0.0) == asked
    assert printed_version(binary) == "QEMU emulator version 9.1.0 (own-9.1.0)\n"


def test_another_program_at_the_same_place_is_another(tmp_path: Path) -> None:
    """An update is asked anew, and what the earlier one printed stays its own."""
    binary = _program(tmp_path / "qemu")
    assert _report(binary).values["qemu.version"] == "9.1.0"
    Path(binary).unlink()
    _program(tmp_path / "qemu", 'VERSION="9.2.0"')
    assert printed_version(binary) is None
    assert [_report(binary).values["qemu.version"] for _ in range(2)] == ["9.2.0", "9.2.0"]
    assert len(_kept()) == 2


def test_what_a_program_printed_of_its_version_is_known_while_it_is_kept(tmp_path: Path) -> None:
    """None of a script, which may start any, nor of a program that was never asked."""
    binary = _program(tmp_path / "qemu")
    assert printed_version(qemu(tmp_path, {})) is None
    assert printed_version(binary) is None
    _report(binary)
    assert (printed_version(binary) or "").startswith("QEMU emulator version")


def test_a_script_is_asked_each_time(tmp_path: Path) -> None:
    """What it starts may be another QEMU by then."""
    binary = qemu(tmp_path, {})
    assert _report(binary).values["qemu.version"] == "9.1.0"
    script(tmp_path, HELP.replace("9.1.0", "9.2.0"))
    assert _report(binary).values["qemu.version"] == "9.2.0"
    assert _kept() == []


def test_a_program_that_starts_another_is_asked_each_time(tmp_path: Path) -> None:
    """It has an identity of its own, which says nothing of what it starts."""
    other = _program(tmp_path / "other")
    binary = _program(tmp_path / "qemu", f'STARTS="{other}"', 'VERSION="9.1.0"')
    assert file_identity(binary) != file_identity(other)
    _report(binary)
    assert _kept() == []
    assert ask_and_keep(binary, file_identity(other) or "", str(tmp_path / "state")) is None


def test_without_a_home_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing more is started for it."""
    binary = _program(tmp_path / "qemu")
    monkeypatch.delenv("HOME")
    with PrintedQuestions(binary) as questions:
        assert questions._standing is None
        assert questions.answer({}, 20.0).values["qemu.version"] == "9.1.0"
    assert printed_version(binary) is None


def test_root_keeps_it_for_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked at first."""
    binary = _program(tmp_path / "qemu")
    monkeypatch.setenv("PLATFORM_ABI_STATE", str(tmp_path / "srv"))
    file = ask_and_keep(
        binary, file_identity(binary) or "", str(tmp_path / "srv/qemu"), shared=True
    )
    assert file is not None
    assert Path(file).parent.stat().st_mode & 0o777 == 0o755
    with PrintedQuestions(binary) as questions:
        assert questions._questions._asked == []
    assert _kept() == []


# --- the file ------------------------------------------------------------------------------------


def test_what_is_kept_is_what_was_printed() -> None:
    """Of that program, and of no other."""
    folder = user_folder() or ""
    keep_printed(folder, IDENTITY, PRINTED)
    assert kept_printed(IDENTITY) == PRINTED
    assert kept_printed(IDENTITY.replace("0", "1")) is None
    other = IDENTITY.replace("0", "1")
    shutil.copy(printed_file(folder, IDENTITY), printed_file(folder, other))
    assert kept_printed(other) is None


@pytest.mark.parametrize("place", [0, 5, 30, -1])
def test_a_damaged_file_is_as_none(place: int) -> None:
    """No byte of it can be another."""
    file = Path(keep_printed(user_folder() or "", IDENTITY, PRINTED))
    data = bytearray(file.read_bytes())
    data[place] ^= 1
    file.write_bytes(data)
    assert kept_printed(IDENTITY) is None
    file.write_bytes(b"")
    assert kept_printed(IDENTITY) is None


def test_what_others_could_have_written_is_as_none() -> None:
    """Whoever may write to it may say that a QEMU has netdevs that it has not."""
    file = Path(keep_printed(user_folder() or "", IDENTITY, PRINTED))
    file.chmod(0o666)
    assert kept_printed(IDENTITY) is None


def test_so_many_are_kept_and_no_more() -> None:
    """A QEMU that is gone never comes back under its identity."""
    folder = user_folder() or ""
    other = Path(folder, "of-somebody-else")
    other.parent.mkdir(parents=True, exist_ok=True)
    other.touch()
    os.utime(other, (0, 0))
    for number in range(70):
        keep_printed(folder, f"build-id:{number:040x}", PRINTED)
    assert len(_kept()) == 64
    assert other.exists()
    assert kept_printed(f"build-id:{69:040x}") == PRINTED
