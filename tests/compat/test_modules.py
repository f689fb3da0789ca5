"""A driver that a build can have is there where its module is; not asked, it is unknown."""

from __future__ import annotations

import json

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.compat.check import check
from platform_abi.compat.finding import Finding
from platform_abi.compat.migration import check_migration
from platform_abi.compat.modules import (
    asked_drivers,
    has_modules,
    module_findings,
    not_installed,
)
from platform_abi.host.document import read_report, report_document
from platform_abi.host.qemus import reported_qemu
from platform_abi.model.host import QEMU_DRIVERS
from tests.compat.reported import ARCH, host, locked, qemu
from tests.definitions.site import DEFINITIONS

BUILD = "qemu-11.1.3"
CATALOGUE = pa.FileCatalogue([DEFINITIONS])
MODULES = CATALOGUE.devices().modules
MODULAR = sorted(driver for module in MODULES for driver in module.drivers)
TYPES = CATALOGUE.types(BUILD, ARCH)
HERE = [driver for driver in MODULAR if driver in TYPES]
GPU = locked(CATALOGUE, "pc-q35-9.1", BUILD, devices=["virtio-gpu-pci,id=g"])


def _told(abi: pa.GuestAbi, lacking: tuple[str, ...] | None) -> list[Finding]:
    report = host(qemu(CATALOGUE, BUILD, lacking=lacking))
    findings = check(CATALOGUE, abi, report).findings
    return [f for f in findings if f.code in {"driver-missing", "driver-unknown"}]


@given(st.sets(st.sampled_from(HERE)), st.sampled_from([*HERE, "e1000", "virtio-net-pci"]))
def test_what_a_host_lacks_blocks_and_nothing_else(lacking: set[str], driver: str) -> None:
    """By name, with the device; a virtual machine without it goes on."""
    abi = locked(CATALOGUE, "pc-q35-9.1", BUILD, devices=[f"{driver},id=x"])
    told = _told(abi, tuple(sorted(lacking)))
    if driver not in lacking:
        assert not told
        return
    (finding,) = told
    assert ("driver-missing", "blocked", driver, "x") == (
        finding.code,
        finding.severity,
        finding.value,
        finding.device,
    )
    assert CATALOGUE.devices().module_of(driver) in finding.help


def test_a_finding_names_the_device_the_qemu_and_what_to_install() -> None:
    """The device by its label; the module by name, where it is one that is known."""
    (finding,) = _told(GPU, ("virtio-gpu-pci",))
    assert "has no driver virtio-gpu-pci of g: a module" in finding.message
    assert finding.help.startswith("install QEMU's module ")
    net = locked(CATALOGUE, "pc-q35-9.1", BUILD, devices=["e1000,id=n"])
    (finding,) = _told(net, ("e1000",))
    assert finding.help.startswith("install the module of QEMU's that has it, ")
    (finding,) = _told(GPU, None)
    assert "has virtio-gpu-pci of g on that host" in finding.message


def test_a_machine_that_no_definition_has_leaves_names_as_they_are() -> None:
    """A lockfile outlives definitions: what may be in a module is still asked about."""
    gone = evolve(GPU, vm=evolve(GPU.vm, machine="pc-q35-99.9"))
    assert ["virtio-gpu-pci"] == [each.driver for each in asked_drivers(CATALOGUE, gone)]
    report = qemu(CATALOGUE, BUILD, lacking=None)
    for build in (BUILD, None):
        (finding,) = module_findings(CATALOGUE, gone, report, build)
        assert ("driver-unknown", "virtio-gpu-pci") == (finding.code, finding.value)


def test_what_a_build_does_not_have_is_not_in_its_modules() -> None:
    """That driver is told of as missing by itself, whatever is installed."""
    older = CATALOGUE.types("qemu-5.2.0", ARCH)
    driver = next(name for name in HERE if name not in older)
    abi = locked(CATALOGUE, "pc-q35-9.1", BUILD, devices=[f"{driver},id=x"])
    report = qemu(CATALOGUE, BUILD, lacking=None)
    assert [*module_findings(CATALOGUE, abi, report, BUILD)]
    assert not [*module_findings(CATALOGUE, abi, report, "qemu-5.2.0")]


def test_an_alias_is_the_driver_that_it_stands_for() -> None:
    """As QEMU takes it: virtio-gpu is virtio-gpu-pci."""
    abi = locked(CATALOGUE, "pc-q35-9.1", BUILD, devices=["virtio-gpu,id=g"])
    assert ["driver-missing"] == [f.code for f in _told(abi, ("virtio-gpu-pci",))]


@pytest.mark.parametrize("driver", ["virtio-gpu-pci", "usb-redir", "e1000", "virtio-net-pci"])
def test_of_an_old_report_only_what_may_be_in_a_module_is_unknown(driver: str) -> None:
    """It stays readable, and is no ok for such a device."""
    abi = locked(CATALOGUE, "pc-q35-9.1", BUILD, devices=[f"{driver},id=x"])
    document = report_document(host(qemu(CATALOGUE, BUILD, lacking=None)))
    assert "lacking" not in document["qemus"][0]
    findings = check(CATALOGUE, abi, read_report(json.dumps(document), "old")).findings
    told = [f for f in findings if f.code == "driver-unknown"]
    assert (driver in MODULAR) == bool(told)
    assert all(("warn", "x") == (f.severity, f.device) for f in told)


def test_a_display_that_is_no_device_counts_too() -> None:
    """QEMU ends with a -vga of which the module is not there."""
    abi = evolve(GPU, vm=evolve(GPU.vm, devices=(), hardware=(("vga.0", "qxl"),)))
    (finding,) = _told(abi, ("qxl", "qxl-vga"))
    assert ("qxl-vga", None) == (finding.value, finding.device)
    assert "qxl-vga, which -vga makes" in finding.message
    assert not _told(abi, ())
    assert not _told(evolve(abi, vm=evolve(abi.vm, hardware=(("vga.0", "std"),))), None)
    # Only -vga makes a display: another fact of the same words makes none.
    assert not _told(evolve(abi, vm=evolve(abi.vm, hardware=(("sound.0", "qxl"),))), None)


def test_a_migration_is_judged_by_where_it_goes() -> None:
    """And on the way back by where it came from."""
    full, less = (host(qemu(CATALOGUE, BUILD, lacking=x)) for x in ((), ("virtio-gpu-pci",)))
    for ends, blocked in (((full, less), (True, False)), ((less, full), (False, True))):
        verdict = check_migration(CATALOGUE, GPU, *ends)
        ways = [
            any(f.code == "driver-missing" for f in way.findings)
            for way in (verdict.forward, verdict.back)
        ]
        assert list(blocked) == ways


@given(st.sets(st.sampled_from(sorted(TYPES.parents.keys() - TYPES.abstract)), max_size=9))
def test_a_report_holds_what_definitions_have_and_the_qemu_has_not(gone: set[str]) -> None:
    """Of all concrete types, in a module that is known or not; not asked is not none."""
    build = CATALOGUE.build(BUILD, ARCH)
    drivers = tuple(TYPES.parents.keys() - TYPES.abstract - gone)
    held = reported_qemu(CATALOGUE, build, path="q", sets={QEMU_DRIVERS: drivers})
    assert tuple(sorted(gone)) == held.lacking
    assert reported_qemu(CATALOGUE, build, path="q").lacking is None


@given(st.sets(st.sampled_from(HERE)))
def test_a_launcher_is_told_of_what_the_qemu_does_not_list(gone: set[str]) -> None:
    """Of modules alone: what else its build lacks QEMU says itself, and so does the catalogue."""
    drivers = TYPES.parents.keys() - gone
    told = [*not_installed(CATALOGUE, GPU, drivers)]
    assert ("virtio-gpu-pci" in gone) == bool(told)
    assert has_modules(CATALOGUE, GPU)
    nic = locked(CATALOGUE, "pc-q35-9.1", BUILD, devices=["e1000"])
    assert not has_modules(CATALOGUE, nic)


def test_every_module_has_drivers_that_some_build_knows() -> None:
    """Or such as no shipped binary was built with; a driver is in one module."""
    assert len(MODULAR) == len(set(MODULAR))
    arches = ("x86_64", "s390x")
    known = {
        name
        for arch in arches
        for build in CATALOGUE.builds(arch)
        for name in CATALOGUE.types(build, arch).parents
    }
    assert {m for m in MODULAR if "rutabaga" not in m and m not in known} <= {"virtio-gpu-ccw"}
