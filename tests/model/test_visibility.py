"""Who can tell a property's value: the nearest rule says so, and their order nothing."""

from __future__ import annotations

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.model.visibility import Board, Visibility, VisibilityRule


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


def test_a_board_has_what_came_with_its_generation() -> None:
    """What is of every generation always, the rest from one on; the newest has all."""
    table = Visibility(
        boards=(
            Board(families=("pc",), drivers=("a",)),
            Board(families=("pc",), drivers=("b",), since="9.2"),
            Board(families=("virt",), drivers=("c",)),
        )
    )
    assert table.board("pc", "9.1") == ("a",)
    assert table.board("pc", "10.0") == table.board("pc", "9.2") == table.board("pc") == ("a", "b")
