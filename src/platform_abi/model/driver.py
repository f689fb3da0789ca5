"""What a QEMU build says of the properties of its drivers and of its CPU models."""

from __future__ import annotations

from platform_abi.model.value import frozen


@frozen(kw_only=True)
class DriverProperty:
    """What a build says of one property of a driver before any machine type does.

    *type* is QEMU's own word for it (``ObjectPropertyInfo`` in ``qapi/qom.json``).
    """

    type: str
    #: As a user would write it; None where QEMU states none, because an instance works it out.
    default: str | None = None


@frozen(kw_only=True)
class CpuModel:
    """A name that ``-cpu`` takes (``CpuDefinitionInfo`` in ``qapi/machine-target.json``)."""

    #: The QOM type behind it.
    type: str
    #: The versioned model that it stands for where the machine type does not say otherwise.
    alias_of: str = ""
    deprecated: bool = False
