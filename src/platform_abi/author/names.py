"""What the names of machine types and builds say: family, generation, vendor."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from platform_abi.author.observation import Given
from platform_abi.definitions.checks import NAME
from platform_abi.definitions.files import natural
from platform_abi.errors import UsageError, printable
from platform_abi.model.machine import MachineType, QemuBuild
from platform_abi.model.naming import Naming

#: ``pc-q35-9.1``, and ``pc-q35-9.0+pve1``, a revision of a vendor's that keeps the generation.
_VERSIONED = re.compile(r"(?P<family>.+)-(?P<generation>\d+(\.\d+)+)(\+.+)?")


def families(names: Iterable[str], naming: Naming) -> frozenset[str]:
    """Return the families of which *names* has versioned members."""
    split = (split_name(name, (), naming) for name in names)
    return frozenset(family for family, generation in split if generation is not None)


def split_name(name: str, known: Collection[str], naming: Naming) -> tuple[str, str | None]:
    """Return the family and the generation that the name of a machine type states.

    A vendor's version, as in ``pc-q35-rhel9.4.0`` or ``pc-q35-noble``, shows by the family that it
    follows, one of *known*: it states no generation. A name without a version is its own family.
    """
    match = _VERSIONED.fullmatch(name)
    if match is not None and match["family"] in naming.unversioned:
        return name, None
    if match is not None and not _follows(match["family"], known):
        return naming.earlier.get(match["family"], match["family"]), match["generation"]
    return _follows(name, known) or name, None


def _follows(name: str, known: Collection[str]) -> str:
    """Return the longest of the *known* families that *name* begins with, before a version."""
    found = [family for family in known if name.startswith(f"{family}-")]
    return max(found, key=len, default="")


def newest_first(machines: Iterable[MachineType]) -> tuple[MachineType, ...]:
    """Return machine types by family, the newest generation of each first."""
    by_age = sorted(
        machines,
        key=lambda each: (natural(each.generation or "0"), natural(each.name)),
        reverse=True,
    )
    return tuple(sorted(by_age, key=lambda machine: machine.family))


#: No part of a version comes near this: it becomes the name of a folder.
_MOST = 1000


def build_of(version: Mapping[str, Any], arch: str, naming: Naming, given: Given) -> QemuBuild:
    """Return the identity of a binary that answers *version* to ``query-version``.

    Raises UsageError: ``unknown-vendor`` where nobody says who built it, because two vendors'
    builds of one upstream version must not get one name; ``build-name`` for what can be none. The
    name is the version and the vendor; of the vendor that is ``plain``, one at most, the version.
    Raises TypeError for a version that is not three numbers, as every QEMU's is.
    """
    numbers = [version["qemu"][part] for part in ("major", "minor", "micro")]
    if not all(type(number) is int and 0 <= number < _MOST for number in numbers):
        raise TypeError("a version that is no number")
    release = ".".join(map(str, numbers))
    stated = version["package"].strip().removeprefix("(").removesuffix(")")
    vendor = given.vendor
    for each in naming.vendors:
        match = re.fullmatch(each.package, stated)
        if match is not None and vendor in {None, each.name}:
            vendor, stated = each.name, match[1]
            break
    if vendor is None:
        raise UsageError(
            f"no vendor is known that calls a package '{printable(stated)}'",
            code="unknown-vendor",
            help="say with --vendor who built it",
        )
    plain = any(each.plain for each in naming.vendors if each.name == vendor)
    name = f"qemu-{release}" if plain else f"qemu-{release}-{vendor}"
    build = QemuBuild(
        name=name if given.name is None else given.name,
        version=release,
        arch=arch,
        vendor=vendor,
        package=stated if given.package is None else given.package,
    )
    # These become names of files.
    for what, word in (("name", build.name), ("vendor", vendor), ("architecture", arch)):
        if not NAME.fullmatch(word):
            raise UsageError(
                f"'{printable(word)}' cannot be the {what} of a build",
                code="build-name",
                help="it is made of letters, digits and '._+-'",
            )
    return build
