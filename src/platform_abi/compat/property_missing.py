"""Properties that a command line writes and a QEMU does not have: it ends with the first one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from platform_abi.compat.finding import Finding
from platform_abi.compat.machine_missing import told_to_have_it
from platform_abi.emit.arguments import global_settings, own_settings
from platform_abi.errors import of_device
from platform_abi.model.value import frozen
from platform_abi.resolver.cpu_models import cpu_model
from platform_abi.resolver.drivers import DEVICE_KEYS
from platform_abi.resolver.fingerprint import vm_drivers
from platform_abi.resolver.machine_choice import choose_machine
from platform_abi.resolver.machine_table import KnownBuild, known_build

if TYPE_CHECKING:
    from platform_abi.model.abi import GuestAbi
    from platform_abi.model.catalogue import Catalogue


#: The type below which every CPU model is.
_CPU = "cpu"

#: The property by which NICs are told.
_BACKEND = "netdev"


@frozen(kw_only=True)
class Written:
    """A property that a command line gives a value; *device* None: wherever it is of *driver*."""

    driver: str
    property: str
    value: str
    device: str | None = None


def property_findings(catalogue: Catalogue, abi: GuestAbi, build: str) -> Iterator[Finding]:
    """Yield the properties that the arguments of *abi* write and *build* does not have.

    QEMU ends where it makes an object of a type that a ``-global`` names which has no such property
    (qom/object.c, object_apply_global_props), and with a ``-device`` that gives one (qom/object.c,
    object_property_find_err). A ``-global`` that reaches nothing is a warning of its own: a device
    that is plugged later would be refused. Since 9.0 QEMU makes one NIC of each type to look at it,
    whether there is to be one or not (net/net.c, qemu_get_nic_models). A driver that *build* lacks
    is told elsewhere.

    *build* has the machine type. Nothing is said of types whose properties were not recorded, nor
    of those of a CPU under an accelerator that adds some which no list shows.
    """
    vm = abi.vm
    known = known_build(catalogue, build, vm.arch)
    more = vm.accelerator in catalogue.devices().names_of_cpus(vm.arch).more_with
    for written in _globals(abi):
        reached = [*_reached(catalogue, abi, known, build, written.driver)]
        certain = [name for name in reached if not (more and known.types.is_a(name, _CPU))]
        if any(written.property not in known.kinds(name) for name in certain):
            yield _missing(catalogue, abi, build, written, certain=True)
        elif not reached and _gone(known, written):
            nic = _BACKEND in known.kinds(written.driver)
            yield _missing(catalogue, abi, build, written, certain=nic)
    for written in _of_devices(abi):
        kinds = known.kinds(known.types.canonical(written.driver))
        if kinds and written.property not in kinds:
            yield _missing(catalogue, abi, build, written, certain=True)
    if not more:
        yield from _of_cpu(catalogue, abi, known, build)


def _of_cpu(
    catalogue: Catalogue, abi: GuestAbi, known: KnownBuild, build: str
) -> Iterator[Finding]:
    """Yield what ``-cpu`` gives that *build* does not know, with dashes or with underscores."""
    vm = abi.vm
    model = None if vm.cpu is None else cpu_model(catalogue, build, vm.arch, vm.cpu.model)
    kinds = {} if model is None else known.kinds(model.type)
    for name, value in vm.cpu_properties if kinds else ():
        if name not in kinds and name.replace("_", "-") not in kinds:
            written = Written(driver=model.type if model else "", property=name, value=value)
            yield _missing(catalogue, abi, build, written, certain=True)


def _globals(abi: GuestAbi) -> Iterator[Written]:
    said = [(s.driver, s.property, s.value) for s in global_settings(abi)]
    said += [(g.driver, g.property, g.value) for g in abi.vm.globals]
    for driver, name, value in dict.fromkeys(said):
        yield Written(driver=driver, property=name, value=value)


def _of_devices(abi: GuestAbi) -> Iterator[Written]:
    """Yield what each ``-device`` says itself, and what a platform makes it say."""
    for label, device in abi.vm.labelled():
        for name, value in device.properties:
            if name not in DEVICE_KEYS:
                yield Written(driver=device.driver, property=name, value=value, device=label)
    for device, settings in own_settings(abi):
        for setting in settings:
            yield Written(
                driver=device.driver,
                property=setting.property,
                value=setting.value,
                device=setting.device,
            )


def _reached(
    catalogue: Catalogue, abi: GuestAbi, known: KnownBuild, build: str, driver: str
) -> Iterator[str]:
    """Yield the types of the virtual machine's objects that a ``-global`` on *driver* reaches.

    Those are of a type of which a property is known at all.
    """
    _, machine = choose_machine(catalogue, abi.vm.machine, abi.vm.arch, build)
    for name in vm_drivers(catalogue, build, machine, abi.vm):
        if known.types.is_a(name, driver) and known.kinds(name):
            yield name


def _gone(known: KnownBuild, written: Written) -> bool:
    """Return whether no object of the type that is written on could have the property."""
    if written.driver in known.types.abstract:
        return False
    kinds = known.kinds(written.driver)
    return bool(kinds) and written.property not in kinds


def _missing(
    catalogue: Catalogue, abi: GuestAbi, build: str, written: Written, *, certain: bool
) -> Finding:
    name = f"{written.driver}.{written.property}"
    feature = catalogue.feature_of(written.driver, written.property)
    end = "and QEMU ends with it" if certain else "and a device that is plugged would be refused"
    return Finding(
        code="property-missing",
        severity="blocked" if certain else "warn",
        message=f"{build} has no property {name}, which is written as "
        f"{written.value}{of_device(written.device)}, {end}",
        help=_help(catalogue, abi, written),
        feature="" if feature is None else feature.id,
        property=name,
        value=written.value,
        device=written.device,
    )


def _help(catalogue: Catalogue, abi: GuestAbi, written: Written) -> str:
    vm = abi.vm
    having = [
        name
        for name in catalogue.builds(vm.arch)
        if vm.machine in catalogue.build(name, vm.arch).machines
        and written.property in _kinds(catalogue, name, vm.arch, written.driver)
    ]
    there = told_to_have_it(having)
    off = written.value in ("off", "false", "no")
    without = "; without the property it is off there in any case: leave it out" if off else ""
    return f"no argument gives that value there: choose a QEMU that has it{there}{without}"


def _kinds(catalogue: Catalogue, build: str, arch: str, driver: str) -> frozenset[str]:
    known = known_build(catalogue, build, arch)
    return frozenset(known.kinds(known.types.canonical(driver)))
