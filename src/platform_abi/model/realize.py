"""What a device's properties are once it is realized: the full set, and the rules behind it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from platform_abi.model.abi import Layer
from platform_abi.model.device import InnerType
from platform_abi.model.value import field, frozen

#: What settles a value that neither the ABI nor QEMU's constants do: where the device sits and in
#: which order it came; what stands behind it on the host; files and resources of the host; the
#: number of vCPUs; the number of queues of its backend; what the guest or its user does; dice.
LeftTo = Literal["placement", "backend", "host", "vcpus", "queues", "runtime", "chance"]

#: How QEMU reads back what it was given: a PCI address as one number, an object or a device by
#: its path in the QOM tree, letters in lower case, and nothing where a part of it took it over.
Form = Literal["devfn", "object", "device", "lower", "handed-on"]

#: Names that ``of`` may have besides properties of the device.
VCPUS = "vcpus"
QUEUES = "queues"


@frozen(kw_only=True)
class RealizeRule:
    """What one value of some properties becomes when QEMU realizes the device.

    A rule names the exact *values* it is about, so that any other is still predicted to stay as
    it is. Of several rules that apply to a property the first counts. Exactly one of *becomes*,
    *of*, *form* and *left_to* says what comes of it; *left_to* may stand beside *of*, for where
    that is not known.
    """

    #: Types that the rule reaches, with every descendant; an inner device's count as well.
    drivers: tuple[str, ...]
    properties: tuple[str, ...]
    #: The values that do not stay; of a *form* none, for it is about all that are given.
    values: tuple[str, ...] = ()
    #: Whether it is (also) about a property that nothing sets and that has no default.
    unset: bool = False

    # --- on what condition
    #: Values that other properties of the device must have, realized: ``*`` is any but
    #: none, and an empty one none.
    when: Mapping[str, str] = field(factory=dict)
    #: ``driver.property`` of other devices, and the values that the machine type and ``-global``
    #: give them.
    where: Mapping[str, str] = field(factory=dict)
    #: Types of which one must be that of the device on whose bus it is.
    behind: tuple[str, ...] = ()
    #: Families of machine types that it is about; empty: all. Likewise architectures, of which two
    #: can have a family of one name, and accelerators.
    machines: tuple[str, ...] = ()
    arch: tuple[str, ...] = ()
    accelerators: tuple[str, ...] = ()
    #: The first generation of machine types that it is about, and the first that it is not.
    since: str | None = None
    until: str | None = None
    #: The first QEMU release that does so, and the first that does not.
    qemu_since: str | None = None
    qemu_until: str | None = None

    # --- what comes of it
    #: The value; ``{generation}`` in it stands for the machine type's.
    becomes: str | None = None
    #: A property of the device, ``vcpus`` or ``queues``: the value is ``times * of + plus``.
    of: str | None = None
    times: int = 1
    plus: int = 0
    at_most: int | None = None
    form: Form | None = None
    left_to: LeftTo | None = None

    reason: str = ""
    source: str = ""


@frozen(kw_only=True)
class InitialValue:
    """A default that an instance gives itself when it is made, whatever QEMU lists as default.

    Everything else that sets the property still wins over it; compat properties do not where it is
    given *after_compat*.
    """

    drivers: tuple[str, ...]
    properties: tuple[str, ...]
    value: str
    #: Whether the instance applies compat properties first, so that they have no effect.
    after_compat: bool = False
    qemu_since: str | None = None
    qemu_until: str | None = None
    reason: str = ""
    source: str = ""


@frozen(kw_only=True)
class BoardValue:
    """What a board sets on devices by itself: after its compat properties, before ``-global``.

    QEMU calls it a sugar property (qom/object.c, object_register_sugar_prop).
    """

    drivers: tuple[str, ...]
    properties: tuple[str, ...]
    value: str
    #: Families of machine types whose board does so.
    machines: tuple[str, ...]
    #: ``driver.property`` of devices that are part of the board, and the values they must have.
    when: Mapping[str, str] = field(factory=dict)
    reason: str = ""
    source: str = ""


@frozen(kw_only=True)
class RealizeTable:
    """Everything in ``definitions/realize/``."""

    rules: tuple[RealizeRule, ...] = ()
    initial: tuple[InitialValue, ...] = ()
    board: tuple[BoardValue, ...] = ()
    inner: tuple[InnerType, ...] = ()


@frozen(kw_only=True)
class PropertyValue:
    """The value of one property, which layer and file or argument set it, and what becomes of it.

    *value* is None where nothing sets the property and QEMU states no default. *rule*, where one
    applies, turns it into *realized*, which is None where *left_to* says who decides.
    """

    value: str | None
    layer: Layer
    source: str
    realized: str | None = None
    rule: RealizeRule | None = None
    left_to: LeftTo | None = None

    @property
    def final(self) -> str | None:
        """Return the value of the realized device, None where nothing here predicts it."""
        return self.value if self.rule is None else self.realized


@frozen(kw_only=True)
class DeviceProperties:
    """Every property of one device, sorted by name."""

    driver: str
    properties: Mapping[str, PropertyValue]
    #: The options that the platform sets on what is behind the device.
    netdev: Mapping[str, PropertyValue] = field(factory=dict)
