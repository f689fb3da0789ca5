"""The options of QEMU's own command line, as far as one has to know them to read it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from platform_abi.model.option_language import split_options
from platform_abi.model.value import field, frozen

if TYPE_CHECKING:
    from platform_abi.model.vm import Properties


@frozen(kw_only=True)
class OptionDevice:
    """An option that creates a device without naming it in ``-device``.

    It is added to the devices of ``-device``; or made by the board itself where it has *machines*.

    *driver* is what the device is called on a machine type of *machines* (families), ``{model}``
    in it the value of the key *model*. *when* are the option's keys that have to have a value;
    ``*`` stands for any.
    """

    option: str
    driver: str
    when: Mapping[str, str] = field(factory=dict)
    machines: tuple[str, ...] = ()


@frozen(kw_only=True)
class OptionBoard:
    """What boards of some *families* of an architecture have where no option says so.

    *memory* is its RAM in bytes, *memory_id* what that is called in a migration stream, *disk* the
    interface of a ``-drive`` without one, and *bus* that of a PCI device; empty where it has none.
    Without *hotplug* nothing can be plugged into that bus while the machine runs, nor out.
    """

    arch: str
    families: tuple[str, ...]
    memory: int
    memory_id: str
    disk: str
    bus: str = ""
    hotplug: bool = True
    #: Options of ``-machine`` that mean nothing where they have this value: it is there without.
    defaults: Mapping[str, str] = field(factory=dict)


@frozen(kw_only=True)
class Address:
    """Devices of some *types*, and the *properties* that say where on its bus one of them is."""

    types: tuple[str, ...]
    properties: tuple[str, ...]


@frozen(kw_only=True)
class ShownOption:
    """An option that no property of a running QEMU tells, and objects that it makes do.

    *fact* is what a lockfile calls it, *values* has for each of its values the QOM types of which a
    machine that has it has all. *default* is its value where nobody writes it, by patterns of
    machine types, the first that fits; a machine type of none is of no known default.
    """

    fact: str
    arches: tuple[str, ...]
    accelerator: str
    source: str
    values: Mapping[str, tuple[str, ...]] = field(factory=dict)
    default: Mapping[str, str] = field(factory=dict)

    def told(self, types: Collection[str]) -> str | None:
        """Return the value that a machine with objects of *types* has, None for none that shows."""
        shown = (value for value, its in self.values.items() if set(its) <= set(types))
        return next(shown, None)

    def usual(self, machine: str) -> str | None:
        """Return the value on *machine* where nobody writes one, None where that is not known."""
        fitting = (value for each, value in self.default.items() if fnmatchcase(machine, each))
        return next(fitting, None)


#: The option that a device is made by: a key of it without a value may be negated.
DEVICE = "device"


@frozen(kw_only=True)
class OptionTable:
    """Which options there are, which take a word as their argument, and what others are called.

    *argument* and *plain* are names without dashes, of every QEMU and architecture. *alias* maps a
    name to the option that it is an abbreviation of, with the value it then has where it takes
    none itself: ``enable-kvm`` is ``accel`` with ``kvm``.
    """

    argument: tuple[str, ...] = ()
    plain: tuple[str, ...] = ()
    #: Options that take a text and no keys.
    texts: tuple[str, ...] = ()
    #: By option, the key of its first item where that has none; of others it is the option's name.
    implied: Mapping[str, str] = field(factory=dict)
    alias: Mapping[str, tuple[str, ...]] = field(factory=dict)
    #: How what vendors write behind a machine type's name begins, for their own QEMU to read.
    machine_suffix: tuple[str, ...] = ()
    #: What runs a virtual machine where no option says so.
    accelerator: str = ""
    #: The same for a QEMU whose program's name ends so.
    accelerator_of_programs: Mapping[str, str] = field(factory=dict)
    #: What a NIC is made of by -nic and -net: the model that a user writes, and the driver.
    nic_models: Mapping[str, str] = field(factory=dict)
    #: By architecture, the driver of the NIC that a machine type of a family has by itself.
    default_nics: Mapping[str, Mapping[str, str]] = field(factory=dict)
    device: tuple[OptionDevice, ...] = ()
    #: Options that no guest and no migration stream can tell, with those of their keys of which
    #: that is true; no keys: the whole option. Keys may be patterns.
    unseen: Mapping[str, tuple[str, ...]] = field(factory=dict)
    #: Options that only a guest of some architectures can tell, and these.
    seen_on: Mapping[str, tuple[str, ...]] = field(factory=dict)
    #: Options that are one of ``-machine`` by another name.
    machine_option: Mapping[str, str] = field(factory=dict)
    #: Options that the reading of hardware knows more of than how they are written.
    interpreted: tuple[str, ...] = ()
    #: Options of which every occurrence adds to the one before.
    merged: tuple[str, ...] = ()
    #: Options for a character device each: a machine has as many as there are.
    ports: tuple[str, ...] = ()
    #: Options of ``-machine`` that are the accelerator's.
    accelerator_options: tuple[str, ...] = ()
    #: Those that name a block node of flash memory.
    flash: tuple[str, ...] = ()
    #: Kinds of memory backends that are shared where nobody says so.
    shared_memory: tuple[str, ...] = ()
    #: Keys of ``-drive`` that say which disk it is, and how it was opened.
    disk_keys: tuple[str, ...] = ()
    #: By what they say, keys of ``-drive``: interface, index, bus, unit, image and medium.
    drive_key: Mapping[str, str] = field(factory=dict)
    #: Values of these: the interfaces ``unattached`` and ``flash``, and the usual medium and bus.
    drive_value: Mapping[str, str] = field(factory=dict)
    #: What a guest can tell of how a disk was opened, by keys of ``-drive`` and ``-blockdev`` and
    #: the values of each that make it so.
    opened: Mapping[str, Mapping[str, tuple[str, ...]]] = field(factory=dict)
    #: Options, and the keys of theirs that name a file, of which a guest can tell the size.
    files: Mapping[str, tuple[str, ...]] = field(factory=dict)
    #: Options that are a -drive by another name.
    drive: Mapping[str, str] = field(factory=dict)
    #: Sections of -readconfig, and the option that says the same.
    section: Mapping[str, str] = field(factory=dict)
    #: Kinds of places that devices have.
    address: Mapping[str, Address] = field(factory=dict)
    #: The first generation of machine types whose vCPUs without a topology are cores, not sockets.
    cores_since: str = ""
    board: tuple[OptionBoard, ...] = ()
    shown: tuple[ShownOption, ...] = ()
    #: Types of devices that can neither be plugged in nor out, wherever they are.
    fixed: tuple[str, ...] = ()
    #: By option, keys whose value is a secret; ``*`` is every option. Keys may be patterns.
    secrets: Mapping[str, tuple[str, ...]] = field(factory=dict)
    #: The same of what a guest sees the length of.
    sized_secrets: Mapping[str, tuple[str, ...]] = field(factory=dict)
    #: Regular expressions for secrets in values, each in a group called ``secret``.
    secret_texts: tuple[str, ...] = ()

    def pairs(self, option: str, argument: str) -> Properties:
        """Return the keys and values of the *argument* of an *option*.

        Raises UsageError for what QEMU's option language cannot read.
        """
        implied = self.implied.get(option, option)
        return split_options(argument, implied, negated=option == DEVICE)

    def machine(self, name: str) -> str:
        """Return *name* without what only a vendor's QEMU reads behind a machine type."""
        for suffix in self.machine_suffix:
            name = name.partition(suffix)[0]
        return name

    def hides(self, option: str, arch: str) -> bool:
        """Return whether nobody but the host can tell *option* of a guest of *arch*."""
        return self.unseen.get(option) == () or arch not in self.seen_on.get(option, (arch,))

    def hides_key(self, option: str, key: str) -> bool:
        """Return whether nobody but the host can tell *key* of an *option*."""
        return any(fnmatchcase(key, pattern) for pattern in self.unseen.get(option, ()))

    def shown_by(self, arch: str, accelerator: str) -> tuple[ShownOption, ...]:
        """Return the options that a guest of *arch* under *accelerator* shows by what it has."""
        return tuple(s for s in self.shown if arch in s.arches and accelerator == s.accelerator)

    def board_of(self, arch: str, family: str) -> OptionBoard | None:
        """Return what boards of a *family* have, None where nobody described it."""
        return next((b for b in self.board if b.arch == arch and family in b.families), None)
