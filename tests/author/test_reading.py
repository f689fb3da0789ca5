"""What is read from a binary, whatever it is and however it behaves."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import platform_abi as pa
from platform_abi.author.observation import BuildDefinition, Given
from platform_abi.author.reading import observe
from platform_abi.author.text import file_texts
from platform_abi.author.trace import parse_trace
from platform_abi.model.driver import CpuModel, DriverProperty
from platform_abi.model.machine import CompatProperty
from tests.author.binaries import COMMANDS, binary, left, machine, version


def _seen(catalogue: pa.FileCatalogue, path: str, given: Given | None = None) -> BuildDefinition:
    return observe(catalogue, path, given, timeout=20)


def _refused(catalogue: pa.FileCatalogue, folder: Path, path: str, timeout: float = 20) -> str:
    """Return the code of the error that ends the import, when nobody of it is left."""
    with pytest.raises(pa.PlatformAbiError) as caught:
        observe(catalogue, path, timeout=timeout)
    assert caught.value.help
    assert left(folder) == []
    return caught.value.code


def test_an_ordinary_binary_says_all_that_the_files_need(
    catalogue: pa.FileCatalogue, tmp_path: Path
) -> None:
    """Build, machine types, types with properties, aliases and CPU models."""
    seen = _seen(catalogue, binary(tmp_path))
    assert (seen.build.name, seen.build.vendor, seen.build.arch) == (
        "qemu-9.1.0-upstream", "upstream", "x86_64",
    )  # fmt: skip
    newest, older = seen.machines
    assert (newest.name, newest.aliases, newest.default) == ("pc-q35-9.1", ("q35",), True)
    assert older.compat == (CompatProperty(driver="net-device", property="uso", value="false"),)
    assert {each.name: each.properties for each in seen.types} == {
        "device": None,
        "net-device": {
            "uso": DriverProperty(type="bool", default="on"),
            "mac": DriverProperty(type="str"),
            # legacy-mac is QEMU's printable twin of mac; this one is really called so.
            "legacy-mode": DriverProperty(type="bool"),
        },
        "net-pci": {
            "uso": DriverProperty(type="bool", default="on"),
            "vectors": DriverProperty(type="uint32", default="4294967295"),
        },
    }
    assert seen.aliases == {"net": "net-pci"}
    assert seen.cpu_models["EPYC"] == CpuModel(type="EPYC-x86_64-cpu", alias_of="EPYC-v1")
    assert seen.warnings == ()
    assert left(tmp_path) == []


def test_what_qemu_would_refuse_must_be_optional(
    catalogue: pa.FileCatalogue, tmp_path: Path
) -> None:
    """An entry of a driver without the property is marked; one of an unknown driver is not."""
    rows = [
        ("net-device", "mac", "x"),
        ("net-device", "gone", "x"),
        ("arm-cpu", "gone", "x"),
        ("memory-backend", "gone", "x"),
    ]
    properties: dict[str, Any] = {
        "net-device": [{"name": "mac", "type": "str"}, {"name": "uso", "type": "bool"}],
        "net-pci": [],
        "memory-backend": [{"name": "share", "type": "bool"}],
    }
    answers = {
        "query-machines": [machine("pc-q35-9.0", rows)],
        "qom-list-properties": properties,
    }
    (found,) = _seen(catalogue, binary(tmp_path, answers)).machines
    assert [entry.optional for entry in found.compat] == [False, True, False, True]


def test_a_cpu_model_without_a_type_has_the_one_of_its_name(
    catalogue: pa.FileCatalogue, tmp_path: Path
) -> None:
    """QEMU for ppc64 states the types of aliases only."""
    answers = {
        "qom-list-types": [
            {"name": "cpu", "parent": "device", "abstract": True},
            {"name": "ppc-cpu", "parent": "cpu", "abstract": True},
            {"name": "family-ppc-cpu", "parent": "ppc-cpu", "abstract": True},
            {"name": "power9_v2.2-ppc-cpu", "parent": "family-ppc-cpu", "abstract": True},
        ],
        "query-cpu-definitions": [
            {"name": "power9", "typename": "power9_v2.2-ppc-cpu"},
            {"name": "power9_v2.2", "typename": ""},
            {"name": "gone", "typename": ""},
        ],
    }
    seen = _seen(catalogue, binary(tmp_path, answers))
    assert {name: model.type for name, model in seen.cpu_models.items()} == {
        "power9": "power9_v2.2-ppc-cpu", "power9_v2.2": "power9_v2.2-ppc-cpu", "gone": "",
    }  # fmt: skip


def test_of_two_that_claim_an_alias_the_last_has_it(
    catalogue: pa.FileCatalogue, tmp_path: Path
) -> None:
    """As in -machine powernv of QEMU 10.0: powernv10 and powernv10-rainier claim it."""
    answers = {"query-machines": [machine("a", alias="x"), machine("b", alias="x")]}
    machines = _seen(catalogue, binary(tmp_path, answers)).machines
    assert {each.name: each.aliases for each in machines} == {"a": (), "b": ("x",)}


def test_a_type_that_crashes_qemu_is_named_and_the_others_are_read(
    catalogue: pa.FileCatalogue, tmp_path: Path
) -> None:
    """QEMU is started again, and what it said in the end is told."""
    seen = _seen(catalogue, binary(tmp_path, crash=["net-device"]))
    assert {each.name: each.properties is None for each in seen.types} == {
        "device": True, "net-device": True, "net-pci": False,
    }  # fmt: skip
    assert any("net-device" in warning for warning in seen.warnings)
    assert any("Assertion failed" in warning for warning in seen.warnings)
    assert left(tmp_path) == []


def test_progress_comes_to_its_end(catalogue: pa.FileCatalogue, tmp_path: Path) -> None:
    """Every type that is asked about counts, the last one too."""
    told: list[tuple[int, int]] = []
    observe(catalogue, binary(tmp_path), progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]


def test_it_can_be_asked_in_any_thread(catalogue: pa.FileCatalogue, tmp_path: Path) -> None:
    """Also in one that is not the first."""
    seen: list[BuildDefinition] = []
    path = binary(tmp_path)
    thread = threading.Thread(target=lambda: seen.append(_seen(catalogue, path)))
    thread.start()
    thread.join(60)
    assert file_texts(seen[0]) == file_texts(_seen(catalogue, path))


# --- vendors' machine types ----------------------------------------------------------------------

#: Constructed in the manner of Ubuntu's builds: upstream's machine types, and one of 8.2.
STEP_90, STEP_82, STEP_81 = (
    [("net-device", "mac", "9.0")],
    [("net-device", "uso", "8.2")],
    [("net-device", "uso", "8.1"), ("net-pci", "uso", "8.1")],
)
UBUNTU = {
    "query-version": version("9.1.0", "Debian 1:9.1.0+ds-0ubuntu1"),
    "query-machines": [
        machine("pc-q35-9.1"),
        machine("pc-q35-9.0", STEP_90),
        machine("pc-q35-8.2", STEP_90 + STEP_82),
        machine("pc-q35-8.1", STEP_90 + STEP_82 + STEP_81),
        machine("pc-q35-noble", [*STEP_90, *STEP_82, ("net-pci", "vectors", "3")]),
    ],
}


def test_a_vendors_machine_type_has_the_generation_that_it_derives_from(
    catalogue: pa.FileCatalogue, tmp_path: Path
) -> None:
    """Its compat properties tell it, and it belongs to upstream's family."""
    seen = _seen(catalogue, binary(tmp_path, UBUNTU))
    assert seen.build.name == "qemu-9.1.0-ubuntu"
    noble = next(each for each in seen.machines if each.name == "pc-q35-noble")
    assert (noble.family, noble.generation) == ("pc-q35", "8.2")


def test_what_compat_properties_do_not_tell_is_known_of_a_vendor(
    catalogue: pa.FileCatalogue, tmp_path: Path
) -> None:
    """Of that vendor's machine types only, and what is said counts more."""
    answers = {
        **UBUNTU,
        "query-machines": [machine("pc-i440fx-wily", [("net-device", "uso", "x")])],
    }
    told = [_seen(catalogue, binary(tmp_path, answers)).machines[0].generation]
    given = Given(generations={"wily": "2.3"})
    told.append(_seen(catalogue, binary(tmp_path, answers), given).machines[0].generation)
    assert told == ["2.4", "2.3"]
    other = {**answers, "query-version": version("9.1.0", "pve-qemu-kvm_9.1.0-1")}
    assert _seen(catalogue, binary(tmp_path, other)).machines[0].generation is None


def test_what_nobody_can_tell_stays_unknown(catalogue: pa.FileCatalogue, tmp_path: Path) -> None:
    """A warning names all of them; each may be said, or the version in it."""
    answers = {
        "query-version": version("9.1.0", "qemu-kvm-9.1.0-15.el9"),
        "query-machines": [
            machine("pc-q35-rhel9.4.0", [("net-device", "uso", "x")]),
            machine("pc-i440fx-rhel9.4.0", [("net-device", "uso", "x")]),
        ],
    }
    path = binary(tmp_path, answers)
    seen = _seen(catalogue, path)
    assert [each.generation for each in seen.machines] == [None, None]
    (warning,) = [text for text in seen.warnings if "generation" in text]
    assert "pc-q35-rhel9.4.0" in warning
    assert "pc-i440fx-rhel9.4.0" in warning
    assert "--generation" in warning
    seen = _seen(catalogue, path, Given(generations={"rhel9.4.0": "8.2"}))
    assert [(each.family, each.generation) for each in seen.machines] == [
        ("pc-i440fx", "8.2"), ("pc-q35", "8.2"),
    ]  # fmt: skip
    assert seen.build.name == "qemu-9.1.0-rhel"
    each_its_own = {"pc-q35-rhel9.4.0": "8.2", "pc-i440fx-rhel9.4.0": "8.1"}
    seen = _seen(catalogue, path, Given(generations=each_its_own))
    assert {each.name: each.generation for each in seen.machines} == each_its_own


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"rhel9.9": "8.2"}, "unknown-machine"),
        ({"noble": "eight"}, "machine-generation"),
        ({"noble": "8"}, "machine-generation"),
        ({"noble": "8."}, "machine-generation"),
    ],
)
def test_what_is_said_of_generations_is_checked(
    catalogue: pa.FileCatalogue, tmp_path: Path, said: dict[str, str], code: str
) -> None:
    """A misspelt machine type would else change nothing, without a word."""
    with pytest.raises(pa.UsageError) as caught:
        _seen(catalogue, binary(tmp_path, UBUNTU), Given(generations=said))
    assert caught.value.code == code


# --- what is no QEMU, or not to be read ----------------------------------------------------------


def test_what_is_not_there_is_not_found(catalogue: pa.FileCatalogue, tmp_path: Path) -> None:
    """Nor a file that nobody may run, nor a folder."""
    plain = tmp_path / "plain"
    plain.write_text("")
    for path in (tmp_path / "nothing", plain, tmp_path):
        assert _refused(catalogue, tmp_path, str(path)) == "qemu-not-found"


def _foreign(path: Path) -> None:
    """Make a program of a processor that nobody has."""
    program = bytearray(Path("/proc/self/exe").read_bytes()[:4096])
    program[18:20] = (0x7F, 0x7F)  # e_machine
    path.write_bytes(program)


def test_what_is_no_qemu_fails(catalogue: pa.FileCatalogue, tmp_path: Path) -> None:
    """Another program, one for another processor, one that ends at once, a text."""
    other = tmp_path / "other"
    other.write_text("#!/bin/sh\necho no such accelerator >&2\nexit 1\n")
    text = tmp_path / "text"
    text.write_text("\N{SNOWMAN}\n")
    foreign = tmp_path / "foreign"
    _foreign(foreign)
    for path in (other, text, foreign):
        path.chmod(0o755)
        assert _refused(catalogue, tmp_path, str(path)) == "qemu-failed"
    assert _refused(catalogue, tmp_path, "/bin/echo") == "qemu-failed"


@pytest.mark.parametrize(
    "noise", ["Loading modules...\n", "{}\n", "[]\n", "\0\xff\n", "[" * 10_000]
)
def test_what_prints_on_its_stdout_fails(
    catalogue: pa.FileCatalogue, tmp_path: Path, noise: str
) -> None:
    """A wrapper has to keep its words to stderr."""
    assert _refused(catalogue, tmp_path, binary(tmp_path, noise=noise)) == "qemu-failed"


def test_what_never_answers_is_given_up(catalogue: pa.FileCatalogue, tmp_path: Path) -> None:
    """At the greeting or later, and it is not waited for once per type."""
    started = time.monotonic()
    for how in ({"silent": True}, {"hang": ["device", "net-device", "net-pci"]}):
        path = binary(tmp_path, **how)
        assert _refused(catalogue, tmp_path, path, timeout=1) == "qemu-timeout"
    assert time.monotonic() - started < 20


def test_what_crashes_again_and_again_is_given_up(
    catalogue: pa.FileCatalogue, tmp_path: Path
) -> None:
    """What is left of it would say nothing."""
    names = [f"t{index}" for index in range(40)]
    answers = {"qom-list-types": [{"name": name, "parent": "device"} for name in names]}
    path = binary(tmp_path, answers, crash=names)
    assert _refused(catalogue, tmp_path, path) == "qemu-failed"


@pytest.mark.parametrize("lacking", ["qom-list-properties", "device-list-properties"])
def test_a_qemu_that_is_too_old_says_what_it_lacks(
    catalogue: pa.FileCatalogue, tmp_path: Path, lacking: str
) -> None:
    """Constructed as one of 2.3: nothing of it is guessed."""
    answers = {"query-version": version("2.3.0"), lacking: None}
    path = binary(tmp_path, answers)
    assert _refused(catalogue, tmp_path, path) == "qemu-too-old"
    with pytest.raises(pa.HostError, match=lacking):
        observe(catalogue, path)


@pytest.mark.parametrize("command", COMMANDS)
def test_answers_that_are_none_of_qemus_fail(
    catalogue: pa.FileCatalogue, tmp_path: Path, command: str
) -> None:
    """Whatever says JSON of another shape ends in a clear error, not in a traceback."""
    garbage: list[Any] = [7, [7], [{}], {"x": 1}]
    # Of all commands this one answers by text.
    garbage += [] if command == "human-monitor-command" else ["x"]
    for answer in garbage:
        about = "list-properties" in command
        path = binary(
            tmp_path, {command: {"net-device": answer, "net-pci": answer} if about else answer}
        )
        assert _refused(catalogue, tmp_path, path) in {"qemu-failed", "qemu-too-old"}


@pytest.mark.parametrize("number", [-1, 1e400, 10**9, True, None, "../x", 1.5])
def test_a_version_that_is_no_number_names_no_folder(
    catalogue: pa.FileCatalogue, tmp_path: Path, number: Any
) -> None:
    """What QEMU's own version never is cannot become a name of a build."""
    version = {"qemu": {"major": 9, "minor": number, "micro": 0}, "package": "Debian 1:9"}
    assert "qemu-failed" == _refused(
        catalogue, tmp_path, binary(tmp_path, {"query-version": version})
    )


@pytest.mark.parametrize("key", ["qom-type", "property", "value"])
def test_a_compat_property_that_is_no_text_is_none(
    catalogue: pa.FileCatalogue, tmp_path: Path, key: str
) -> None:
    """A null in a list of compat properties is an error as clear as any."""
    entry = {"qom-type": "e1000", "property": "x", "value": "on", key: None}
    machines = [{"name": "pc-q35-9.1", "compat-props": [entry]}]
    answer = binary(tmp_path, {"query-machines": machines})
    assert "qemu-failed" == _refused(catalogue, tmp_path, answer)


# --- a QEMU that does not list its compat properties ---------------------------------------------


def test_without_a_compiler_it_says_what_is_needed(
    catalogue: pa.FileCatalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A QEMU before 9.1 is not half imported."""
    monkeypatch.setenv("CC", "no-such-compiler")
    path = binary(tmp_path, lists_compat=False)
    assert _refused(catalogue, tmp_path, path) == "no-compiler"
    compiler = tmp_path / "cc"
    compiler.write_text("#!/bin/sh\necho 'no stdio.h' >&2\nexit 1\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("CC", str(compiler))
    with pytest.raises(pa.HostError, match="no stdio"):
        observe(catalogue, path)


@pytest.mark.skipif(os.system("cc --version >/dev/null 2>&1") != 0, reason="no C compiler")
def test_what_cannot_be_traced_says_so(catalogue: pa.FileCatalogue, tmp_path: Path) -> None:
    """A binary that does not build its machine classes with a glib of its own shows nothing."""
    path = binary(tmp_path, lists_compat=False)
    assert _refused(catalogue, tmp_path, path) == "no-compat"


def test_a_trace_keeps_the_order_and_the_flag() -> None:
    """Later entries win in QEMU, so none is moved or dropped."""
    lines = [
        ("machine", "pc-q35-7.2"),
        ("machine", "isapc"),
        ("compat", "pc-q35-7.2", "net", "uso", "off", "1"),
        ("compat", "pc-q35-7.2", "net", "uso", "", "0"),
    ]
    text = "".join("\x1f".join(words) + "\n" for words in lines)
    assert parse_trace(text) == {
        "pc-q35-7.2": (
            CompatProperty(driver="net", property="uso", value="off", optional=True),
            CompatProperty(driver="net", property="uso", value=""),
        ),
        "isapc": (),
    }
