"""The virtual machine that a resolution is made for."""

from __future__ import annotations

from collections.abc import Iterator

from platform_abi.model.value import frozen

#: What the names of hardware begin with that describe a device, before its label.
DEVICE = "device."

#: And of those that say what a guest can tell of a device's backend.
BEHIND = "behind."

#: What the words begin with that say how many queues a device's netdev has.
QUEUES = "queues "

#: A value of hardware that this host could not say, such as the size of a file that is not there.
UNKNOWN = "unknown"

Properties = tuple[tuple[str, str], ...]


@frozen(kw_only=True)
class Device:
    """One ``-device``: its driver, its id, the properties given to it and what stands behind it."""

    driver: str
    id: str | None = None
    properties: Properties = ()
    #: The kind of backend as it was written: ``tap``, ``tap+vhost``, ``user``, ...; empty: none.
    backend: str = ""
    #: Options of its netdev that nobody wrote and that a platform may set, such as ``vnet_hdr``.
    open_options: tuple[str, ...] = ()


@frozen(kw_only=True)
class Cpu:
    """A ``-cpu``: model and the properties given with it."""

    model: str
    properties: Properties = ()


@frozen(kw_only=True)
class GlobalProperty:
    """One explicit ``-global``."""

    driver: str
    property: str
    value: str


@frozen(kw_only=True)
class VirtualMachine:
    """What a user says of a virtual machine, as far as the guest ABI depends on it."""

    machine: str
    arch: str = "x86_64"
    accelerator: str = "kvm"
    cpu: Cpu | None = None
    devices: tuple[Device, ...] = ()
    globals: tuple[GlobalProperty, ...] = ()
    #: Options given with ``-machine``, such as ``smm=off``.
    machine_options: Properties = ()
    #: The QEMU build to resolve against; None: the newest that has the machine type.
    build: str | None = None
    #: What a guest or a migration stream can tell of everything else on the command line, as sorted
    #: pairs of a name (``smp.maxcpus``) and a text; None: nobody recorded it.
    hardware: Properties | None = None
    #: Labels of devices that nobody wrote so: what they are was read from a running QEMU.
    seen: tuple[str, ...] = ()

    @property
    def cpu_properties(self) -> Properties:
        """Return the properties given with ``-cpu``; none where there is no ``-cpu``."""
        return () if self.cpu is None else self.cpu.properties

    def labels(self) -> list[str]:
        """Return what each device is called: its id, or ``device[N]`` by its place, from 0."""
        return [
            device.id if device.id is not None else f"device[{index}]"
            for index, device in enumerate(self.devices)
        ]

    def labelled(self) -> Iterator[tuple[str, Device]]:
        """Yield each device behind its label."""
        return zip(self.labels(), self.devices, strict=True)
