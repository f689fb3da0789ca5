"""A virtual machine from a command line, in every form in which people have one."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.source.reading import unread_of
from platform_abi.source.words import divided, split
from tests.conftest import DEFINITIONS
from tests.launch.lines import CORPUS

CATALOGUE = pa.FileCatalogue([DEFINITIONS])
BUILD = "qemu-11.1.3"

#: What people have before a QEMU's name: variables, and who runs it.
_BEFORE = [[], ["LC_ALL=C", "HOME=/a b"], ["sudo", "-u", "x"], ["A=1", "/usr/bin/time", "-v"]]
_PROGRAMS = ["qemu-system-x86_64", "/usr/bin/qemu-system-x86_64", "/opt/q/qemu-platform-x86_64"]


def _written(words: list[str], how: str) -> str:
    if how == "process":
        return "".join(f"{word}\0" for word in words)
    between = {"line": " ", "log": " \\\n", "windows": " \\\r\n"}[how]
    return between.join(map(shlex.quote, words)) + "\n"


@given(
    words=st.sampled_from(CORPUS),
    program=st.sampled_from(_PROGRAMS),
    before=st.sampled_from(_BEFORE),
    how=st.sampled_from(["line", "log", "windows", "process"]),
)
def test_it_is_the_same_machine_however_it_is_written(
    words: list[str], program: str, before: list[str], how: str
) -> None:
    """Words or a text; with what runs it before it or without; on one line, many, or of /proc."""

    def read(line: str | list[str]) -> pa.VmReading:
        return pa.from_command_line(CATALOGUE, line, arch="x86_64", build=BUILD)

    assert read(words) == read(_written([*before, program, *words], how))


def test_the_program_says_for_which_guests() -> None:
    """By its name; ``kvm`` of the host's architecture runs them by KVM."""
    line = "qemu-system-aarch64 -machine virt-9.1 -cpu max"
    assert "aarch64" == pa.from_command_line(CATALOGUE, line).vm.arch
    kvm = pa.from_command_line(CATALOGUE, "/usr/bin/kvm -M pc-q35-9.1", arch="x86_64")
    assert "kvm" == kvm.vm.accelerator


def test_it_is_resolved_like_one_that_is_described() -> None:
    """What it lacks of facts beside devices is none of a platform's business."""
    read = pa.from_command_line(
        CATALOGUE,
        "qemu-system-x86_64 -M pc-q35-9.1 -accel kvm -nodefaults -netdev tap,id=n0 "
        "-device virtio-net-pci,netdev=n0,id=net0",
    )
    vm = pa.virtual_machine(
        CATALOGUE.devices(),
        "pc-q35-9.1",
        devices=["virtio-net-pci,netdev=n0,id=net0"],
        netdevs=["tap,id=n0"],
    )
    assert pa.resolve(CATALOGUE, vm, "linux-6.9").settings == (
        pa.resolve(CATALOGUE, read.vm, "linux-6.9").settings
    )
    assert () == read.unread
    assert () == unread_of(read.vm)


def test_a_device_that_nobody_knows_is_not_forgotten() -> None:
    """It is unread by its name, a fact of the machine that is unknown, and another digest."""
    known = pa.from_command_line(CATALOGUE, "-M pc-q35-9.1 -nodefaults", arch="x86_64")
    read = pa.from_command_line(
        CATALOGUE, "-M pc-q35-9.1 -nodefaults -device nobody,id=n -readconfig f", arch="x86_64"
    )
    assert ("readconfig", "device n") == tuple(each.what for each in read.unread)
    assert {"readconfig", "device n"} == set(unread_of(read.vm))
    digests = {pa.abi_digest(pa.resolve(CATALOGUE, r.vm, "linux-6.1")) for r in (known, read)}
    assert 2 == len(digests)


def test_a_platform_that_it_names_is_told() -> None:
    """As -platform of the launcher's has it, with what it switches over."""
    line = "qemu-platform -M pc-q35-9.1 -platform linux-6.9,virtio-net.rss=on,lock=vm.lock"
    assert "linux-6.9,virtio-net.rss=on" == pa.from_command_line(CATALOGUE, line).platform
    assert pa.from_command_line(CATALOGUE, "kvm -M pc-q35-9.1", arch="x86_64").platform is None


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("", "command-line-empty"),
        ("A=1", "command-line-empty"),
        ("qemu-system-x86_64", "no-machine"),
        ("qemu-system-x86_64 -M 'pc", "command-line-syntax"),
        ("qemu-system-x86_64 -M q35", "machine-alias"),
        ("qemu-system-x86_64 -M pc-q35-9.01", "unknown-machine"),
        ("qemu-system-x86_64 -M pc-q35-9.1 -device {", "option-syntax"),
    ],
)
def test_what_no_qemu_could_be_started_with_is_said(line: str, code: str) -> None:
    """By the code of what is wrong with it."""
    with pytest.raises(pa.UsageError) as caught:
        pa.from_command_line(CATALOGUE, line)
    assert code == caught.value.code


@given(words=st.lists(st.text(st.characters(exclude_characters="\0")), min_size=1))
def test_words_are_split_as_they_were_joined(words: list[str]) -> None:
    """Whatever is in them, by a shell's quotes or by NUL."""
    plain = [word.replace("\\\n", "").replace("\\\r\n", "") for word in words]
    assert plain == split(shlex.join(plain))
    assert words == split("\0".join(words) + "\0") or len(words) == 1


def test_an_option_is_never_taken_for_a_program() -> None:
    """A first word with a dash is the first option, and one of another name the program."""
    assert ("", ["-S"]) == divided(["-S"])
    assert ("wrapper", ["-S"]) == divided(["wrapper", "-S"])
    assert ("/x/qemu-kvm", ["-S"]) == divided(["A=b", "numactl", "-N0", "/x/qemu-kvm", "-S"])
