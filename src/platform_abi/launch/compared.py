"""Two virtual machines side by side: what a guest could tell them by."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from platform_abi.errors import printable
from platform_abi.launch.plugged import Plugged, memory_of
from platform_abi.launch.told import is_of_cpu, told_facts
from platform_abi.model.device import BACKEND_OPTIONS
from platform_abi.model.value import field, frozen
from platform_abi.model.vm import DEVICE, QUEUES, UNKNOWN, VirtualMachine
from platform_abi.resolver.admission import portable
from platform_abi.resolver.hotplug import fixed_devices
from platform_abi.resolver.netdevs import behind, netdev_settings

if TYPE_CHECKING:
    from platform_abi.model.abi import Setting
    from platform_abi.model.catalogue import Catalogue

#: Whether a QEMU makes the same CPU of what two virtual machines say.
SameCpu = Callable[[VirtualMachine, VirtualMachine], bool]

#: What is said of a lockfile that was written before there was more to say.
_SILENT = (
    "says nothing of vCPUs, memory, disks, firmware, options of the board, and where devices are, "
    "so these were not compared; its platform, named once at a start, writes it anew"
)


@frozen(kw_only=True)
class Compared:
    """Two virtual machines side by side.

    *different* is in a line each what a guest could tell them by, *untold* what cannot be compared.
    *renamed* are devices that are the same under another label, by the label that was stored.
    *plugged* is what may have been plugged in or out, where that was asked for.
    """

    different: tuple[str, ...] = ()
    plugged: Plugged = field(factory=Plugged)
    untold: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(factory=dict)


def compared(
    catalogue: Catalogue,
    stored: VirtualMachine,
    given: VirtualMachine,
    same_cpu: SameCpu,
    *,
    settings: Sequence[Setting] = (),
    plugging: bool = False,
) -> Compared:
    """Return what a guest could tell two virtual machines by.

    What only the host can tell may differ (``definitions/visibility``), and so may the words for a
    CPU of which *same_cpu* says that it is the same. With *plugging* devices may have come and
    gone, and vCPUs as far as there was room for them. What names something of a host stands on the
    command line only. Of *settings*, those of what was stored, either has what is for netdevs.
    """
    renamed = _renamed(stored, given)
    names = _names(renamed, given)
    known = stored.hardware is not None and given.hardware is not None
    unsaid = _untold(stored)
    of = netdev_settings(settings)
    table = catalogue.devices()
    kinds = {label: behind(table, d, of.get(label, ())) for label, d in stored.labelled()}
    before = told_facts(
        catalogue, portable(catalogue, stored), {}, unsaid, hardware=known, kinds=kinds
    )
    kinds = {
        label: behind(table, d, of.get(names.get(label, label), ()))
        for label, d in given.labelled()
    }
    after = told_facts(
        catalogue, portable(catalogue, given), names, unsaid, hardware=known, kinds=kinds
    )
    different = [k for k in sorted(before.keys() | after.keys()) if before.get(k) != after.get(k)]
    if different and all(is_of_cpu(what) for what in different) and same_cpu(stored, given):
        different = []
    seen = _seen(stored, given, names)
    plugged = Plugged(came=seen)
    if plugging:
        plugged = _plugged(catalogue, stored, given, names, seen)
    backends = memory_of(given, plugged.came) | memory_of(stored, plugged.went)
    different = [what for what in different if not plugged.explains(what, backends)]
    unknown = [k for k in different if _is_untold(before.get(k, ""), after.get(k, ""))]
    untold = [f"was made with {k} {_said(before, k)}, here {_said(after, k)}" for k in unknown]
    if stored.hardware is None:
        untold.append(_SILENT)
    return Compared(
        different=tuple(
            f"  {what}: stored {_said(before, what)}, given {_said(after, what)}"
            for what in different
            if what not in unknown
        ),
        untold=tuple(untold),
        renamed=renamed,
        plugged=plugged,
    )


def _seen(
    stored: VirtualMachine, given: VirtualMachine, names: Mapping[str, str]
) -> tuple[str, ...]:
    """Return the devices that were read from a running QEMU, and now somebody wrote down."""
    before = {label: (device.driver, device.backend) for label, device in stored.labelled()}
    return tuple(
        label
        for label, device in given.labelled()
        if names.get(label, label) == label
        and label in stored.seen
        and before.get(label) == (device.driver, device.backend)
    )


def _is_untold(stored: str, given: str) -> bool:
    """Return whether two facts cannot be compared: one is not known, or was not told at the time.

    Of queues of netdevs the first lockfiles said nothing.
    """
    return UNKNOWN in (stored, given) or (not stored and given.startswith(QUEUES))


def _plugged(
    catalogue: Catalogue,
    stored: VirtualMachine,
    given: VirtualMachine,
    names: Mapping[str, str],
    seen: Collection[str],
) -> Plugged:
    """Return what can have come and gone between the two, of which *names* maps labels."""
    there, here = stored.labels(), [names.get(label, label) for label in given.labels()]
    fixed = fixed_devices(catalogue, stored)
    new = {names.get(label, label) for label in fixed_devices(catalogue, given)}
    cpus = _cpus(stored), _cpus(given)
    return Plugged(
        came=tuple(
            label for label in here if label in seen or (label not in there and label not in new)
        ),
        went=tuple(label for label in there if label not in here and label not in fixed),
        cpus=cpus if cpus[0] != cpus[1] and all(cpus) else None,
    )


def _cpus(vm: VirtualMachine) -> str:
    return dict(vm.hardware or ()).get("smp.cpus", "")


def _renamed(stored: VirtualMachine, given: VirtualMachine) -> dict[str, str]:
    """Return devices that a guest cannot tell apart, though they are called otherwise."""
    before, after = _described(stored), _described(given)
    free: dict[str, list[str]] = {}
    for label, text in after.items():
        if before.get(label) != text:
            free.setdefault(text, []).append(label)
    return {
        label: free[text].pop(0)
        for label, text in before.items()
        if after.get(label) != text and free.get(text)
    }


def _names(renamed: Mapping[str, str], given: VirtualMachine) -> dict[str, str]:
    """Return what devices of *given* are called beside those that were stored."""
    names = {now: before for before, now in renamed.items()}
    for label in given.labels():
        # Another one under a label that moved with its device is a new one.
        if label not in names and label in renamed:
            names[label] = f"{label} (new)"
    return names


def _described(vm: VirtualMachine) -> dict[str, str]:
    """Return by label what a guest can tell of each device, empty where nobody recorded it."""
    hardware = dict(vm.hardware or ())
    return {
        label: hardware[f"{DEVICE}{label}"]
        for label in vm.labels()
        if f"{DEVICE}{label}" in hardware
    }


def _said(facts: Mapping[str, str], what: str) -> str:
    return printable(facts.get(what, "nothing"))


def _untold(vm: VirtualMachine) -> frozenset[str]:
    """Return the devices of which a lockfile does not say what kind of backend they refer to.

    Those of an earlier version told only netdevs apart.
    """
    return frozenset(
        label
        for label, device in vm.labelled()
        if not device.backend and any(key in BACKEND_OPTIONS for key, _ in device.properties)
    )
