"""The QEMUs of a host, as its report holds them: which they are, and what each makes of a machine.

A QEMU is what its identity says, not what its path, its version or its package is called.
"""

from __future__ import annotations

from collections.abc import Mapping

from platform_abi.model.value import field, frozen


@frozen(kw_only=True)
class ReportedMachine:
    """A machine type of a QEMU, as ``query-machines`` has it.

    *fingerprint* is over all that the machine type gives every driver in that QEMU: equal ones are
    one content, whatever its name and whatever build it is of.
    """

    name: str
    aliases: tuple[str, ...] = ()
    default: bool = False
    deprecated: bool = False
    fingerprint: str = ""


@frozen(kw_only=True)
class ReportedQemu:
    """A QEMU binary of a host.

    *identity* is what tells it from every other one, empty where nobody could tell. *build* is the
    name of its definitions, on the host of the report; empty where it was never asked for what it
    has. *content* holds these definitions (``definitions.held``), empty where they came with the
    package: then everybody has them who has that version. *path* is what it was called by.
    """

    arch: str
    version: str
    package: str = ""
    identity: str = ""
    build: str = ""
    path: str = ""
    #: Whether it is the one that this host would use for guests of *arch*.
    usual: bool = False
    #: Over the fingerprints of all its machine types, by their names.
    fingerprint: str = ""
    machines: tuple[ReportedMachine, ...] = ()
    content: str = ""
    #: The flags that a CPU model has on that host with this QEMU and KVM, of models that have what
    #: QEMU knows of the host's CPU: ``host``, and ``max`` where that has others.
    cpus: Mapping[str, tuple[str, ...]] = field(factory=dict)
    #: Fingerprints of what guests find, by machine type and what is looked at of it, where somebody
    #: looked (``guest.fingerprints``).
    views: Mapping[str, Mapping[str, str]] = field(factory=dict)
    #: Drivers that its definitions have and it has not on that host, because modules of QEMU's are
    #: not installed; None: nobody asked.
    lacking: tuple[str, ...] | None = None
    #: Every driver that it has on that host, in the report of who has no definitions to say which
    #: are *lacking*; None: that is said, or nobody asked.
    drivers: tuple[str, ...] | None = None

    @property
    def order(self) -> tuple[str, str, str]:
        """Return what the QEMUs of a report are sorted by."""
        return self.path, self.arch, self.identity

    @property
    def known_by(self) -> str:
        """Return what messages call it."""
        return f"QEMU {self.version}" + (f" ({self.package})" if self.package else "")

    def machine(self, name: str) -> ReportedMachine | None:
        """Return the machine type that *name*, or an alias, means to it."""
        return next((m for m in self.machines if name == m.name or name in m.aliases), None)
