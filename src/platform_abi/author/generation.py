"""Which upstream generation a vendor's machine type derives from, told by its compat properties.

Every release adds the same compat properties to all older machine types of a family. A vendor's
machine type that was made of upstream's of 8.2 has what came with each release since, and nothing
of what sets 8.1 apart. Where it has some of that and lacks the rest, nobody can tell.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from platform_abi.definitions.files import natural
from platform_abi.errors import UsageError, unknown
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.machine import CompatProperty, MachineType, QemuBuild

#: Driver, property and value.
Row = tuple[str, str, str]

#: What a generation has and the next newer one does not, newest first. Empty where that is not
#: known, or nothing.
Steps = dict[str, frozenset[Row]]


def rows(compat: Iterable[CompatProperty]) -> frozenset[Row]:
    """Return compat properties without their order and flags."""
    return frozenset((each.driver, each.property, each.value) for each in compat)


def steps(family: str, builds: Iterable[Sequence[MachineType]]) -> Steps:
    """Return what sets each generation of *family* apart, as the first of *builds* with it says."""
    found: Steps = {}
    for machines in builds:
        versioned = [(m.generation, m) for m in machines if m.family == family and m.generation]
        ordered = sorted(versioned, key=lambda pair: natural(pair[0]), reverse=True)
        for (_, newer), (generation, older) in pairwise(ordered):
            found[generation] = found.get(generation) or rows(older.compat) - rows(newer.compat)
        for generation, _ in ordered:
            found.setdefault(generation, frozenset())
    return dict(sorted(found.items(), key=lambda pair: natural(pair[0]), reverse=True))


def known_machines(catalogue: Catalogue, arch: str, family: str) -> Iterator[list[MachineType]]:
    """Yield the machine types of *family* in each build that has upstream's only, newest first.

    A vendor that adds versions of its own may change upstream's as well; one that has none keeps
    them, whatever it calls its builds.
    """
    for name in catalogue.builds(arch):
        names = catalogue.build(name, arch).machines
        found = [
            machine
            for each in names
            if each.startswith(f"{family}-")
            and (machine := catalogue.machine(name, each, arch)).family == family
        ]
        if all(machine.name == f"{family}-{machine.generation}" for machine in found):
            yield found


def told(machine: MachineType, newest: str, known: Steps, drivers: Collection[str]) -> str | None:
    """Return the generation that *machine* derives from, None where that does not show for certain.

    *newest* is that of the build's own release, *drivers* are those that the build has: a vendor
    leaves out compat properties of the others. It shows where the machine type has all of the step
    of a generation and nothing of the very next one; a step that is empty here decides nothing.
    """
    has = rows(machine.compat)
    found: str | None = newest
    for generation, step in known.items():
        if natural(generation) >= natural(newest):
            continue
        expected = {row for row in step if row[0] in drivers}
        if not expected:
            found = None
        elif expected <= has:
            found = generation
        else:
            return None if expected & has else found
    return None


def release(build: QemuBuild) -> str:
    """Return the generation of a build's newest machine types: ``9.1`` of version 9.1.3."""
    return ".".join(build.version.split(".")[:2])


def said(name: str, family: str, given: Mapping[str, str]) -> str | None:
    """Return what the user said of a machine type, by its name or by the version in it."""
    return given.get(name, given.get(name.removeprefix(f"{family}-")))


def check_said(names: Mapping[str, str], given: Mapping[str, str]) -> None:
    """Raise UsageError for what was said of none of *names*, machine types with their families."""
    known = {
        word for name, family in names.items() for word in (name, name.removeprefix(f"{family}-"))
    }
    for name, generation in given.items():
        if name not in known:
            raise unknown("machine type", name, known, code="unknown-machine")
        if not all(part.isdecimal() for part in generation.split(".")) or "." not in generation:
            raise UsageError(
                f"expected a QEMU release such as 9.1 as the generation of {name}, "
                f"found '{generation}'",
                code="machine-generation",
                help=f"say which release of upstream's it derives from: --generation {name}=9.1",
            )
