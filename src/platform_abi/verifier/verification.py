"""What comes of comparing a running QEMU with its lockfile, as values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from platform_abi.compat.finding import Finding
from platform_abi.model.abi import GuestAbi
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.value import field, frozen
from platform_abi.model.visibility import Seen
from platform_abi.resolver.machine_table import KnownBuild
from platform_abi.verifier.expected import Expected
from platform_abi.verifier.running import RunningVm

VerifyStatus = Literal["ok", "drift", "unknown"]


@frozen(kw_only=True)
class Offer:
    """The 128 feature bits that a virtio device offers and has to offer, or *why* nobody knows."""

    offered: int | None = None
    promised: int | None = None
    #: Bits by number: name, property and feature, as far as they have any.
    names: Mapping[int, tuple[str, str, str]] = field(factory=dict)
    why: str = ""


@frozen(kw_only=True)
class Verification:
    """What became of comparing a running QEMU with a lockfile.

    *drift* where anything is otherwise that a guest or a migration can tell, else *unknown* where
    something of the kind cannot be told. *compared* is how many properties were.
    """

    status: VerifyStatus
    findings: tuple[Finding, ...]
    machine: str
    version: str
    platform: str
    build: str | None = None
    compared: int = 0


@frozen(kw_only=True)
class Sides:
    """The two sides that are compared, and what the definitions of the build say.

    *known* is None where there is no such build.
    """

    catalogue: Catalogue
    abi: GuestAbi
    vm: RunningVm
    expected: Expected
    known: KnownBuild | None

    @property
    def drivers(self) -> dict[str, str]:
        """Return the QOM types of the lockfile's devices by label."""
        return {label: self.driver(device.driver) for label, device in self.abi.vm.labelled()}

    def driver(self, called: str) -> str:
        """Return the QOM type that ``-device`` calls *called*."""
        return called if self.known is None else self.known.types.canonical(called)

    def told(self, driver: str, name: str) -> tuple[Seen, str]:
        """Return who can tell a property of *driver*, and the feature that drives it."""
        if self.known is None:
            return "guest", ""
        cell = self.known.cell(driver, name, None)
        return cell[_SEEN], cell[_FEATURE]


#: Where a cell of a machine type's table has either.
_SEEN: Final = 2
_FEATURE: Final = 3
