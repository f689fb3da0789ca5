"""Which upstream generation a vendor's machine type derives from, told by its compat properties.

Every release adds the same compat properties to all older machine types of a family. A vendor's
machine type that was made of upstream's of 8.2 has what came with each release since, and nothing
of what sets 8.1 apart. Where it has some of that and lacks the rest, nobody can tell.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from platform_abi.definitions.files import natural
from platform_abi.errors import UsageError, unknown
from platform_abi.model.machine import MachineType
from platform_abi.resolver.generations import Steps, rows


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
