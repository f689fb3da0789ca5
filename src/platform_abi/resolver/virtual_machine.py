"""A virtual machine from the option strings that QEMU takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from platform_abi.errors import UsageError, unknown
from platform_abi.model.device import BACKEND_OPTIONS
from platform_abi.model.option_language import cpu_properties, split_options
from platform_abi.model.value import frozen
from platform_abi.model.vm import Cpu, Device, GlobalProperty, Properties, VirtualMachine
from platform_abi.resolver.explicit import BOOLEANS

if TYPE_CHECKING:
    from platform_abi.model.device import DeviceTable


def virtual_machine(
    table: DeviceTable,
    machine: str,
    *,
    arch: str = "x86_64",
    accelerator: str = "kvm",
    cpu: str | None = None,
    devices: Iterable[str] = (),
    netdevs: Iterable[str] = (),
    tpmdevs: Iterable[str] = (),
    objects: Iterable[str] = (),
    globals_: Iterable[str] = (),
    backends: Mapping[str, str] | None = None,
    build: str | None = None,
) -> VirtualMachine:
    """Return the virtual machine that these options of QEMU describe.

    *machine* is the value of ``-machine``, *cpu* of ``-cpu``; *devices*, *netdevs* and *globals_*
    are the values of each ``-device``, ``-netdev`` and ``-global``, *tpmdevs* and *objects* of each
    ``-tpmdev`` and ``-object``: of these only what stands behind a device counts, and where one is
    not named nobody knows what that is. *backends* names the backend kind of a netdev, by its id,
    where the command line cannot tell it (``macvtap``).

    Raises UsageError for what QEMU could not parse and for a netdev that is not there.
    """
    options = split_options(machine, "type")
    name = _named(options, "type", f"-machine {machine[:200]!r} names no machine type")
    if any(key == "accel" for key, _ in options):
        raise UsageError(
            "-machine accel= is another accelerator than the one to resolve for, or the same twice",
            code="machine-accel",
            help="give it as --accel alone; QEMU refuses -machine accel= beside -accel",
        )
    known = _netdevs(table, netdevs, backends or {})
    behind: Kinds = {
        "netdev": {called: netdev.kind for called, netdev in known.items()},
        "tpmdev": made(table, "tpmdev", tpmdevs),
        "object": made(table, "object", objects),
    }
    found = tuple(
        device_of(table, split_options(text, "driver", negated=True), behind, known)
        for text in devices
    )
    ids: set[str] = set()
    for device in found:
        if device.id is not None and device.id in ids:
            raise UsageError(f"two devices are called '{device.id}'", code="duplicate-id")
        ids.add(device.id or "")
    return VirtualMachine(
        machine=name,
        arch=arch,
        accelerator=accelerator,
        cpu=None if cpu is None else parse_cpu(cpu, flags=table.names_of_cpus(arch).flags),
        devices=found,
        globals=tuple(parse_global(text) for text in globals_),
        machine_options=tuple((k, v) for k, v in options if k != "type"),
        build=build,
    )


def _netdevs(
    table: DeviceTable, netdevs: Iterable[str], backends: Mapping[str, str]
) -> dict[str, Netdev]:
    """Return *netdevs* by their ids, those in *backends* of the kind that it names."""
    known: dict[str, Netdev] = {}
    for text in netdevs:
        called, netdev = parse_netdev(table, text)
        if called in known:
            raise UsageError(f"two netdevs are called '{called}'", code="duplicate-id")
        known[called] = netdev
    for called, kind in backends.items():
        if called not in known:
            raise unknown("netdev", called, known, code="unknown-netdev")
        if known_backend(table, kind) != known[called].kind:
            # Whoever opened it knows what it is, and nothing is to be written on it.
            known[called] = Netdev(kind=kind)
    return known


def _named(options: Properties, key: str, problem: str) -> str:
    """Return the value of *key*, which has to be there; the last one counts."""
    found = dict(options).get(key)
    if not found:
        raise UsageError(problem, code="option-syntax")
    return found


def parse_cpu(text: str, *, flags: bool = True) -> Cpu:
    """Return what ``-cpu TEXT`` says; raises UsageError where it names no model.

    *flags*: its architecture reads ``+flag``, ``-flag`` and underscores as x86 does. Every other
    takes a property by its own name alone (hw/core/cpu-common.c, cpu_common_parse_features).
    """
    options = split_options(text, "model")
    model = _named(options, "model", f"-cpu {text[:200]!r} names no model")
    given = tuple((k, v) for k, v in options if k != "model")
    return Cpu(model=model, properties=cpu_properties(given) if flags else given)


@frozen(kw_only=True)
class Netdev:
    """The kind of one netdev, and its options that nobody wrote and a platform may set."""

    kind: str
    open_options: tuple[str, ...] = ()


#: Kinds of backends by their ids, by the option that made them.
Kinds = Mapping[str, Mapping[str, str]]


#: The key of an option whose value its first word is.
IMPLIED: Mapping[str, str] = {"tpmdev": "type", "object": "qom-type"}


def made(table: DeviceTable, option: str, texts: Iterable[str]) -> dict[str, str]:
    """Return the kinds of what *option* makes for devices, by id; *texts* are its values.

    What no definition knows as a backend is left out. Raises UsageError for what QEMU could not
    parse.
    """
    parsed = [split_options(text, IMPLIED[option]) for text in texts]
    kinds = {
        dict(pairs).get("id", ""): kind_of(
            table, option, dict(pairs).get(IMPLIED[option], ""), pairs
        )
        for pairs in parsed
    }
    return {name: kind for name, kind in kinds.items() if name and kind}


def kind_of(table: DeviceTable, option: str, of: str, options: Properties) -> str:
    """Return the kind of what *option* of type *of* makes; empty where no definition knows it."""
    given = {key: BOOLEANS.get(value, value) for key, value in options}
    return table.matching(option, of, given)


def device_of(
    table: DeviceTable, pairs: Properties, kinds: Kinds, known: Mapping[str, Netdev]
) -> Device:
    """Return the device that *pairs* of ``-device`` describe, in front of a backend of *kinds*.

    *known* are the netdevs among these, by id. Raises UsageError where it names no driver,
    UnknownNameError for a netdev that is not there.
    """
    given = dict(pairs)
    driver = given.get("driver", "")
    if not driver:
        said = ",".join(f"{key}={value}" for key, value in pairs)
        raise UsageError(f"-device {said[:200]!r} names no driver", code="option-syntax")
    netdev, netdevs = given.get("netdev"), kinds["netdev"]
    if netdev is not None and netdev not in netdevs:
        raise unknown(
            "netdev",
            netdev,
            netdevs,
            code="unknown-netdev",
            help="what a NIC can do depends on its netdev: give --netdev as well",
        )
    return Device(
        driver=driver,
        id=given.get("id"),
        properties=tuple((k, v) for k, v in pairs if k not in ("driver", "id")),
        backend=_behind(table, driver, given, kinds) if netdev is None else netdevs[netdev],
        open_options=() if netdev is None else known[netdev].open_options,
    )


def _behind(table: DeviceTable, driver: str, given: Mapping[str, str], kinds: Kinds) -> str:
    """Return the kind of what a device refers to, where its family depends on that."""
    family = table.family_of(driver)
    name = "" if family is None else family.backend_property
    option = BACKEND_OPTIONS.get(name, "")
    return kinds.get(option, {}).get(given.get(name, ""), "")


def parse_netdev(table: DeviceTable, text: str) -> tuple[str, Netdev]:
    """Return the id of ``-netdev TEXT`` and what it is; raises UsageError."""
    name, pairs = netdev_options(text)
    return name, netdev_of(table, pairs)


def netdev_options(text: str) -> tuple[str, Properties]:
    """Return the id of ``-netdev TEXT`` and its options; raises UsageError."""
    pairs = split_options(text, "type")
    name = dict(pairs).get("id")
    if not name:
        raise UsageError(f"-netdev {text[:200]!r} has no id", code="option-syntax")
    return name, pairs


def netdev_of(table: DeviceTable, options: Properties) -> Netdev:
    """Return what a netdev with *options* is, its type among them.

    Raises UnknownNameError for a type that no definition knows.
    """
    netdev = dict(options).get("type", "")
    kind = kind_of(table, "netdev", netdev, options)
    if not kind:
        types = {name for backend in table.backends for name in backend.netdev}
        raise unknown("netdev type", netdev, types, code="unknown-netdev-type")
    return Netdev(kind=kind, open_options=table.open_options(netdev, dict(options)))


def known_backend(table: DeviceTable, kind: str) -> str:
    """Return *kind*; raises UnknownNameError where no definition has such a backend."""
    names = {backend.name for backend in table.backends}
    if kind not in names:
        raise unknown("backend", kind, names, code="unknown-backend")
    return kind


def parse_global(text: str) -> GlobalProperty:
    """Return what ``-global TEXT`` sets: ``driver.property=value`` or ``driver=,property=,value=``.

    The short form splits at the first dot and takes the rest as it is; driver and property have
    at most 63 bytes there (QEMU's system/vl.c, qemu_global_option).
    """
    head, separator, value = text.partition("=")
    driver, dot, name = head.partition(".")
    if separator and dot and driver and name:
        return GlobalProperty(driver=driver, property=name, value=value)
    given = dict(split_options(text, "driver"))
    if (
        set(given) != {"driver", "property", "value"}
        or not given["driver"]
        or not given["property"]
    ):
        raise UsageError(
            f"not a -global: {text[:200]!r}",
            code="option-syntax",
            help="expected driver.property=value, or driver=D,property=P,value=V",
        )
    return GlobalProperty(driver=given["driver"], property=given["property"], value=given["value"])
