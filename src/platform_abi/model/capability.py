"""Host capabilities: facts about a host that features need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from platform_abi.model.platform import said_before
from platform_abi.model.reference import Reference
from platform_abi.model.value import field, frozen

Confidence = Literal["high", "medium", "low"]

#: A subsystem of the kernel, and the release that something came to it in.
Date = tuple[str, str]

#: What is said in place of a kernel's release of what no kernel has so far.
NO_KERNEL = "never"


@frozen(kw_only=True)
class Probe:
    """How a host is asked for a capability.

    *method* names the kind of question (``tun-offload``, ``vhost-features``, ``kvm-extension``,
    ...); *request* is the ioctl number and *argument* the bits or the capability number, both as
    the kernel's UAPI headers define them on x86_64.
    """

    method: str
    node: str = ""
    request: int = 0
    argument: int = 0


@frozen(kw_only=True)
class CapabilityBefore:
    """What editions before a correction have in place of a capability's kernel.

    *why* says what was wrong.
    """

    why: str
    since: str


@frozen(kw_only=True)
class Capability:
    """One fact about a host.

    *since* is the first upstream kernel that has it; None means that no kernel version predicts
    it (a privilege, a backend process, hardware), and ``NO_KERNEL`` that none has it so far.
    A version only predicts: *probe* decides.
    """

    id: str
    title: str
    subsystem: str
    since: str | None = None
    confidence: Confidence = "medium"
    symbol: str = ""
    #: Operating systems of which alone a host can have it, as reports name them; empty: any.
    systems: tuple[str, ...] = ()
    #: Architectures of which alone a host can have it, as QEMU names them; empty: any.
    arch: tuple[str, ...] = ()
    #: Kernel configuration that must be set, without the CONFIG_ prefix.
    config: tuple[str, ...] = ()
    probe: Probe | None = None
    note: str = ""
    reference: tuple[Reference, ...] = ()
    #: What was corrected of *since*, by the edition that did.
    before: Mapping[str, CapabilityBefore] = field(factory=dict)

    def since_at(self, edition: tuple[int, ...]) -> str | None:
        """Return the first upstream kernel that *edition* takes it to be in, as *since* is."""
        since = self.since
        for said in said_before(self.before, edition):
            since = said.since
        return since


def dates_of(capabilities: Mapping[str, Capability]) -> dict[str, Date]:
    """Return the date of each of *capabilities* that a kernel's release predicts.

    What no release predicts (privileges, backends, hardware) has none: it stays a precondition.
    """
    return {
        name: (capability.subsystem, capability.since)
        for name, capability in capabilities.items()
        if capability.since is not None
    }


def earlier_dates(capabilities: Mapping[str, Capability]) -> dict[str, dict[str, Date]]:
    """Return by edition the dates of *capabilities* that those before it have, as it corrected."""
    found: dict[str, dict[str, Date]] = {}
    for name, capability in capabilities.items():
        for edition, before in capability.before.items():
            found.setdefault(edition, {})[name] = (capability.subsystem, before.since)
    return found
