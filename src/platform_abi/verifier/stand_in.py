"""The arguments of a throw-away QEMU with a lockfile's devices, whose backends are stand-ins.

What a device's backend holds, such as a disk's content, is no part of a guest ABI, and what kind
it is of is. So a disk is one of zeros and a character device is ``null``, but a tap is a tap.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from platform_abi.emit.arguments import arguments, device_argument, own_settings
from platform_abi.errors import PlatformAbiError
from platform_abi.model.abi import GuestAbi, Setting
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.device import DeviceTable
from platform_abi.model.harmless import HarmlessTable
from platform_abi.model.option_language import join_options
from platform_abi.model.value import evolve, frozen
from platform_abi.model.vm import Device, Properties
from platform_abi.resolver.netdevs import backends

#: Guest memory in MiB: enough for every board's firmware, and none of it is touched.
_MEMORY = "512"

_DEVICE = "-device"
#: By which arguments say what is on a netdev; each stand-in has it already.
_SET = "-set"

#: Any value at all, in what tells a backend.
_ANY = "*"


@frozen(kw_only=True)
class Part:
    """One device with what stands in for its backends: options and their values, in pairs.

    *why* is why it cannot be had, nothing where it can.
    """

    device: str
    words: tuple[tuple[str, str], ...] = ()
    why: str = ""

    def blamed(self, said: str) -> bool:
        """Return whether QEMU refuses an option of it (util/qemu-error.c, error_print_loc).

        Of what is deprecated it names the option too, and goes on.
        """
        lines = [line for line in said.splitlines() if ": warning: " not in line]
        return any(f"{o} {value}:" in line for line in lines for o, value in self.words)


@frozen(kw_only=True)
class StandIn:
    """A command line in parts: what is common, and each device."""

    common: tuple[tuple[str, ...], ...]
    parts: tuple[Part, ...]
    #: What was left out besides devices, as a user would call it.
    omitted: tuple[str, ...] = ()

    def words(self, without: Mapping[str, str]) -> list[str]:
        """Return the arguments, but for the devices in *without*."""
        parts = [part for part in self.parts if not part.why and part.device not in without]
        made: set[tuple[str, str]] = set()
        words = [word for option in self.common for word in option]
        for pair in (pair for part in parts for pair in part.words):
            # What two devices share is there once; two devices can be alike.
            if pair[0] == _DEVICE or pair not in made:
                words += pair
                made.add(pair)
        return words


#: Nothing but the board; no file of the user's is read.
_BARE = ("-nodefaults", "-no-user-config", "-vga", "none", "-m", _MEMORY)


def stand_in(catalogue: Catalogue, abi: GuestAbi) -> StandIn:
    """Return the arguments that give *abi*'s virtual machine, with stand-ins for all backends."""
    words = arguments(abi)
    pairs = zip(words[::2], words[1::2], strict=True)
    table = Backends(devices=catalogue.devices(), harmless=catalogue.harmless())
    objects = [pair for pair in abi.vm.machine_options for pair in table.reference(*pair)]
    own, kinds = dict(own_settings(abi)), backends(table.devices, abi)
    return StandIn(
        common=(_BARE, *objects, *(pair for pair in pairs if pair[0] not in (_DEVICE, _SET))),
        parts=tuple(
            _part(table, index, label, evolve(device, backend=kinds[label]), own.get(device, []))
            for index, (label, device) in enumerate(abi.vm.labelled())
        ),
    )


@frozen(kw_only=True)
class Backends:
    """What stands in for the backends of devices."""

    devices: DeviceTable
    harmless: HarmlessTable

    def reference(self, name: str, value: str) -> Iterator[tuple[str, str]]:
        """Yield the option that makes what a property refers to, if it refers to anything."""
        found = self.harmless.references.get(name)
        if found is not None and value:
            option, text = found
            yield f"-{option}", text.replace("{id}", value.replace(",", ",,"))

    def netdev(self, backend: str) -> tuple[str, Properties] | None:
        """Return type and options of a netdev of a kind, None where that takes more than QEMU."""
        for kind in self.devices.backends:
            chosen = next((each for each in kind.netdev if each in self.harmless.netdev), None)
            if kind.name == backend and chosen and _ANY not in kind.when.values():
                return chosen, (*kind.when.items(), *self.harmless.netdev[chosen].items())
        return None


def no_netdev(backend: str) -> str:
    """Return why there is no stand-in for a netdev of a kind."""
    return f"a netdev of the kind {backend!r} takes more than QEMU"


def no_device(driver: str) -> str:
    """Return why a device is not made."""
    return f"{driver} may reach what is outside of QEMU"


def _part(table: Backends, index: int, label: str, device: Device, own: list[Setting]) -> Part:
    if not table.harmless.driver(device.driver):
        return Part(device=label, why=no_device(device.driver))
    kinds = {kind.name for kind in table.devices.backends if kind.netdev}
    if device.backend in kinds and all(name != "netdev" for name, _ in device.properties):
        # It came with -nic, which names its netdev itself.
        properties = (*device.properties, ("netdev", f"stand-in{index}"))
        device = evolve(device, properties=properties)
    words: list[tuple[str, str]] = []
    for name, value in device.properties:
        if name in table.harmless.refused:
            return Part(device=label, why=table.harmless.refused[name])
        if name == "netdev":
            made = table.netdev(device.backend)
            if made is None:
                return Part(device=label, why=no_netdev(device.backend))
            words.append(("-netdev", join_options(made[0], (("id", value), *made[1]))))
        else:
            words += table.reference(name, value)
    try:
        words.append((_DEVICE, device_argument(device, own)))
    except PlatformAbiError as error:
        return Part(device=label, why=error.message)
    return Part(device=label, words=tuple(words))
