"""A QEMU that no definition has is asked once, and is known from then on."""

from __future__ import annotations

import os
import sys
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import platform_abi as pa
from platform_abi.author import learning
from platform_abi.author.learning import known_qemu
from platform_abi.definitions.learned import learned_files
from platform_abi.definitions.state import user_folder
from platform_abi.qemu.program import file_identity
from tests.author.binaries import ORDINARY, binary, machine, version
from tests.conftest import DEFINITIONS

#: What a constructed QEMU is by its program: the interpreter that it is a script of.
_PROGRAM = (file_identity(sys.executable) or "").partition(":")[2]
_NAME = f"qemu-9.1.0-upstream-{_PROGRAM[:12]}"


def _known(
    path: str, catalogue: pa.FileCatalogue | None = None
) -> tuple[pa.FileCatalogue, str, list[str]]:
    """Return the catalogue that knows the QEMU *path*, its build, and what the user was told."""
    told: list[str] = []
    found, build = known_qemu(catalogue or pa.load_catalogue(), path, told.append, timeout=20)
    return found, build.name, told


def _kept() -> list[Path]:
    return [Path(name) for name in learned_files(user_folder() or "")]


def test_it_is_asked_once(tmp_path: Path) -> None:
    """One line says so; then its answers are there, for it and for whoever names its build."""
    path = binary(tmp_path)
    found, name, told = _known(path)
    assert name == _NAME
    assert len(told) == 1
    assert "is asked" in told[0]
    assert found.build(name, "x86_64").aliases == {"q35": "pc-q35-9.1"}
    (file,) = _kept()
    before = file.read_bytes()
    assert file.stat().st_mode & 0o777 == 0o644
    assert file.parent.stat().st_mode & 0o777 == 0o700
    again, name, told = _known(path)
    assert (name, told) == (_NAME, [])
    assert again.build(name, "x86_64") == found.build(name, "x86_64")
    assert again.machine(name, "pc-q35-9.0", "x86_64") == found.machine(
        name, "pc-q35-9.0", "x86_64"
    )
    assert file.read_bytes() == before
    assert pa.load_catalogue().build(name, "x86_64") == found.build(name, "x86_64")


def test_what_is_deleted_is_asked_again(tmp_path: Path) -> None:
    """And gives the same bytes: nothing depends on when it was asked."""
    path = binary(tmp_path)
    _known(path)
    (file,) = _kept()
    before = file.read_bytes()
    file.unlink()
    assert len(_known(path)[2]) == 1
    assert file.read_bytes() == before


@pytest.mark.parametrize("damage", [b"", b"x", None])
def test_a_damaged_file_is_replaced_with_a_word(tmp_path: Path, damage: bytes | None) -> None:
    """It is no error and no answer."""
    path = binary(tmp_path)
    _known(path)
    (file,) = _kept()
    before = file.read_bytes()
    file.write_bytes(before[:-9] if damage is None else damage)
    _, name, told = _known(path)
    assert name == _NAME
    assert any("damaged" in text and str(file) in text for text in told)
    assert file.read_bytes() == before


def test_what_others_could_write_is_neither_read_nor_written(tmp_path: Path) -> None:
    """The QEMU is asked each time, and a line says why."""
    path = binary(tmp_path)
    _known(path)
    (file,) = _kept()
    file.parent.chmod(0o777)
    for _ in range(2):
        _, name, told = _known(path)
        assert name == _NAME
        assert sum("trusted" in text for text in told) == 1
        assert sum("cannot keep" in text for text in told) == 1


def test_a_file_of_another_user_is_replaced(tmp_path: Path) -> None:
    """What was left in root's folder would else stay another's for ever."""
    if os.geteuid():
        pytest.skip("needs root to give a file away")
    path = binary(tmp_path)
    _known(path)
    (file,) = _kept()
    os.chown(file, 12345, 12345)
    assert any("trusted" in text for text in _known(path)[2])
    assert file.stat().st_uid == 0
    assert _known(path)[2] == []


def test_another_qemu_at_the_same_place_is_another(tmp_path: Path) -> None:
    """An update that keeps the wrapper, its size and its times never gets the old answer."""
    linked = tmp_path / "python"
    path = Path(binary(tmp_path))
    text = path.read_text(encoding="utf-8")
    text = text.replace(f"'{sys.executable}'", f"PYTHONHOME='{sys.base_prefix}' '{linked}'")
    path.write_text(text, encoding="utf-8")
    description = tmp_path / "description.json"
    times, names = path.stat(), []
    interpreter = Path(sys.executable).resolve().read_bytes()
    for number, aliased in enumerate(["pc-q35-9.1", "pc-q35-9.0"]):
        program = tmp_path / f"python-{number}"
        program.write_bytes(interpreter.replace(bytes.fromhex(_PROGRAM), bytes([number]) * 20))
        program.chmod(0o755)
        linked.unlink(missing_ok=True)
        linked.symlink_to(program)
        machines = [machine("pc-q35-9.0"), machine("pc-q35-9.1")]
        for each in machines:
            if each["name"] == aliased:
                each["alias"] = "q35"
        binary(tmp_path, {"query-machines": machines})
        assert description.exists()
        path.write_text(text, encoding="utf-8")
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        found, name, _ = _known(str(path))
        names.append((name, found.build(name, "x86_64").aliases["q35"]))
    assert [meant for _, meant in names] == ["pc-q35-9.1", "pc-q35-9.0"]
    assert len({name for name, _ in names}) == len(_kept()) == 2


def test_a_qemu_that_is_defined_is_not_asked(catalogue: pa.FileCatalogue, tmp_path: Path) -> None:
    """Its version and package are those of a build; what is kept says no more than that."""
    build = catalogue.build(catalogue.builds("x86_64")[0], "x86_64")
    path = binary(
        tmp_path,
        {"query-version": version(build.version, f"Debian {build.package}"), "query-machines": []},
    )
    assert _known(path)[1:] == (build.name, [])
    assert _known(path)[1:] == (build.name, [])
    (file,) = _kept()
    assert file.stat().st_size < 2000
    # Where the definitions are others than then, it is asked.
    found, name, told = _known(path, pa.FileCatalogue([_only_names(tmp_path)]))
    assert name != build.name
    assert len(told) == 1
    assert found.has_build(name, "x86_64")


def _only_names(folder: Path) -> Path:
    """Return a folder of definitions that has no build."""
    site = folder / "no-builds"
    (site / "machines").mkdir(parents=True)
    name = "machines/names.toml"
    (site / name).write_bytes((DEFINITIONS / name).read_bytes())
    return site


@pytest.mark.parametrize("package", ["", "pve-qemu-kvm_10.0.2-1", "acme 7"])
def test_a_version_alone_defines_no_qemu(
    catalogue: pa.FileCatalogue, tmp_path: Path, package: str
) -> None:
    """Two vendors build one release otherwise, and whoever builds it at home does so too."""
    shipped = catalogue.build(catalogue.builds("x86_64")[0], "x86_64")
    answers = {"query-version": version(shipped.version, package)}
    found, name, _ = _known(binary(tmp_path, answers))
    assert name in found.learned("x86_64")


def test_roots_answer_is_everybodys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in the system's folder is not asked for again, and is not copied."""
    path = binary(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "root"))
    _known(path)
    system = tmp_path / "system"
    system.mkdir(mode=0o755)
    (tmp_path / "root" / "platform-abi" / "qemu").rename(system / "qemu")
    monkeypatch.setenv("PLATFORM_ABI_STATE", str(system))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "user"))
    assert _known(path)[1:] == (_NAME, [])
    assert _kept() == []


@pytest.mark.parametrize("home", ["", "/proc/1"])
def test_who_has_nowhere_to_keep_it_still_gets_an_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str
) -> None:
    """Each time, and each time a line says so."""
    monkeypatch.setenv("HOME", home)
    path = binary(tmp_path)
    for _ in range(2):
        _, name, told = _known(path)
        assert name == _NAME
        assert any("again" in text for text in told)


def test_a_qemu_that_nobody_can_tell_is_asked_each_time(tmp_path: Path) -> None:
    """What it says is used and never kept."""
    path = Path(binary(tmp_path))
    path.write_text(path.read_text(encoding="utf-8").replace('"$@"', "nobody"), encoding="utf-8")
    for _ in range(2):
        found, name, told = _known(str(path))
        assert found.build(name, "x86_64").version == "9.1.0"
        assert any("each time" in text for text in told)
    assert _kept() == []


def test_an_unknown_vendor_is_no_error(tmp_path: Path) -> None:
    """Whoever built it, it says what it has."""
    path = binary(tmp_path, {"query-version": version("9.1.0", "acme 7 (build 3)")})
    assert _known(path)[1] == f"qemu-9.1.0-unknown-{_PROGRAM[:12]}"


def test_without_compat_properties_nothing_is_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An older QEMU where there is no compiler: names are known, and no content is made up."""
    monkeypatch.setenv("CC", str(tmp_path / "none"))
    found, name, _ = _known(binary(tmp_path, lists_compat=False))
    assert found.build(name, "x86_64").aliases == {"q35": "pc-q35-9.1"}
    assert "net-pci" in found.types(name, "x86_64")
    assert not found.property_rows(name, "x86_64")


def test_many_at_once_ask_once(tmp_path: Path) -> None:
    """They wait for the first, and all get the same."""
    path = binary(tmp_path)
    answers: list[tuple[Any, ...]] = []
    threads = [threading.Thread(target=lambda: answers.append(_known(path)[1:])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [name for name, _ in answers] == [_NAME] * 4
    assert sum(len(told) for _, told in answers) == 1
    assert len(_kept()) == 1


def test_a_folder_keeps_no_more_than_it_should(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that was asked the longest ago goes first."""
    monkeypatch.setattr(learning, "_MOST_KEPT", 2)
    _known(binary(tmp_path))
    (file,) = _kept()
    for number in range(3):
        other = file.with_name(f"build-id-{number}.learned")
        other.write_bytes(b"")
        os.utime(other, (number, number))
    file.unlink()
    _known(binary(tmp_path))
    assert [path.name for path in _kept()] == ["build-id-2.learned", file.name]


def test_what_cannot_be_asked_is_an_error(tmp_path: Path) -> None:
    """Nothing is kept of it."""
    with pytest.raises(pa.HostError) as caught:
        _known(binary(tmp_path, {"query-machines": None}))
    assert caught.value.code == "qemu-too-old"
    assert _kept() == []


def test_a_driver_that_it_lacked_is_asked_for_again(tmp_path: Path) -> None:
    """A module may have been installed since: one that is still lacking is an answer, too."""
    path = binary(tmp_path)
    told: list[str] = []
    ask = partial(known_qemu, pa.load_catalogue(), path, told.append, timeout=20)
    ask()
    found, build = ask(drivers=["net-pci", "net"])
    assert len(told) == 1
    types = {"qom-list-types": [*ORDINARY["qom-list-types"], {"name": "qxl", "parent": "device"}]}
    binary(tmp_path, types)
    assert "qxl" not in found.types(build.name, "x86_64")
    found, build = ask(drivers=["qxl"])
    assert "qxl" in found.types(build.name, "x86_64")
    assert len(told) == 2
    ask(drivers=["qxl"])
    assert len(told) == 2
    ask(drivers=["no-such"])
    assert len(told) == 3
