"""What a host decides of a guest on Arm: by feature, which fails where its value were wrong."""

from __future__ import annotations

from functools import cache

import pytest

import platform_abi as pa
from tests.definitions.site import DEFINITIONS, catalogue

EDITION = "2026.3"
_SHIPPED = catalogue(DEFINITIONS)


@cache
def _abi(
    machine: str = "virt-11.1",
    cpu: str | None = "host",
    *,
    accelerator: str = "kvm",
    platform: str = "linux-6.13",
    devices: tuple[str, ...] = ("virtio-rng-pci",),
    memory: int = 0,
    edition: str = EDITION,
) -> pa.GuestAbi:
    vm = pa.virtual_machine(
        _SHIPPED.devices(), machine, arch="aarch64", cpu=cpu, accelerator=accelerator,
        devices=devices,
    )  # fmt: skip
    if memory:
        from attrs import evolve

        vm = evolve(vm, hardware=(("memory.max-size", str(memory)),))
    name, comma, overrides = platform.partition(",")
    return pa.resolve(_SHIPPED, vm, f"{name}@{edition}{comma}{overrides}")


def _values(abi: pa.GuestAbi) -> dict[str, str]:
    return {f"{s.driver}.{s.property}": s.value for s in abi.settings}


def _needs(abi: pa.GuestAbi) -> set[str]:
    return {p.capability.removeprefix("kvm.arm64.") for p in abi.preconditions}


def _open(abi: pa.GuestAbi) -> set[str]:
    return {entry.what for entry in abi.unpinned}


#: What follows the host whatever is written, and what -cpu host leaves to it besides.
ALWAYS = {"arm-cpu.host-model", "arm-cpu.counter-frequency"}
BY_DEFAULT = ALWAYS | {"arm-cpu.pmu", "arm-cpu.sve"}
IN_GENERAL = {"ipa-40", "vgic-v3", "vgic-v3-state", "vgic-its", "vgic-its-state", "steal-time"}


def test_an_older_edition_says_that_it_does_not_know() -> None:
    """Nothing of it is left out without a word, and no argument of it changes."""
    abi = _abi(edition="2026.2")
    assert not abi.settings
    assert [o.what for o in abi.obstacles] == ["CPU and board of aarch64 with kvm"]
    assert not _abi().obstacles


@pytest.mark.parametrize("cpu", ["host", "max", None])
def test_the_cpu_is_the_hosts(cpu: str | None) -> None:
    """Without -cpu it is max since QEMU 11.0; nothing that can be written changes that."""
    assert _open(_abi(cpu=cpu)) == BY_DEFAULT
    assert _needs(_abi(cpu=cpu)) == {*IN_GENERAL, "psci-1.1"}


def test_an_emulated_cpu_asks_nothing_of_its_host() -> None:
    """Nor does the board under TCG: what a host is, no guest can tell there."""
    abi = _abi(cpu="cortex-a57", accelerator="tcg")
    assert (_values(abi), _needs(abi), _open(abi), abi.obstacles) == ({}, set(), set(), ())


def test_a_named_model_is_none_under_kvm() -> None:
    """QEMU refuses it, and no host has what it takes."""
    assert "named-cpu" in _needs(_abi(cpu="neoverse-n1"))
    assert _SHIPPED.capabilities()["kvm.arm64.named-cpu"].since == "never"


def test_a_model_that_there_is_not_is_refused() -> None:
    """As it is on x86, with the nearest name."""
    with pytest.raises(pa.UnknownNameError, match="neoverse-n9"):
        _abi(cpu="neoverse-n9", accelerator="tcg")


@pytest.mark.parametrize(
    ("machine", "platform", "value"),
    [
        ("virt-11.1", "linux-6.13", "on"),
        ("virt-5.2", "linux-5.10", "on"),
        ("virt-5.2", "linux-5.9", "off"),
        ("virt-5.1", "linux-6.13", None),
        ("virt-11.1", "conservative", "off"),
    ],
)
def test_steal_time(machine: str, platform: str, value: str | None) -> None:
    """Machine types up to 5.1 have it off by themselves; KVM has it since 5.10."""
    abi = _abi(machine, platform=platform)
    assert _values(abi).get("arm-cpu.kvm-steal-time") == value
    assert ("steal-time" in _needs(abi)) == (value == "on")


@pytest.mark.parametrize(
    ("machine", "cpu", "platform", "value", "need"),
    [
        ("virt-11.0", "host", "linux-5.18", "1.1", "psci-1.1"),
        ("virt-11.0", "host", "linux-5.17", "1.0", "psci-1.0"),
        ("virt-10.2", "host", "linux-6.13", None, None),
        ("virt-11.0", "host,kvm-psci-version=1.3", "linux-6.13", "1.3", "psci-1.3"),
        ("virt-11.0", "host,kvm-psci-version=0.2", "linux-6.13", "0.2", None),
    ],
)
def test_psci(machine: str, cpu: str, platform: str, value: str | None, need: str | None) -> None:
    """QEMU can be told since 11.0; before, the newest of KVM's travels with the registers."""
    abi = _abi(machine, cpu, platform=platform)
    assert _values(abi).get("arm-cpu.kvm-psci-version") == value
    assert need is None or need in _needs(abi)


@pytest.mark.parametrize(
    ("cpu", "left", "needs"),
    [
        ("host,pmu=off", {"arm-cpu.sve"}, set()),
        ("host,pmu=on", {"arm-cpu.sve", "arm-cpu.pmu"}, {"pmuv3"}),
        ("host,sve=off", {"arm-cpu.pmu"}, set()),
        ("host,sve=off,pmu=no", set(), set()),
        ("host,sve=on,sve256=on,sve128=on", {"arm-cpu.sve", "arm-cpu.pmu"},
         {"sve", "sve-256", "sve-128"}),
        ("host,pauth=on", {"arm-cpu.sve", "arm-cpu.pmu"}, {"pauth-address", "pauth-generic"}),
        ("host,aarch64=off", {"arm-cpu.sve", "arm-cpu.pmu"}, {"el1-32bit"}),
    ],
)  # fmt: skip
def test_what_a_user_says_of_the_cpu(cpu: str, left: set[str], needs: set[str]) -> None:
    """Off takes it from the host; on asks the host for it, and leaves the rest as it is there."""
    abi = _abi(cpu=cpu)
    assert _open(abi) == ALWAYS | left
    assert _needs(abi) - IN_GENERAL - {"psci-1.1"} == needs


_V3 = {"vgic-v3", "vgic-v3-state"}
_ITS = {"vgic-its", "vgic-its-state"}


@pytest.mark.parametrize(
    ("options", "value", "needs", "left"),
    [
        ("", "3", _V3 | _ITS, set()),
        ("gic-version=3", "3", _V3 | _ITS, set()),
        ("gic-version=3,its=off", "3", _V3, set()),
        ("gic-version=3,msi=gicv2m", "3", _V3, set()),
        ("gic-version=2", "2", {"vgic-v2"}, set()),
        ("gic-version=host", "host", set(), {"machine.gic-version=host"}),
        ("gic-version=max", "max", set(), {"machine.gic-version=max"}),
        ("gic-version=4", "4", _ITS, {"arm-virt.gic-newer"}),
        ("kernel-irqchip=off", None, set(), set()),
    ],
)
def test_the_interrupt_controller(
    options: str, value: str | None, needs: set[str], left: set[str]
) -> None:
    """3 is written where nobody wrote one; host and max are no version, and are said to be none."""
    abi = _abi(",".join(filter(None, ["virt-11.1", options])))
    assert _values(abi).get("machine.gic-version") == value
    assert {need for need in _needs(abi) if "vgic" in need} == needs
    assert _open(abi) - BY_DEFAULT == left


def test_before_2_8_there_is_no_its() -> None:
    """Its controller is of version 3 all the same."""
    assert {n for n in _needs(_abi("virt-2.7")) if "vgic" in n} == _V3


@pytest.mark.parametrize(
    ("machine", "gib", "needs", "left"),
    [
        ("virt-11.1", 0, True, False),
        ("virt-11.1", 253, True, False),
        ("virt-11.1", 254, True, True),
        ("virt-11.1,highmem=off", 2, False, False),
        ("virt-11.1,highmem-mmio-size=1T", 2, True, True),
    ],
)
def test_address_bits(machine: str, gib: int, needs: bool, left: bool) -> None:
    """40 of them hold every region behind 253 GiB; what fits behind more, only the host knows."""
    abi = _abi(machine, memory=gib << 30)
    assert ("ipa-40" in _needs(abi)) == needs
    assert ("arm-virt.address-bits" in _open(abi)) == left


def test_memory_tags_stay_where_they_are_and_need_a_processor() -> None:
    """QEMU blocks a migration with them."""
    abi = _abi("virt-11.1,mte=on")
    assert "mte" in _needs(abi)
    assert "arm-virt.mte" in _open(abi)
    assert "mte" not in _needs(_abi("virt-11.1,mte=off"))


def test_a_hypervisor_in_the_guest_needs_one_of_the_host() -> None:
    """FEAT_NV2, and a KVM that hands it on."""
    assert "el2" in _needs(_abi("virt-11.1,virtualization=on"))
    assert "el2" not in _needs(_abi())


@pytest.mark.parametrize(
    ("platform", "granule", "block"),
    [
        ("linux-6.13", "4k", 2),
        ("linux-rhel-9.7", "4k", 2),
        ("linux-debian-13-16k", "16k", 32),
        ("linux-rhel-9.7-64k", "64k", 512),
        ("linux-ubuntu-24.04-64k", "64k", 512),
    ],
)
def test_pages_are_those_of_the_platform(platform: str, granule: str, block: int) -> None:
    """4 KiB, and huge ones of 2 MiB, but where a platform is of a kernel with others."""
    devices = ("virtio-iommu-pci,id=i", "virtio-mem-pci,id=m,memaddr=0x140000000")
    values = _values(_abi(devices=devices, platform=platform))
    assert values["virtio-iommu-device.granule"] == granule
    assert values["virtio-mem.block-size"] == str(block << 20)


def test_an_iommu_of_the_hosts_own_is_left_to_it() -> None:
    """With accel=off its automatic values are the same everywhere."""
    on, off = ("arm-smmuv3,primary-bus=pcie.0,accel=on",), ("arm-smmuv3,primary-bus=pcie.0",)
    assert _open(_abi(devices=off)) == BY_DEFAULT
    abi = _abi(devices=on)
    assert {what.partition(" ")[0] for what in _open(abi) - BY_DEFAULT} == {
        "arm-smmuv3.accel", "arm-smmuv3.registers",
    }  # fmt: skip
    assert "iommufd" in _needs(abi)
