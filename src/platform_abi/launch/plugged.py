"""What was plugged in or out since a virtual machine was started, at its next destination.

QEMU is started there with everything that is there now; a lockfile says what there was at first.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from platform_abi.errors import PlatformAbiError
from platform_abi.model.value import evolve, frozen
from platform_abi.resolver.layers import device_types, inner_device, inner_types
from platform_abi.resolver.machine_choice import choose_machine
from platform_abi.resolver.resolve import resolve

if TYPE_CHECKING:
    from platform_abi.model.abi import GuestAbi, Setting
    from platform_abi.model.catalogue import Catalogue
    from platform_abi.model.vm import VirtualMachine

#: What the number of vCPUs that there are is called.
CPUS = "-smp cpus"

_MEMDEV = "memdev"


@frozen(kw_only=True)
class Plugged:
    """Devices, by label, that came and went, and vCPUs: how many there were and are."""

    came: tuple[str, ...] = ()
    went: tuple[str, ...] = ()
    cpus: tuple[str, str] | None = None

    def __bool__(self) -> bool:
        return bool(self.came or self.went or self.cpus)

    def explains(self, what: str, backends: Iterable[str]) -> bool:
        """Return whether a difference called *what* is one of these.

        *backends* are what the memory of those devices is called.
        """
        if what == CPUS:
            return self.cpus is not None
        of = what.removeprefix("place of ").removeprefix("behind ")
        return any(
            of == f"device {label}" or of.startswith(f"device {label}.")
            for label in (*self.came, *self.went)
        ) or what in {f"object {name}" for name in backends}

    def remarks(self) -> tuple[str, ...]:
        """Return in a line each what there is to say of it."""
        lines = [f"{label} was plugged in since the start" for label in self.came]
        lines += [f"{label} was plugged out since the start" for label in self.went]
        if self.cpus is not None:
            lines.append(f"it had {self.cpus[0]} vCPUs at the start, and has {self.cpus[1]}")
        return tuple(lines)


def memory_of(vm: VirtualMachine, labels: Iterable[str]) -> set[str]:
    """Return what the memory behind devices of *vm* is called."""
    wanted = {*labels}
    return {
        value
        for label, device in vm.labelled()
        if label in wanted
        for key, value in device.properties
        if key == _MEMDEV
    }


def with_plugged(
    catalogue: Catalogue, stored: GuestAbi, abi: GuestAbi, plugged: Plugged
) -> tuple[GuestAbi, tuple[str, ...]]:
    """Return *abi*, which is *stored* for what there is now, with values for what *plugged* has.

    A device that came has what the virtual machine was started with for all of its kind. Where that
    was nothing it is resolved like the others, with the vCPUs of the start; a remark says so. What
    is behind it nobody changes: its netdev has what it was made with.
    """
    if not plugged.came:
        return abi, ()
    devices = (
        evolve(device, open_options=()) if label in plugged.came else device
        for label, device in abi.vm.labelled()
    )
    abi = evolve(abi, vm=evolve(abi.vm, devices=tuple(devices)))
    hardware = dict(abi.vm.hardware or ())
    hardware |= {k: v for k, v in stored.vm.hardware or () if k.startswith("smp.")}
    vm = evolve(abi.vm, hardware=tuple(sorted(hardware.items())))
    try:
        new = resolve(catalogue, vm, stored.platform, hotplug=True)
        added = _added(catalogue, abi, new, plugged)
    except PlatformAbiError as error:
        return abi, (f"nothing pins what came: {error.message}",)
    known = {p.capability for p in abi.preconditions}
    needs = tuple(p for p in new.preconditions if p.capability not in known)
    needs = tuple(sorted((*abi.preconditions, *needs), key=lambda p: p.capability))
    if not added:
        return evolve(abi, preconditions=needs), ()
    at = next((n for n, s in enumerate(abi.settings) if s.layer == "global"), len(abi.settings))
    what = ", ".join(sorted({f"{s.driver}.{s.property}={s.value}" for s in added}))
    return evolve(
        abi,
        settings=(*abi.settings[:at], *added, *abi.settings[at:]),
        preconditions=needs,
        unpinned=tuple(dict.fromkeys((*abi.unpinned, *new.unpinned))),
        obstacles=new.obstacles,
    ), (f"resolved like the others, as the start said nothing of it: {what}",)


def _added(
    catalogue: Catalogue, abi: GuestAbi, new: GuestAbi, plugged: Plugged
) -> tuple[Setting, ...]:
    """Return what *new* sets on devices that came and *abi* says nothing of."""
    build, _ = choose_machine(catalogue, abi.vm.machine, abi.vm.arch, abi.vm.build)
    types = catalogue.types(build.name, abi.vm.arch)
    reached: set[str] = set()
    for label, device in abi.vm.labelled():
        if label in plugged.came:
            driver = types.canonical(device.driver)
            inner = inner_device(types, inner_types(catalogue, types), driver)
            reached |= device_types(types, driver, inner).every
    known = {(s.driver, s.property) for s in abi.settings if s.device is None}
    return tuple(
        s
        for s in new.settings
        if s.layer == "platform"
        and s.device is None
        and s.driver in reached
        and (s.driver, s.property) not in known
    )
