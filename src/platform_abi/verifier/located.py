"""Which object of a running QEMU is which device of a lockfile."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from platform_abi.model.machine import TypeTable
from platform_abi.model.value import frozen
from platform_abi.model.vm import VirtualMachine
from platform_abi.verifier.running import RunningObject, RunningVm


@frozen(kw_only=True)
class Located:
    """The devices of an ABI in a running QEMU.

    *found* is by the device's label. *gone* are labels that no object answers to. *plugged* are
    devices that somebody added and the ABI does not know; *board* is what the board made, and
    NICs of ``-nic``, as far as no device of the ABI is among them.
    """

    found: Mapping[str, RunningObject]
    gone: tuple[str, ...]
    plugged: tuple[RunningObject, ...]
    board: tuple[RunningObject, ...]


def locate(
    types: TypeTable, wanted: VirtualMachine, vm: RunningVm, left_out: Collection[str] = ()
) -> Located:
    """Return where each device of *wanted* is in *vm*, which was given all but those *left_out*.

    One with an id is at ``/machine/peripheral/ID``, whatever its driver is there. Of those without,
    the first of a driver is the first that QEMU numbered: it counts them in the order of the
    command line. What ``-nic`` brings stands among the board's own (hw/pci/pci.c).
    """
    named = {thing.name: thing for thing in vm.devices if thing.place == "peripheral"}
    others: dict[str, list[RunningObject]] = {}
    for place in ("peripheral-anon", "unattached"):
        for thing in vm.devices:
            if thing.place == place:
                others.setdefault(thing.driver, []).append(thing)
    found: dict[str, RunningObject] = {}
    gone: list[str] = []
    for label, device in wanted.labelled():
        driver = types.canonical(device.driver)
        alike = others.get(driver, []) if label not in left_out else []
        match = named.get(device.id) if device.id is not None else alike.pop(0) if alike else None
        if match is None:
            gone.append(label)
        else:
            found[label] = match
    taken = {thing.path for thing in found.values()}
    rest = [thing for thing in vm.devices if thing.path not in taken]
    return Located(
        found=found,
        gone=tuple(gone),
        plugged=tuple(thing for thing in rest if thing.place != "unattached"),
        board=tuple(thing for thing in rest if thing.place == "unattached"),
    )
