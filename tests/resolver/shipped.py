"""Virtual machines over the shipped definitions, and what QEMU would make of their arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import platform_abi as pa

#: A processor that leaves nothing unpinned.
PINNED_CPU = "qemu64,vendor=AuthenticAMD"

TUNNEL = ("guest_tunnel", "guest_tunnel_csum", "host_tunnel", "host_tunnel_csum")
USO = ("guest_uso4", "guest_uso6", "host_uso")


def machine_with_nics(
    catalogue: pa.FileCatalogue,
    machine: str,
    *netdevs: str,
    nic: str = "virtio-net-pci",
    backends: Mapping[str, str] | None = None,
    accelerator: str = "kvm",
    cpu: str | None = None,
    build: str | None = None,
    globals_: Sequence[str] = (),
) -> pa.VirtualMachine:
    """Return a virtual machine with NIC ``nicN`` before netdev ``nN`` for each of *netdevs*."""
    return pa.virtual_machine(
        catalogue.devices(),
        machine,
        accelerator=accelerator,
        cpu=cpu,
        devices=[
            f"{nic.partition(',')[0]},id=nic{i},netdev=n{i}{''.join(nic.partition(',')[1:])}"
            for i in range(len(netdevs))
        ],
        netdevs=[f"{text},id=n{i}" for i, text in enumerate(netdevs)],
        backends=backends,
        build=build,
        globals_=globals_,
    )


def value(abi: pa.GuestAbi, name: str, device: str | None = None) -> str | None:
    """Return the value that property *name* has on *device*, or VM-wide; None where none is set.

    A device's own value beats every VM-wide one, and of those the last counts.
    """
    own = [s.value for s in abi.settings if s.property == name and s.device == device]
    if device is not None and own:
        return own[-1]
    wide = [s.value for s in abi.settings if s.property == name and s.device is None]
    return wide[-1] if wide else None


def emitted(abi: pa.GuestAbi) -> list[str]:
    """Return the values of all ``-global`` arguments."""
    words = pa.arguments(abi)
    return [v for option, v in zip(words[::2], words[1::2], strict=True) if option == "-global"]
