"""The verb import-qemu: what it writes, what it says, and where."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.cli.import_qemu import run
from platform_abi.cli.options import ImportOptions
from platform_abi.qemu.program import file_identity
from tests.author.binaries import binary, left, version
from tests.documents import validated


def _run(path: str, **said: object) -> int:
    return run(ImportOptions(binary=path, **said))


def test_it_writes_three_files_and_names_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Below the folder of the build's name, and the catalogue reads them."""
    output = tmp_path / "site" / "machines"
    assert _run(binary(tmp_path), output=str(output)) == 0
    out, err = capsys.readouterr()
    written = sorted(str(path) for path in output.rglob("*.toml"))
    assert len(written) == 3
    assert sorted(line for line in out.splitlines() if line.endswith(".toml")) == written
    assert "2 machine types, 3 device types, 2 CPU models" in out
    assert err == ""
    found = pa.FileCatalogue([tmp_path / "site"])
    assert found.build("qemu-9.1.0-upstream", "x86_64").aliases == {"q35": "pc-q35-9.1"}


def test_an_empty_folder_is_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unset variable of a script does not write into the working directory."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(pa.UsageError) as caught:
        _run(binary(tmp_path), output="")
    assert (caught.value.code, bool(caught.value.help)) == ("usage", True)
    assert list(tmp_path.rglob("*.toml")) == []


@pytest.mark.parametrize("seconds", [0.0, -1.0, 1e9, float("nan")])
def test_a_time_that_makes_no_sense_is_refused_before_anything_starts(seconds: float) -> None:
    """The binary is not even looked for."""
    with pytest.raises(pa.UsageError) as caught:
        _run("/no/such", timeout=seconds)
    assert caught.value.code == "usage"


def test_the_time_that_is_given_is_kept(tmp_path: Path) -> None:
    """And the error says how to give more."""
    with pytest.raises(pa.HostError, match=r"0\.5 s") as caught:
        _run(binary(tmp_path, silent=True), timeout=0.5)
    assert caught.value.code == "qemu-timeout"
    assert "--timeout" in caught.value.help


def test_what_is_not_found_is_looked_for_where_the_verb_looks() -> None:
    """It takes no --qemu and reads no PLATFORM_ABI_QEMU, so its help names neither."""
    with pytest.raises(pa.HostError) as caught:
        _run("no-such-qemu")
    assert caught.value.code == "qemu-not-found"
    assert "path" in caught.value.help
    assert "qemu" not in caught.value.help


def test_types_that_are_given_up_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A module that is not installed takes them away: not without a word, nor by force."""
    output = str(tmp_path / "out")
    _run(binary(tmp_path), output=output, quiet=True)
    types = [{"name": "net-device", "parent": "device"}]
    path = binary(tmp_path, {"qom-list-types": types})
    with pytest.raises(pa.UsageError, match="net-pci") as caught:
        _run(path, output=output)
    assert caught.value.code == "types-lost"
    assert _run(path, output=output, force=True) == 0
    assert "net-pci" in capsys.readouterr().err


def test_without_a_folder_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It sums up what the binary is."""
    monkeypatch.chdir(tmp_path)
    path = binary(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert _run(path) == 0
    assert "qemu-9.1.0-upstream x86_64" in capsys.readouterr().out
    assert sorted(tmp_path.rglob("*")) == before


def test_json_says_the_same_and_warns_in_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One document on stdout, nothing on stderr."""
    path = binary(tmp_path, crash=["net-pci"])
    assert _run(path, output=str(tmp_path / "out"), json=True) == 0
    out, err = capsys.readouterr()
    document = validated("import-qemu", out)
    assert err == ""
    assert document["build"] == {
        "name": "qemu-9.1.0-upstream", "version": "9.1.0", "vendor": "upstream", "package": "",
        "arch": "x86_64",
    }  # fmt: skip
    assert document["machines"] == ["pc-q35-9.1", "pc-q35-9.0"]
    assert [Path(name).is_file() for name in document["files"]] == [True] * 3
    assert any("net-pci" in warning for warning in document["warnings"])


def test_quiet_says_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Not even a warning."""
    assert _run(binary(tmp_path, crash=["net-pci"]), quiet=True) == 0
    assert capsys.readouterr() == ("", "")


def test_a_derived_generation_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """So that whoever imports can see whether it is right."""
    answers = {"query-machines": [{"name": "pc-q35-rhel9.4.0", "compat-props": []}]}
    assert _run(binary(tmp_path, answers), generation=["rhel9.4.0=8.2"]) == 0
    assert "pc-q35-rhel9.4.0 is of generation 8.2" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["", "8.2", "=8.2", "noble="])
def test_a_generation_has_a_name_and_a_number(tmp_path: Path, text: str) -> None:
    """Nothing is started for half of it."""
    with pytest.raises(pa.UsageError) as caught:
        _run(str(tmp_path / "nothing"), generation=[text])
    assert caught.value.code == "machine-generation"


def test_whatever_ends_the_import_leaves_earlier_files(tmp_path: Path) -> None:
    """Each of the ways in which a binary fails."""
    output = tmp_path / "out"
    _run(binary(tmp_path), output=str(output), quiet=True)
    before = {path: path.read_bytes() for path in output.rglob("*.toml")}
    for path in (
        binary(tmp_path, noise="hello\n"),
        binary(tmp_path, {"query-version": None}),
    ):
        with pytest.raises(pa.PlatformAbiError):
            _run(path, output=str(output), force=True)
        assert {path: path.read_bytes() for path in output.rglob("*") if path.is_file()} == before


# --- processes of their own ----------------------------------------------------------------------

_PROGRAM = f"""
import signal
import sys
sys.path.insert(0, {str(Path(pa.__file__).parents[1])!r})
from platform_abi.cli.import_qemu import run
from platform_abi.cli.options import ImportOptions
# A shell starts what is in the background with this signal ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(run(ImportOptions(binary=sys.argv[1])))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_qemu_outlives_the_importer(tmp_path: Path, number: signal.Signals) -> None:
    """Whatever ends it, in the middle of a question that QEMU never answers."""
    path = binary(tmp_path, hang=["net-device"])
    with subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, path], stderr=subprocess.DEVNULL
    ) as process:
        deadline = time.monotonic() + 30
        # One of them is the importer itself.
        while len(left(tmp_path)) < 3 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(left(tmp_path)) >= 3
        process.send_signal(number)
        process.wait(30)
    while left(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left(tmp_path) == []


@pytest.mark.parametrize("hidden", ["", "rich"])
def test_a_terminal_sees_how_far_it_is(tmp_path: Path, hidden: str) -> None:
    """With rich and without; what goes to a file has nothing of it."""
    if not hidden:
        pytest.importorskip("rich")
    program = f"import sys; sys.modules.update(dict.fromkeys({hidden.split()!r}))\n{_PROGRAM}"
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-c", program, binary(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=theirs,
        check=True,
        timeout=60,
    )
    os.close(theirs)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert "device types" in shown
    assert done.stdout.decode().startswith("qemu-9.1.0-upstream x86_64")


# --- kept ----------------------------------------------------------------------------------------


def test_what_a_qemu_says_is_kept_for_a_user_or_for_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each in its folder, under the identity of the QEMU; no definition file is written."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "mine"))
    monkeypatch.setenv("PLATFORM_ABI_STATE", str(tmp_path / "all"))
    path = binary(tmp_path)
    assert _run(path, keep=True, system=True, json=True) == 0
    document = validated("import-qemu", capsys.readouterr().out)
    files = [Path(name) for name in document["files"]]
    assert [file.parent for file in files] == [
        tmp_path / "all" / "qemu", tmp_path / "mine" / "platform-abi" / "qemu",
    ]  # fmt: skip
    assert [file.stat().st_mode & 0o777 for file in files] == [0o644] * 2
    assert {file.name for file in files} == {
        f"{(file_identity(sys.executable) or '').replace(':', '-')}.learned"
    }
    (name,) = pa.load_catalogue().learned("x86_64")
    assert pa.load_catalogue().build(name, "x86_64").version == "9.1.0"


def test_a_vendor_that_nobody_knows_is_asked_for_where_a_build_is_named_by_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is kept is called after the identity; definition files are not."""
    monkeypatch.setenv("PLATFORM_ABI_STATE", str(tmp_path / "all"))
    path = binary(tmp_path, {"query-version": version("9.1.0", "acme build 7")})
    assert _run(path, system=True, quiet=True) == 0
    for more in ({"system": True}, {}):
        with pytest.raises(pa.UsageError) as caught:
            _run(path, output=str(tmp_path / "out"), **more)
        assert caught.value.code == "unknown-vendor"


def test_of_a_qemu_that_nobody_can_tell_nothing_is_kept(tmp_path: Path) -> None:
    """What it says might be taken for what another one says."""
    path = Path(binary(tmp_path))
    path.write_text(path.read_text(encoding="utf-8").replace('"$@"', "nobody"), encoding="utf-8")
    with pytest.raises(pa.HostError) as caught:
        _run(str(path), system=True)
    assert caught.value.code == "qemu-unidentified"
    assert not list(tmp_path.rglob("*.learned"))
