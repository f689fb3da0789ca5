"""Everything that a guest can tell of a virtual machine, by what people call it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

from platform_abi.errors import PlatformAbiError
from platform_abi.model.machine import TypeTable
from platform_abi.model.value import evolve
from platform_abi.model.vm import BEHIND, DEVICE, Device, Properties, VirtualMachine
from platform_abi.resolver.machine_choice import choose_machine
from platform_abi.resolver.places import placed, visible

if TYPE_CHECKING:
    from platform_abi.model.catalogue import Catalogue

_CPU_MODEL = "CPU model"
_CPU_PROPERTY = "-cpu "


def told_facts(
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


def is_of_cpu(what: str) -> bool:
    """Return whether a fact so called is one of the CPU."""
    return what.startswith((_CPU_MODEL, _CPU_PROPERTY))
