"""Which questions of the catalogue go to which process of the probe, and which to nobody."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from platform_abi.host.requests import request_of
from platform_abi.model.value import field, frozen
from platform_abi.qemu.binary import QEMU_NAMES
from platform_abi.qemu.netdevs import NETDEV_METHOD

if TYPE_CHECKING:
    from platform_abi.model.capability import Capability, Probe

#: Which module answers a method. Every other method is one of a later version.
FAMILIES: Mapping[str, str] = {
    "tun-features": "tun",
    "tun-offload": "tun",
    "tun-ioctl": "tun",
    "kvm-extension": "kvm",
    "kvm-cpuid": "kvm",
    "kvm-hv-cpuid": "kvm",
    "kvm-mce-cap": "kvm",
    "kvm-device": "kvm",
    "kvm-device-attribute": "kvm",
    "kvm-arm-ipa": "kvm",
    "kvm-arm-registers": "kvm",
    "kvm-arm-psci": "kvm",
    "kvm-arm-sve": "kvm",
    "kvm-vm-attribute": "kvm",
    "kvm-s390-model": "kvm",
    "kvm-s390-feature": "kvm",
    "kvm-ppc-type": "kvm",
    "kvm-ppc-characteristics": "kvm",
    "kvm-ppc-hash-page": "kvm",
    "kvm-ppc-decrementer": "kvm",
    "kvm-ppc-since-level": "kvm",
    "kvm-ppc-radix": "kvm",
    "ppc-level": "file",
    "ppc-processor": "file",
    "ppc-hwcap": "file",
    "kvm-riscv-registers": "kvm",
    "kvm-riscv-isa": "kvm",
    "kvm-riscv-sbi": "kvm",
    "kvm-loongarch-cpucfg": "kvm",
    "kvm-loongarch-feature": "kvm",
    "vhost-features": "node",
    "vhost-features-array": "node",
    "vhost-backend-features": "node",
    "vhost-ioctl": "node",
    "ioctl": "node",
    "device-node": "node",
    "file": "file",
    "process-capability": "file",
    "zoned-model": "file",
}

#: Methods that make no ioctl, so that no request number can be wrong.
_NO_REQUEST = frozenset(
    {
        *("device-node", "file", "process-capability", "zoned-model"),
        *("ppc-level", "ppc-processor", "ppc-hwcap"),
    }
)

#: The one pattern that is asked without any of the nodes that it matches: see ``macvtap``.
_MACVTAP_NODES = "/dev/tap*"

#: Where <asm/ioctl.h> is not the generic one and numbers of requests differ from x86's
#: (arch/*/include/uapi/asm/ioctl.h), and ``requests`` does not know them. As uname(2) says it.
_OTHER_NUMBERS = ("alpha", "mips", "parisc", "sparc")


@frozen(kw_only=True)
class Order:
    """What the probe is asked: capabilities by group, and those that nobody can be asked for."""

    #: By family and node: what hangs or dies together.
    groups: Mapping[tuple[str, str], tuple[Capability, ...]] = field(factory=dict)
    #: Why a capability is unknown without asking.
    unasked: Mapping[str, str] = field(factory=dict)
    #: Of which options the kernel's configuration is wanted.
    config: tuple[str, ...] = ()
    #: What uname(2) calls the machine that is asked; numbers of requests follow it.
    machine: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Return every capability that the report will have a fact about."""
        asked = (capability.id for group in self.groups.values() for capability in group)
        return tuple(sorted((*asked, *self.unasked)))

    def document(self, timeout: float) -> bytes:
        """Return what the probe reads on its standard input."""
        groups = [
            {
                "family": family,
                "questions": [_words(capability, self.machine) for capability in group],
            }
            for (family, _), group in self.groups.items()
        ]
        body = {"timeout": timeout, "config": self.config, "groups": groups}
        return json.dumps(body, separators=(",", ":")).encode()


def order_for(capabilities: Mapping[str, Capability], machine: str) -> Order:
    """Return what to ask a host whose uname(2) says *machine*.

    A capability without a probe, or of another architecture, is in neither part.
    """
    arch = QEMU_NAMES.get(machine.lower(), machine.lower())
    # What the host says of itself is always asked.
    groups: dict[tuple[str, str], list[Capability]] = {("kernel", ""): []}
    unasked = {}
    for name, capability in sorted(capabilities.items()):
        asked = capability.probe
        if asked is None or (capability.arch and arch not in capability.arch):
            continue
        reason = _unasked(asked, machine)
        if reason:
            unasked[name] = reason
        else:
            groups.setdefault(_group(asked), []).append(capability)
    return Order(
        groups={key: tuple(group) for key, group in groups.items()},
        unasked=unasked,
        config=_options(c for c in capabilities.values() if not c.arch or arch in c.arch),
        machine=machine,
    )


def _unasked(asked: Probe, machine: str) -> str:
    """Return why a probe cannot be made at all, or nothing.

    Nodes that a pattern stands for belong to devices that somebody may be using: opening a
    vhost-vdpa node resets the device (drivers/vhost/vdpa.c, vhost_vdpa_open), VFIO answers only
    from a device that was taken from its driver, and which disk a guest will get is not known.
    """
    if asked.method == NETDEV_METHOD:
        return "a QEMU has to be asked"
    if asked.method not in FAMILIES:
        return f"this version cannot ask by {asked.method}"
    if asked.method not in _NO_REQUEST and machine.startswith(_OTHER_NUMBERS):
        return f"requests have other numbers on {machine}"
    if not asked.node.startswith("/") or "\0" in asked.node:
        return "the probe names no file"
    if "*" in asked.node and _group(asked)[0] not in {"macvtap", "file"}:
        return f"{asked.node}: may be in use"
    return ""


def _group(asked: Probe) -> tuple[str, str]:
    family = FAMILIES[asked.method]
    if family == "tun" and asked.node == _MACVTAP_NODES:
        return "macvtap", asked.node
    if family == "file" and asked.node.startswith(("/proc/", "/sys/")):
        # None of these hangs, and a process for each would take longer than the answers.
        return family, ""
    return family, asked.node


def _words(capability: Capability, machine: str) -> list[str | int]:
    asked = capability.probe
    assert asked is not None  # noqa: S101 - only those are in a group
    return [
        *(capability.id, asked.method, asked.node),
        *(request_of(machine, asked.request), asked.argument, capability.symbol),
    ]


def _options(capabilities: Iterable[Capability]) -> tuple[str, ...]:
    return tuple(sorted({option for capability in capabilities for option in capability.config}))
