"""The packaged definitions as compiled for a wheel: the same answers, or none."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.definitions.compiled import SUFFIX, check_sum
from platform_abi.definitions.compiling import compile_definitions, digest
from platform_abi.definitions.search import packaged
from tests.definitions import site
from tests.definitions.site import DEFINITIONS, SMALL, reads, small, write

ARCH = "x86_64"
BUILD = "qemu-10.0.0"

PROPERTIES = """
schema = 1
[cpu]
"EPYC" = { type = "EPYC-cpu" }
[type.net-device]
mac = ["str"]
"@odd" = ["int32", "-1"]
"""

#: A small catalogue of every kind that is compiled.
WHOLE = {
    **SMALL,
    f"machines/{BUILD}/{ARCH}-properties.toml": PROPERTIES,
    "machines/names.toml": 'schema = 1\nunversioned = ["none"]\n',
}

#: What can be asked of a catalogue, and the files that the answer is of.
QUESTIONS: dict[str, tuple[Any, list[str]]] = {
    "capabilities": (lambda c: c.capabilities(), ["capabilities/tun.toml"]),
    "devices": (lambda c: c.devices(), ["devices/net.toml"]),
    "features": (lambda c: c.features("net"), ["features/net.toml"]),
    "naming": (lambda c: c.naming(), ["machines/names.toml"]),
    "realize": (lambda c: c.realize(), ["realize/net.toml"]),
    "inner types": (lambda c: c.inner_types(), ["realize/net.toml"]),
    "options": (lambda c: c.options(), ["options/qemu.toml"]),
    "messages": (lambda c: c.messages(), ["messages/net.toml"]),
    "codes": (lambda c: c.codes(), ["codes/net.toml"]),
    "harmless": (lambda c: c.harmless(), ["harmless/net.toml"]),
    "kernels": (lambda c: c.kernel_sources(), ["kernels/net.toml"]),
    "domains": (lambda c: c.domains(), ["domains/net.toml"]),
    "lineages": (lambda c: c.lineages(), ["lineages/test.toml"]),
    "libvirt": (lambda c: c.libvirt(), ["libvirt/net.toml"]),
    "visibility": (lambda c: c.visibility(), ["visibility/net.toml"]),
    "guests": (lambda c: c.guest_devices(ARCH), [f"guests/{ARCH}.toml"]),
    "platform": (
        lambda c: c.platform("test-2"),
        ["platforms/test/test-2.toml", "platforms/test/test-1.toml"],
    ),
    "build": (lambda c: c.build(BUILD, ARCH), [f"machines/{BUILD}/{ARCH}.toml"]),
    "machine": (
        lambda c: c.machine(BUILD, "pc-q35-9.0", ARCH),
        [f"machines/{BUILD}/{ARCH}.toml"],
    ),
    "types": (lambda c: c.types(BUILD, ARCH), [f"machines/{BUILD}/{ARCH}-types.toml"]),
    "properties": (
        lambda c: c.property_rows(BUILD, ARCH),
        [f"machines/{BUILD}/{ARCH}-properties.toml"],
    ),
    "CPU models": (
        lambda c: c.cpu_models(BUILD, ARCH),
        [f"machines/{BUILD}/{ARCH}-properties.toml"],
    ),
}

ask = pytest.mark.parametrize("name", QUESTIONS)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that is installed as the packaged one, with its compiled form."""
    folder = small(tmp_path / "definitions_data", **WHOLE)
    _compile(folder)
    monkeypatch.setattr("platform_abi.definitions.values.packaged", lambda: str(folder))
    return folder


def _compile(folder: Path) -> Path:
    path = Path(f"{folder}{SUFFIX}")
    path.write_bytes(compile_definitions(folder))
    return path


def _asked(name: str, *roots: Path) -> tuple[Any, set[str]]:
    """Return an answer of a new process, and the files that it parses for that."""
    parsed: set[str] = set()
    with pytest.MonkeyPatch.context() as patch:
        from platform_abi.definitions import structure

        original = structure.load

        def observed(cls: Any, data: bytes, path: str) -> Any:
            parsed.add(path)
            return original(cls, data, path)

        patch.setattr(structure, "load", observed)
        return QUESTIONS[name][0](pa.FileCatalogue(roots)), parsed


def _read(name: str, *roots: Path) -> Any:
    """Return what a catalogue that knows no compiled form answers."""
    return QUESTIONS[name][0](pa.FileCatalogue(roots, compiled=False))


# --- laws ----------------------------------------------------------------------------------------


@ask
def test_what_was_compiled_is_what_reading_gives(name: str, root: Path) -> None:
    """Every answer is equal, of the same types, and nothing is parsed for it."""
    answer, parsed = _asked(name, root)

    assert set() == parsed
    assert _read(name, root) == answer
    assert repr(_read(name, root)) == repr(answer)


def test_every_shipped_answer_is_what_reading_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, catalogue: pa.FileCatalogue
) -> None:
    """The same of this project's own definitions, whatever verbs ask of them."""
    folder = site.copy_of_definitions(tmp_path)
    _compile(folder)
    monkeypatch.setattr("platform_abi.definitions.values.packaged", lambda: str(folder))
    compiled = pa.FileCatalogue([folder])

    def answers(of: pa.FileCatalogue) -> Iterator[Any]:
        yield of.capabilities(), of.devices(), of.naming(), of.realize(), of.options()
        yield of.visibility(), of.messages(), of.harmless(), of.guest_devices(ARCH)
        yield of.kernel_sources()
        yield of.libvirt(), of.domains(), of.codes()
        yield [of.features(stem) for stem in of.feature_stems()]
        yield [of.platform(name) for name in of.platform_names()]
        for build, arch in sorted(of.files.keys("machines")):
            yield [of.machine(build, m, arch) for m in of.build(build, arch).machines]
            yield of.types(build, arch), of.property_rows(build, arch), of.cpu_models(build, arch)

    for mine, theirs in zip(answers(compiled), answers(catalogue), strict=True):
        assert theirs == mine
    assert compiled._made_reader is None


@ask
def test_an_edited_file_is_parsed(name: str, root: Path) -> None:
    """Also where neither its size nor its times tell that it was edited."""
    for relative in QUESTIONS[name][1]:
        path = root / relative
        before, times = path.read_text(), path.stat()
        path.write_text(before.replace("\n", " ", 1) if before[0] == "\n" else before + "\n")
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        answer, parsed = _asked(name, root)
        assert str(path) in parsed
        assert _read(name, root) == answer
        path.write_text(before)


def test_an_edit_counts(root: Path) -> None:
    """What a file says now is what holds, not what it said when the wheel was built."""
    path = root / "capabilities/tun.toml"
    path.write_text(path.read_text().replace('"6.2"', '"6.9"'))

    assert "6.9" == pa.FileCatalogue([root]).capabilities()["tun.uso"].since


@pytest.mark.parametrize(
    ("relative", "name"),
    [
        ("capabilities/more.toml", "capabilities"),
        ("devices/more.toml", "devices"),
        ("features/net.toml", "features"),
        ("platforms/test-1.toml", "platform"),
        (f"machines/{BUILD}/{ARCH}.toml", "machine"),
        (f"machines/{BUILD}/{ARCH}-types.toml", "types"),
    ],
)
def test_a_file_of_a_site_counts(relative: str, name: str, root: Path, tmp_path: Path) -> None:
    """What a folder of the site adds is read together with the packaged files that it adds to."""
    copies = {**WHOLE, "platforms/test-1.toml": WHOLE["platforms/test/test-1.toml"]}
    path = write(tmp_path / "site", relative, copies.get(relative, "schema = 1\n"))
    answer, parsed = _asked(name, root, tmp_path / "site")

    assert str(path) in parsed
    assert _read(name, root, tmp_path / "site") == answer


def test_what_a_group_of_backends_adds_counts(root: Path) -> None:
    """What features require is of the devices' file too, where they name a group."""
    group = """
[[backend]]
name = "tap+vhost"
[[backend-group]]
name = "any-tap"
[[backend-group.member]]
backend = "tap"
[[backend-group.member]]
backend = "tap+vhost"
adds = ["vhost-net"]
"""
    devices = write(root, "devices/net.toml", site.DEVICES + group)
    write(root, "features/net.toml", site.FEATURES.replace("\ntap = ", "\nany-tap = "))
    _compile(root)
    found, parsed = _asked("features", root)
    assert set() == parsed
    assert {"vhost-net"} == {need[-1] for each in found for need in [each.needs("tap+vhost")]}

    write(root, "devices/net.toml", devices.read_text().replace("vhost-net", "vhost-new"))
    found, _ = _asked("features", root)
    assert {"vhost-new"} == {need[-1] for each in found for need in [each.needs("tap+vhost")]}


def test_an_added_and_a_removed_file_of_the_package_count(root: Path) -> None:
    """An answer of other files than there are now is none."""
    extra = write(root, "capabilities/more.toml", "schema = 1\n[[capability]]\n" + _MORE)
    assert {"more", "tun.uso", "tun.queues"} == set(pa.FileCatalogue([root]).capabilities())
    extra.unlink()
    (root / "capabilities/tun.toml").unlink()
    assert {} == pa.FileCatalogue([root]).capabilities()
    (root / "platforms/test/test-1.toml").unlink()
    with pytest.raises(pa.DefinitionError, match="no platform 'test-1'"):
        pa.FileCatalogue([root]).platform("test-2")


_MORE = 'id = "more"\ntitle = "More"\nsubsystem = "tun"\n'


@ask
def test_what_another_folder_has_compiled_is_never_read(name: str, tmp_path: Path) -> None:
    """A folder of the site, and a checkout, parse their own files whatever lies beside them."""
    folder = small(tmp_path / "site", **WHOLE)
    Path(f"{folder}{SUFFIX}").write_bytes(b"0\nnonsense")
    answer, parsed = _asked(name, folder)

    assert {str(folder / relative) for relative in QUESTIONS[name][1]} <= parsed
    assert answer == _read(name, folder)


def test_a_checkout_has_nothing_compiled() -> None:
    """An editable install reads what one edits."""
    assert str(DEFINITIONS) == packaged()
    assert not Path(packaged() + SUFFIX).exists()


def test_equal_definitions_compile_to_equal_bytes(tmp_path: Path) -> None:
    """Whatever the folder is called and in which order its files were written."""
    one, two = tmp_path / "one", tmp_path / "two"
    small(one, **WHOLE)
    for relative in sorted({**SMALL, **WHOLE}, reverse=True):
        write(two, relative, WHOLE[relative])

    assert compile_definitions(one) == compile_definitions(two)


# --- damage --------------------------------------------------------------------------------------


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_changes_no_answer(data: st.DataObject, root: Path) -> None:
    """With any byte changed, or cut off anywhere, an answer is the right one or an error."""
    path = Path(f"{root}{SUFFIX}")
    intact = compile_definitions(root)
    at = data.draw(st.integers(0, len(intact) - 1))
    changed = data.draw(st.integers(0, 255) | st.none())
    path.write_bytes(
        intact[:at] if changed is None else intact[:at] + bytes([changed]) + intact[at + 1 :]
    )
    name = data.draw(st.sampled_from(sorted(QUESTIONS)))
    wrong: pa.DefinitionError | None = None
    try:
        answer, _ = _asked(name, root)
    except pa.DefinitionError as error:
        wrong = error
    if wrong is None:
        assert _read(name, root) == answer
    else:
        assert wrong.code == "definition-compiled"
        assert str(path) in wrong.message
        assert "install the package again" in wrong.help


def test_each_damage_is_said(root: Path) -> None:
    """In the index, in an answer, of another version, and one that cannot be read."""
    path = Path(f"{root}{SUFFIX}")
    intact = path.read_bytes()
    first, head, body = intact.split(b"\n", 2)
    other = json.dumps({**json.loads(head), "version": "0.0.0"}).encode() + b"\n"
    for damaged, words in (
        (b"", "is damaged"),
        (intact[:-40], "is damaged"),
        (b"\n".join([first, head.replace(b"tun", b"nut"), body]), "is damaged"),
        (b"%d\n" % check_sum(other) + other + body, "is of version 0.0.0"),
    ):
        path.write_bytes(damaged)
        with pytest.raises(pa.DefinitionError, match=words):
            [question(pa.FileCatalogue([root])) for question, _ in QUESTIONS.values()]
    path.unlink()
    path.mkdir()
    with pytest.raises(pa.DefinitionError, match="cannot be read"):
        pa.FileCatalogue([root])


def test_without_the_file_definitions_are_parsed(root: Path) -> None:
    """Who packages the project without it loses speed, and nothing else."""
    Path(f"{root}{SUFFIX}").unlink()
    answer, parsed = _asked("capabilities", root)

    assert {str(root / "capabilities/tun.toml")} == parsed
    assert _read("capabilities", root) == answer


def test_the_digest_is_of_all_files_by_name() -> None:
    """Another content, another name, one more: another digest."""
    digests = [
        digest(files)
        for files in ({"a": b"1"}, {"a": b"2"}, {"b": b"1"}, {"a": b"1", "b": b""}, {})
    ]
    assert len(set(digests)) == len(digests)


def test_a_wrong_definition_is_not_compiled(tmp_path: Path) -> None:
    """A wheel is not built of what no catalogue would answer for."""
    folder = small(tmp_path / "definitions", **{"realize/net.toml": "schema = 2\n"})
    with pytest.raises(pa.DefinitionError, match="expected schema = 1"):
        compile_definitions(folder)


def test_reads_are_of_what_is_asked_for_alone(root: Path) -> None:
    """One platform's answer looks at its own files and its ancestors', and at no other."""
    with reads() as files:
        pa.FileCatalogue([root]).platform("test-1")
    assert ["platforms/test/test-1.toml"] == files
