"""Device families: which drivers share one inner device, and what stands behind them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Literal

from platform_abi.model.backend_group import BackendGroup
from platform_abi.model.cpu_names import CpuNames, RefusedModels
from platform_abi.model.platform import edition_key
from platform_abi.model.value import field, frozen

#: The driver name under which options of ``-machine`` stand among the settings.
MACHINE = "machine"

#: The driver name under which options of a device's ``-netdev`` stand among the settings.
NETDEV = "netdev"

#: What a device family calls its backend where the accelerator is what stands behind it.
ACCELERATOR = "accelerator"


@frozen(kw_only=True)
class VirtioBit:
    """One feature bit that a virtio device can offer, and what turns it on.

    Without *property* the device always offers it. *default* is QEMU's built-in value of the
    property; *generation* the first machine-type generation that has it.
    """

    bit: int
    name: str
    property: str = ""
    #: Values of the property that keep the bit off; empty: it is a boolean.
    off: tuple[str, ...] = ()
    default: str = "on"
    generation: str | None = None
    #: Backends that can carry the bit; empty: all. For bits that no feature describes.
    backends: tuple[str, ...] = ()
    #: Never offered, though every virtio device otherwise has it.
    never: bool = False
    #: Only a legacy (virtio 0.9) driver can see it.
    legacy: bool = False
    #: Only a modern (virtio 1.0) driver can see it; a device that offers none such is legacy.
    modern: bool = False


@frozen(kw_only=True)
class Transport:
    """How much of what a virtio device offers its guest can see.

    *bits* is how many feature bits there are, the lowest. A transport with *types* is that of their
    descendants; one without is that of a device that stands on a board's own bus, without a proxy.
    *legacy* is ``driver.property`` that makes it a legacy one unless it is off.
    """

    bits: int
    source: str
    types: tuple[str, ...] = ()
    legacy: str = ""
    #: Bits that every device offers by other transports.
    lacks: tuple[int, ...] = ()

    def shown(self, offered: int) -> int:
        """Return what a guest sees of the bits in *offered*."""
        return offered & ((1 << self.bits) - 1) & ~sum(1 << bit for bit in self.lacks)


@frozen(kw_only=True)
class DeviceFamily:
    """Drivers that are one device to a guest: an inner device and its proxies on each transport.

    QEMU initialises the inner device before its proxy, so a ``-global`` on the proxy beats any on
    the inner device (hw/virtio/virtio-pci.c, virtio_instance_init_common).
    """

    name: str
    #: The innermost type, which all transports share; ``x86_64-cpu`` for the CPU.
    driver: str
    proxies: tuple[str, ...] = ()
    #: Architectures that have the board or the CPU of the family; empty: its driver's name tells.
    arch: tuple[str, ...] = ()
    #: Properties that only an accelerator gives it, so that no record of a build has them.
    unrecorded: tuple[str, ...] = ()
    #: The device property that names the backend object.
    backend_property: str = ""
    #: The backend of every device of the family, where no property names one.
    backend: str = ""
    #: Options that a device with that backend cannot be without; empty: a QEMU is not asked by one
    #: what the host has.
    asked: str = ""
    #: Backends that values must hold for where no devices are given; empty: the family is then
    #: left out.
    assumed_backends: tuple[str, ...] = ()
    #: Feature files that describe the family; empty: the one of its own name.
    features: tuple[str, ...] = ()
    #: What the migration stream calls its devices, where that is not the family's name.
    sections: tuple[str, ...] = ()
    #: The VIRTIO device id, where *bit* describes all that the device can offer; else 0.
    virtio_id: int = 0
    bit: tuple[VirtioBit, ...] = ()

    @property
    def drivers(self) -> tuple[str, ...]:
        """Return the drivers of the family, the innermost first."""
        return (self.driver, *self.proxies)

    @property
    def feature_files(self) -> tuple[str, ...]:
        """Return the stems of the feature files that describe the family."""
        return self.features or (self.name,)


@frozen(kw_only=True)
class BackendKind:
    """A kind of backend, told by the type and options of ``-netdev``, ``-tpmdev`` or ``-object``.

    Of several that match, the one with the most *when* options is meant. The value ``*`` stands
    for any value of an option. *asked* is a ``-netdev`` called n0 by which a QEMU is asked what the
    host has.
    """

    name: str
    netdev: tuple[str, ...] = ()
    tpmdev: tuple[str, ...] = ()
    object: tuple[str, ...] = ()
    when: Mapping[str, str] = field(factory=dict)
    #: What else a running QEMU calls such a netdev.
    shown_as: tuple[str, ...] = ()
    #: Kinds that it is taken for by the options of a netdev which is handed a descriptor of it.
    instead_of: tuple[str, ...] = ()
    asked: str = ""
    #: Features that no constant pins and that are still the same on every host behind this kind,
    #: each with the architectures of which that is known; none: all.
    settles: Mapping[str, tuple[str, ...]] = field(factory=dict)

    def types(self, option: str) -> tuple[str, ...]:
        """Return the types of *option*, one of ``BACKEND_OPTIONS``' values, that are this kind."""
        types: tuple[str, ...] = getattr(self, option)
        return types


@frozen(kw_only=True)
class NetdevOption:
    """An option of ``-netdev`` of one type that features drive: ``netdev.OPTION`` among properties.

    QEMU refuses it beside an option of *not_beside*, which then decides the same. Of these,
    *descriptors* are lists of descriptors, divided by colons, that can be asked for it.
    """

    netdev: str
    option: str
    source: str
    #: QEMU's type of it, which JSON has to have: ``bool`` or ``str``.
    type: Literal["bool", "str"] = "bool"
    not_beside: tuple[str, ...] = ()
    descriptors: tuple[str, ...] = ()


@frozen(kw_only=True)
class NetdevQueues:
    """How a netdev of some *netdev* types says how many queues it has; 1 where it does not.

    By the *number* that an option has, or by how many descriptors are between the colons of a
    *list*.
    """

    netdev: tuple[str, ...]
    number: str
    source: str
    list: str = ""

    def of(self, given: Mapping[str, str]) -> str:
        """Return the number of queues of a netdev with the options *given*, as it is written."""
        if self.list and self.list in given:
            return str(given[self.list].count(":") + 1)
        return given.get(self.number, "1")


#: The option that makes the backend which a device's property of that name refers to.
BACKEND_OPTIONS: Mapping[str, str] = {"netdev": "netdev", "tpmdev": "tpmdev", "memdev": "object"}


@frozen(kw_only=True)
class MigrationBlocker:
    """Devices with which QEMU refuses to migrate for a reason that their properties decide.

    It does where a device has one of *when*, if there are any, unless it has one of *unless*:
    ``property=value`` each, and ``*`` for whatever value is given. *since* is the first release
    that does.
    """

    drivers: tuple[str, ...]
    reason: str
    help: str
    source: str
    unless: tuple[str, ...] = ()
    when: tuple[str, ...] = ()
    since: str = ""

    def blocks(self, given: Mapping[str, str]) -> bool:
        """Return whether a device is not migrated that has the properties *given*."""
        if any(_given(each, given) for each in self.unless):
            return False
        return not self.when or any(_given(each, given) for each in self.when)


def _given(wanted: str, given: Mapping[str, str]) -> bool:
    name, _, value = wanted.partition("=")
    return name in given and value in ("*", given[name])


@frozen(kw_only=True)
class QemuModule:
    """A module of QEMU's, a file of which a host may do without, and the *drivers* that are in it.

    The first of them is what ``-vga`` makes that is given *vga*.
    """

    name: str
    drivers: tuple[str, ...]
    source: str
    vga: str = ""


@frozen(kw_only=True)
class Described:
    """An architecture, and accelerators under which features say all that a host decides there.

    That is of the CPU and the board; devices are described apart. *edition* brought the features,
    and older ones say nothing of them; empty: the first. *machines* are what the names of its
    machine types begin with; empty: all.
    """

    arch: str
    accelerators: tuple[str, ...]
    machines: tuple[str, ...] = ()
    edition: str = ""


@frozen(kw_only=True)
class InnerType:
    """A device that is part of other devices, which pass its properties on as their own.

    What sets a property of the inner type sets that of the outer device, before anything else
    does: QEMU makes the inner one first.
    """

    type: str
    drivers: tuple[str, ...]


@frozen(kw_only=True)
class DeviceTable:
    """Everything in ``definitions/devices/``."""

    families: tuple[DeviceFamily, ...] = ()
    backends: tuple[BackendKind, ...] = ()
    groups: tuple[BackendGroup, ...] = ()
    netdev_options: tuple[NetdevOption, ...] = ()
    netdev_queues: tuple[NetdevQueues, ...] = ()
    accelerators: tuple[str, ...] = ()
    #: By operating system, the accelerator of a virtual machine where none is named.
    usual_accelerators: Mapping[str, str] = field(factory=dict)
    #: Architectures of which a board depends on how much memory there is.
    sized: tuple[str, ...] = ()
    #: Those that run a guest on the host's own processors.
    native_accelerators: tuple[str, ...] = ()
    described: tuple[Described, ...] = ()
    cpu_names: tuple[CpuNames, ...] = ()
    refused_models: tuple[RefusedModels, ...] = ()
    blockers: tuple[MigrationBlocker, ...] = ()
    transports: tuple[Transport, ...] = ()
    modules: tuple[QemuModule, ...] = ()
    #: Feature bits that every virtio device has.
    common_bits: tuple[VirtioBit, ...] = ()

    def family_of(self, driver: str) -> DeviceFamily | None:
        """Return the family that *driver* is of, as its inner device or as a proxy.

        The first one: of the board's options there is a family for each architecture.
        """
        return next(self.families_of(driver), None)

    def families_of(self, driver: str) -> Iterator[DeviceFamily]:
        """Yield the families that *driver* is of."""
        for family in self.families:
            if driver == family.driver or driver in family.proxies:
                yield family

    def module_of(self, driver: str) -> str:
        """Return the module of QEMU's that has *driver* where it has modules; empty: none does."""
        return next((each.name for each in self.modules if driver in each.drivers), "")

    def transport(self, types: Collection[str], *, bare: bool) -> Transport | None:
        """Return the transport of a device of *types*, which is *bare* without a proxy."""
        known = (t for t in self.transports if not (bare if t.types else not bare))
        return next((t for t in known if not t.types or not set(t.types).isdisjoint(types)), None)

    def open_options(self, netdev: str, given: Collection[str]) -> tuple[str, ...]:
        """Return the options that may still be set on a netdev which has the options *given*."""
        return tuple(
            known.option
            for known in self.netdev_options
            if known.netdev == netdev
            and known.option not in given
            and not any(other in given for other in known.not_beside)
        )

    def handed_over(self, netdev: str, given: Mapping[str, str]) -> Iterator[tuple[str, list[str]]]:
        """Yield the options that descriptors *given* to a netdev decide, each with these."""
        for known in self.netdev_options:
            if known.netdev == netdev:
                for key in known.descriptors:
                    if given.get(key):
                        yield known.option, given[key].split(":")

    def instead_of_tun(self, kind: str) -> str:
        """Return the kind that a tap of *kind* is where its descriptor is none of /dev/net/tun."""
        others = (each.name for each in self.backends if kind in each.instead_of)
        return next(others, kind)

    def queues(self, netdev: str, given: Mapping[str, str]) -> str:
        """Return how many queues a netdev with the options *given* has; empty: no such thing."""
        return next((each.of(given) for each in self.netdev_queues if netdev in each.netdev), "")

    def matching(self, option: str, of: str, given: Mapping[str, str]) -> str:
        """Return the kind of what *option* of type *of* makes; empty where no definition knows it.

        *given* are its options, each as definitions spell it.
        """
        fitting = [
            backend
            for backend in self.backends
            if of in backend.types(option)
            and all(given.get(k) == v or (v == "*" and k in given) for k, v in backend.when.items())
        ]
        return max(fitting, key=lambda backend: len(backend.when)).name if fitting else ""

    def netdev_value(self, backend: str, option: str) -> str | None:
        """Return what *option* is of a netdev of the kind *backend*, None where that says nothing.

        Of a kind with several descriptions the first says it.
        """
        kind = next((each for each in self.backends if each.name == backend and each.netdev), None)
        return None if kind is None else kind.when.get(option)

    def with_option(self, backend: str, option: str, value: str) -> str:
        """Return the kind of a netdev of the kind *backend* that has *option* set to *value*."""
        for kind in self.backends:
            if kind.name == backend and kind.netdev:
                return self.matching("netdev", kind.netdev[0], {**kind.when, option: value})
        return backend

    def settled(self, backend: str, feature: str, arch: str) -> bool:
        """Return whether *feature* is the same on every host behind *backend*, on *arch*."""
        known = (each.settles.get(feature) for each in self.backends if each.name == backend)
        return any(arches is not None and (not arches or arch in arches) for arches in known)

    def names_of_cpus(self, arch: str) -> CpuNames:
        """Return how the QEMU of *arch* reads the names of CPU models."""
        return next((each for each in self.cpu_names if each.arch == arch), CpuNames(arch=arch))

    def describes(self, arch: str, accelerator: str, machine: str, edition: str) -> bool:
        """Return whether *edition* describes what a host decides of the CPU and board there."""
        for known in self.described:
            if not machine.startswith(known.machines or ("",)):
                continue
            if known.arch == arch and accelerator in known.accelerators:
                return not known.edition or edition_key(known.edition) <= edition_key(edition)
        return False
