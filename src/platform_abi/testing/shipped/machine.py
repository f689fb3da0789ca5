"""Strategies of machine types that there are, each in a QEMU build that has it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import TypeVar

from hypothesis import strategies as st

from platform_abi.definitions.catalogue import load_catalogue
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.memo import remembered
from platform_abi.model.value import frozen
from platform_abi.model.vm import VirtualMachine


@frozen(kw_only=True)
class DrawnMachine:
    """A machine type in one QEMU build that has it."""

    name: str
    build: str
    arch: str
    family: str


T = TypeVar("T")

#: Machine types by family, those of the newest build first.
Families = Mapping[str, tuple[DrawnMachine, ...]]


@cache
def packaged() -> Catalogue:
    """Return the packaged definitions with those of this site, read once."""
    return load_catalogue()


def architectures(catalogue: Catalogue | None = None) -> tuple[str, ...]:
    """Return the architectures that have QEMU builds, the usual one first."""
    known = packaged() if catalogue is None else catalogue
    usual = VirtualMachine(machine="").arch
    names = sorted({each.arch for each in known.devices().described} | {usual})
    return tuple(
        sorted((name for name in names if known.builds(name)), key=lambda name: name != usual)
    )


def machine_types(
    catalogue: Catalogue | None = None,
    *,
    arch: str | None = None,
    builds: Collection[str] | None = None,
    boards: bool = False,
) -> st.SearchStrategy[DrawnMachine]:
    """Return machine types of every architecture, family and build, or of *arch* and *builds*.

    With *boards* only those that devices are known for: others may need hardware or firmware of
    their own to start. Architectures are drawn alike, and the boards that devices are put on as
    often as all others together. Shrinks to the newest machine type of the usual board.
    """
    known = packaged() if catalogue is None else catalogue
    wanted = None if builds is None else frozenset(builds)
    arches = architectures(known) if arch is None else (arch,)
    able = {each: kinds for each in arches if (kinds := _kinds(known, each, wanted, boards))}
    return one_of(list(able)).flatmap(
        lambda each: one_of(able[each]).flatmap(one_of).flatmap(one_of)
    )


def one_of(choices: Sequence[T]) -> st.SearchStrategy[T]:
    """Return *choices*, between which is chosen where there is but one as well.

    Of two that fail Hypothesis takes the one that took fewer choices: an architecture of which
    less is known would seem to be the smaller one.
    """
    if not choices:
        return st.nothing()
    return st.sampled_from([*choices, choices[0]] if len(choices) == 1 else choices)


def _kinds(
    catalogue: Catalogue, arch: str, builds: frozenset[str] | None, boards: bool
) -> list[list[tuple[DrawnMachine, ...]]]:
    """Return machine types of *arch* by family: of boards that take devices, then all others."""
    families = _families(catalogue, arch, builds)
    looked_at = catalogue.guest_devices(arch)
    known = [each.family for each in looked_at.board] if looked_at else []
    usual = [families[family] for family in known if family in families]
    other = [] if boards else [families[f] for f in families if f not in known]
    return [kind for kind in (usual, other) if kind]


@remembered()
def _families(catalogue: Catalogue, arch: str, builds: frozenset[str] | None) -> Families:
    """Return the machine types of *arch* by family, those with a version first."""
    found: dict[str, list[DrawnMachine]] = {}
    versioned: set[str] = set()
    for build in (name for name in _builds(catalogue, arch) if builds is None or name in builds):
        for name in catalogue.build(build, arch).machines:
            machine = catalogue.machine(build, name, arch)
            drawn = DrawnMachine(name=name, build=build, arch=arch, family=machine.family)
            found.setdefault(machine.family, []).append(drawn)
            if machine.generation is not None:
                versioned.add(machine.family)
    return {each: tuple(found[each]) for each in sorted(found, key=lambda f: f not in versioned)}


def _builds(catalogue: Catalogue, arch: str) -> Sequence[str]:
    """Return the builds of *arch*, those of which more is known than names first."""
    return sorted(catalogue.builds(arch), key=lambda name: not catalogue.property_rows(name, arch))
