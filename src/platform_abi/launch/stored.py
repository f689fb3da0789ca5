"""A lockfile that a command line names: whether it is this virtual machine's, and this choice's."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from attrs import evolve, field

from platform_abi.errors import PlatformAbiError, UsageError, printable
from platform_abi.launch.plugged import Plugged, memory_of, with_plugged
from platform_abi.model.device import BACKEND_OPTIONS
from platform_abi.model.machine import TypeTable
from platform_abi.model.value import frozen
from platform_abi.model.vm import (
    BEHIND,
    DEVICE,
    QUEUES,
    UNKNOWN,
    Device,
    Properties,
    VirtualMachine,
)
from platform_abi.resolver.admission import portable
from platform_abi.resolver.choice import parse_platform
from platform_abi.resolver.hotplug import fixed_devices
from platform_abi.resolver.machine_choice import choose_machine
from platform_abi.resolver.netdevs import behind, netdev_settings
from platform_abi.resolver.places import placed, visible

if TYPE_CHECKING:
    from platform_abi.model.abi import GuestAbi, Setting
    from platform_abi.model.catalogue import Catalogue

#: Whether a QEMU makes the same CPU of what two virtual machines say.
SameCpu = Callable[[VirtualMachine, VirtualMachine], bool]

_CPU_MODEL = "CPU model"
_CPU_PROPERTY = "-cpu "

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


@frozen(kw_only=True)
class Taken:
    """The ABI of a lockfile as it holds for a command line, and what is to be said of that.

    *changed* is whether the lockfile has to be brought up to date.
    """

    abi: GuestAbi
    changed: bool = False
    remarks: tuple[str, ...] = ()


def same_choice(stored: GuestAbi, platform: str) -> bool:
    """Return whether *platform*, as a user spells it, is what *stored* was resolved on.

    Without an edition it means the stored one: that is what was chosen when it was stored.
    """
    named, kept = parse_platform(platform), parse_platform(stored.platform)
    edition = named.edition or kept.edition
    return evolve(named, edition=edition) == kept


def taken(
    catalogue: Catalogue,
    stored: GuestAbi,
    vm: VirtualMachine,
    platform: str | None,
    *,
    name: str,
    same_cpu: SameCpu,
    incoming: bool = False,
) -> Taken:
    """Return the ABI *stored* in the lockfile *name*, for *vm*, which must be what it was made for.

    One that is *incoming* may have what was plugged in or out since it was started.

    Raises UsageError: ``lock-other-platform`` where *platform* is another choice, and
    ``lock-other-vm`` with everything of *vm* that a guest could tell from what was stored.
    """
    if platform is not None and not same_choice(stored, platform):
        raise UsageError(
            f"{printable(name)} is for {stored.platform}, and -platform names {platform}",
            code="lock-other-platform",
            help="name no platform, and the lockfile's is taken",
        )
    found = compared(
        catalogue, stored.vm, vm, same_cpu, settings=stored.settings, plugging=incoming
    )
    if found.different:
        raise UsageError(
            f"{printable(name)} is for another virtual machine:",
            code="lock-other-vm",
            details=found.different,
            help="name the lockfile of this one; if it was changed while it was off, name its "
            f"platform to resolve it again: -platform {stored.platform},lock=...",
        )
    abi, added = with_plugged(catalogue, stored, for_vm(stored, vm, found), found.plugged)
    return Taken(
        abi=abi,
        changed=bool(found.plugged),
        remarks=(
            *(f"{printable(name)} {text}" for text in found.untold),
            *found.plugged.remarks(),
            *added,
        ),
    )


def for_vm(stored: GuestAbi, vm: VirtualMachine, found: Compared) -> GuestAbi:
    """Return *stored* for *vm*: what stands behind its devices may be called otherwise here."""
    settings = tuple(
        evolve(s, device=found.renamed.get(s.device, s.device)) if s.device is not None else s
        for s in stored.settings
    )
    hardware = None if stored.vm.hardware is None else vm.hardware
    return evolve(stored, vm=evolve(vm, hardware=hardware), settings=settings)


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
    before = _facts(catalogue, portable(catalogue, stored), {}, unsaid, hardware=known, kinds=kinds)
    kinds = {
        label: behind(table, d, of.get(names.get(label, label), ()))
        for label, d in given.labelled()
    }
    after = _facts(
        catalogue, portable(catalogue, given), names, unsaid, hardware=known, kinds=kinds
    )
    different = [k for k in sorted(before.keys() | after.keys()) if before.get(k) != after.get(k)]
    if different and all(_of_cpu(what) for what in different) and same_cpu(stored, given):
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


def _of_cpu(what: str) -> bool:
    return what.startswith((_CPU_MODEL, _CPU_PROPERTY))


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


def _facts(
    catalogue: Catalogue,
    vm: VirtualMachine,
    names: Mapping[str, str],
    unsaid: Collection[str],
    *,
    hardware: bool,
    kinds: Mapping[str, str],
) -> dict[str, str]:
    """Return everything that a guest can tell of *vm*, by what it is called.

    *names* are labels of devices that are to be called otherwise, *unsaid* those of which nobody
    knows what is behind them, *kinds* what is behind each. With *hardware*, all of it.
    """
    facts = {
        "machine type": vm.machine,
        "architecture": vm.arch,
        "accelerator": vm.accelerator,
    }
    if hardware:
        facts |= {
            _called(key, names): text
            for key, text in vm.hardware or ()
            if not key.startswith(DEVICE)
        }
    else:
        facts |= {f"-machine {key.replace('_', '-')}": value for key, value in vm.machine_options}
    if vm.cpu is not None:
        facts[_CPU_MODEL] = vm.cpu.model
        facts |= {f"{_CPU_PROPERTY}{key}": value for key, value in vm.cpu.properties}
    facts |= _globals(vm)
    for label, (device, place) in zip(vm.labels(), _placed(catalogue, vm), strict=True):
        called = names.get(label, label)
        kind = f" behind {kinds[label]}" if kinds[label] and called not in unsaid else ""
        name = f"device {called}"
        facts[name] = f"{device.driver}{kind}"
        if hardware and place:
            facts[f"place of {name}"] = place
        for key, value in _normal(device.properties, names):
            facts[f"{name}.{key}"] = value
    return facts


def _globals(vm: VirtualMachine) -> dict[str, str]:
    """Return explicit globals; where several types have one property, their order counts too."""
    # The last of equal ones counts.
    last = {(g.driver, g.property): g.value for g in reversed(vm.globals)}
    facts = {f"-global {g.driver}.{g.property}": g.value for g in vm.globals}
    drivers: dict[str, list[str]] = {}
    for driver, name in reversed(last):
        drivers.setdefault(name, []).append(driver)
    order = {f"-global *.{k}, order": " ".join(v) for k, v in drivers.items() if len(v) > 1}
    return facts | order


#: What a guest can tell by options of QEMU's is called like them.
_OPTIONS = {"memory": "-m", "smp": "-smp", "machine": "-machine", "accel": "-accel"}


def _called(key: str, names: Mapping[str, str]) -> str:
    """Return what people call a piece of hardware: ``smp.maxcpus`` is ``-smp maxcpus``."""
    subject, _, rest = key.partition(".")
    if key.startswith(BEHIND):
        return f"behind device {names.get(rest, rest)}"
    return f"{_OPTIONS.get(subject, subject)} {rest}".rstrip()


def _normal(properties: Properties, names: Mapping[str, str]) -> Properties:
    """Return *properties* in which devices on whose bus one is are called by their names."""
    out = []
    for key, value in properties:
        bus, dot, number = value.partition(".")
        renamed = key == "bus" and bus in names
        out.append((key, f"{names[bus]}{dot}{number}" if renamed else value))
    return tuple(out)


def _placed(catalogue: Catalogue, vm: VirtualMachine) -> Iterable[tuple[Device, str]]:
    """Return each device as a guest sees it, and its place where definitions can tell it."""
    try:
        build, machine = choose_machine(catalogue, vm.machine, vm.arch, vm.build)
    except PlatformAbiError:  # a lockfile outlives definitions
        return [
            (evolve(d, properties=visible(catalogue, TypeTable(), d.driver, d.properties)), "")
            for d in vm.devices
        ]
    return placed(catalogue, vm, build.name, machine)
