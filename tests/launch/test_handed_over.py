"""A tap that QEMU is handed as a descriptor is what that says, wherever somebody can ask it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping

import pytest
from attrs import define, field

import platform_abi as pa
from platform_abi.launch.command_line import read_command_line
from platform_abi.launch.described import Described, described
from platform_abi.launch.host_files import ThisHostFiles

_LINE = "-M pc-q35-9.1 -accel kvm -nodefaults -device virtio-net-pci,netdev=n0,id=net0 "


@define
class _Files:
    """Descriptors of taps, by their number: whether each has a vnet header."""

    taps: Mapping[str, bool] = field(factory=dict)
    macvtaps: frozenset[str] = frozenset()

    def size(self, name: str) -> int | None:
        raise NotImplementedError(name)

    def page_size(self, name: str) -> int | None:
        raise NotImplementedError(name)

    def tap_option(self, option: str, descriptor: str) -> bool | None:
        return self.taps.get(descriptor) if option == "vnet_hdr" else None

    def is_tun(self, descriptor: str) -> bool | None:
        return descriptor not in self.macvtaps if descriptor in self.taps else None


def _described(catalogue: pa.FileCatalogue, text: str, files: _Files | ThisHostFiles) -> Described:
    line = read_command_line(catalogue.options(), shlex.split(_LINE + text))
    return described(catalogue, line, arch="x86_64", files=files)


@pytest.mark.parametrize(
    ("behind", "vhost"),
    [
        ("fd=7", False),
        ("fds=7:8", False),
        ("fd=7,vhost=on", True),
        ("fd=7,vhostforce=on", True),
        ("fd=7,vhostfd=9", True),
        ("fds=7:8,vhostfds=9:10", True),
        ("fd=7,vhost=off,vhostfd=9", False),
    ],
)
@pytest.mark.parametrize("header", [True, False])
def test_a_tap_is_of_the_kind_that_its_descriptors_say(
    catalogue: pa.FileCatalogue, behind: str, *, vhost: bool, header: bool
) -> None:
    """With or without vhost; and nothing is to be written on it, which QEMU would refuse."""
    files = _Files(taps={"7": header, "8": header})
    found = _described(catalogue, f"-netdev tap,id=n0,{behind}", files)
    (nic,) = found.vm.devices
    kind = ("tap" if header else "tap-no-vnet-hdr") + ("+vhost" if vhost else "")
    assert kind == nic.backend
    assert not nic.open_options
    assert not found.remarks
    if not header:
        abi = pa.resolve(catalogue, found.vm, "linux-6.9")
        assert not {p.capability for p in abi.preconditions} & {"tun.vnet-hdr", "tun.csum"}


@pytest.mark.parametrize(
    ("behind", "header", "kind"),
    [
        ("fd=7", True, "macvtap"),
        ("fds=7:8,vhost=on", True, "macvtap+vhost"),
        ("fd=7", False, "tap-no-vnet-hdr"),
    ],
)
def test_a_macvtap_is_told_by_its_descriptor(
    catalogue: pa.FileCatalogue, behind: str, kind: str, *, header: bool
) -> None:
    """Whose offloads are other capabilities of a host; without a header there are none."""
    files = _Files(taps={"7": header, "8": header}, macvtaps=frozenset({"7", "8"}))
    found = _described(catalogue, f"-netdev tap,id=n0,{behind}", files)
    assert kind == found.vm.devices[0].backend
    assert not found.remarks
    needs = {p.capability for p in pa.resolve(catalogue, found.vm, "linux-6.9").preconditions}
    assert ("macvtap.vnet-hdr" in needs) is header


def test_a_tap_beside_a_macvtap_is_told(catalogue: pa.FileCatalogue) -> None:
    """Queues of two kinds are of none that is known."""
    files = _Files(taps={"7": True, "8": True}, macvtaps=frozenset({"8"}))
    found = _described(catalogue, "-netdev tap,id=n0,fds=7:8", files)
    assert ["netdev n0"] == [remark.partition(":")[0] for remark in found.remarks]


def test_a_nic_of_its_own_option_is_asked_too(catalogue: pa.FileCatalogue) -> None:
    """-nic makes a netdev as well."""
    line = "-M pc-q35-9.1 -accel kvm -nodefaults -nic tap,model=virtio-net-pci,fd=7"
    words = read_command_line(catalogue.options(), shlex.split(line))
    files = _Files(taps={"7": False})
    (nic,) = described(catalogue, words, arch="x86_64", files=files).vm.devices
    assert "tap-no-vnet-hdr" == nic.backend


@pytest.mark.parametrize(
    ("behind", "taps"),
    [
        ("fd=7", {}),
        ("fd=tap0", {"7": True}),
        ("fds=7:8", {"7": True}),
        ("fds=7:8", {"7": True, "8": False}),
    ],
)
def test_what_nobody_could_ask_is_told(
    catalogue: pa.FileCatalogue, behind: str, taps: dict[str, bool]
) -> None:
    """Of two that contradict each other QEMU will say so; until then nothing is known."""
    found = _described(catalogue, f"-netdev tap,id=n0,{behind}", _Files(taps=taps))
    assert "tap" == found.vm.devices[0].backend
    assert ["netdev n0"] == [remark.partition(":")[0] for remark in found.remarks]


@pytest.mark.parametrize("behind", ["vnet_hdr=off", "ifname=tap0", "helper=/x"])
def test_what_is_no_descriptor_is_nobodys_to_ask(catalogue: pa.FileCatalogue, behind: str) -> None:
    """Its options say what it is."""
    assert not _described(catalogue, f"-netdev tap,id=n0,{behind}", _Files()).remarks


def test_what_is_no_tap_says_nothing() -> None:
    """A pipe, a number that nobody has open, one that no number can be; nor who hands none on."""
    ends = os.pipe()
    try:
        for text in (str(ends[0]), "9" * 5, "9" * 40, "tap0", "-1"):
            assert ThisHostFiles(handed_on=True).tap_option("vnet_hdr", text) is None
            assert ThisHostFiles(handed_on=True).is_tun(text) is None
    finally:
        for end in ends:
            os.close(end)
