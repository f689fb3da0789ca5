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
from platform_abi.model.machine import CompatProperty, DriverProperty, MachineType, TypeTable
from platform_abi.model.realize import InitialValue, RealizeTable
from platform_abi.model.visibility import Board, SameValues, Visibility, VisibilityRule
from platform_abi.resolver.fingerprint import machine_fingerprints, vm_drivers
from platform_abi.resolver.machine_diff import Row, build_rows, diff_builds, diff_machines, shown
from platform_abi.resolver.machine_table import driver_row, touched_table, whole_table
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


# --- fingerprints --------------------------------------------------------------------------------


@given(lists, lists, defaults, defaults)
def test_a_fingerprint_is_of_content_alone(
    first: list[CompatProperty],
    second: list[CompatProperty],
    known: dict[str, str | None],
    others: dict[str, str | None],
) -> None:
    """Whatever the names and lists: equal values have equal fingerprints, and unequal ones not."""
    tables, prints = [], []
    for name, compat, values in (("pc-q35-9.1", first, known), ("rhel9.4.0", second, others)):
        catalogue = _catalogue(_machine(compat, name), properties=_properties(values))
        tables.append(whole_table(catalogue, BUILD, name, ARCH))
        prints.append(machine_fingerprints(catalogue, BUILD, name, ARCH))
    for driver in _OWNERS:
        found = [{n: cell[0] for n, cell in table[driver].items()} for table in tables]
        assert (found[0] == found[1]) == (prints[0].drivers[driver] == prints[1].drivers[driver])
    visible = [
        {(d, n): c[0] for d, row in t.items() for n, c in row.items() if c[2] == "guest"}
        for t in tables
    ]
    assert (visible[0] == visible[1]) == (prints[0].guest == prints[1].guest)


def test_what_only_a_stream_can_tell_is_located_but_not_seen() -> None:
    """A migration-only property changes its driver's fingerprint and not what a guest sees."""
    known = dict.fromkeys(_NAMES, "off") | {"size": "16"}
    entry = CompatProperty(driver="net-device", property="migrate-x", value="on")
    plain, changed = (
        machine_fingerprints(
            _catalogue(_machine(c), properties=_properties(known)), BUILD, "pc-q35-9.1", ARCH
        )
        for c in ([], [entry])
    )
    assert plain.guest == changed.guest
    assert {d for d in _OWNERS if plain.drivers[d] != changed.drivers[d]} == {
        "net-device",
        "net-pci",
    }


def test_a_driver_that_a_build_does_not_have_is_nobodys_to_see() -> None:
    """The entry stands under its own name, as in QEMU's script, and in no fingerprint."""
    known = dict.fromkeys(_NAMES, "off") | {"size": "16"}
    entry = CompatProperty(driver="arm-cpu", property="backcompat-cntfrq", value="true")
    with_it, without = (
        _catalogue(_machine(c), properties=_properties(known)) for c in ([entry], [])
    )
    row = touched_table(with_it, BUILD, "pc-q35-9.1", ARCH)["arm-cpu"]["backcompat-cntfrq"]
    assert ("true", None, "absent", "", "true") == row
    prints = [machine_fingerprints(c, BUILD, "pc-q35-9.1", ARCH) for c in (with_it, without)]
    assert prints[0] == prints[1]


# --- who sees what -------------------------------------------------------------------------------


def _rule(seen: str, *properties: str, drivers: tuple[str, ...] = ()) -> VisibilityRule:
    return VisibilityRule(
        seen=seen,  # type: ignore[arg-type]
        properties=properties,
        drivers=drivers,
        reason="test",
    )


def test_the_rule_of_the_nearest_type_counts() -> None:
    """A type's own rule, its parents', the one for every driver; then the guest sees it."""
    table = Visibility(
        rules=(
            _rule("host", "x-*"),
            _rule("migration", "x-a", drivers=("pci-device",)),
            _rule("guest", "x-a", drivers=("net-pci",)),
        )
    )
    line = ("net-pci", "pci-device", "device")
    assert "guest" == table.seen(line, "x-a")
    assert "migration" == table.seen(line[1:], "x-a")
    assert "host" == table.seen(line, "x-b")
    assert "guest" == table.seen(line, "b")


@given(st.permutations([_rule("host", "a*"), _rule("migration", "*a"), _rule("guest", "a")]))
def test_the_order_of_rules_says_nothing(rules: list[VisibilityRule]) -> None:
    """Of rules that contradict each other, the one that sees most counts, wherever it stands."""
    assert "guest" == Visibility(rules=tuple(rules)).seen((), "a")
    assert "migration" == Visibility(rules=tuple(rules)).seen((), "aa")


def test_every_rule_is_about_something_that_is_there(catalogue: pa.FileCatalogue) -> None:
    """A misspelt driver or property would hide nothing, without a word."""
    table = catalogue.visibility()
    there: set[tuple[str, str]] = set()
    arches = ("x86_64", "aarch64", "s390x", "ppc64", "riscv64")
    for arch in arches:
        for build in catalogue.builds(arch):
            types = catalogue.types(build, arch)
            own = types.own_properties
            there |= {(step, name) for step, names in own.items() for name in names}
            for machine in catalogue.build(build, arch).machines:
                compat = catalogue.machine(build, machine, arch).compat
                there |= {(entry.driver, entry.property) for entry in compat}
    drivers = {driver for driver, _ in there}
    for rule in table.rules:
        for pattern in rule.properties:
            assert any(evolve(rule, properties=(pattern,)).covers(n) for _, n in there), pattern
        assert not rule.drivers or drivers.intersection(rule.drivers), rule
    for entry in table.same:
        assert {(d, p) for d in entry.drivers for p in entry.properties} <= there
    known = {t for a in arches for b in catalogue.builds(a) for t in catalogue.types(b, a).parents}
    assert {d for board in table.boards for d in board.drivers} <= known


# --- the shipped machine types -------------------------------------------------------------------


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
