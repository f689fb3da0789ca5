"""What is known already of the QEMU to be started, without starting it: what a start waits for."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from platform_abi.definitions.learned import (
    LearnedDefinitions,
    learned_file,
    read_learned,
)
from platform_abi.definitions.state import state_folders
from platform_abi.errors import printable
from platform_abi.qemu.binary import qemu_path
from platform_abi.qemu.program import file_identity

if TYPE_CHECKING:
    from platform_abi.definitions.catalogue import FileCatalogue
    from platform_abi.model.machine import QemuBuild

#: Is told what a user should know: that a QEMU is asked, and what could not be kept.
Tell = Callable[[str], None]


def known_before(
    catalogue: FileCatalogue, binary: str, tell: Tell, drivers: Collection[str] = ()
) -> tuple[FileCatalogue, QemuBuild] | None:
    """Return what is kept of the QEMU *binary*, as ``kept_qemu`` does.

    None as well where *binary* is no program, but a script that starts one: which one, only a
    process can tell. Raises HostError (``qemu-not-found``).
    """
    identity = file_identity(qemu_path(binary, os.environ, ""))
    return None if identity is None else kept_qemu(catalogue, identity, tell, drivers)


def kept_qemu(
    catalogue: FileCatalogue, identity: str, tell: Tell, drivers: Collection[str]
) -> tuple[FileCatalogue, QemuBuild] | None:
    """Return the build that the QEMU called *identity* is, and *catalogue* with what it has said.

    None where nothing that can be relied on is kept of it, and where it lacked one of *drivers*: a
    module of QEMU's may have come since.
    """
    for folder in state_folders():
        file = learned_file(folder, identity)
        try:
            learned = read_learned(file)
        except FileNotFoundError:
            continue
        except ValueError as error:
            tell(f"{printable(file)} is not used, and its QEMU is asked again: {error}")
            continue
        known = _with(catalogue, learned)
        if known is not None and (learned.defined or _has(*known, drivers)):
            return known
    return None


def _has(catalogue: FileCatalogue, build: QemuBuild, drivers: Collection[str]) -> bool:
    """Return whether *build* has all of *drivers*, names as ``-device`` takes them."""
    types = catalogue.types(build.name, build.arch)
    return all(driver in types or driver in types.aliases for driver in drivers)


def _with(
    catalogue: FileCatalogue, learned: LearnedDefinitions
) -> tuple[FileCatalogue, QemuBuild] | None:
    if not learned.defined:
        catalogue = catalogue.with_learned(learned)
        return catalogue, catalogue.build(learned.build, learned.arch)
    if learned.build in catalogue.builds(learned.arch):
        build = catalogue.build(learned.build, learned.arch)
        if (build.version, build.package) == (learned.version, learned.package):
            return catalogue, build
    return None  # other definitions than then
