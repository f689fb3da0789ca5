"""Between which releases a vendor's machine type is, told by its compat properties.

Every release adds the same compat properties to all older machine types of a family. One that was
made of upstream's of 8.2 has what came with each release since, and nothing of what sets 8.1 apart.
Vendors leave a few out and add others, so that it may be as near to two releases; then it is
between these.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from platform_abi.definitions.files import natural
from platform_abi.model.machine import CompatProperty, MachineType, QemuBuild
from platform_abi.model.memo import remembered
from platform_abi.model.platform import release_key, version_key
from platform_abi.model.value import frozen

if TYPE_CHECKING:
    from platform_abi.model.catalogue import Catalogue
    from platform_abi.model.machine import TypeTable

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


def release(build: QemuBuild) -> str:
    """Return the generation of a build's newest machine types: ``9.1`` of version 9.1.3."""
    return ".".join(build.version.split(".")[:2])


#: By how many compat properties a release may fit worse than the best, and still be the one. With 2
#: no machine type of the builds that come with this project, RHEL's and Ubuntu's among them, is
#: outside of what is told of it by the other builds.
_SLACK: Final = 2

#: Which part of the compat properties may be other than a release's for it to tell anything.
_ODD: Final = 0.1


@frozen(kw_only=True)
class Span:
    """Between which releases a machine type is: of *lowest* or later, and before *below*.

    ``()`` is before all; None is no bound.
    """

    lowest: tuple[int, ...] = ()
    below: tuple[int, ...] | None = None

    def since(self, generation: str) -> bool | None:
        """Return whether it is of *generation* or later, None where that does not show."""
        key = version_key(generation)
        if self.lowest >= key:
            return True
        return False if self.below is not None and self.below <= key else None


@remembered()
def span(catalogue: Catalogue, build_name: str, machine_name: str, arch: str) -> Span:
    """Return between which releases a machine type of a build is."""
    build = catalogue.build(build_name, arch)
    machine = catalogue.machine(build_name, machine_name, arch)
    known = steps(machine.family, known_machines(catalogue, arch, machine.family))
    return nearest(machine, release(build), known, catalogue.types(build_name, arch))


def nearest(machine: MachineType, newest: str, known: Steps, types: TypeTable) -> Span:
    """Return between which releases *machine* is, by how many compat properties each is off.

    *newest* is the release of its build, which no machine type is newer than, and *types* are what
    the build has: compat properties of anything else tell nothing. Older than the oldest release
    of *known* is as it.
    """
    top = release_key(newest)
    whole = Span(below=(*top[:-1], top[-1] + 1) if top else None)
    older = [each for each in known if natural(each) < natural(newest)]
    if not older or not types:
        return whole
    has = rows(machine.compat)
    expected = [
        {row for row in known[each] if row[0] in types and row[1] in types.properties(row[0])}
        for each in older
    ]
    missing = [len(step - has) for step in expected]
    present = [len(step & has) for step in expected]
    off = [sum(missing[:at]) + sum(present[at:]) for at in range(len(older) + 1)]
    best = min(off)
    if best > _ODD * sum(map(len, expected)):
        return whole
    at = [number for number, each in enumerate(off) if each <= best + _SLACK]
    names = [newest, *older]
    return Span(
        lowest=() if at[-1] == len(older) else version_key(names[at[-1]]),
        below=whole.below if at[0] == 0 else version_key(names[at[0] - 1]),
    )
