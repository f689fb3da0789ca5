"""The arguments of a throw-away QEMU with a lockfile's devices, whose backends are stand-ins.

What a device's backend holds, such as a disk's content, is no part of a guest ABI, and what kind
it is of is. So a disk is one of zeros and a character device is ``null``, but a tap is a tap.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from attrs import evolve

from platform_abi.emit.arguments import arguments, device_argument, own_settings
from platform_abi.errors import PlatformAbiError
from platform_abi.model.abi import GuestAbi, Setting
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.device import DeviceTable
from platform_abi.model.option_language import join_options
from platform_abi.model.value import frozen
from platform_abi.model.vm import Device, Properties

#: Guest memory in MiB: enough for every board's firmware, and none of it is touched.
_MEMORY = "512"

#: What a property that names a backend object is given, by the property. That they are called so
#: is QEMU's convention (hw/core/qdev-properties-system.c); the kinds are those of every build.
_STAND_INS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "drive": ("-blockdev", "null-co,node-name={id},size=1048576,read-zeroes=on"),
        "chardev": ("-chardev", "null,id={id}"),
        "audiodev": ("-audiodev", "none,id={id}"),
        "rng": ("-object", "rng-builtin,id={id}"),
        "iothread": ("-object", "iothread,id={id}"),
        "cryptodev": ("-object", "cryptodev-backend-builtin,id={id}"),
        "memdev": ("-object", f"memory-backend-ram,id={{id}},size={_MEMORY}M"),
        "memory-backend": ("-object", f"memory-backend-ram,id={{id}},size={_MEMORY}M"),
    }
)

#: Properties that name something of the host's: another name there gives a guest nothing else.
REFERENCES = frozenset({*_STAND_INS, "netdev"})

#: Types of netdevs that need no other process, and what keeps them from reaching out of their own.
_NETDEV_OPTIONS: Mapping[str, Properties] = MappingProxyType(
    {"tap": (("script", "no"), ("downscript", "no")), "user": (), "hubport": (("hubid", "0"),)}
)

_DEVICE = "-device"

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
        """Return whether QEMU names an option of it (util/qemu-error.c, error_print_loc)."""
        return any(f"{option} {value}:" in said for option, value in self.words)


@frozen(kw_only=True)
class StandIn:
    """A command line in parts: what is common, and each device."""

    common: tuple[tuple[str, str], ...]
    parts: tuple[Part, ...]

    def words(self, without: Mapping[str, str]) -> list[str]:
        """Return the arguments, but for the devices in *without*."""
        parts = [part for part in self.parts if not part.why and part.device not in without]
        made: set[tuple[str, str]] = set()
        words = [*_BARE, *(word for pair in self.common for word in pair)]
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
    objects = [pair for pair in abi.vm.machine_options for pair in _reference(*pair)]
    own = dict(own_settings(abi))
    table = catalogue.devices()
    return StandIn(
        common=(*objects, *(pair for pair in pairs if pair[0] != _DEVICE)),
        parts=tuple(
            _part(table, index, label, device, own.get(device, []))
            for index, (label, device) in enumerate(abi.vm.labelled())
        ),
    )


def _part(table: DeviceTable, index: int, label: str, device: Device, own: list[Setting]) -> Part:
    kinds = {kind.name for kind in table.backends if kind.netdev}
    if device.backend in kinds and all(name != "netdev" for name, _ in device.properties):
        # It came with -nic, which names its netdev itself.
        properties = (*device.properties, ("netdev", f"stand-in{index}"))
        device = evolve(device, properties=properties)
    words: list[tuple[str, str]] = []
    for name, value in device.properties:
        if name == "netdev":
            netdev = _netdev(table, device.backend, value)
            if netdev is None:
                why = f"a netdev of the kind {device.backend!r} takes more than QEMU"
                return Part(device=label, why=why)
            words.append(("-netdev", netdev))
        else:
            words += _reference(name, value)
    try:
        words.append((_DEVICE, device_argument(device, own)))
    except PlatformAbiError as error:
        return Part(device=label, why=error.message)
    return Part(device=label, words=tuple(words))


def _reference(name: str, value: str) -> Iterator[tuple[str, str]]:
    """Yield the option that makes what a property refers to, if it refers to anything."""
    found = _STAND_INS.get(name)
    if found is not None and value:
        option, text = found
        yield option, text.replace("{id}", value.replace(",", ",,"))


def _netdev(table: DeviceTable, backend: str, name: str) -> str | None:
    """Return the value of ``-netdev`` for a backend of a kind, None where that takes more."""
    for kind in table.backends:
        chosen = next((each for each in kind.netdev if each in _NETDEV_OPTIONS), None)
        if kind.name == backend and chosen and _ANY not in kind.when.values():
            options = (("id", name), *kind.when.items(), *_NETDEV_OPTIONS[chosen])
            return join_options(chosen, options)
    return None
