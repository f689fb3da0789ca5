"""What lies between two machine types, or two builds of one."""

from __future__ import annotations

from hypothesis import given

import platform_abi as pa
from platform_abi.model.machine import CompatProperty
from platform_abi.resolver.machine_diff import diff_builds, diff_machines, shown
from platform_abi.resolver.machine_table import driver_row
from platform_abi.testing import BUILD
from tests.resolver.test_machine_table import (
    ARCH,
    NEWEST,
    _catalogue,
    _machine,
    _properties,
    defaults,
    lists,
)


@given(lists, defaults)
def test_a_difference_turns_round_with_its_sides(
    compat: list[CompatProperty], known: dict[str, str | None]
) -> None:
    """What differs from A to B differs from B to A, with the values swapped; A is like itself."""
    one, other = _machine([], "pc-q35-9.0"), _machine(compat)
    catalogue = _catalogue(one, other, properties=_properties(known))
    there = diff_machines(catalogue, BUILD, one.name, other.name, ARCH)
    back = diff_machines(catalogue, BUILD, other.name, one.name, ARCH)
    assert [(*row[:2], row[3], row[2]) for row in there] == [row[:4] for row in back]
    assert [] == diff_machines(catalogue, BUILD, other.name, other.name, ARCH)


def test_what_8_2_brought_a_guest(catalogue: pa.FileCatalogue) -> None:
    """Offloads that the host decides about appear, on the inner device and on every proxy."""
    rows = diff_machines(catalogue, NEWEST, "pc-q35-8.1", "pc-q35-8.2", ARCH)
    uso = [row for row in rows if row[1] == "host_uso"]
    assert {"virtio-net-device", "virtio-net-pci"} <= {row[0] for row in uso}
    assert {("off", "on", "changed", "guest", "virtio-net.host-uso")} == {row[2:] for row in uso}


def test_what_9_1_changed_for_a_guest(catalogue: pa.FileCatalogue) -> None:
    """Its compat list has ten entries; these are what a guest with such a device can tell."""
    rows = diff_machines(catalogue, NEWEST, "pc-q35-9.0", "pc-q35-9.1", ARCH)
    seen = shown(rows, drivers={"qemu64-x86_64-cpu", "scsi-hd", "sd-card"}, every=False)
    assert {
        ("qemu64-x86_64-cpu", "guest-phys-bits", "0"),
        ("qemu64-x86_64-cpu", "x-l1-cache-per-thread", "off"),
        ("sd-card", "spec_version", "2"),
    } <= {row[:3] for row in seen}
    assert ("scsi-hd", "migrate-emulated-scsi-request", "off", "on") in {row[:4] for row in rows}
    assert "scsi-hd" not in {row[0] for row in seen}


def test_what_9_1_changed_has_a_default_that_qemu_hides(catalogue: pa.FileCatalogue) -> None:
    """legacy-multi-node is off, though device-list-properties does not tell."""
    for build in ("qemu-10.0.2", NEWEST):
        rows = diff_machines(catalogue, build, "pc-q35-9.0", "pc-q35-9.1", ARCH)
        assert {("on", "off", "changed")} == {r[2:5] for r in rows if r[1] == "legacy-multi-node"}


def test_an_option_rom_is_on_whichever_way_a_release_writes_it(
    catalogue: pa.FileCatalogue,
) -> None:
    """In 7.2 rombar is 1 and in 11.1 unset, and each build's own word is still known."""
    assert driver_row(catalogue, "qemu-7.2.22", "pc-q35-7.2", ARCH, "e1000")["rombar"][4] == "1"
    assert driver_row(catalogue, NEWEST, "pc-q35-7.2", ARCH, "e1000")["rombar"][4] == "-1"
    rows = diff_builds(catalogue, "qemu-7.2.22", NEWEST, "pc-q35-7.2", ARCH)
    assert "rombar" not in {row[1] for row in rows}
    assert "events" in {row[1] for row in rows}


def test_two_builds_of_one_name_differ_where_a_default_changed(
    catalogue: pa.FileCatalogue,
) -> None:
    """No compat property keeps what vfio-pci had in 10.0: pc-q35-9.1 is not the same in 11.1."""
    rows = diff_builds(catalogue, "qemu-10.0.2", NEWEST, "pc-q35-9.1", ARCH)
    assert ("vfio-pci", "x-igd-opregion", "off", "on") in {
        row[:4] for row in shown(rows, every=False)
    }
