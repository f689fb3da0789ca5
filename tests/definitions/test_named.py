"""What definitions name or number is so elsewhere: in recorded builds, in the kernel's headers."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

import pytest

import platform_abi as pa
from platform_abi.model.device import MACHINE
from tests.linux_headers import linux_numbers

ARCHITECTURES = ("aarch64", "loongarch64", "ppc64", "riscv64", "s390x", "x86_64")

#: Drivers of a kind that no recorded build was configured with.
NOT_BUILT = frozenset(
    {"virtio-gpu-rutabaga-device", "virtio-gpu-rutabaga-pci", "virtio-vga-rutabaga"}
)

#: CPU flags of kernels that no recorded build has as a property.
NOT_YET = frozenset({"ibt", "shstk"})


class Recorded(NamedTuple):
    """The names in all recorded builds of all architectures."""

    types: AbstractSet[str]
    properties: AbstractSet[str]
    cpu_properties: AbstractSet[str]


@pytest.fixture(scope="module")
def recorded(catalogue: pa.FileCatalogue) -> Recorded:
    """Return the names in all recorded builds."""
    names: set[str] = set()
    properties: set[str] = set()
    cpu: set[str] = set()
    for arch in ARCHITECTURES:
        for build in catalogue.builds(arch):
            types = catalogue.types(build, arch)
            names |= {*types.parents, *types.aliases}
            for driver in types.parents:
                known = types.properties(driver)
                properties |= set(known)
                if driver.endswith("-cpu"):
                    cpu |= set(known)
    return Recorded(types=names, properties=properties, cpu_properties=cpu)


def test_a_driver_that_touches_nothing_is_one_that_there_is(
    catalogue: pa.FileCatalogue, recorded: Recorded
) -> None:
    """A misspelt one would be left out of every QEMU that is looked at, and nobody would know."""
    patterns = catalogue.harmless().drivers
    assert len(patterns) > 100
    assert [] == [p for p in patterns if not any(fnmatchcase(t, p) for t in recorded.types)]


def test_a_property_that_takes_any_text_is_one_that_there_is(
    catalogue: pa.FileCatalogue, recorded: Recorded
) -> None:
    """Of a device, or an option of -machine."""
    table = catalogue.harmless()
    known = recorded.properties | table.machine_options
    assert set() == table.texts - known
    assert set() == set(table.references) - known


def test_a_family_is_of_drivers_that_there_are(
    catalogue: pa.FileCatalogue, recorded: Recorded
) -> None:
    """Its own, its proxies, and the properties of its bits."""
    for family in catalogue.devices().families:
        named = {family.driver, *family.proxies} - {MACHINE} - NOT_BUILT
        assert named <= recorded.types, family.name
        driven = {bit.property for bit in family.bit} - {""}
        assert driven <= recorded.properties, family.name


def test_a_feature_is_of_drivers_and_processors_that_there_are(
    catalogue: pa.FileCatalogue, recorded: Recorded
) -> None:
    """A misspelt one would never apply."""
    models = {""}  # of a machine that leaves it to the accelerator, where no -cpu is given
    for arch in ARCHITECTURES:
        for build in catalogue.builds(arch):
            models |= set(catalogue.cpu_models(build, arch))
    for feature in catalogue.every_feature():
        assert set(feature.drivers) - NOT_BUILT <= recorded.types, feature.id
        assert {*feature.cpus, *feature.not_cpus} <= models | recorded.types, feature.id


def test_a_node_is_one_that_a_host_is_asked_about(catalogue: pa.FileCatalogue) -> None:
    """What a guest's device needs of the host, a probe looks at."""
    asked = {c.probe.node for c in catalogue.capabilities().values() if c.probe is not None}
    guest = catalogue.guest_devices("x86_64")
    assert guest is not None
    nodes = {device.node for device in guest.device} | {guest.cpu.node}

    assert {""} < nodes <= {"", *asked}


def test_a_flag_of_a_processor_is_a_property_of_the_cpu(
    catalogue: pa.FileCatalogue, recorded: Recorded
) -> None:
    """What a model has, TCG gives, or asks nothing of a host is told by QEMU's names."""
    table = catalogue.cpus()["x86_64"]
    flags = {flag for model in table.models for flag in table.flags_of(model)}
    flags = flags.union(*table.emulated.values())

    assert len(flags) > 200
    assert set() == flags - recorded.cpu_properties
    assert flags <= table.bits.keys()
    assert set() == table.constants - recorded.cpu_properties


def test_a_flag_of_a_message_is_a_property_of_a_cpu(
    catalogue: pa.FileCatalogue, recorded: Recorded
) -> None:
    """What a refused register stands for is told by names that -cpu takes."""
    flags = {
        flag
        for message in catalogue.messages().messages
        for case in message.case
        for flag in case.flags
    }
    assert len(flags) > 100
    assert NOT_YET == flags - recorded.cpu_properties


def test_bits_and_numbers_of_virtio_are_the_kernels(
    catalogue: pa.FileCatalogue, tmp_path: Path
) -> None:
    """Each bit has the number that its name has in the headers of Linux."""
    table = catalogue.devices()
    bits = [bit for family in table.families for bit in family.bit]
    bits += table.common_bits
    ids = {
        f"VIRTIO_ID_{_DEVICE_IDS.get(family.name, family.name.partition('-')[2]).upper()}": family
        for family in table.families
        if family.virtio_id
    }
    numbers = linux_numbers({bit.name for bit in bits} | ids.keys(), tmp_path)
    held = [bit for bit in bits if bit.name in numbers]

    assert 2 * len(held) > len(bits)
    assert [] == [bit.name for bit in held if numbers[bit.name] != bit.bit]
    assert {name: family.virtio_id for name, family in ids.items()} == {n: numbers[n] for n in ids}


#: What the kernel calls devices that QEMU calls otherwise.
_DEVICE_IDS = {"virtio-blk": "block", "virtio-serial": "console"}
