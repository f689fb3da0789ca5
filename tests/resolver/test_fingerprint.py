"""The fingerprint of a driver: of what a guest can see of it, and of nothing else."""

from __future__ import annotations

from hypothesis import given

from platform_abi.model.machine import CompatProperty
from platform_abi.resolver.fingerprint import machine_fingerprints
from platform_abi.resolver.machine_table import touched_table, whole_table
from platform_abi.testing import BUILD
from tests.resolver.test_machine_table import (
    _NAMES,
    _OWNERS,
    ARCH,
    _catalogue,
    _machine,
    _properties,
    defaults,
    lists,
)


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
