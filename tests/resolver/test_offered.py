"""The feature bits that a guest will find are those that real QEMUs offered."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from attrs import evolve

import platform_abi as pa
from platform_abi.model.machine import CompatProperty
from platform_abi.model.platform import version_key

#: Bits by machine-type generation and device; the file says how they were read.
OFFERED: dict[str, dict[str, str]] = json.loads(
    (Path(__file__).parent / "offered.json").read_text(encoding="utf-8")
)["generations"]

#: Name in the file -> device, netdev, platform whose kernel the host had.
CASES = {
    "net-user": ("virtio-net-pci,netdev=n0", "user", "linux-7.0"),
    "net-tap": ("virtio-net-pci,netdev=n0", "tap", "linux-7.0"),
    "net-tap-6.9": ("virtio-net-pci,netdev=n0", "tap", "linux-6.9"),
    "net-tap-5.14": ("virtio-net-pci,netdev=n0", "tap", "linux-5.14"),
    "net-tap-novh": ("virtio-net-pci,netdev=n0", "tap,vnet_hdr=off", "linux-7.0"),
    "blk": ("virtio-blk-pci", "", "linux-7.0"),
    "rng": ("virtio-rng-pci", "", "linux-7.0"),
    "balloon": ("virtio-balloon-pci", "", "linux-7.0"),
    "scsi": ("virtio-scsi-pci", "", "linux-7.0"),
    "serial": ("virtio-serial-pci", "", "linux-7.0"),
}

MACHINES = [
    (build, machine)
    for build in ("qemu-7.2.22", "qemu-10.0.2", "qemu-11.1.3")
    for machine in ("pc-i440fx", "pc-q35")
]


def _seen(generation: str) -> dict[str, str]:
    """Return what QEMU offered with machine types of *generation*."""
    older = [g for g in OFFERED if version_key(g) <= version_key(generation)]
    return OFFERED[max(older, key=version_key)]


def _offered(
    catalogue: pa.FileCatalogue, machine: str, build: str | None, case: str
) -> tuple[pa.GuestAbi, str]:
    device, netdev, platform = CASES[case]
    vm = pa.virtual_machine(
        catalogue.devices(),
        machine,
        accelerator="tcg",
        devices=[f"{device},id=dut"],
        netdevs=[f"{netdev},id=n0"] if netdev else [],
        build=build,
    )
    abi = pa.resolve(catalogue, vm, platform)
    return abi, hex(pa.offered_bits(catalogue, abi, "dut"))


@pytest.mark.parametrize(("build", "family"), MACHINES)
def test_predicted_bits_are_what_qemu_offered(
    catalogue: pa.FileCatalogue, build: str, family: str
) -> None:
    """Every device of every machine type of every shipped build offers the predicted bits."""
    names = [
        name
        for name in catalogue.build(build, "x86_64").machines
        if catalogue.machine(build, name, "x86_64").family == family
    ]
    assert names
    for name in names:
        generation = catalogue.machine(build, name, "x86_64").generation
        assert generation is not None
        expected = {case: f"{name} {bits}" for case, bits in _seen(generation).items()}
        found = {case: f"{name} {_offered(catalogue, name, build, case)[1]}" for case in CASES}
        assert expected == found


def test_the_reference_has_the_bits_of_the_failed_migration() -> None:
    """USO is what a 6.9 host offered from machine types of 8.2 on, and a 5.14 host did not."""
    uso = 1 << 54 | 1 << 55 | 1 << 56
    for generation, table in OFFERED.items():
        new, old = int(table["net-tap-6.9"], 16), int(table["net-tap-5.14"], 16)
        assert (uso if version_key(generation) >= (8, 2) else 0) == new & uso
        assert 0 == old & uso


def test_bits_follow_explicit_values(catalogue: pa.FileCatalogue) -> None:
    """What a user turns off is not offered; a device without an id is found by its place."""
    vm = pa.virtual_machine(
        catalogue.devices(),
        "pc-q35-9.1",
        devices=["virtio-net-pci,netdev=n0,mrg_rxbuf=off,mq=on", "virtio-rng-pci,packed=on"],
        netdevs=["tap,id=n0"],
        globals_=["virtio-net-device.csum=off", "virtio-net-pci.ctrl_vq=no"],
    )
    abi = pa.resolve(catalogue, vm, "linux-6.9")
    bits = pa.offered_bits(catalogue, abi, "device[0]")

    assert 0 == bits & (1 << 15 | 1 << 0 | 1 << 17)
    assert 1 << 22 == bits & 1 << 22
    assert 1 << 34 == pa.offered_bits(catalogue, abi, "device[1]") & 1 << 34


def test_a_bit_that_the_backend_cannot_carry_is_not_offered(catalogue: pa.FileCatalogue) -> None:
    """QEMU clears silently what a user asked for in front of a peer that has it not."""
    vm = pa.virtual_machine(
        catalogue.devices(),
        "pc-q35-9.1",
        devices=["virtio-net-pci,netdev=n0,host_uso=on,csum=on,id=a"],
        netdevs=["user,id=n0"],
    )
    abi = pa.resolve(catalogue, vm, "linux-6.9")

    assert 0 == pa.offered_bits(catalogue, abi, "a") & (1 << 56 | 1 << 0)


@pytest.mark.parametrize("generation", ["4.2", "5.1", "6.2", "8.1", "9.1"])
@pytest.mark.parametrize(("name", "bit"), [("guest_uso4", 54), ("guest_uso6", 55), ("hash", 57)])
def test_what_a_backend_cannot_carry_no_age_of_a_machine_type_makes_it_carry(
    catalogue: pa.FileCatalogue, generation: str, name: str, bit: int
) -> None:
    """Asked for by name, also where the machine type is older than the feature."""
    offered = []
    for netdev in ("user", "tap"):
        vm = pa.virtual_machine(
            catalogue.devices(),
            f"pc-q35-{generation}",
            accelerator="tcg",
            devices=[f"virtio-net-pci,netdev=n0,id=dut,{name}=on"],
            netdevs=[f"{netdev},id=n0"],
        )
        abi = pa.resolve(catalogue, vm, "linux-6.9")
        offered.append(pa.offered_bits(catalogue, abi, "dut") >> bit & 1)
    assert offered == [0, 1]


def test_the_last_compat_property_counts(
    catalogue: pa.FileCatalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two entries for one property QEMU applies both, in order; the proxy's beats the inner."""
    vm = pa.virtual_machine(catalogue.devices(), "pc-q35-9.1", devices=["virtio-rng-pci,id=a"])
    plain = catalogue.machine("qemu-11.1.3", "pc-q35-9.1", "x86_64")

    def bits(*entries: tuple[str, str]) -> int:
        compat = [
            CompatProperty(driver=driver, property="event_idx", value=value)
            for driver, value in entries
        ]
        machine = evolve(plain, compat=(*plain.compat, *compat))
        changed = pa.FileCatalogue(catalogue.roots)
        monkeypatch.setattr(changed, "machine", lambda *_: machine)
        abi = pa.resolve(changed, vm, "linux-6.9")
        return pa.offered_bits(changed, abi, "a") >> 29 & 1

    assert 1 == bits()
    assert 0 == bits(("virtio-device", "on"), ("virtio-device", "off"))
    assert 1 == bits(("virtio-device", "off"), ("virtio-rng-device", "on"))
    assert 0 == bits(("virtio-rng-pci", "off"), ("virtio-rng-device", "on"))


def test_bits_of_nics_that_disagree_are_their_own(catalogue: pa.FileCatalogue) -> None:
    """A tap and a user NIC of one VM offer different bits."""
    vm = pa.virtual_machine(
        catalogue.devices(),
        "pc-q35-9.1",
        accelerator="tcg",
        devices=["virtio-net-pci,netdev=n0,id=a", "virtio-net-pci,netdev=n1,id=b"],
        netdevs=["tap,id=n0", "user,id=n1"],
    )
    abi = pa.resolve(catalogue, vm, "linux-6.9")
    seen = _seen("9.1")

    assert seen["net-tap-6.9"] == hex(pa.offered_bits(catalogue, abi, "a"))
    assert seen["net-user"] == hex(pa.offered_bits(catalogue, abi, "b"))


def test_bits_of_what_is_no_such_device_are_refused(catalogue: pa.FileCatalogue) -> None:
    """A device that is not there, or that no definition describes bit by bit, is an error."""
    vm = pa.virtual_machine(catalogue.devices(), "pc-q35-9.1", devices=["e1000e,id=nic"])
    abi = pa.resolve(catalogue, vm, "linux-6.9")

    with pytest.raises(pa.UnknownNameError) as unknown:
        pa.offered_bits(catalogue, abi, "nick")
    assert "unknown-device" == unknown.value.code
    with pytest.raises(pa.UsageError) as unnamed:
        pa.offered_bits(catalogue, abi, "nic")
    assert "no-bits" == unnamed.value.code


@pytest.mark.parametrize("build", ["qemu-7.2.22", "qemu-10.0.2", None])
@pytest.mark.parametrize("family", ["pc-q35", "pc-i440fx"])
def test_a_device_that_never_was_legacy_is_none_of_an_old_machine_type_either(
    catalogue: pa.FileCatalogue, build: str | None, family: str
) -> None:
    """The machine types up to 2.6 switch a property off that only a device of both kinds has."""

    def bits(driver: str) -> int:
        vm = pa.virtual_machine(
            catalogue.devices(),
            f"{family}-2.6",
            accelerator="tcg",
            devices=[f"{driver},id=dut"],
            build=build,
        )
        return pa.offered_bits(catalogue, pa.resolve(catalogue, vm, "conservative"), "dut")

    assert not bits("virtio-net-pci") >> 32
    assert bits("virtio-net-pci-non-transitional") >> 32 & 1
