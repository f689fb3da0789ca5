"""What was read of a virtual machine, and what of it nobody can read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, TypedDict

from platform_abi.model.names import UNREAD
from platform_abi.model.value import evolve, field, frozen
from platform_abi.model.vm import UNKNOWN, VirtualMachine

if TYPE_CHECKING:
    from platform_abi.launch.hardware_options import HostFiles


class KnownBesides(TypedDict, total=False):
    """What is known besides what a source says: ``from_command_line`` explains each."""

    build: str | None
    aliases: Mapping[str, str]
    read_file: Callable[[str], str | None] | None
    files: HostFiles | None


@frozen(kw_only=True)
class Unread:
    """Something that a source says of a virtual machine and that is not understood.

    *what* is called as the source calls it, ``devices/crypto``; *place* is where that is said, and
    *reason* why it is not read. None of them holds a value, which might be a secret.
    """

    what: str
    reason: str
    place: str = ""

    def __str__(self) -> str:
        """Return all of it in a line."""
        place = f"{self.place}: " if self.place else ""
        return f"{place}{self.what}: {self.reason}"


@frozen(kw_only=True)
class VmReading:
    """A virtual machine as a source describes it.

    *vm* is what ``resolve`` takes. *unread* is what the source says besides: each is a fact of *vm*
    as well, of which the value is unknown, so that no comparison and no lockfile forgets it.
    *platform* is the one that the source itself names, as ``-platform`` does. *remarks* are, in a
    line each, how something was understood.
    """

    vm: VirtualMachine
    unread: tuple[Unread, ...] = ()
    platform: str | None = None
    remarks: tuple[str, ...] = ()
    #: The domain XML that it was read from; empty: it was none.
    domain: str = field(default="", eq=False, repr=False)
    #: Where in that the element of each device begins, in bytes, by the device's label.
    elements: Mapping[str, int] = field(factory=dict, eq=False, repr=False)


def with_unread(vm: VirtualMachine, unread: Iterable[Unread]) -> VirtualMachine:
    """Return *vm* with a fact of every piece that was not read: that it is unknown."""
    facts = dict(vm.hardware or ())
    for each in unread:
        facts[f"{UNREAD}{each.what}"] = UNKNOWN
    return evolve(vm, hardware=tuple(sorted(facts.items())))


def unread_of(vm: VirtualMachine) -> tuple[str, ...]:
    """Return what of *vm* was not read, as its source calls it; of a lockfile's too."""
    facts = vm.hardware or ()
    return tuple(name.removeprefix(UNREAD) for name, _ in facts if name.startswith(UNREAD))
