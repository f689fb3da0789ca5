"""What QEMU itself does not migrate, and what nobody has described."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from hypothesis import given

import platform_abi as pa
from platform_abi.compat.check import check
from platform_abi.compat.migration import check_migration
from platform_abi.emit.lock_reading import read_lock
from platform_abi.emit.lockfile import lock_text
from platform_abi.model.abi import Obstacle
from platform_abi.model.host import QEMU_PACKAGE, QEMU_VERSION
from platform_abi.resolver.obstacles import obstacles
from platform_abi.testing import Scenario, scenarios

CPU = "Skylake-Server-v4,vendor=GenuineIntel"
RAM = "memory-backend-ram,id=m0,size=128M"


def _abi(
    catalogue: pa.FileCatalogue,
    *devices: str,
    machine: str = "pc-q35-10.0",
    accelerator: str = "tcg",
    **said: Any,
) -> pa.GuestAbi:
    said.setdefault("cpu", CPU)
    vm = pa.virtual_machine(
        catalogue.devices(), machine, devices=devices, accelerator=accelerator, **said
    )
    return pa.resolve(catalogue, vm, "linux-6.12")


def _host(version: str, package: str = "", **said: Any) -> pa.HostReport:
    return pa.HostReport(
        system="linux",
        arch="x86_64",
        values={QEMU_VERSION: version, QEMU_PACKAGE: package},
        **said,
    )


def _codes(verdict: Any) -> set[str]:
    return {finding.code for finding in verdict.findings if finding.severity == "blocked"}


# --- laws ----------------------------------------------------------------------------------------


@given(scenarios())
def test_what_is_in_the_way_decides_whether_it_is_migratable(scenario: Scenario) -> None:
    """A certain obstacle makes it false, an uncertain one unknown, whatever else is fine."""
    abi = pa.resolve(scenario.catalogue, scenario.vm, scenario.platform)
    certain = Obstacle(code="device-unmigratable", what="x (x0)", reason="no", help="none")
    unknown = evolve(certain, code="not-described")
    pinned = evolve(abi, unpinned=())

    assert abi.obstacles == ()
    assert evolve(pinned, obstacles=(certain,)).migratable is False
    assert evolve(pinned, obstacles=(unknown,)).migratable is None
    assert evolve(pinned, obstacles=(unknown, certain)).migratable is False
    assert evolve(abi, obstacles=(unknown,)).migratable is (None if abi.migratable else False)


@given(scenarios())
def test_a_lockfile_keeps_what_is_in_the_way(scenario: Scenario) -> None:
    """What is written is read again."""
    abi = pa.resolve(scenario.catalogue, scenario.vm, scenario.platform)
    abi = evolve(abi, obstacles=(Obstacle(code="not-described", what="w", reason="r", help="h"),))
    text = lock_text(abi, definitions="sha256:0")
    assert read_lock(text, "vm.lock", catalogue=scenario.catalogue).obstacles == abi.obstacles


@pytest.mark.parametrize("arch", ["aarch64", "riscv64"])
def test_an_architecture_that_is_not_described_is_not_ok(
    catalogue: pa.FileCatalogue, arch: str
) -> None:
    """On every one of them nobody knows, and a move between equal hosts is not allowed by that."""
    names = catalogue.build("qemu-10.0.2", arch).machines
    name = next((m for m in names if m.endswith("-9.0")), "virt")
    said: dict[str, Any] = {"arch": arch, "cpu": None, "build": "qemu-10.0.2"}
    abi = _abi(catalogue, machine=name, accelerator="kvm", **said)
    host = pa.HostReport(system="linux", arch=arch)

    assert abi.migratable is None
    assert [entry.code for entry in abi.obstacles] == ["not-described"]
    moved = check_migration(catalogue, abi, host, host)
    assert moved.status == "blocked"
    assert "not-described" in _codes(moved.forward)
    lenient = check_migration(catalogue, abi, host, host, allow_unknown=True)
    assert "not-described" not in _codes(lenient.forward)
    assert "not-described" not in {f.code for f in check(catalogue, abi, host).findings}


@pytest.mark.parametrize("accelerator", ["hvf", "whpx", "xen", "nvmm", "mshv"])
def test_an_accelerator_that_is_not_described_is_not_ok(
    catalogue: pa.FileCatalogue, accelerator: str
) -> None:
    """What it makes of the CPU nobody has written down."""
    assert "not-described" in [o.code for o in _abi(catalogue, accelerator=accelerator).obstacles]


def test_an_old_lockfile_is_judged_by_what_is_known_today(catalogue: pa.FileCatalogue) -> None:
    """One that was written before anybody recorded it says nothing, and is not ok for that."""
    abi = evolve(_abi(catalogue, "nvme,serial=1,id=n0", build="qemu-10.0.2"), obstacles=())
    host = _host("10.0.2")
    assert "device-unmigratable" in _codes(check_migration(catalogue, abi, host, host).forward)


# --- devices -------------------------------------------------------------------------------------


def test_a_build_decides_which_devices_it_migrates(catalogue: pa.FileCatalogue) -> None:
    """NVMe since QEMU 11; where no build is named, any that has the machine type may be meant."""
    nvme = "nvme,serial=1,drive=d,id=n0"
    assert _abi(catalogue, nvme, build="qemu-11.1.3").migratable is True
    assert _abi(catalogue, nvme, build="qemu-10.0.2").migratable is False
    abi = _abi(catalogue, nvme)
    assert abi.migratable is False
    assert [("nvme (n0)", "qemu-10.0.13 and qemu-10.0.2 do not migrate it")] == [
        (o.what, o.reason) for o in abi.obstacles
    ]


def test_the_qemu_of_either_end_decides(catalogue: pa.FileCatalogue) -> None:
    """One that does not write the state of a device does not read it either."""
    abi = _abi(catalogue, "nvme,serial=1,drive=d,id=n0")
    old, new = _host("10.0.2"), _host("11.1.3")
    verdict = check_migration(catalogue, abi, new, old)
    assert "device-unmigratable" in _codes(verdict.forward)
    assert "device-unmigratable" in _codes(verdict.back)
    assert "device-unmigratable" not in _codes(check_migration(catalogue, abi, new, new).forward)


def test_a_version_that_nobody_knows_is_not_taken_for_one_that_migrates(
    catalogue: pa.FileCatalogue,
) -> None:
    """Then every build counts that has the machine type."""
    vm = _abi(catalogue, "nvme,serial=1,id=n0").vm
    assert obstacles(catalogue, vm, ("10.1.0",)) == obstacles(catalogue, vm)
    assert obstacles(catalogue, vm)


def test_one_end_that_is_known_does_not_speak_for_one_that_is_not(
    catalogue: pa.FileCatalogue,
) -> None:
    """The other may be a build that does not migrate it; where both are known, theirs counts."""
    vm = _abi(catalogue, "nvme,serial=1,drive=d,id=n0").vm
    assert obstacles(catalogue, vm, ("11.1.3",)) == ()
    assert obstacles(catalogue, vm, ("11.1.3", "10.1.0")) == obstacles(catalogue, vm) != ()


def test_what_helps_is_a_build_with_the_machine_type(catalogue: pa.FileCatalogue) -> None:
    """One that would migrate the device but has no such machine does not."""
    (found,) = obstacles(catalogue, _abi(catalogue, "nvme,serial=1,drive=d,id=n0").vm)
    named = [name for name in catalogue.builds("x86_64") if name in found.help]
    assert named
    assert all("pc-q35-10.0" in catalogue.build(name, "x86_64").machines for name in named)


@pytest.mark.parametrize(
    ("device", "arch", "machine"),
    [
        ("virtio-crypto-pci,cryptodev=c0", "x86_64", "pc-q35-10.0"),
        ("virtio-crypto-ccw,cryptodev=c0", "s390x", "s390-ccw-virtio-10.0"),
        ("virtio-input-host-pci,evdev=/dev/input/event0", "x86_64", "pc-q35-10.0"),
        ("vfio-ap,sysfsdev=/s", "s390x", "s390-ccw-virtio-10.0"),
        ("vfio-ccw,sysfsdev=/s", "s390x", "s390-ccw-virtio-10.0"),
        ("amd-iommu", "x86_64", "pc-q35-10.0"),
        ("virtio-9p-pci,fsdev=f0,mount_tag=t", "x86_64", "pc-q35-10.0"),
        ("virtio-9p-ccw,fsdev=f0,mount_tag=t", "s390x", "s390-ccw-virtio-10.0"),
        ("ivshmem-plain,memdev=m0", "x86_64", "pc-q35-10.0"),
        ("virtio-sound,audiodev=a0", "x86_64", "pc-q35-10.0"),
    ],
)
def test_a_device_that_no_build_migrates_is_named(
    catalogue: pa.FileCatalogue, device: str, arch: str, machine: str
) -> None:
    """On every transport, under an alias and with the device inside alone recorded."""
    cpu = CPU if arch == "x86_64" else None
    abi = _abi(catalogue, device, machine=machine, arch=arch, cpu=cpu)
    driver = device.partition(",")[0]
    assert f"{driver} (device[0])" in [o.what for o in abi.obstacles]
    assert abi.migratable is False


def test_a_property_can_make_it_migratable(catalogue: pa.FileCatalogue) -> None:
    """QEMU migrates the master of shared memory, in every spelling of its switch."""
    for said in ("on", "true", "yes"):
        assert not _abi(catalogue, f"ivshmem-plain,memdev=m0,master={said}").obstacles
    assert _abi(catalogue, "ivshmem-plain,memdev=m0,master=off").obstacles


# --- what stands behind a device -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("tpmdevs", "migratable"),
    [(["emulator,id=t0,chardev=c0"], True), (["passthrough,id=t0"], False), ([], False)],
)
def test_only_a_tpm_of_the_host_keeps_its_guest(
    catalogue: pa.FileCatalogue, tpmdevs: list[str], migratable: bool
) -> None:
    """An emulator's state is in the stream; where nobody says which it is, it is not known."""
    for driver in ("tpm-crb", "tpm-tis"):
        abi = _abi(catalogue, f"{driver},tpmdev=t0", tpmdevs=tpmdevs)
        assert abi.migratable is migratable


@pytest.mark.parametrize(
    ("device", "objects", "migratable"),
    [
        ("pc-dimm,memdev=m0", [RAM], True),
        (
            "pc-dimm,memdev=m0",
            ['{"qom-type":"memory-backend-ram","id":"m0","host-nodes":[0]}'],
            True,
        ),
        ("pc-dimm,memdev=m0", ["memory-backend-file,id=m0,mem-path=/hugepages"], False),
        ("pc-dimm,memdev=m0", [], False),
        ("nvdimm,memdev=m0", [RAM], False),
        ("virtio-mem-pci,memdev=m0", [RAM], True),
        ("virtio-pmem-pci,memdev=m0", [RAM], True),
        ("virtio-mem-pci,memdev=m0", ["memory-backend-memfd,id=m0,size=128M"], False),
        ("virtio-mem-pci,memdev=m0", [], False),
        ("virtio-mem-pci,memdev=m0,memaddr=0x140000000", [], True),
    ],
)
def test_memory_without_a_file_stands_where_it_stands_everywhere(
    catalogue: pa.FileCatalogue, device: str, objects: list[str], migratable: bool
) -> None:
    """A DIMM's address follows from sizes alone where its memory has one alignment."""
    assert _abi(catalogue, device, objects=objects).migratable is migratable


def test_a_build_that_nobody_asked_what_it_migrates_is_supposed_to_be_as_the_one_before(
    catalogue: pa.FileCatalogue,
) -> None:
    """What that refuses is unknown of it, blocked as such; what that migrates is nothing to say."""

    class Unasked(pa.FileCatalogue):
        """The definitions, but that nobody asked the newest build."""

        def unmigratable(self, build: str, arch: str) -> frozenset[str] | None:
            """Return what is known of all others."""
            return None if build == "qemu-11.1.3" else super().unmigratable(build, arch)

    vm = pa.virtual_machine(
        catalogue.devices(),
        "pc-q35-11.1",
        devices=["amd-iommu,id=iommu0", "virtio-rng-pci,id=rng0"],
        accelerator="tcg",
    )
    (found,) = obstacles(Unasked(catalogue.roots), vm)
    assert (found.code, found.certain) == ("device-unasked", False)
    assert "qemu-10.0.13 does not migrate it, and nobody asked qemu-11.1.3" in found.reason
    (known,) = obstacles(catalogue, vm)
    assert (known.code, known.certain) == ("device-unmigratable", True)


@pytest.mark.parametrize(
    ("properties", "moves"),
    [
        ("drive=d", True),
        ("", False),
        ("drive=d,cmb_size_mb=0", True),
        ("drive=d,cmb_size_mb=16", False),
        ("drive=d,pmrdev=m", False),
        ("drive=d,sriov_max_vfs=1", False),
        ("drive=d,sriov_max_vfs=0", True),
    ],
)
def test_a_release_that_migrates_some_says_which(
    catalogue: pa.FileCatalogue, properties: str, *, moves: bool
) -> None:
    """And one that migrates none says so of each, whatever its properties are."""
    device = f"nvme,serial=x,id=n,{properties}".rstrip(",")
    (older,) = _abi(catalogue, device, build="qemu-10.0.2").obstacles
    assert "qemu-10.0.2 does not migrate it" == older.reason
    assert moves is not bool(_abi(catalogue, device, build="qemu-11.1.3").obstacles)
