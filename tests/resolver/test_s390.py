"""What a host decides of a guest on IBM Z: by feature, which fails where its value were wrong."""

from __future__ import annotations

from functools import cache

import pytest
from attrs import evolve

import platform_abi as pa
from tests.definitions.site import DEFINITIONS, catalogue

EDITION = "2026.3"
_SHIPPED = catalogue(DEFINITIONS)

#: What every guest under KVM needs, and what one with a named model needs besides.
BOARD = {"async-pf", "device-ctrl", "sync-regs", "cow", "flic", "cmma-migration"}
KEYS = {"aes-key-wrap", "dea-key-wrap"}
NAMED = BOARD | KEYS | {"cpu-models"}
#: What is left to the host whatever is written.
ALWAYS = {"s390-cpu.identification"}


@cache
def _abi(
    machine: str = "s390-ccw-virtio-11.1",
    cpu: str | None = "gen16a",
    *,
    accelerator: str = "kvm",
    platform: str = "linux-6.13",
    devices: tuple[str, ...] = ("virtio-rng-ccw",),
    hardware: tuple[tuple[str, str], ...] = (),
    edition: str = EDITION,
) -> pa.GuestAbi:
    vm = pa.virtual_machine(
        _SHIPPED.devices(), machine, arch="s390x", cpu=cpu, accelerator=accelerator,
        devices=devices,
    )  # fmt: skip
    if hardware:
        vm = evolve(vm, hardware=hardware)
    return pa.resolve(_SHIPPED, vm, f"{platform}@{edition}")


def _values(abi: pa.GuestAbi) -> dict[str, str]:
    return {f"{s.driver}.{s.property}": s.value for s in abi.settings}


def _needs(abi: pa.GuestAbi) -> set[str]:
    return {p.capability.removeprefix("kvm.s390.") for p in abi.preconditions}


def _open(abi: pa.GuestAbi) -> set[str]:
    return {entry.what for entry in abi.unpinned}


def test_an_older_edition_says_that_it_does_not_know() -> None:
    """Nothing of it is left out without a word, and no argument of it changes."""
    abi = _abi(edition="2026.2")
    assert not abi.settings
    assert [o.what for o in abi.obstacles] == ["CPU and board of s390x with kvm"]
    assert not _abi().obstacles


def test_a_named_model_can_be_moved() -> None:
    """What it has is in its name; what its host has to have, a report's registers say."""
    abi = _abi()
    assert abi.migratable is True
    assert _open(abi) == ALWAYS
    assert _needs(abi) == NAMED


@pytest.mark.parametrize("cpu", ["host", "max", None])
def test_the_cpu_is_the_hosts(cpu: str | None) -> None:
    """Also without -cpu: KVM makes it host, and not the qemu of an emulated board."""
    abi = _abi(cpu=cpu)
    assert _open(abi) == ALWAYS | {"s390-cpu.host-model"}
    assert _needs(abi) == BOARD | KEYS
    assert abi.migratable is False


@pytest.mark.parametrize("cpu", ["qemu", "max", None])
def test_an_emulated_cpu_asks_nothing_of_its_host(cpu: str | None) -> None:
    """Nor does the board under TCG."""
    abi = _abi(cpu=cpu, accelerator="tcg")
    assert (_values(abi), _needs(abi), _open(abi), abi.obstacles) == ({}, set(), set(), ())


@pytest.mark.parametrize(
    ("given", "needs"),
    [
        ("", set()),
        ("cmm=on", {"cmma"}),
        ("cmm=off", set()),
        ("diag318=on", {"diag318"}),
        ("ctop=on", {"cpu-topology"}),
        ("bpb=on", {"bpb"}),
        ("unpack=on", {"protected"}),
        ("ap=on", {"ap"}),
        ("appv=on", {"uv-ap"}),
        ("appvi=on", {"uv-ap"}),
        ("ais=on", {"ais", "ais-migration"}),
        ("astfleie2=yes", {"astfleie2"}),
        ("te=off,vx=on", set()),
    ],
)
def test_what_a_user_says_of_the_cpu(given: str, needs: set[str]) -> None:
    """What KVM itself has to have for it; what is a bit of the machine is none of these."""
    assert _needs(_abi(cpu=",".join(filter(None, ["gen16a-base", given])))) - NAMED == needs


@pytest.mark.parametrize(
    ("machine", "platform", "value"),
    [
        ("s390-ccw-virtio-11.1", "linux-6.13", "on"),
        ("s390-ccw-virtio-2.9", "linux-4.18", "on"),
        ("s390-ccw-virtio-11.1", "conservative", "off"),
        ("s390-ccw-virtio-11.1,aes-key-wrap=off,dea-key-wrap=off", "linux-6.13", "off"),
    ],
)
def test_key_wrapping(machine: str, platform: str, value: str) -> None:
    """On wherever KVM has it, and needed then, of which QEMU says nothing."""
    abi = _abi(machine, platform=platform)
    said = _values(abi)
    assert {said[f"machine.{name}"] for name in KEYS} == {value}
    assert (_needs(abi) >= KEYS) == (value == "on")
    assert f"aes-key-wrap={value}" in ",".join(pa.arguments(abi))


@pytest.mark.parametrize(
    ("pages", "needs"),
    [
        ("", set()),
        ("4096", set()),
        ("1048576", {"hpage-1m"}),
        ("default", {"hpage-1m"}),
        ("2147483648", {"hpage-2g"}),
    ],
)
def test_huge_pages(pages: str, needs: set[str]) -> None:
    """Those of 1 MiB are asked for by themselves, those of 2 GiB by another extension."""
    size = f",page-size={pages}" if pages else ""
    hardware = (
        ("memory.size", str(1 << 32)),
        ("memory.backend", "s390.ram"),
        ("object.s390.ram", f"memory-backend-file{size},share=off"),
        ("object.other", "memory-backend-file,page-size=2147483648"),
    )
    assert _needs(_abi(hardware=hardware)) - NAMED == needs


def test_a_protected_guest_stays_where_it_is_and_needs_an_ultravisor() -> None:
    """QEMU blocks its migration."""
    abi = _abi("s390-ccw-virtio-11.1,confidential-guest-support=pv0")
    assert _open(abi) == ALWAYS | {"s390-ccw.protected"}
    assert _needs(abi) - NAMED == {"protected"}


@pytest.mark.parametrize(
    ("machine", "given", "left", "needs"),
    [
        ("11.1", "", {"zpci.interpret", "zpci.relaxed-translation"}, set()),
        ("9.2", "", {"zpci.interpret"}, set()),
        ("7.1", "", set(), set()),
        ("11.1", ",interpret=off,forwarding-assist=off,relaxed-translation=off", set(), set()),
        ("11.1", ",interpret=on,forwarding-assist=on,relaxed-translation=off", set(), {"zpci-op"}),
        ("11.1", ",interpret=off", {"zpci.interpret", "zpci.relaxed-translation"}, set()),
    ],
)
def test_what_firmware_does_for_a_pci_device(
    machine: str, given: str, left: set[str], needs: set[str]
) -> None:
    """Older machine types have it off; on, a KVM without it goes on without a word."""
    abi = _abi(f"s390-ccw-virtio-{machine}", devices=(f"zpci,target=h0,id=z0{given}",))
    assert {what.partition(" ")[0] for what in _open(abi) - ALWAYS} == left
    assert _needs(abi) - NAMED == needs


@pytest.mark.parametrize(
    ("device", "feature"),
    [
        ("vfio-ccw,sysfsdev=/sys/x,id=d", "passthrough.channel"),
        ("vfio-ap,sysfsdev=/sys/x,id=d", "passthrough.crypto"),
    ],
)
def test_what_is_handed_over_stays_on_its_host(device: str, feature: str) -> None:
    """By name, and QEMU refuses to migrate it besides."""
    abi = _abi(devices=(device,))
    assert _open(abi) == ALWAYS | {f"{feature} (d)"}
    assert [o.code for o in abi.obstacles] == ["device-unmigratable"]


def test_blocks_of_memory_are_as_large_as_huge_pages_of_the_architecture() -> None:
    """1 MiB, on whatever transport; x86 has 2 MiB."""
    devices = ("virtio-mem-ccw,id=m,memdev=r",)
    values = _values(_abi(devices=devices))
    assert values["virtio-mem.block-size"] == "1048576"
