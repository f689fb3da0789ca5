"""The options of QEMU's own command line, as far as one has to know them to read it."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field

from platform_abi.model.value import frozen


@frozen(kw_only=True)
class OptionDevice:
    """An option that creates a device without naming it in ``-device``.

    *driver* is what the device is called on a machine type of *machines* (families), ``{model}``
    in it the value of the key *model*. *when* are the option's keys that have to have a value;
    ``*`` stands for any.
    """

    option: str
    driver: str
    when: Mapping[str, str] = field(factory=dict)
    machines: tuple[str, ...] = ()


@frozen(kw_only=True)
class OptionTable:
    """Which options there are, which take a word as their argument, and what others are called.

    *argument* and *plain* are names without dashes, of every QEMU and architecture. *alias* maps a
    name to the option that it is an abbreviation of, with the value it then has where it takes
    none itself: ``enable-kvm`` is ``accel`` with ``kvm``.
    """

    argument: frozenset[str] = frozenset()
    plain: frozenset[str] = frozenset()
    alias: Mapping[str, tuple[str, ...]] = field(factory=dict)
    #: What runs a virtual machine where no option says so.
    accelerator: str = ""
    #: What a NIC is made of by -nic and -net: the model that a user writes, and the driver.
    nic_models: Mapping[str, str] = field(factory=dict)
    #: By architecture, the driver of the NIC that a machine type of a family has by itself.
    default_nics: Mapping[str, Mapping[str, str]] = field(factory=dict)
    devices: tuple[OptionDevice, ...] = ()
