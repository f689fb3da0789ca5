"""The guest ABI: what a resolution results in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from platform_abi.model.feature import Migration
from platform_abi.model.value import frozen
from platform_abi.model.vm import VirtualMachine

if TYPE_CHECKING:
    from platform_abi.model.guest import MachineView

Layer = Literal["default", "accelerator", "machine", "platform", "global", "device"]

#: Lowest first.
LAYERS: tuple[Layer, ...] = ("default", "accelerator", "machine", "platform", "global", "device")

#: Layers of what a user wrote.
EXPLICIT: tuple[Layer, ...] = ("global", "device")


@frozen(kw_only=True)
class Setting:
    """One property with its value, and which layer and file or argument set it.

    *device* is None where the value holds for every instance of *driver*.
    """

    driver: str
    property: str
    value: str
    layer: Layer
    source: str
    device: str | None = None


@frozen(kw_only=True)
class Precondition:
    """A host capability without which the settings are a wish, and the features that need it."""

    capability: str
    because: tuple[str, ...]


@frozen(kw_only=True)
class Unpinned:
    """A guest-visible value that the command line still leaves to the host, and how to pin it."""

    what: str
    pin: str
    migration: Migration = "breaks"

    @property
    def hinders(self) -> bool:
        """Return whether a migration inside of a pool of hosts can notice it."""
        return self.migration not in ("safe", "between-pools")


@frozen(kw_only=True)
class Obstacle:
    """Why a migration would be refused by QEMU itself, or why nobody knows what it would change.

    *code* is ``device-unmigratable``; ``device-unasked`` for a device that other builds refuse to
    migrate, while nobody asked the one that is meant; or ``not-described`` for a CPU and a board of
    which no definition says what a host decides of them.
    """

    code: str
    what: str
    reason: str
    help: str

    @property
    def certain(self) -> bool:
        """Return whether it is known to keep the guest where it is."""
        return self.code not in (NOT_DESCRIBED, NOT_ASKED)


#: The codes of obstacles that nobody can tell to be one.
NOT_DESCRIBED = "not-described"
NOT_ASKED = "device-unasked"


@frozen(kw_only=True)
class Beyond:
    """An explicit value that exceeds what the platform guarantees."""

    feature: str
    driver: str
    property: str
    value: str
    device: str | None
    missing: tuple[str, ...]
    reason: str


@frozen(kw_only=True)
class MachineContent:
    """What the machine type made of a virtual machine's drivers in one build.

    *drivers* are pairs of a driver and the fingerprint of its properties, sorted: those of the
    devices, of what is inside of them, of the CPU and of the board.
    """

    build: str
    drivers: tuple[tuple[str, str], ...] = ()
    #: Whether a QEMU of that build, or of the nearest to it that is defined, was started with it.
    ran: bool = False


@frozen(kw_only=True)
class GuestAbi:
    """Everything that a guest can notice of what this project decides.

    Settings of the layer ``default`` are QEMU's own constants on every host; they are part of the
    ABI and need no argument.
    """

    vm: VirtualMachine
    platform: str
    edition: str
    settings: tuple[Setting, ...]
    preconditions: tuple[Precondition, ...]
    unpinned: tuple[Unpinned, ...]
    beyond: tuple[Beyond, ...] = ()
    notes: tuple[str, ...] = ()
    #: What keeps a migration from being begun, or from being judged.
    obstacles: tuple[Obstacle, ...] = ()
    #: Digest of the machine type's compat properties in the build resolved against.
    machine_digest: str = ""
    #: What the machine type's content was when this was locked; None where nobody recorded it.
    content: MachineContent | None = None
    #: What the guest found of its devices when this was locked; None where nobody recorded it.
    view: MachineView | None = None

    @property
    def told(self) -> bool:
        """Return whether it says which build its machine type's content is of.

        Else it was written for the newest one that was known, whatever QEMU is started with it.
        """
        return self.vm.build is not None or (self.content is not None and self.content.ran)

    @property
    def migratable(self) -> bool | None:
        """Return whether the guest stays the same on every host that ``check`` finds fit for it.

        That is so inside of a pool of hosts, whose processors are of one vendor: nothing is left to
        the host that a migration there can notice, and QEMU refuses none. What differs between
        pools, and whether two hosts are of one, ``check_migration`` says of their reports.

        None where nobody can tell: nothing is known to be in the way, but what a host decides of
        this CPU and board is not described.
        """
        if any(entry.hinders for entry in self.unpinned):
            return False
        if any(entry.certain for entry in self.obstacles):
            return False
        return None if self.obstacles else True
