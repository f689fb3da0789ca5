"""What is written of a build is what the catalogue reads of it, and never half of it."""

from __future__ import annotations

import errno
import fcntl
import os
import resource
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest
from attrs import evolve
from hypothesis import example, given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.author.observation import BuildDefinition, DeviceType
from platform_abi.author.text import file_texts
from platform_abi.author.writing import lost_types, write_build
from platform_abi.model.driver import CpuModel, DriverProperty
from platform_abi.model.machine import CompatProperty, MachineType, QemuBuild

T = TypeVar("T")

BUILD = QemuBuild(name="qemu-9.1.0", version="9.1.0", arch="x86_64", vendor="debian", package="1")

#: Whatever a C programmer may call a property, and whatever may be its value.
words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=8)
rows = st.builds(
    CompatProperty, driver=words, property=words, value=st.text(max_size=5), optional=st.booleans()
)
known = st.builds(DriverProperty, type=words, default=st.none() | st.text(max_size=5))


@st.composite
def observations(draw: st.DrawFn) -> BuildDefinition:
    """Draw a build of two families, of which one has generations, and a few types."""
    lists = draw(st.lists(st.lists(rows, max_size=3), min_size=1, max_size=3))
    compat: tuple[CompatProperty, ...] = ()
    machines = [MachineType(name="isapc", family="isapc", arch="x86_64")]
    for age, added in enumerate(lists):
        # Some start with the whole list of the next newer one, as QEMU's do, and some do not.
        compat = (*(compat if draw(st.booleans()) else ()), *added)
        name = f"pc-9.{9 - age}"
        machines.append(
            MachineType(
                name=name,
                family="pc",
                arch="x86_64",
                generation=f"9.{9 - age}",
                aliases=("p",) if age == 0 else (),
                default=age == 0,
                deprecated=draw(st.booleans()),
                cpu=draw(st.sampled_from(["", "max-x86_64-cpu"])),
                compat=compat,
            )
        )
    names = draw(st.lists(words, min_size=1, max_size=3, unique=True))
    base = draw(st.dictionaries(words, known, max_size=3))
    types = [DeviceType(name="\N{MIDDLE DOT}base", parent="object", abstract=True)]
    types += [
        DeviceType(
            name=name,
            parent=types[0].name,
            properties={**base, **draw(st.dictionaries(words, known, max_size=3))},
        )
        for name in sorted(set(names) - {types[0].name})
    ]
    models = draw(st.dictionaries(words, st.builds(CpuModel, type=words, deprecated=st.booleans())))
    return BuildDefinition(
        build=BUILD,
        machines=tuple(machines),
        types=tuple(types),
        aliases=draw(st.dictionaries(words, words, max_size=2)),
        cpu_models=models,
    )


def _other(seen: BuildDefinition, **changed: object) -> BuildDefinition:
    return evolve(seen, build=evolve(BUILD, **changed))  # type: ignore[arg-type]


SMALL = BuildDefinition(
    build=BUILD, machines=(MachineType(name="pc-9.1", family="pc", arch="x86_64"),), types=()
)


def _bytes(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else b""
        for path in folder.rglob("*")
    }


@given(observations())
@example(
    BuildDefinition(
        build=BUILD,
        machines=SMALL.machines,
        types=(
            DeviceType(
                name="a", parent="object", properties={" = ": DriverProperty(type="b", default="")}
            ),
        ),
    )
)
def test_the_catalogue_reads_what_was_seen(seen: BuildDefinition) -> None:
    """Machine types, compat properties in their order, types, properties, CPU models: all of it."""
    with tempfile.TemporaryDirectory() as folder:
        write_build(seen, Path(folder, "machines"))
        found = pa.FileCatalogue([folder])
        for machine in seen.machines:
            read = found.machine(BUILD.name, machine.name, "x86_64")
            assert evolve(read, digest="", source="") == machine
        types = found.types(BUILD.name, "x86_64")
        assert types.parents == {each.name: each.parent for each in seen.types}
        assert types.aliases == seen.aliases
        for each in seen.types:
            properties = found.driver_properties(BUILD.name, "x86_64", each.name)
            assert properties.keys() == types.properties(each.name)
            assert each.properties is None or properties == each.properties
            assert list(properties) == sorted(properties)
        assert found.cpu_models(BUILD.name, "x86_64") == seen.cpu_models


@given(observations(), st.randoms())
def test_equal_observations_give_equal_bytes(seen: BuildDefinition, random: object) -> None:
    """However often, and in whatever order QEMU's tables have them."""

    def shuffled(found: Mapping[str, T]) -> dict[str, T]:
        pairs = list(found.items())
        random.shuffle(pairs)  # type: ignore[attr-defined]
        return dict(pairs)

    again = evolve(
        seen,
        aliases=shuffled(seen.aliases),
        cpu_models=shuffled(seen.cpu_models),
        types=tuple(
            evolve(each, properties=each.properties and shuffled(each.properties))
            for each in seen.types
        ),
    )  # fmt: skip
    assert file_texts(again) == file_texts(seen)


def test_a_build_is_replaced_by_a_newer_look_at_it(tmp_path: Path) -> None:
    """The same package again, with a module that was missing, is the same build."""
    write_build(SMALL, tmp_path)
    written = _bytes(tmp_path)
    write_build(SMALL, tmp_path)
    assert _bytes(tmp_path) == written
    more = evolve(SMALL, types=(DeviceType(name="qxl", parent="device"),))
    paths = write_build(more, tmp_path)
    assert "qxl" in paths[0].read_text()
    assert sorted(path.name for path in (tmp_path / "qemu-9.1.0").iterdir()) == sorted(
        path.name for path in paths
    )


@pytest.mark.parametrize("kept", [(), ("qxl",)])
def test_a_poorer_look_at_a_build_replaces_nothing(tmp_path: Path, kept: tuple[str, ...]) -> None:
    """A type that is gone and one without its properties are both named, and given up by force."""
    known = {"vgamem_mb": DriverProperty(type="uint32")}
    rich = evolve(
        SMALL,
        types=(
            DeviceType(name="qxl", parent="device", properties=known),
            DeviceType(name="usb-redir", parent="device"),
        ),
    )
    write_build(rich, tmp_path)
    before = _bytes(tmp_path)
    poor = evolve(SMALL, types=tuple(DeviceType(name=name, parent="device") for name in kept))
    assert lost_types(poor, tmp_path) == ("qxl", "usb-redir")
    with pytest.raises(pa.UsageError, match="qxl, usb-redir") as caught:
        write_build(poor, tmp_path)
    assert caught.value.code == "types-lost"
    assert "--force" in caught.value.help
    assert _bytes(tmp_path) == before
    assert lost_types(_other(poor, package="2"), tmp_path) == ()
    write_build(poor, tmp_path, force=True)
    assert lost_types(rich, tmp_path) == ()


@pytest.mark.parametrize(
    "changed", [{"vendor": "rhel"}, {"package": "2"}, {"vendor": "rhel", "arch": "aarch64"}]
)
def test_another_build_of_that_name_is_left_alone(tmp_path: Path, changed: dict[str, str]) -> None:
    """Two vendors' builds, or two of one vendor's, never share a folder unless that is wanted."""
    write_build(SMALL, tmp_path)
    before = _bytes(tmp_path)
    with pytest.raises(pa.UsageError) as caught:
        write_build(_other(SMALL, **changed), tmp_path)
    assert caught.value.code == "build-exists"
    assert "--name" in caught.value.help
    assert _bytes(tmp_path) == before
    write_build(_other(SMALL, **changed), tmp_path, force=True)
    assert _bytes(tmp_path) != before


def test_emulators_of_one_package_share_a_folder(tmp_path: Path) -> None:
    """All architectures of a build are one build."""
    write_build(SMALL, tmp_path)
    write_build(_other(SMALL, arch="aarch64", package="2"), tmp_path)
    assert len(list((tmp_path / "qemu-9.1.0").iterdir())) == 6


def test_a_half_written_file_is_named_and_left_alone(tmp_path: Path) -> None:
    """Nobody can tell what it was of; --force replaces it."""
    path = tmp_path / "qemu-9.1.0" / "x86_64.toml"
    path.parent.mkdir()
    path.write_text('schema = 1\n[build]\nname = "qemu-9')
    before = _bytes(tmp_path)
    with pytest.raises(pa.UsageError, match=str(path)) as caught:
        write_build(SMALL, tmp_path)
    assert caught.value.code == "build-exists"
    assert _bytes(tmp_path) == before
    write_build(SMALL, tmp_path, force=True)
    assert pa.FileCatalogue([tmp_path]).roots
    assert path.read_text().endswith("compat = []\n")


@contextmanager
def _files_of_at_most(size: int) -> Iterator[None]:
    """Let no file grow beyond *size*, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    """Whichever of the files does not fit, each of the earlier ones is as it was."""
    write_build(SMALL, tmp_path)
    before = _bytes(tmp_path)
    long = MachineType(name="pc-9.1", family="pc", arch="x86_64", cpu="c" * 4096)
    # The machine types are the last to be written.
    with _files_of_at_most(4096), pytest.raises(pa.HostError) as caught:
        write_build(evolve(SMALL, machines=(long,), aliases={"a": "b"}), tmp_path)
    assert caught.value.code == "write-failed"
    assert _bytes(tmp_path) == before


@pytest.mark.parametrize("name", sorted(file_texts(SMALL)))
def test_a_place_where_no_file_can_be_leaves_what_was_there(tmp_path: Path, name: str) -> None:
    """Whichever of the files it is of: no other is replaced first, not even by force."""
    write_build(SMALL, tmp_path)
    (tmp_path / "qemu-9.1.0" / name).unlink()
    (tmp_path / "qemu-9.1.0" / name).mkdir()
    before = _bytes(tmp_path)
    with pytest.raises(pa.HostError, match=name) as caught:
        write_build(_MORE, tmp_path, force=True)
    assert caught.value.code == "write-failed"
    assert caught.value.help
    assert _bytes(tmp_path) == before


_MORE = evolve(SMALL, types=(DeviceType(name="qxl", parent="device"),))


@pytest.mark.parametrize("error", [OSError(errno.EIO, "broken"), KeyboardInterrupt()])
@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize("which", [0, 1, 2])
def test_what_fails_between_two_renames_is_undone(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    there: bool,
    which: int,
) -> None:
    """Earlier files are back, and new ones are gone: no disk breaks when a test wants it to."""
    home = tmp_path / "qemu-9.1.0"
    home.mkdir()
    if there:
        write_build(SMALL, tmp_path)
    before = _bytes(tmp_path)
    real = os.replace
    renamed: list[Path] = []

    def replace(source: Path, target: Path) -> None:
        # Its own temporary files are renamed too, and what is put back.
        if target.parent == home and len(renamed) <= which:
            renamed.append(target)
            if len(renamed) > which:
                raise error
        real(source, target)

    monkeypatch.setattr("platform_abi.author.writing.os.replace", replace)
    with pytest.raises((pa.HostError, KeyboardInterrupt)):
        write_build(_MORE, tmp_path)
    assert len(renamed) == which + 1
    assert _bytes(tmp_path) == before


def test_what_a_killed_import_left_is_cleared_away(tmp_path: Path) -> None:
    """But not while somebody writes there."""
    write_build(SMALL, tmp_path)
    home = tmp_path / "qemu-9.1.0"
    left = home / ".import-left"
    left.mkdir()
    (left / "x86_64.toml").write_text("")
    lock = os.open(home, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    writer = threading.Thread(target=lambda: write_build(_MORE, tmp_path))
    writer.start()
    writer.join(0.2)
    assert writer.is_alive()
    assert left.exists()
    os.close(lock)
    writer.join(10)
    assert sorted(path.name for path in home.iterdir()) == sorted(file_texts(_MORE))


def test_a_folder_that_cannot_be_is_an_error(tmp_path: Path) -> None:
    """A file is no folder, and nothing else is made."""
    (tmp_path / "file").write_text("")
    with pytest.raises(pa.HostError) as caught:
        write_build(SMALL, tmp_path / "file")
    assert caught.value.code == "write-failed"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
