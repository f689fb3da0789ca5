"""The virtual machine that a QEMU command line describes, as far as its guest ABI depends on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from attrs import define, evolve, field

from platform_abi.errors import UsageError
from platform_abi.launch import hardware
from platform_abi.launch.command_line import PLATFORM
from platform_abi.launch.configuration import read_configuration
from platform_abi.launch.hardware_options import HardwareReading, HostFiles
from platform_abi.launch.secrets import masked, masked_pairs
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.device import NETDEV
from platform_abi.model.option_table import OptionTable
from platform_abi.model.value import frozen
from platform_abi.model.vm import BEHIND, DEVICE, Device, GlobalProperty, Properties, VirtualMachine
from platform_abi.resolver.machine_choice import choose_machine
from platform_abi.resolver.places import described_devices
from platform_abi.resolver.virtual_machine import (
    Netdev,
    device_of,
    made,
    netdev_of,
    netdev_options,
    parse_cpu,
    parse_global,
)

if TYPE_CHECKING:
    from platform_abi.launch.command_line import CommandLine

#: Options that describe devices, their backends and the CPU, and nothing else.
_OF_DEVICES = frozenset(
    {"cpu", "device", "global", "net", "netdev", "nic", "readconfig", "set", PLATFORM}
)

#: QEMU makes devices of the option language first, then those that -drive adds to them, then those
#: in JSON (system/vl.c, qemu_create_cli_devices).
_FIRST, _SECOND, _LAST = range(3)

#: An option of -accel that is one of -machine by another name.
_IRQCHIP = "kernel-irqchip"


@frozen(kw_only=True)
class _Netdev:
    """The options of one netdev, its type among them, and the number of the option that makes it.

    One of ``-readconfig`` has none.
    """

    options: Properties
    place: int | None = None


#: What -net plugs both ends into, and a default NIC too (net/net.c, net_init_clients).
_HUB = _Netdev(options=(("type", "hubport"),))

#: A device, the number of its own option, and its netdev.
_Made = tuple[int | None, _Netdev | None, Device]


@frozen(kw_only=True)
class Described:
    """A virtual machine, and where on the command line each of its devices is.

    *places* has, for each device of *vm*, the number of its option, None for one that no
    ``-device`` names; *netdevs* that of the option which makes its netdev, None where no option
    does. *remarks* are what could not be understood and was left as it is; by remark, *unread* is
    what of the machine is left out with it.
    """

    vm: VirtualMachine
    places: tuple[int | None, ...] = ()
    netdevs: tuple[int | None, ...] = ()
    incoming: bool = False
    remarks: tuple[str, ...] = ()
    unread: Mapping[str, str] = field(factory=dict)


def described(
    catalogue: Catalogue,
    line: CommandLine,
    *,
    arch: str,
    build: str | None = None,
    aliases: Mapping[str, str] = MappingProxyType({}),
    read_file: Callable[[str], str] | None = None,
    files: HostFiles | None = None,
    program: str = "",
    machine: str = "",
) -> Described:
    """Return what *line* describes, run by a QEMU for *arch*; *build* is which QEMU that is.

    *aliases* are machine types that it calls otherwise besides.

    *program* is the path of that QEMU, whose name may ask for an accelerator, and *machine* the
    machine type that it takes where none is named. *read_file* gives the text of a file of
    ``-readconfig``, *files* sizes of images. Devices that no definition knows are left out, with a
    remark.

    Raises UsageError for what QEMU could not read either, and where no machine type is named.
    """
    reading = _Reading(
        table=catalogue.options(),
        catalogue=catalogue,
        arch=arch,
        build=build,
        aliases=aliases,
        machine=[("type", machine)] if machine else [],
        hardware=HardwareReading(catalogue=catalogue, arch=arch, files=files),
        program=program,
    )
    for number, option in enumerate(line.options):
        reading.take(number, option.name, option.value, read_file)
    return reading.finish(bare=line.has("nodefaults"))


@define(kw_only=True, eq=False, repr=False)
class _Reading:
    """A command line that is being read."""

    table: OptionTable
    catalogue: Catalogue
    arch: str
    build: str | None
    aliases: Mapping[str, str]
    hardware: HardwareReading
    program: str = ""
    machine: list[tuple[str, str]] = field(factory=list)
    accelerators: list[str] = field(factory=list)
    cpu: str | None = None
    #: Number of the option, keys with values, and when QEMU makes it.
    devices: list[tuple[int | None, Properties, int]] = field(factory=list)
    #: Driver of NICs that -nic and -net make, and the id of the netdev of each, or what it is.
    nics: list[tuple[str, str | _Netdev]] = field(factory=list)
    netdevs: dict[str, _Netdev] = field(factory=dict)
    #: Kinds of what other options make for devices, by option and id.
    made: dict[str, dict[str, str]] = field(factory=lambda: {"tpmdev": {}, "object": {}})
    globals: list[GlobalProperty] = field(factory=list)
    set: list[tuple[str, str, str]] = field(factory=list)
    networked: bool = False
    incoming: bool = False
    remarks: list[str] = field(factory=list)
    unread: dict[str, str] = field(factory=dict)

    def take(
        self,
        number: int | None,
        name: str,
        value: str | None,
        read_file: Callable[[str], str] | None = None,
    ) -> None:
        """Take in one option, without the secrets in it."""
        value = value and masked(self.table, name, value)
        if name not in _OF_DEVICES:
            self.hardware.take(name, value)
        if value is None:
            return
        if name == "device":
            turn = _LAST if value.lstrip().startswith("{") else _FIRST
            self.devices.append((number, self.table.pairs("device", value), turn))
        elif name == "readconfig":
            self._read_configuration(value, read_file)
        elif name == "incoming":
            self.incoming = True
        elif name == "netdev":
            self._netdev(number, value)
        elif name == "nic":
            self._nic(number, value)
        elif name in self._readers:
            self._readers[name](value)
        elif name in self.made:
            self.made[name] |= made(self.catalogue.devices(), name, [value])
        else:
            self._creates(name, value)

    @property
    def _readers(self) -> Mapping[str, Callable[[str], None]]:
        """Return what reads which option; every other one can at most create a device."""
        return {
            "machine": self._machine,
            "accel": self._accel,
            "cpu": self._cpu,
            "global": self._global,
            "set": self._set,
            "net": self._net,
        }

    def _machine(self, value: str) -> None:
        pairs = self.table.pairs("machine", value)
        # QEMU takes either (system/vl.c, qemu_apply_legacy_machine_options).
        self.machine += [(key.replace("_", "-"), text) for key, text in pairs]

    def _accel(self, value: str) -> None:
        given = dict(self.table.pairs("accel", value))
        self.accelerators.append(given.get("accel", ""))
        if _IRQCHIP in given:  # -machine has it as well
            self.machine.append((_IRQCHIP, given[_IRQCHIP]))

    def _cpu(self, value: str) -> None:
        self.cpu = value

    def _global(self, value: str) -> None:
        self.globals.append(parse_global(value))

    def _set(self, value: str) -> None:
        path, _, text = value.partition("=")
        group, _, rest = path.partition(".")
        name, _, key = rest.rpartition(".")
        if group == "device" and name and key:
            self.set.append((name, key, text))
        elif group == NETDEV and name in self.netdevs and key:
            netdev = self.netdevs[name]
            self.netdevs[name] = evolve(netdev, options=(*netdev.options, (key, text)))
        elif name and key:
            self.hardware.amend(group, name, key, text)

    def _netdev(self, number: int | None, value: str) -> None:
        self.networked = True
        name, options = netdev_options(value)
        if name in self.netdevs:
            raise UsageError(f"two netdevs are called '{name}'", code="duplicate-id")
        self.netdevs[name] = _Netdev(options=options, place=number)

    def _nic(self, number: int | None, value: str) -> None:
        self.networked = True
        pairs = self.table.pairs("nic", value)
        given = dict(pairs)
        if given.get("type") != "none":
            self.nics.append((given.get("model", ""), _Netdev(options=pairs, place=number)))

    def _net(self, value: str) -> None:
        self.networked = True
        given = dict(self.table.pairs("net", value))
        if given.get("type") == "nic":
            self.nics.append((given.get("model", ""), given.get(NETDEV) or _HUB))

    def _creates(self, name: str, value: str) -> None:
        """Take in the device that an option creates without saying so."""
        for entry in self.table.device:
            if entry.option != name or entry.machines:
                continue
            given = dict(self.table.pairs(name, value))
            if all(given.get(key) == wanted for key, wanted in entry.when.items()):
                self.devices.append((None, (("driver", entry.driver),), _SECOND))

    def _read_configuration(self, name: str, read_file: Callable[[str], str] | None) -> None:
        if read_file is None:
            self._leave_out(f"-readconfig {name}: not read", "readconfig")
            return
        for group, ident, pairs in read_configuration(read_file(name), name):
            items = [*([("id", ident)] if ident else []), *pairs]
            if group == "global":
                given = dict(items)
                self.globals.append(
                    GlobalProperty(
                        driver=given.get("driver", ""),
                        property=given.get("property", ""),
                        value=given.get("value", ""),
                    )
                )
            elif group == "device":
                self.devices.append((None, tuple(items), _FIRST))
            elif group in ("machine", "accel", "netdev", *self.made):
                # In the option language, which doubles commas.
                text = ",".join(f"{key}={value.replace(',', ',,')}" for key, value in items)
                self.take(None, group, text)
            else:
                option = self.table.section.get(group, group)
                self.hardware.note(option, masked_pairs(self.table, option, tuple(items)))

    def _leave_out(self, remark: str, what: str) -> None:
        self.remarks.append(remark)
        self.unread[remark] = what

    def finish(self, *, bare: bool) -> Described:
        """Return what was read."""
        options = dict(self.machine)
        name = options.get("type", "")
        if not name:
            raise UsageError(
                "no -machine: what QEMU takes then changes from release to release",
                code="no-machine",
                help="name a versioned machine type, as in -machine pc-q35-9.1",
            )
        name = self.table.machine(name)
        name = self.aliases.get(name, name)
        chosen, machine = choose_machine(self.catalogue, name, self.arch, self.build)
        types = self.catalogue.types(chosen.name, self.arch)
        found = [
            *self._named(),
            *self._made_nics(machine.family, bare=bare),
            *self._made_disks(machine.family),
        ]
        known = [
            each
            for each in found
            for device in [each[2]]
            if not types or device.driver in types or device.driver in types.aliases
        ]
        for *_, device in found:
            if types and device.driver not in types and device.driver not in types.aliases:
                self._leave_out(
                    f"-device {device.driver}: unknown to {chosen.name}, left alone",
                    f"device {device.id or device.driver}",
                )
        vm = VirtualMachine(
            machine=machine.name,
            arch=self.arch,
            accelerator=self._accelerator(options),
            cpu=None if self.cpu is None else parse_cpu(self.cpu),
            devices=tuple(device for *_, device in known),
            globals=tuple(self.globals),
            machine_options=tuple((k, v) for k, v in self.machine if k not in ("type", "accel")),
            build=self.build,
        )
        queues = {
            label: self._queues(netdev)
            for label, (_, netdev, device) in zip(vm.labels(), known, strict=True)
            if netdev is not None and self._is_told_queues(types.canonical(device.driver))
        }
        facts = hardware.facts(self.hardware, machine, dict(vm.labelled()), queues)
        told = {k.removeprefix(BEHIND): text for k, text in facts if k.startswith(BEHIND)}
        texts = described_devices(self.catalogue, vm, chosen.name, machine, told)
        described_as = tuple((f"{DEVICE}{label}", text) for label, text in texts.items())
        vm = evolve(vm, hardware=tuple(sorted((*facts, *described_as))))
        return Described(
            vm=vm,
            places=tuple(number for number, *_ in known),
            netdevs=tuple(None if netdev is None else netdev.place for _, netdev, _ in known),
            incoming=self.incoming,
            remarks=tuple(dict.fromkeys(self.remarks)),
            unread=self.unread,
        )

    def _accelerator(self, options: dict[str, str]) -> str:
        """Return the accelerator; of several QEMU takes the first that works, which must be one."""
        names = [
            part
            for text in (*self.accelerators, options.get("accel", ""))
            for part in text.split(":")
            if part
        ]
        if len(dict.fromkeys(names)) > 1:
            self.remarks.append(f"of the accelerators {', '.join(names)} the first is meant")
        return names[0] if names else self._usual_accelerator()

    def _usual_accelerator(self) -> str:
        """Return what QEMU takes where no option says so, which its own name may decide."""
        meant = self.table.accelerator_of_programs.items()
        named = (name for ending, name in meant if self.program.endswith(ending))
        return next(named, self.table.accelerator)

    def _named(self) -> Iterator[_Made]:
        seen = set()
        table = self.catalogue.devices()
        known = {name: self._known(netdev) for name, netdev in self.netdevs.items()}
        kinds = {name: netdev.kind for name, netdev in known.items()}
        for number, pairs, _ in sorted(self.devices, key=lambda device: device[2]):
            name = dict(pairs).get("id")
            if name is not None and name in seen:
                raise UsageError(f"two devices are called '{name}'", code="duplicate-id")
            seen.add(name)
            added = tuple((key, value) for of, key, value in self.set if of == name)
            device = device_of(table, (*pairs, *added), {NETDEV: kinds, **self.made}, known)
            yield number, self.netdevs.get(dict(device.properties).get(NETDEV, "")), device

    def _known(self, netdev: _Netdev) -> Netdev:
        """Return what *netdev* is: of a tap that QEMU is handed, as far as it can be asked."""
        table, given = self.catalogue.devices(), dict(netdev.options)
        options, files = netdev.options, self.hardware.files
        for option, descriptors in table.handed_over(given.get("type", ""), given):
            has = {None if files is None else files.tap_option(option, d) for d in descriptors}
            if has == {False}:
                options = (*options, (option, "off"))
            elif has != {True}:
                said = f"nobody could ask whether it has {option}, and it is taken to"
                self.remarks.append(f"netdev {given.get('id', '')}: {said}")
        return netdev_of(table, options)

    def _queues(self, netdev: _Netdev) -> str:
        """Return how many queues *netdev* has, as it is written; empty: it has no such thing."""
        given = dict(netdev.options)
        return self.catalogue.devices().queues(given.get("type", ""), given)

    def _is_told_queues(self, driver: str) -> bool:
        """Return whether a NIC of *driver* shows its guest how many queues its netdev has."""
        family = self.catalogue.devices().family_of(driver)
        return family is not None and family.backend_property == NETDEV

    def _made_disks(self, family: str) -> Iterator[_Made]:
        """Yield the disks that a board of *family* makes of -drive and its abbreviations."""
        board = self.table.board_of(self.arch, family)
        said = {"interface": "" if board is None else board.disk}
        said["medium"] = self.table.drive_value.get("medium", "")
        usual = {self.table.drive_key.get(what, ""): value for what, value in said.items()}
        for pairs in self.hardware.given.get("drive", ()):
            given = {**usual, **dict(pairs)}
            for entry in self.table.device:
                made_here = entry.option == "drive" and family in entry.machines
                if made_here and all(given.get(k) == v for k, v in entry.when.items()):
                    yield None, None, Device(driver=entry.driver)

    def _made_nics(self, family: str, *, bare: bool) -> Iterator[_Made]:
        default = self.table.default_nics.get(self.arch, {}).get(family, "")
        made = self.nics
        if not self.networked and not bare:
            made = [(default, _HUB)]
        for model, named in made:
            driver = self.table.nic_models.get(model, model) or default
            behind = self.netdevs.get(named) if isinstance(named, str) else named
            if driver and behind is None:
                yield None, None, Device(driver=driver)
            elif driver and behind is not None:
                known = self._known(behind)
                device = Device(driver=driver, backend=known.kind, open_options=known.open_options)
                yield None, behind, device
