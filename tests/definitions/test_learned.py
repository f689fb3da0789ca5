"""What was kept of a QEMU: read whole and unchanged, or not at all; and no definition's rival."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.definitions.compiling import compile_learned
from platform_abi.definitions.learned import (
    LearnedDefinitions,
    digest,
    every_learned,
    learned_file,
    read_learned,
)
from platform_abi.definitions.machines import BuildMachines, MachineEntry
from platform_abi.errors import UnknownNameError, UsageError
from platform_abi.model.driver import CpuModel
from platform_abi.model.machine import QemuBuild, TypeTable
from platform_abi.resolver.machine_choice import choose_machine, nearest_build

IDENTITY = "build-id:0123456789abcdef0123456789abcdef01234567"


def learned(
    *machines: str,
    identity: str = IDENTITY,
    version: str = "10.0.2",
    package: str = "1-x",
    generation: str | None = "10.0",
) -> LearnedDefinitions:
    """Return what a QEMU of *version* said that has *machines*, of which the first is ``q35``."""
    build = QemuBuild(
        name=f"qemu-{version}-acme-{identity.partition(':')[2][:12]}",
        version=version,
        arch="x86_64",
        vendor="acme",
        package=package,
        machines=machines,
        aliases={"q35": machines[0]} if machines else {},
    )
    entries = {
        name: MachineEntry(
            name=name,
            family="pc-q35",
            generation=generation,
            aliases=tuple(a for a, meant in build.aliases.items() if meant == name),
            compat=(("virtio-net-device", "mtu", "1", "optional"),),
        )
        for name in machines
    }
    values = {
        "build": build,
        "machines": BuildMachines(build=build, entries=entries).with_digests(),
        "types": TypeTable(
            parents={"device": "object", "virtio-net-pci": "device", "virtio-net-device": "device"},
            abstract=frozenset({"device"}),
        ),
        "property-rows": {"device": {"@class": ("str", "x")}},
        "cpu-models": {"EPYC": CpuModel(type="EPYC-x86_64-cpu")},
    }
    return LearnedDefinitions(compile_learned(identity, build, values), "test")


def _write(folder: Path, data: bytes, identity: str = IDENTITY) -> Path:
    folder.mkdir(parents=True, exist_ok=True, mode=0o755)
    file = Path(learned_file(str(folder), identity))
    file.write_bytes(data)
    file.chmod(0o644)
    return file


# --- one file ------------------------------------------------------------------------------------


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    """Every value is equal, and of the same class."""
    before = learned("pc-q35-acme")
    after = read_learned(str(_write(tmp_path, before.data)))
    for kind in ("build", "machines", "types", "property-rows", "cpu-models"):
        key = (kind, before.build, "x86_64")
        assert after.has(key)
        assert before.value(key) == after.value(key)
    assert (after.identity, after.version, after.package) == (IDENTITY, "10.0.2", "1-x")
    assert not after.defined
    assert not after.has(("migration", before.build, "x86_64"))


_DATA = learned("pc-q35-acme").data


@given(at=st.integers(0, len(_DATA) - 1), byte=st.integers(0, 255), cut=st.booleans())
def test_a_changed_byte_is_never_an_answer(at: int, byte: int, cut: bool) -> None:
    """Nor is a file that is cut off: the reason is a ValueError's, and nothing else is raised."""
    changed = _DATA[:at] if cut else _DATA[:at] + bytes([byte]) + _DATA[at + 1 :]
    if changed != _DATA:
        with pytest.raises(ValueError, match="damaged"):
            LearnedDefinitions(changed, "test")


@given(data=st.binary(max_size=200))
def test_whatever_has_a_right_digest_and_says_nothing_is_damaged(data: bytes) -> None:
    """What others have written under our format is no traceback."""
    with pytest.raises((ValueError, KeyError, TypeError)):
        LearnedDefinitions(digest(data) + b"\n" + data, "test")


def _edited(**changes: object) -> bytes:
    head, _, body = _DATA.partition(b"\n")[2].partition(b"\n")
    rest = json.dumps({**json.loads(head), **changes}).encode() + b"\n" + body
    return digest(rest) + b"\n" + rest


@pytest.mark.parametrize(
    "changes",
    [{"made-by": "0.0.1"}, {"classes": {"QemuBuild": ["name"]}}],
    ids=["version", "class"],
)
def test_what_another_version_has_written_is_asked_again(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    """It may mean something else by it."""
    with pytest.raises(ValueError, match="made by version"):
        read_learned(str(_write(tmp_path, _edited(**changes))))


def test_a_file_under_another_qemus_name_is_not_that_qemus(tmp_path: Path) -> None:
    """A copy says whose it is."""
    with pytest.raises(ValueError, match=IDENTITY):
        read_learned(str(_write(tmp_path, _DATA, "build-id:ffff")))


@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_others_may_have_written_is_not_used(tmp_path: Path, what: str) -> None:
    """A QEMU's answers decide what a guest gets: nobody else has a say in them."""
    file = _write(tmp_path / "state", _DATA)
    assert read_learned(str(file)).identity == IDENTITY
    (file if what == "file" else file.parent).chmod(0o777)
    with pytest.raises(ValueError, match="trusted"):
        read_learned(str(file))
    assert list(every_learned([str(file.parent)])) == []


def test_what_is_not_there_is_not_there(tmp_path: Path) -> None:
    """A folder may be deleted at any time."""
    with pytest.raises(FileNotFoundError):
        read_learned(learned_file(str(tmp_path), IDENTITY))
    assert list(every_learned([str(tmp_path / "gone")])) == []
    (tmp_path / "x.learned").mkdir()
    assert list(every_learned([str(tmp_path)])) == []


# --- a catalogue with it -------------------------------------------------------------------------


def test_definitions_mean_the_same_with_it(catalogue: pa.FileCatalogue) -> None:
    """No build of theirs, machine type or alias: what a QEMU says counts for new names only."""
    known = catalogue.with_learned(learned("pc-q35-9.1", "pc-q35-acme", version="99.0.0"))
    (name,) = known.learned("x86_64")
    assert known.builds("x86_64") == catalogue.builds("x86_64")
    assert name not in known.builds("x86_64")
    assert catalogue.learned("x86_64") == ()
    for arch in ("x86_64", "aarch64"):
        for build in catalogue.builds(arch):
            for machine in catalogue.build(build, arch).machines:
                chosen = choose_machine(catalogue, machine, arch, None)
                assert chosen == choose_machine(known, machine, arch, None)
    with pytest.raises(UsageError) as caught:
        choose_machine(known, "q35", "x86_64", None)
    assert caught.value.code == "machine-alias"
    assert name not in str(caught.value)


def test_a_name_that_no_definition_has_is_its(catalogue: pa.FileCatalogue) -> None:
    """By itself, and all of it where its build is named."""
    known = catalogue.with_learned(learned("pc-q35-acme"))
    (name,) = known.learned("x86_64")
    build, machine = choose_machine(known, "pc-q35-acme", "x86_64", None)
    assert (build.name, machine.generation, machine.digest != "") == (name, "10.0", True)
    assert choose_machine(known, "q35", "x86_64", name)[1] == machine
    assert known.has_build(name, "x86_64")
    assert "device" in known.types(name, "x86_64")
    assert known.property_rows(name, "x86_64") == {"device": {"@class": ("str", "x")}}
    assert known.cpu_models(name, "x86_64")["EPYC"].type == "EPYC-x86_64-cpu"
    assert known.unmigratable(name, "x86_64") is None
    for missing in (name, f"{name}0", "qemu-10.0.2-000000000000"):
        with pytest.raises(UnknownNameError):
            catalogue.build(missing, "x86_64")


def test_what_it_says_later_counts(catalogue: pa.FileCatalogue) -> None:
    """Asked again it may say more: nothing is left of what was worked out before."""
    for generation in ("9.0", "9.1", None):
        known = catalogue.with_learned(learned("pc-q35-acme", generation=generation))
        (name,) = known.learned("x86_64")
        assert known.machine(name, "pc-q35-acme", "x86_64").generation == generation
        assert choose_machine(known, "pc-q35-acme", "x86_64", None)[1].generation == generation


def test_a_qemu_is_the_nearest_to_itself_alone(catalogue: pa.FileCatalogue) -> None:
    """To one of its version and package; to any other, the definitions are."""
    known = catalogue.with_learned(learned("pc-q35-9.1", version="10.0.13", package="1-x"))
    (name,) = known.learned("x86_64")
    same = nearest_build(known, "pc-q35-9.1", "x86_64", "10.0.13", "1-x")
    assert same is not None
    assert same.name == name
    for version, package in (("10.0.13", "1-y"), ("10.0.12", "1-x"), ("10.0.2", "")):
        assert nearest_build(known, "pc-q35-9.1", "x86_64", version, package) == nearest_build(
            catalogue, "pc-q35-9.1", "x86_64", version, package
        )


def test_what_is_kept_is_looked_for_where_definitions_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A catalogue of named folders has nothing of this host's."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    _write(tmp_path / "platform-abi" / "qemu", _DATA)
    assert pa.load_catalogue().learned("x86_64") == (learned("pc-q35-acme").build,)
    assert pa.FileCatalogue(pa.load_catalogue().roots).learned("x86_64") == ()
