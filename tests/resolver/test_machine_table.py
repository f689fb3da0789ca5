"""What a machine type makes of every driver, what differs, and what identifies it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.model.device import DeviceFamily, DeviceTable
from platform_abi.model.driver import DriverProperty
from platform_abi.model.machine import CompatProperty, MachineType, TypeTable
from platform_abi.model.realize import InitialValue, RealizeTable
from platform_abi.model.visibility import Board, SameValues, Visibility, VisibilityRule
from platform_abi.resolver.fingerprint import machine_fingerprints, vm_drivers
from platform_abi.resolver.machine_diff import Row, build_rows, diff_machines, shown
from platform_abi.resolver.machine_table import driver_row, whole_table
from platform_abi.testing import BUILD, MemoryCatalogue
from tests.definitions.site import write

ARCH = "x86_64"
NEWEST = "qemu-11.1.3"

_PARENTS = {
    "device": "",
    "virtio-device": "device",
    "net-device": "virtio-device",
    "pci-device": "device",
    "net-pci": "pci-device",
    "disk": "pci-device",
}
_ABSTRACT = frozenset({"device", "virtio-device", "pci-device"})
_NAMES = ("alpha", "beta", "migrate-x", "size")
#: Each has what its parents have; the proxy passes on all but ``beta`` of its inner device.
_OWNERS = {
    "net-device": ("alpha", "beta", "migrate-x"),
    "net-pci": ("alpha", "migrate-x", "size"),
    "disk": ("beta", "size"),
}
_VISIBILITY = Visibility(
    rules=(VisibilityRule(seen="migration", properties=("migrate-*",), reason="the stream"),),
    boards=(Board(families=("pc-q35",), drivers=("disk",)),),
)


def _catalogue(
    *machines: MachineType,
    properties: Mapping[str, Mapping[str, DriverProperty]],
    visibility: Visibility = _VISIBILITY,
    realize: RealizeTable | None = None,
) -> MemoryCatalogue:
    return MemoryCatalogue(
        devices=DeviceTable(
            families=(DeviceFamily(name="net", driver="net-device", proxies=("net-pci",)),)
        ),
        features=(),
        platforms=(),
        machines=machines,
        types=TypeTable(parents=_PARENTS, abstract=_ABSTRACT),
        properties=properties,
        visibility=visibility,
        realize=realize,
    )


def _properties(defaults: Mapping[str, str | None]) -> dict[str, dict[str, DriverProperty]]:
    kinds = {"alpha": "bool", "beta": "bool", "migrate-x": "bool", "size": "uint32"}
    return {
        driver: {n: DriverProperty(type=kinds[n], default=defaults[n]) for n in names}
        for driver, names in _OWNERS.items()
    }


def _machine(compat: Sequence[CompatProperty], name: str = "pc-q35-9.1") -> MachineType:
    return MachineType(
        name=name, family="pc-q35", arch=ARCH, generation="9.1", compat=tuple(compat)
    )


@st.composite
def entries(draw: st.DrawFn) -> CompatProperty:
    """Draw a compat property that QEMU would not abort on: of a type whose every driver has it."""
    driver = draw(st.sampled_from(["net-device", "virtio-device", "pci-device", "net-pci", "disk"]))
    below = [c for c in _OWNERS if driver in TypeTable(parents=_PARENTS).ancestry(c)]
    everywhere = [n for n in _NAMES if all(n in _OWNERS[c] for c in below)]
    name = draw(st.sampled_from(everywhere or ["alpha"]))
    values = ["0x10", "16", "7"] if name == "size" else ["on", "off", "true", "no"]
    return CompatProperty(
        driver=driver,
        property=name,
        value=draw(st.sampled_from(values)),
        optional=not everywhere or draw(st.booleans()),
    )


defaults = st.fixed_dictionaries(
    {
        "alpha": st.sampled_from(["on", "off", None]),
        "beta": st.sampled_from(["on", "off"]),
        "migrate-x": st.sampled_from(["on", "off"]),
        "size": st.sampled_from(["16", "64"]),
    }
)
lists = st.lists(entries(), max_size=6)

_SPELLED = {"true": "on", "no": "off", "0x10": "16"}


def _expected(
    compat: Sequence[CompatProperty], known: Mapping[str, str | None], driver: str, name: str
) -> str | None:
    """Return a value as a reader of QEMU would look it up: the last entry that reaches it."""
    types = TypeTable(parents=_PARENTS)
    for step in ("net-pci", "net-device") if driver == "net-pci" else (driver,):
        for entry in reversed(compat):
            if entry.property == name and types.is_a(step, entry.driver):
                return _SPELLED.get(entry.value, entry.value)
    return known[name]


@given(lists, defaults)
def test_the_last_entry_that_reaches_a_driver_counts(
    compat: list[CompatProperty], known: dict[str, str | None]
) -> None:
    """Default, then the inner device's entries, then the driver's own, each in QEMU's order."""
    catalogue = _catalogue(_machine(compat), properties=_properties(known))
    found = whole_table(catalogue, BUILD, "pc-q35-9.1", ARCH)
    assert {(d, n): cell[0] for d, row in found.items() for n, cell in row.items()} == {
        (d, n): _expected(compat, known, d, n) for d, names in _OWNERS.items() for n in names
    }


@given(lists, lists, defaults)
def test_what_two_lists_reach_is_all_that_can_differ(
    first: list[CompatProperty], second: list[CompatProperty], known: dict[str, str | None]
) -> None:
    """Comparing what is touched finds the same as comparing the whole tables of one build."""
    one, other = _machine(first, "pc-q35-9.0"), _machine(second)
    catalogue = _catalogue(one, other, properties=_properties(known))
    touched = diff_machines(catalogue, BUILD, one.name, other.name, ARCH)
    whole = build_rows(*(whole_table(catalogue, BUILD, m.name, ARCH) for m in (one, other)))
    assert [row[:4] for row in touched] == [row[:4] for row in whole]


# --- what definitions add to what a build lists ---------------------------------------------------

_SAME = evolve(
    _VISIBILITY,
    same=(
        SameValues(
            drivers=("device",),
            properties=("size",),
            values=("16", "7"),
            reason="test",
            source="test",
        ),
    ),
)


@given(lists, lists, defaults, defaults)
def test_values_that_are_the_same_to_a_guest_are_no_difference(
    first: list[CompatProperty],
    second: list[CompatProperty],
    known: dict[str, str | None],
    others: dict[str, str | None],
) -> None:
    """They differ as much as if both sides had the one that stands for them, everywhere."""

    def rows(visibility: Visibility, one: str) -> list[Row]:
        tables = []
        for compat, values in ((first, known), (second, others)):
            said = [evolve(c, value=one) if c.value == "7" else c for c in compat]
            catalogue = _catalogue(
                _machine(said), properties=_properties(values), visibility=visibility
            )
            tables.append(whole_table(catalogue, BUILD, "pc-q35-9.1", ARCH))
        return list(build_rows(*tables))

    assert rows(_SAME, "7") == rows(_VISIBILITY, "16")


@given(lists, defaults)
def test_a_rule_that_is_found_later_changes_no_lockfile(
    compat: list[CompatProperty], known: dict[str, str | None]
) -> None:
    """Equal values and defaults of instances change what a guest sees, and no driver's digest."""
    initial = InitialValue(drivers=("device",), properties=("alpha", "size"), value="7")
    prints = [
        machine_fingerprints(
            _catalogue(
                _machine(compat),
                properties=_properties(known),
                visibility=visibility,
                realize=RealizeTable(initial=(initial,)) if visibility is _SAME else None,
            ),
            BUILD,
            "pc-q35-9.1",
            ARCH,
        )
        for visibility in (_VISIBILITY, _SAME)
    ]
    assert prints[0].drivers == prints[1].drivers


@given(lists, defaults)
def test_a_default_that_an_instance_gives_itself_counts_as_one_that_is_listed(
    compat: list[CompatProperty], known: dict[str, str | None]
) -> None:
    """The table is what it would be if the build listed that default; compat properties win."""
    initial = InitialValue(
        drivers=("device",), properties=("alpha",), value="on", qemu_since="10.2"
    )
    later = evolve(initial, value="off", qemu_since="10.3")
    given_, listed = (
        whole_table(
            _catalogue(
                _machine(compat),
                properties=_properties(values),
                realize=RealizeTable(initial=entries),
            ),
            BUILD,
            "pc-q35-9.1",
            ARCH,
        )
        for values, entries in ((known, (initial, later)), ({**known, "alpha": "on"}, ()))
    )
    assert {(d, n): c[:4] for d, row in given_.items() for n, c in row.items()} == {
        (d, n): c[:4] for d, row in listed.items() for n, c in row.items()
    }


@given(lists, defaults)
def test_a_compat_property_that_an_instance_overwrites_has_no_effect(
    compat: list[CompatProperty], known: dict[str, str | None]
) -> None:
    """Of a driver that sets a property after compat properties, no machine type changes it."""
    initial = InitialValue(drivers=("device",), properties=("beta",), value="on", after_compat=True)
    others = [entry for entry in compat if entry.property != "beta"]
    tables = [
        whole_table(
            _catalogue(
                _machine(entries),
                properties=_properties({**known, "beta": "on"}),
                realize=RealizeTable(initial=initial_),
            ),
            BUILD,
            "pc-q35-9.1",
            ARCH,
        )
        for entries, initial_ in ((compat, (initial,)), (others, ()))
    ]
    assert tables[0] == tables[1]


def test_no_machine_type_changes_what_sev_guest_sets_itself(
    catalogue: pa.FileCatalogue,
) -> None:
    """Machine types up to 9.0 set legacy-vm-type in vain: sev-guest sets it to auto afterwards."""
    before = catalogue.machine(NEWEST, "pc-q35-9.0", ARCH).compat
    assert "legacy-vm-type" in {entry.property for entry in before}
    rows = diff_machines(catalogue, NEWEST, "pc-q35-9.0", "pc-q35-9.1", ARCH)
    assert "sev-guest" not in {row[0] for row in rows}


def test_a_default_that_nobody_knows_is_unstated() -> None:
    """A compat property of one machine type alone, and no word of what it is in the other."""
    known = dict.fromkeys(_NAMES, "off") | {"size": "16", "alpha": None}
    entry = CompatProperty(driver="net-device", property="alpha", value="on")
    machines = [_machine([], "pc-q35-9.0"), _machine([entry])]
    catalogue = _catalogue(*machines, properties=_properties(known))
    rows = diff_machines(catalogue, BUILD, "pc-q35-9.0", "pc-q35-9.1", ARCH)
    assert {("alpha", None, "on", "unstated")} == {row[1:5] for row in rows}
    assert [] == shown(rows, every=False)


def test_what_one_build_of_a_release_has_alone_is_shown() -> None:
    """A vendor's property is one; a release's own are hundreds, and a property without value none.

    What no guest can see is not shown either way.
    """
    rows: list[Row] = [
        ("d", "changed", "off", "on", "changed", "guest", ""),
        ("d", "added", None, "off", "added", "guest", ""),
        ("d", "empty", None, None, "removed", "guest", ""),
        ("d", "unstated", "on", None, "unstated", "guest", ""),
        ("d", "stream", None, "on", "added", "migration", ""),
    ]
    assert ["changed"] == [row[1] for row in shown(rows, every=False)]
    found = shown(rows, every=False, one_version=True)
    assert ["changed", "added", "unstated"] == [row[1] for row in found]
    assert rows == shown(rows, every=True, one_version=True)


# --- the shipped machine types -------------------------------------------------------------------


@pytest.mark.parametrize("driver", ["virtio-net-pci", "nvme", "ICH9-LPC", "qemu64-x86_64-cpu"])
def test_one_driver_is_a_row_of_the_whole(catalogue: pa.FileCatalogue, driver: str) -> None:
    """Looking at one driver alone gives what the whole table has of it."""
    whole = whole_table(catalogue, NEWEST, "pc-q35-8.1", ARCH)
    assert whole[driver] == driver_row(catalogue, NEWEST, "pc-q35-8.1", ARCH, driver)


def test_the_drivers_of_a_virtual_machine(catalogue: pa.FileCatalogue) -> None:
    """Devices by their real names, what is inside of them, the CPU, and what the board has."""
    vm = pa.virtual_machine(
        catalogue.devices(), "pc-q35-9.1", devices=["virtio-net,id=n"], cpu="EPYC-v4"
    )
    machine = catalogue.machine(NEWEST, "pc-q35-9.1", ARCH)
    drivers = vm_drivers(catalogue, NEWEST, machine, vm)
    assert {"virtio-net-pci", "virtio-net-device", "EPYC-v4-x86_64-cpu", "ICH9-LPC"} <= {*drivers}
    assert not {"virtio-net", "PIIX4_PM", "qemu64-x86_64-cpu"} & {*drivers}
    default = vm_drivers(catalogue, NEWEST, machine, evolve(vm, cpu=None))
    assert "qemu64-x86_64-cpu" in default


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        (('["1"]',), "expected at least two values"),
        (('["1", "1"]',), "expected at least two values"),
        (('["1", "2"]', '["2", "3"]'), "same as those of one entry only"),
    ],
)
def test_values_that_cannot_be_the_same_are_refused(
    tmp_path: Path, values: tuple[str, ...], fault: str
) -> None:
    """One value alone says nothing, and of two entries nobody knows which one stands for all."""
    head = '[[same]]\ndrivers = ["net"]\nproperties = ["a"]\nreason = "r"\nsource = "s"\n'
    text = "".join(f"{head}values = {each}\n" for each in values)
    write(tmp_path, "visibility/site.toml", f"schema = 1\n{text}")
    with pytest.raises(pa.DefinitionError) as caught:
        pa.FileCatalogue([tmp_path]).visibility()
    assert fault in str(caught.value)
