"""What is known of one host: facts with their evidence, as data that can be carried elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Literal

from platform_abi.model.value import field, frozen

if TYPE_CHECKING:
    from platform_abi.model.reported import ReportedQemu

State = Literal["present", "absent", "unknown"]

#: How a fact was found: the kernel answered an ioctl; a file of /proc, /sys or /boot says so; the
#: process has it; a QEMU that was started for it showed it; a kernel release predicts it; nobody
#: was asked.
Source = Literal["ioctl", "file", "process", "oracle", "inferred", "none"]
SOURCES: tuple[Source, ...] = ("ioctl", "file", "process", "oracle", "inferred", "none")

#: What every number and mask of a report is below.
WIDEST = 1 << 64


#: The source of what a kernel release predicts.
PREDICTED: Final = "inferred"


@frozen(kw_only=True)
class Fact:
    """What was found about one capability: never a guess, *unknown* is an answer.

    A fact whose source is ``inferred`` is what a kernel release predicts. It proves nothing, and
    every verdict treats it as unknown.
    """

    state: State
    source: Source = "none"
    detail: str = ""

    @property
    def proven(self) -> State:
        """Return the state as far as it is evidence: what was only predicted is unknown."""
        return "unknown" if self.source == PREDICTED else self.state


#: The set of a report that has the CPU models which a QEMU can run on the host, flag for flag.
CPU_MODELS = "qemu.cpu-models"

#: What the sets of an answer begin with that have what a QEMU gives a CPU model on the host, before
#: the model's name. A report has them with its QEMUs.
CPU_FLAGS = "qemu.cpu."

#: The set of an answer that has the drivers which a QEMU has here: its modules come and go. A
#: report has what each of its QEMUs lacks.
QEMU_DRIVERS = "qemu.drivers"


def of_one_qemu(name: str) -> bool:
    """Return whether the set called *name* is one that a report has with the QEMU it is of."""
    return name == QEMU_DRIVERS or name.startswith(CPU_FLAGS)


#: The value of a report that has the version of the QEMU that was asked, such as ``10.0.2``.
QEMU_VERSION = "qemu.version"

#: The value of a report that has what that QEMU calls its package, empty for upstream's own.
QEMU_PACKAGE = "qemu.package"

#: What is known of a capability that nobody asked for.
NOT_ASKED = Fact(state="unknown", detail="not in this report")


@frozen(kw_only=True)
class HostReport:
    """What one host offers.

    *facts* are by capability id. *numbers* are limits and sizes in bytes or pieces
    (``page-size``, ``thp-size``, ``kvm.max-vcpus``). *masks* are registers of which each bit is an
    offer of its own (``kvm.cpuid.00000007.00.ebx``). *sets* are offers without an order
    (``kvm.msr-features``, ``qemu.netdevs``). *values* are words that two hosts share or do not
    (``cpu.vendor``). *config* has what the kernel's configuration says: ``y``, ``m``, ``n`` or a
    value, without the CONFIG_ prefix.

    *qemus* are its QEMUs, as far as they were named or looked for; there are none in a report of
    before they were written, and where no QEMU was to be asked.

    *name* is what its owner calls the host; no probe fills it in unless asked to.
    """

    facts: Mapping[str, Fact] = field(factory=dict)
    #: ``linux``, ``windows``, ``darwin``, ``freebsd``: in lower case, as Python's os.uname has it.
    system: str = ""
    release: str = ""
    #: As QEMU names it: ``x86_64``, ``aarch64``.
    arch: str = ""
    #: ID, VERSION_ID and ID_LIKE of os-release(5).
    distribution: str = ""
    distribution_version: str = ""
    distribution_like: tuple[str, ...] = ()
    name: str = ""
    numbers: Mapping[str, int] = field(factory=dict)
    masks: Mapping[str, int] = field(factory=dict)
    sets: Mapping[str, tuple[str, ...]] = field(factory=dict)
    values: Mapping[str, str] = field(factory=dict)
    config: Mapping[str, str] = field(factory=dict)
    qemus: tuple[ReportedQemu, ...] = ()

    def fact(self, capability: str) -> Fact:
        """Return what is known of *capability*; what was not asked is unknown."""
        return self.facts.get(capability, NOT_ASKED)

    def state(self, capability: str) -> State:
        """Return what is proven of *capability*: not asked, or only predicted, is unknown."""
        return self.fact(capability).proven


@frozen(kw_only=True)
class FleetHost:
    """Hosts of which the same is known: their report, how many there are, what some are called.

    *report* has no name; *names* are those of the first hosts, or where a report has none, its
    place in the file it was read from.
    """

    report: HostReport
    count: int = 1
    names: tuple[str, ...] = ()
