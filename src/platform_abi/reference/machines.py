"""Machine types by architecture and family, and what changed from one generation to the next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from platform_abi.model.catalogue import Catalogue
from platform_abi.model.machine import CompatProperty, MachineType
from platform_abi.model.platform import version_key
from platform_abi.model.value import frozen
from platform_abi.resolver.machine_diff import Row, diff_machines, shown


@frozen(kw_only=True)
class MachineEntry:
    """A machine type, and the *builds* that have it, newest first.

    *machine* is as the newest of them has it. *aliases* say in which build it has another name.
    """

    machine: MachineType
    builds: tuple[str, ...]
    default_of: tuple[str, ...] = ()
    deprecated_in: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()


@frozen(kw_only=True)
class Difference:
    """A property that two machine types of one build set otherwise, on all of *drivers*.

    A value is None where the build does not say what it is. *feature* drives the property where
    its value is left to the host.
    """

    drivers: tuple[str, ...]
    property: str
    before: str | None
    after: str | None
    change: str
    feature: str = ""


@frozen(kw_only=True)
class Step:
    """What *after* has otherwise than *before*, the generation before it, in *build*.

    *recorded* is whether the types of that build are: without them nothing is known of drivers
    below the one that a compat property names.
    """

    before: str
    after: str
    build: str
    recorded: bool
    differences: tuple[Difference, ...] = ()


@frozen(kw_only=True)
class FamilyPage:
    """The machine types of one family of an architecture, newest first, and the steps between."""

    arch: str
    name: str
    machines: tuple[MachineEntry, ...]
    steps: tuple[Step, ...]
    #: Of a machine type without generations there is no step: its own compat properties are all.
    compat: Mapping[str, tuple[CompatProperty, ...]]


def family_pages(catalogue: Catalogue, arch: str) -> Iterator[FamilyPage]:
    """Yield every family of machine types that some build for *arch* has, by name."""
    families: dict[str, dict[str, dict[str, MachineType]]] = {}
    for build in catalogue.builds(arch):
        for name in catalogue.build(build, arch).machines:
            machine = catalogue.machine(build, name, arch)
            of = families.setdefault(machine.family, {})
            of.setdefault(name, {})[build] = machine
    for family in sorted(families):
        members = sorted(families[family].values(), key=_order, reverse=True)
        entries = tuple(_entry(each) for each in members)
        yield FamilyPage(
            arch=arch,
            name=family,
            machines=entries,
            steps=tuple(_steps(catalogue, arch, entries)),
            compat={
                each.machine.name: each.machine.compat
                for each in entries
                if each.machine.generation is None and each.machine.compat
            },
        )


def _order(of: Mapping[str, MachineType]) -> tuple[tuple[int, ...], str]:
    machine = next(iter(of.values()))
    return (version_key(machine.generation) if machine.generation else (), machine.name)


def _entry(of: Mapping[str, MachineType]) -> MachineEntry:
    return MachineEntry(
        machine=next(iter(of.values())),
        builds=tuple(of),
        default_of=tuple(build for build, each in of.items() if each.default),
        deprecated_in=tuple(build for build, each in of.items() if each.deprecated),
        aliases=tuple(f"{a} in {build}" for build, each in of.items() for a in each.aliases),
    )


def _steps(catalogue: Catalogue, arch: str, entries: Sequence[MachineEntry]) -> Iterator[Step]:
    """Yield what each generation changed, in the newest build that has both machine types.

    Of vendors' machine types the generation before is the nearest that one build has beside it.
    """
    dated = [entry for entry in entries if entry.machine.generation]
    for at, entry in enumerate(dated):
        for other in dated[at + 1 :]:
            build = next((each for each in entry.builds if each in other.builds), None)
            if build is not None:
                yield _step(catalogue, arch, build, other.machine.name, entry.machine.name)
                break


def _step(catalogue: Catalogue, arch: str, build: str, before: str, after: str) -> Step:
    recorded = bool(catalogue.types(build, arch))
    rows = shown(diff_machines(catalogue, build, before, after, arch), every=not recorded)
    return Step(
        before=before,
        after=after,
        build=build,
        recorded=recorded,
        differences=tuple(_grouped(rows)),
    )


def _grouped(rows: Sequence[Row]) -> Iterator[Difference]:
    groups: dict[tuple[str, str | None, str | None, str, str], list[str]] = {}
    for driver, name, before, after, change, _, feature in rows:
        groups.setdefault((name, before, after, change, feature), []).append(driver)
    for (name, before, after, kind, feature), drivers in groups.items():
        yield Difference(
            drivers=tuple(drivers),
            property=name,
            before=before,
            after=after,
            change=kind,
            feature=feature,
        )
