"""CPU flags: which register and bit of a host each is, and which flags a CPU model has."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache

from platform_abi.model.value import field, frozen

#: A register as reports name it, ``kvm.cpuid.00000007.00.ebx`` or ``kvm.msr.0000048b``, and a bit.
Bit = tuple[str, int]

_CPUID = r"kvm\.cpuid\.([0-9a-f]{8})\.([0-9a-f]{2})\.(e[a-d]x)"
_MSR = r"kvm\.msr\.([0-9a-f]{8})"
_S390 = r"kvm\.s390\.([a-z0-9]+)\.([0-9])"


def is_register(name: str) -> bool:
    """Return whether *name* is that of a CPUID register, of an MSR or of a mask of s390x."""
    return bool(re.fullmatch(_CPUID, name)) or width(name) == 64  # noqa: PLR2004 - those have 64


@cache
def width(register: str) -> int:
    """Return how many bits *register* has."""
    return 64 if re.fullmatch(_MSR, register) or re.fullmatch(_S390, register) else 32


@cache
def is_msr(register: str) -> bool:
    """Return whether *register* is a model-specific one, of 64 bits."""
    return re.fullmatch(_MSR, register) is not None


def spell_bit(place: Bit) -> str:
    """Return a bit as manuals write it: ``CPUID 7.0.ebx[3]``, ``MSR 48b[1]``, ``STFLE 129``."""
    register, bit = place
    if match := re.fullmatch(_CPUID, register):
        return f"CPUID {int(match[1], 16):x}.{int(match[2], 16):x}.{match[3]}[{bit}]"
    if match := re.fullmatch(_MSR, register):
        return f"MSR {int(match[1], 16):x}[{bit}]"
    if match := re.fullmatch(_S390, register):
        return f"{match[1].upper()} {64 * int(match[2]) + bit}"
    return f"{register}[{bit}]"


@frozen(kw_only=True)
class Grant:
    """Flags that QEMU gives a guest although KVM does not say so by their own bit.

    Where nothing else is said, always. *extension* is the KVM extension that has to be there;
    *register* the one whose bit of the same number counts as well; *flags_too* are flags of which
    the host has to have all. With *asks_processor* QEMU looks at the host's processor itself, so
    that a bit which KVM does not set proves nothing.
    """

    flags: tuple[str, ...]
    reason: str
    source: str
    extension: str = ""
    register: str = ""
    flags_too: tuple[str, ...] = ()
    asks_processor: bool = False


@frozen(kw_only=True)
class AcceleratorFlags:
    """The flags that an accelerator turns on and off in every model, whatever the model has."""

    on: tuple[str, ...] = ()
    off: tuple[str, ...] = ()
    source: str = ""


@frozen(kw_only=True)
class LaterFlags:
    """Flags that *models* have by themselves in machine types since *generation* alone."""

    generation: str
    flags: frozenset[str]
    models: frozenset[str]


@frozen(kw_only=True)
class FlagsOfModel:
    """The flags of one CPU model, by QEMU's own names, and the vendor it is made for.

    They are *flags* beside those of the model that it is *like*, of which it is *without* some. An
    accelerator changes some of them (``CpuTable.defaults``). Those behind a flag that is off
    (``vmx``, ``svm``) are among them and count where that is on.
    """

    like: str = ""
    flags: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset()
    vendor: str = ""


@frozen(kw_only=True)
class CpuTable:
    """What is known of the CPU flags of one architecture."""

    arch: str
    #: The accelerator whose registers a host's report has.
    accelerator: str = ""
    #: The QOM type below which every CPU model is.
    driver: str = ""
    #: Every name of a flag to QEMU's own.
    names: Mapping[str, str] = field(factory=dict)
    #: The bits of each flag, by QEMU's own name: all of them have to be there.
    bits: Mapping[str, tuple[Bit, ...]] = field(factory=dict)
    #: What QEMU takes away as well where a flag is off (feature_dependencies).
    behind: Mapping[str, tuple[str, ...]] = field(factory=dict)
    models: Mapping[str, FlagsOfModel] = field(factory=dict)
    later: tuple[LaterFlags, ...] = ()
    defaults: Mapping[str, AcceleratorFlags] = field(factory=dict)
    #: By release of QEMU, ``10.0``, the flags that it can emulate; it leaves the others out.
    emulated: Mapping[str, frozenset[str]] = field(factory=dict)
    grants: tuple[Grant, ...] = ()
    #: VMX controls: the high half of such an MSR says which bits may be 1, the low half which must.
    controls: frozenset[str] = frozenset()
    #: Properties of a CPU that ask nothing of a host: the guest gets what is written.
    constants: frozenset[str] = frozenset()

    def flag(self, name: str) -> str:
        """Return what QEMU calls the flag *name*; nothing where *name* is no flag."""
        return self.names.get(name) or self.names.get(name.replace("_", "-"), "")

    @property
    def of_msrs(self) -> tuple[str, ...]:
        """Return the flags that are in a model-specific register: CPUID does not show them."""
        return tuple(
            flag
            for flag, bits in self.bits.items()
            if any(is_msr(register) for register, _ in bits)
        )

    def flags_of(self, model: str) -> frozenset[str]:
        """Return the flags that *model* has by itself; none of one that is not known."""
        lineage: list[FlagsOfModel] = []
        while (known := self.models.get(model)) is not None:
            lineage.append(known)
            model = known.like
        flags: frozenset[str] = frozenset()
        for known in reversed(lineage):
            flags = (flags - known.without) | known.flags
        return flags

    def model_flags(self, model: str, accelerator: str) -> frozenset[str]:
        """Return the flags of *model* under *accelerator*; those of no model are its own."""
        if model not in self.models:
            return frozenset()
        by = self.defaults.get(accelerator)
        if by is None:
            return self.flags_of(model)
        return self.flags_of(model).difference(by.off).union(by.on)

    def grants_of(self, flag: str) -> Iterator[Grant]:
        """Yield why a guest may have *flag* although its bit is not set."""
        return (grant for grant in self.grants if flag in grant.flags)
