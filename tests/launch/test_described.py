"""What a command line says of a virtual machine, in every way that QEMU lets one say it."""

from __future__ import annotations

import shlex

import pytest
from attrs import evolve

import platform_abi as pa
from platform_abi.launch.command_line import read_command_line
from platform_abi.launch.described import Described, described
from tests.launch.lines import CORPUS

BUILD = "qemu-11.1.3"


def _of(
    catalogue: pa.FileCatalogue,
    text: str,
    *,
    arch: str = "x86_64",
    build: str | None = None,
    file: str = "",
) -> Described:
    line = read_command_line(catalogue.options(), shlex.split(text))
    return described(catalogue, line, arch=arch, build=build, read_file=lambda _: file)


@pytest.mark.parametrize("words", CORPUS, ids=" ".join)
def test_a_realistic_command_line_is_understood(
    catalogue: pa.FileCatalogue, words: list[str]
) -> None:
    """Each device has its place: the option that names it."""
    line = read_command_line(catalogue.options(), words)
    found = described(catalogue, line, arch="x86_64", build=BUILD)
    assert len(found.vm.devices) == len(found.places)
    for device, place in zip(found.vm.devices, found.places, strict=True):
        if place is not None:
            assert "device" == line.options[place].name
            assert device.driver in (line.options[place].value or "")


_ONE_MACHINE = (
    "-M pc-q35-9.1 -accel kvm -cpu EPYC-v4,enforce=on -nodefaults -netdev tap,id=n0 "
    "-device virtio-net-pci,netdev=n0,id=net0,mq=on -global virtio-net-device.csum=off"
)


@pytest.mark.parametrize(
    "text",
    [
        _ONE_MACHINE,
        (
            "-machine accel=kvm -machine type=pc-q35-9.1 -cpu qemu64 -cpu EPYC-v4,enforce=on "
            '--nodefaults -device \'{"driver": "virtio-net-pci", "netdev": "n0", "id": "net0", '
            '"mq": true}\' -netdev \'{"type": "tap", "id": "n0"}\' '
            "-global driver=virtio-net-device,property=csum,value=off"
        ),
        (
            "-enable-kvm -M pc-q35-9.1 -cpu EPYC-v4,enforce=on -nodefaults -netdev type=tap,id=n0 "
            "-device driver=virtio-net-pci,netdev=n0,id=net0 -set device.net0.mq=on "
            "-global virtio-net-device.csum=off"
        ),
        "-cpu EPYC-v4,enforce=on -nodefaults -readconfig vm.cfg",
    ],
)
def test_one_machine_can_be_described_in_many_ways(catalogue: pa.FileCatalogue, text: str) -> None:
    """The order of options, their form and the file that they stand in make no difference."""
    expected = pa.virtual_machine(
        catalogue.devices(),
        "pc-q35-9.1",
        cpu="EPYC-v4,enforce=on",
        netdevs=["tap,id=n0"],
        devices=["virtio-net-pci,netdev=n0,id=net0,mq=on"],
        globals_=["virtio-net-device.csum=off"],
    )
    file = """
# a comment
[machine]
  type = "pc-q35-9.1"
[accel]
  accel = "kvm"
[netdev "n0"]
  type = "tap"
[device "net0"]
  driver = "virtio-net-pci"
  netdev = "n0"
  mq = "on"
[global]
  driver = "virtio-net-device"
  property = "csum"
  value = "off"
"""
    found, first = _of(catalogue, text, file=file).vm, _of(catalogue, _ONE_MACHINE).vm
    assert expected == evolve(found, hardware=None)
    assert first.hardware == found.hardware


@pytest.mark.parametrize(
    ("text", "arch", "expected"),
    [
        ("-M pc-q35-9.1", "x86_64", [("e1000e", "socket")]),
        ("-M pc-q35-9.1 -nodefaults", "x86_64", []),
        ("-M pc-q35-9.1 -nic none", "x86_64", []),
        ("-M pc-q35-9.1 -netdev user,id=n0", "x86_64", []),
        ("-M pc-q35-9.1 -nic tap,model=virtio", "x86_64", [("virtio-net", "tap")]),
        ("-M pc-q35-9.1 -nic tap,vhost=on", "x86_64", [("e1000e", "tap+vhost")]),
        ("-M pc-q35-9.1 -net nic,model=e1000 -net user", "x86_64", [("e1000", "socket")]),
        ("-M pc-q35-9.1 -nodefaults -drive if=virtio,file=a", "x86_64", [("virtio-blk", "")]),
        ("-M pc-q35-9.1 -nodefaults -drive if=none,file=a", "x86_64", []),
        ("-M pc-q35-9.1 -nodefaults -drive if=ide,file=a", "x86_64", [("ide-hd", "")]),
        ("-M pc-i440fx-9.1 -nodefaults -hda a", "x86_64", [("ide-hd", "")]),
        ("-M pc-q35-9.1 -nodefaults a -cdrom b", "x86_64", [("ide-hd", ""), ("ide-cd", "")]),
        ("-M virt-10.0", "aarch64", [("virtio-net-pci", "socket")]),
        ("-M virt", "riscv64", []),
        ("-M s390-ccw-virtio-10.0", "s390x", [("virtio-net-ccw", "socket")]),
    ],
)
def test_devices_that_no_option_names_are_there(
    catalogue: pa.FileCatalogue, text: str, arch: str, expected: list[tuple[str, str]]
) -> None:
    """Default ones, and those that other options make."""
    found = _of(catalogue, text, arch=arch, build=BUILD)
    assert expected == [(d.driver, d.backend) for d in found.vm.devices]
    assert all(place is None for place in found.places)


def test_what_nothing_is_known_of_is_left_alone(catalogue: pa.FileCatalogue) -> None:
    """A device of a vendor's, or of tomorrow, is QEMU's to judge; a remark says so."""
    found = _of(catalogue, "-M pc-q35-9.1 -nodefaults -device acme-nic,x=y")
    assert () == found.vm.devices
    assert "acme-nic" in found.remarks[0]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("-m 2G", "no-machine"),
        ("-M q35", "machine-alias"),
        ("-M pc-q35-9.11", "unknown-machine"),
        ("-M pc-q35-9.1 -device virtio-net-pci,netdev=n1 -netdev user,id=n0", "unknown-netdev"),
        ("-M pc-q35-9.1 -netdev user,id=a -netdev user,id=a", "duplicate-id"),
        ("-M pc-q35-9.1 -device e1000,id=a -device e1000,id=a", "duplicate-id"),
        ("-M pc-q35-9.1 -netdev carrier-pigeon,id=a", "unknown-netdev-type"),
        ("-M pc-q35-9.1 -device {", "option-syntax"),
        ("-M pc-q35-9.1 -global nonsense", "option-syntax"),
    ],
)
def test_what_qemu_could_not_read_either_is_an_error(
    catalogue: pa.FileCatalogue, text: str, code: str
) -> None:
    """Before anything starts, with a name to look up."""
    with pytest.raises(pa.UsageError) as caught:
        _of(catalogue, text)
    assert code == caught.value.code


def test_a_bad_configuration_file_is_named_with_its_line(catalogue: pa.FileCatalogue) -> None:
    """As QEMU does."""
    with pytest.raises(pa.UsageError, match=r"vm\.cfg:2: expected"):
        _of(catalogue, "-M pc-q35-9.1 -readconfig vm.cfg", file='[device "a"]\ndriver e1000\n')


@pytest.mark.parametrize(
    ("program", "text", "expected"),
    [
        ("/usr/bin/kvm", "", "kvm"),
        ("/usr/libexec/qemu-kvm", "", "kvm"),
        ("/usr/libexec/qemu-kvm", "-accel tcg", "tcg"),
        ("/usr/libexec/qemu-kvm", "-machine accel=tcg", "tcg"),
        ("/usr/bin/qemu-system-x86_64", "", "tcg"),
        ("/opt/kvm/qemu", "", "tcg"),
        ("", "", "tcg"),
    ],
)
def test_a_programs_name_asks_for_an_accelerator_where_nothing_else_does(
    catalogue: pa.FileCatalogue, program: str, text: str, expected: str
) -> None:
    """A QEMU called kvm or qemu-kvm starts with KVM, as it does by itself."""
    words = shlex.split(f"-machine pc-q35-9.1 -nodefaults {text}")
    line = read_command_line(catalogue.options(), words)
    found = described(catalogue, line, arch="x86_64", program=program)
    assert expected == found.vm.accelerator
