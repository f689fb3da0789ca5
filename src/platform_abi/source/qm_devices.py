"""The devices of a configuration of Proxmox VE's, and those that it adds, at their places."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from platform_abi.source.qm_config import QmConfig, parts, whole
from platform_abi.source.qm_disks import QmDisks


class QmDevices:
    """The words of QEMU's that are about devices, in the order of ``qemu-server``'s.

    *bridge_mtu* gives the MTU of a bridge of the host's, None for one that nobody can ask.
    """

    def __init__(self, config: QmConfig, bridge_mtu: Callable[[str], str | None]) -> None:
        """Read nothing yet."""
        self._config = config
        self._mtu = bridge_mtu
        self._boot = _order(config)
        self._disks = QmDisks(config, self._boot)

    def words(self) -> Iterator[str]:
        """Yield them, bridges first; what is not understood is left."""
        config = self._config
        made = [*self._devices()]
        bits = config.board.get("aw-bits")
        behind = config.word("iommu-bits", bits=bits) if bits else ""
        iommu = config.board.get("viommu")
        if iommu == "intel":
            yield from ("-device", config.word("iommu-intel") + behind)
        if config.q35:
            file = config.table.qm_q35[0 if config.since(4, 0) else -1]
            for device in config.table.qm_configurations[file]:
                yield from ("-device", device)
        for number in sorted(config.bridges()):
            name = f"pci.{number}"
            word = config.word("bridge", name=name, number=number, at=config.at(name))
            yield from ("-device", word)
        yield from made
        if iommu == _VIRTIO:
            yield from ("-device", config.word(f"iommu-{iommu}") + behind)

    def _devices(self) -> Iterator[str]:
        config = self._config
        if "vmgenid" in config.values:
            yield from ("-device", config.word("vmgenid", guid=config.values["vmgenid"]))
        yield from self._usb()
        for number, key, value in config.numbered("serial"):
            if value == "socket":
                yield from ("-chardev", f"null,id={key}")
                yield from ("-device", config.word("serial", backend=f"serial{number}"))
            else:
                config.leave(key)
        yield from self._sound()
        if "tpmstate0" in config.values:
            yield from ("-chardev", "socket,id=tpmchar,path=unknown")
            yield from ("-tpmdev", "emulator,id=tpmdev,chardev=tpmchar")
            yield from ("-device", config.word("tpm"))
        yield from self._display()
        yield from self._channels()
        if config.values.get("balloon", "1") != "0":
            yield from ("-device", config.word("balloon", at=config.at("balloon0")))
        if "watchdog" in config.values:
            driver = parts(config.values["watchdog"], "model").get("model", "i6300esb")
            yield from ("-device", config.word("watchdog", driver=driver, at=config.at("watchdog")))
        yield from self._disks.words()
        for _, key, value in config.numbered("net"):
            yield from self._nic(key, value)

    def _usb(self) -> Iterator[str]:
        config = self._config
        if not config.q35:
            yield from ("-device", config.word("usb", at=config.at("piix3")))
        for _, key, _ in config.numbered("usb"):
            config.leave(key)
        pointing = not self._vga()["type"].startswith(("qxl", "serial"))
        if config.on("tablet", default=pointing):
            yield from ("-device", config.word("tablet-q35" if config.q35 else "tablet"))

    # --- what is seen and heard ------------------------------------------------------------------

    def _vga(self) -> dict[str, str]:
        config = self._config
        said = parts(config.values.get("vga", ""), "type")
        said.setdefault("type", "cirrus" if 0 < config.windows < _VISTA else "std")
        return said

    def _display(self) -> Iterator[str]:
        config = self._config
        said = self._vga()
        kind = said["type"]
        driver = config.table.qm_displays.get(kind)
        spice = _SPICE.fullmatch(kind)
        size = said.get("memory", "0")
        if kind == "none" or kind.startswith("serial"):
            yield from ("-vga", "none") if kind == "none" else ()
            yield "-nographic"
        elif said.keys() - {"type", "memory"} or not whole(size):
            config.leave("vga")
        elif spice is not None:
            yield from self._spice(int(spice[1] or 1), int(size))
        elif driver is None:
            config.leave("vga")
        else:
            mega = int(size)
            own = config.word(f"display-memory-{kind}", bytes=mega << 20)
            memory = (own or config.word("display-memory", size=mega)) if mega else ""
            word = config.word("display", driver=driver, memory=memory, at=self._first_display())
            if config.windows and config.values.get("bios") != "ovmf":
                word += config.word(f"display-{kind}-edid")
            yield from ("-device", word)

    def _first_display(self) -> str:
        config = self._config
        return config.word("display-q35") if config.q35 else config.at("vga")

    def _spice(self, displays: int, size: int) -> Iterator[str]:
        """Yield what has so many displays of SPICE's: a Windows has a device for each."""
        config = self._config
        memory = config.word("qxl-memory", size=size, ram=4 * size, vram=2 * size) if size else ""
        # Every kind of guest but two has several displays of one device.
        one = not config.windows and config.ostype != "solaris"
        outputs = config.word("qxl-outputs") if one else ""
        at = self._first_display()
        yield from ("-device", config.word("qxl", memory=memory, outputs=outputs, at=at))
        for number in range(1, displays) if config.windows else ():
            name = f"vga{number}"
            own = memory or config.word("qxl-memory-usual")
            word = config.word("qxl-more", name=name, memory=own, at=config.at(name))
            yield from ("-device", word)
        if displays > 1 and not config.windows:
            ram = displays * 4 * size << 20 if size else 128 << 20
            yield from ("-global", config.word("qxl-ram", bytes=ram))
            yield from ("-global", config.word("qxl-vram", bytes=ram // 2))

    def _sound(self) -> Iterator[str]:
        config = self._config
        if "audio0" not in config.values:
            return
        said = parts(config.values["audio0"])
        driver = said.get("device", "")
        codecs = config.table.qm_sound.get(driver)
        if codecs is None:
            config.leave("audio0")
            return
        backend = f"{said.get('driver', 'spice')}-backend0"
        behind = config.word("sound-behind", backend=backend)
        yield from ("-audiodev", f"none,id={backend}")
        word = config.word("sound", driver=driver, at=config.at("audio0"))
        yield from ("-device", word if codecs else word + behind)
        for number, codec in enumerate(codecs):
            word = config.word("sound-codec", driver=codec, number=number)
            yield from ("-device", word + behind)

    def _channels(self) -> Iterator[str]:
        """Yield what is for the guest's agent, randomness, and SPICE."""
        config = self._config
        agent = parts(config.values.get("agent", "0"), "enabled")
        if agent.get("enabled") == "1":
            yield from ("-chardev", "null,id=qga0")
            if agent.get("type", _VIRTIO) == _VIRTIO:
                yield from ("-device", config.word("agent", at=config.at("qga0")))
                yield from ("-device", config.word("agent-port"))
            else:
                yield from ("-device", config.word("serial", backend="qga0"))
        if "rng0" in config.values and config.since(4, 1, 2):
            said = parts(config.values["rng0"], "source")
            most, period = said.get("max_bytes", "1024"), said.get("period", "1000")
            limit = config.word("random-limit", most=most, period=period) if most != "0" else ""
            file = said.get("source", "/dev/urandom")
            yield from ("-object", config.word("random-source", file=file))
            yield from ("-device", config.word("random", limit=limit, at=config.at("rng0")))
        if "foldersharing=1" in config.values.get("spice_enhancements", ""):
            config.leave("spice_enhancements")
        if self._vga()["type"].startswith((_VIRTIO, "qxl")):
            yield from ("-chardev", "null,id=vdagent")
            yield from ("-device", config.word("spice", at=config.at("spice")))
            yield from ("-device", config.word("spice-port"))

    # --- the network -----------------------------------------------------------------------------

    def _nic(self, key: str, value: str) -> Iterator[str]:
        config = self._config
        table = config.table
        said = parts(value)
        model = next(iter(said), "")
        driver = table.qm_nics.get(model)
        if driver is None:
            config.leave(key)
            return
        if said.keys() - {model, "queues", "mtu", "host-tunnel", *table.qm_nic_unseen}:
            config.leave(key)
        behind = table.qm_netdev.get(model, table.qm_netdev.get("*", ""))
        if "bridge" not in said:
            behind = "user"
        at = config.at(key)
        word = config.word("nic", driver=driver, mac=said[model], key=key, at=at)
        if model == _VIRTIO:
            queues = said.get("queues", "1")
            if not whole(queues):
                config.leave(key)
            elif "queues" in said:
                behind = f"{behind},queues={queues}"
            word += self._of_virtio(key, said, int(queues) if whole(queues) else 1)
        else:
            word += _indexed(config, self._boot, key)
        if config.old_roms and driver in table.qm_roms:
            word += config.word("nic-rom", rom=table.qm_roms[driver])
        yield from ("-netdev", f"{behind},id={key}")
        yield from ("-device", word)

    def _of_virtio(self, key: str, said: dict[str, str], queues: int) -> str:
        """Return what a NIC of virtio is told besides (PVE/QemuServer.pm, print_netdevice_full)."""
        config = self._config
        word = config.word("nic-queues", vectors=2 * queues + 2) if queues > 1 else ""
        word += config.word(f"nic-{_VIRTIO}") + _indexed(config, self._boot, key)
        word += self._mtu_of(key, said)
        usual = "0" if config.since(11, 0, 1) else "1"
        off = config.since(10, 2) and said.get("host-tunnel", usual) == "0"
        return word + config.word("nic-tunnel") if off else word

    def _mtu_of(self, key: str, said: dict[str, str]) -> str:
        """Return the MTU that a NIC tells its guest: its own, or that of the host's bridge."""
        config = self._config
        if "bridge" not in said:
            return ""
        mtu: str | None = said.get("mtu", "1")
        if mtu == "1":
            mtu = self._mtu(said["bridge"])
        if mtu is None or not whole(mtu):
            config.leave(f"{key}/mtu", "it is that of the bridge, which only its host knows")
            return ""
        told = config.since(10, 0, 1) or mtu != _ETHERNET
        return config.word("nic-mtu", mtu=mtu) if told else ""


def _order(config: QmConfig) -> dict[str, str]:
    """Return the index at which each device is booted from (device_bootorder)."""
    said = parts(config.values.get("boot", ""), "legacy")
    if "order" in said:
        names = [each for each in said["order"].split(";") if each]
        return {name: str(100 + index) for index, name in enumerate(names)}
    if "boot" in config.values and not said:
        return {}
    at = {letter: 100 * (i + 1) for i, letter in enumerate(said.get("legacy", "cdn"))}
    found: dict[str, str] = {}
    for key in config.drives():
        value = parts(config.values[key], "file")
        disc = value.get("media") == "cdrom" and "cloudinit" not in value.get("file", "")
        letter = "d" if disc else "c"
        if letter in at:
            if disc or config.values.get("bootdisk") == key:
                found[key] = str(at[letter])
            at[letter] += 1
    for _, key, _ in config.numbered("net"):
        if "n" in at:
            found[key] = str(at["n"])
            at["n"] += 1
    return found


def _indexed(config: QmConfig, boot: dict[str, str], key: str) -> str:
    return config.word("boot", index=boot[key]) if key in boot else ""


_VISTA = 6
_VIRTIO = "virtio"
_ETHERNET = "1500"

#: SPICE's displays, and how many.
_SPICE = re.compile("qxl([234]?)")
