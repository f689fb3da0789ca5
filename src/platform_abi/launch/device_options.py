"""The options of a command line that describe devices, the board and the CPU, as QEMU has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from platform_abi.errors import UsageError
from platform_abi.launch.command_line import PLATFORM
from platform_abi.launch.configuration import read_configuration
from platform_abi.launch.hardware_options import HardwareReading
from platform_abi.launch.secrets import masked, masked_pairs
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.device import NETDEV
from platform_abi.model.option_table import OptionTable
from platform_abi.model.value import define, evolve, field, frozen
from platform_abi.model.vm import GlobalProperty, Properties
from platform_abi.resolver.virtual_machine import made, netdev_options, parse_global

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
class GivenNetdev:
    """The options of one netdev, its type among them, and the number of the option that makes it.

    One of ``-readconfig`` has none.
    """

    options: Properties
    place: int | None = None


#: What -net plugs both ends into, and a default NIC too (net/net.c, net_init_clients).
HUB = GivenNetdev(options=(("type", "hubport"),))


@define(kw_only=True, eq=False, repr=False)
class DeviceReading:
    """What the options of one command line say of devices, backends, the board and the CPU."""

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
    nics: list[tuple[str, str | GivenNetdev]] = field(factory=list)
    netdevs: dict[str, GivenNetdev] = field(factory=dict)
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
        read_file: Callable[[str], str | None] | None = None,
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
        self.netdevs[name] = GivenNetdev(options=options, place=number)

    def _nic(self, number: int | None, value: str) -> None:
        self.networked = True
        pairs = self.table.pairs("nic", value)
        given = dict(pairs)
        if given.get("type") != "none":
            self.nics.append((given.get("model", ""), GivenNetdev(options=pairs, place=number)))

    def _net(self, value: str) -> None:
        self.networked = True
        given = dict(self.table.pairs("net", value))
        if given.get("type") == "nic":
            self.nics.append((given.get("model", ""), given.get(NETDEV) or HUB))

    def _creates(self, name: str, value: str) -> None:
        """Take in the device that an option creates without saying so."""
        for entry in self.table.device:
            if entry.option != name or entry.machines:
                continue
            given = dict(self.table.pairs(name, value))
            if all(given.get(key) == wanted for key, wanted in entry.when.items()):
                self.devices.append((None, (("driver", entry.driver),), _SECOND))

    def _read_configuration(self, name: str, read_file: Callable[[str], str | None] | None) -> None:
        text = None if read_file is None else read_file(name)
        if text is None:
            self.leave_out(f"-readconfig {name}: not read", "readconfig")
            return
        for group, ident, pairs in read_configuration(text, name):
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

    def leave_out(self, remark: str, what: str) -> None:
        """Leave *what* of the machine out, with a *remark* of why."""
        self.remarks.append(remark)
        self.unread[remark] = what
