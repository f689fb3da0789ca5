"""The virtual machine that a QEMU command line describes, as far as its guest ABI depends on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from platform_abi.errors import UsageError
from platform_abi.launch import hardware
from platform_abi.launch.device_options import HUB, DeviceReading, GivenNetdev
from platform_abi.launch.hardware_options import HardwareReading, HostFiles
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.device import NETDEV
from platform_abi.model.value import define, evolve, field, frozen
from platform_abi.model.vm import BEHIND, DEVICE, Device, Properties, VirtualMachine
from platform_abi.resolver.machine_choice import choose_machine
from platform_abi.resolver.places import described_devices
from platform_abi.resolver.virtual_machine import (
    Netdev,
    device_of,
    netdev_of,
    parse_cpu,
)

if TYPE_CHECKING:
    from platform_abi.launch.command_line import CommandLine
    from platform_abi.model.machine import MachineType, TypeTable

#: A device, the number of its own option, and its netdev.
_Made = tuple[int | None, GivenNetdev | None, Device]


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
    read_file: Callable[[str], str | None] | None = None,
    files: HostFiles | None = None,
    program: str = "",
    machine: str = "",
) -> Described:
    """Return what *line* describes, run by a QEMU for *arch*; *build* is which QEMU that is.

    *aliases* are machine types that it calls otherwise besides.

    *program* is the path of that QEMU, whose name may ask for an accelerator, and *machine* the
    machine type that it takes where none is named. *read_file* gives the text of a file of
    ``-readconfig``, None for one that is left unread, *files* sizes of images. Devices that no
    definition knows are left out, with a remark.

    Raises UsageError for what QEMU could not read either, and where no machine type is named.
    """
    reading = DeviceReading(
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
    return _describing(reading).described(bare=line.has("nodefaults"))


def _describing(read: DeviceReading) -> _Describing:
    """Return what makes a virtual machine of *read*; raises UsageError for no machine type."""
    name = dict(read.machine).get("type", "")
    if not name:
        raise UsageError(
            "no -machine: what QEMU takes then changes from release to release",
            code="no-machine",
            help="name a versioned machine type, as in -machine pc-q35-9.1",
        )
    name = read.table.machine(name)
    name = read.aliases.get(name, name)
    chosen, machine = choose_machine(read.catalogue, name, read.arch, read.build)
    return _Describing(
        read=read,
        chosen=chosen.name,
        machine=machine,
        types=read.catalogue.types(chosen.name, read.arch),
    )


@define(kw_only=True, eq=False, repr=False)
class _Describing:
    """A virtual machine that is being made of what was read."""

    read: DeviceReading
    #: The build that the machine type is of.
    chosen: str
    machine: MachineType
    types: TypeTable

    def described(self, *, bare: bool) -> Described:
        """Return it; *bare*: with no device but those that it names."""
        read = self.read
        known = self._known_devices(bare=bare)
        flags = read.catalogue.devices().names_of_cpus(read.arch).flags
        vm = VirtualMachine(
            machine=self.machine.name,
            arch=read.arch,
            accelerator=self._accelerator(),
            cpu=None if read.cpu is None else parse_cpu(read.cpu, flags=flags),
            devices=tuple(device for *_, device in known),
            globals=tuple(read.globals),
            machine_options=tuple((k, v) for k, v in read.machine if k not in ("type", "accel")),
            build=read.build,
        )
        return Described(
            vm=evolve(vm, hardware=self._hardware(vm, known)),
            places=tuple(number for number, *_ in known),
            netdevs=tuple(None if netdev is None else netdev.place for _, netdev, _ in known),
            incoming=read.incoming,
            remarks=tuple(dict.fromkeys(read.remarks)),
            unread=read.unread,
        )

    def _known_devices(self, *, bare: bool) -> list[_Made]:
        """Return the devices; those that no definition knows are left out, with a remark."""
        known = []
        family = self.machine.family
        for each in (
            *self._named(),
            *self._made_nics(family, bare=bare),
            *self._made_disks(family),
        ):
            driver = each[2].driver
            if not self.types or driver in self.types or driver in self.types.aliases:
                known.append(each)
            else:
                self.read.leave_out(
                    f"-device {driver}: unknown to {self.chosen}, left alone",
                    f"device {each[2].id or driver}",
                )
        return known

    def _hardware(self, vm: VirtualMachine, known: Sequence[_Made]) -> Properties:
        """Return what a guest can tell of *vm*, whose devices are *known*, besides properties."""
        queues = {
            label: self._queues(netdev)
            for label, (_, netdev, device) in zip(vm.labels(), known, strict=True)
            if netdev is not None and self._is_told_queues(self.types.canonical(device.driver))
        }
        facts = hardware.facts(self.read.hardware, self.machine, dict(vm.labelled()), queues)
        told = {k.removeprefix(BEHIND): text for k, text in facts if k.startswith(BEHIND)}
        texts = described_devices(self.read.catalogue, vm, self.chosen, self.machine, told)
        described_as = ((f"{DEVICE}{label}", text) for label, text in texts.items())
        return tuple(sorted((*facts, *described_as)))

    def _accelerator(self) -> str:
        """Return the accelerator; of several QEMU takes the first that works, which must be one."""
        names = [
            part
            for text in (*self.read.accelerators, dict(self.read.machine).get("accel", ""))
            for part in text.split(":")
            if part
        ]
        if len(dict.fromkeys(names)) > 1:
            self.read.remarks.append(f"of the accelerators {', '.join(names)} the first is meant")
        return names[0] if names else self._usual_accelerator()

    def _usual_accelerator(self) -> str:
        """Return what QEMU takes where no option says so, which its own name may decide."""
        meant = self.read.table.accelerator_of_programs.items()
        named = (name for ending, name in meant if self.read.program.endswith(ending))
        return next(named, self.read.table.accelerator)

    def _named(self) -> Iterator[_Made]:
        seen = set()
        table = self.read.catalogue.devices()
        known = {name: self._known(netdev) for name, netdev in self.read.netdevs.items()}
        kinds = {name: netdev.kind for name, netdev in known.items()}
        for number, pairs, _ in sorted(self.read.devices, key=lambda device: device[2]):
            name = dict(pairs).get("id")
            if name is not None and name in seen:
                raise UsageError(f"two devices are called '{name}'", code="duplicate-id")
            seen.add(name)
            added = tuple((key, value) for of, key, value in self.read.set if of == name)
            device = device_of(table, (*pairs, *added), {NETDEV: kinds, **self.read.made}, known)
            yield number, self.read.netdevs.get(dict(device.properties).get(NETDEV, "")), device

    def _known(self, netdev: GivenNetdev) -> Netdev:
        """Return what *netdev* is: of a tap that QEMU is handed, as far as it can be asked."""
        table, given = self.read.catalogue.devices(), dict(netdev.options)
        options, files = netdev.options, self.read.hardware.files
        for option, descriptors in table.handed_over(given.get("type", ""), given):
            has = {None if files is None else files.tap_option(option, d) for d in descriptors}
            tun = {None if files is None else files.is_tun(d) for d in descriptors}
            if has == {False}:
                options = (*options, (option, "off"))
            elif has != {True} or tun not in ({True}, {False}):
                said = f"nobody could ask whether it has {option} and is no macvtap, as it is taken"
                self.read.remarks.append(f"netdev {given.get('id', '')}: {said} to")
            if tun == {False}:
                known = netdev_of(table, options)
                return evolve(known, kind=table.instead_of_tun(known.kind))
        return netdev_of(table, options)

    def _queues(self, netdev: GivenNetdev) -> str:
        """Return how many queues *netdev* has, as it is written; empty: it has no such thing."""
        given = dict(netdev.options)
        return self.read.catalogue.devices().queues(given.get("type", ""), given)

    def _is_told_queues(self, driver: str) -> bool:
        """Return whether a NIC of *driver* shows its guest how many queues its netdev has."""
        family = self.read.catalogue.devices().family_of(driver)
        return family is not None and family.backend_property == NETDEV

    def _made_disks(self, family: str) -> Iterator[_Made]:
        """Yield the disks that a board of *family* makes of -drive and its abbreviations."""
        board = self.read.table.board_of(self.read.arch, family)
        said = {"interface": "" if board is None else board.disk}
        said["medium"] = self.read.table.drive_value.get("medium", "")
        usual = {self.read.table.drive_key.get(what, ""): value for what, value in said.items()}
        for pairs in self.read.hardware.given.get("drive", ()):
            given = {**usual, **dict(pairs)}
            for entry in self.read.table.device:
                made_here = entry.option == "drive" and family in entry.machines
                if made_here and all(given.get(k) == v for k, v in entry.when.items()):
                    yield None, None, Device(driver=entry.driver)

    def _made_nics(self, family: str, *, bare: bool) -> Iterator[_Made]:
        default = self.read.table.default_nics.get(self.read.arch, {}).get(family, "")
        made = self.read.nics
        if not self.read.networked and not bare:
            made = [(default, HUB)]
        for model, named in made:
            driver = self.read.table.nic_models.get(model, model) or default
            behind = self.read.netdevs.get(named) if isinstance(named, str) else named
            if driver and behind is None:
                yield None, None, Device(driver=driver)
            elif driver and behind is not None:
                known = self._known(behind)
                device = Device(driver=driver, backend=known.kind, open_options=known.open_options)
                yield None, behind, device
