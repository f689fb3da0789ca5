"""The disks of a configuration of Proxmox VE's, and the controllers that are made for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from platform_abi.source.qm_config import QmConfig, parts

#: So many disks has a controller of SATA.
_PORTS = 6


class QmDisks:
    """The words of QEMU's that are about disks; *boot* has the index that some are booted at."""

    def __init__(self, config: QmConfig, boot: Mapping[str, str]) -> None:
        """Read nothing yet."""
        self._config = config
        self._boot = boot
        self._made: set[str] = set()

    def words(self) -> Iterator[str]:
        """Yield them; a disk of which something is not understood is left."""
        config = self._config
        for key in config.drives():
            kind = key.rstrip("0123456789")
            said = parts(config.values[key], "file")
            if said.keys() - {*config.table.qm_disk} or "file" not in said:
                config.leave(key)
                continue
            if kind == "scsi" and said["file"].startswith("/"):
                config.leave(key, "what a disk of the host's is, only that host knows")
            yield from self._controller(kind, int(key[len(kind) :]), said)
            drive = ""
            # A tray without a disc has nothing behind it since there are block devices alone.
            if said["file"] != "none" or not config.since(10, 0):
                full = said.get("media") == "cdrom" and said["file"] != "none"
                only = ",readonly=on" if full else ""
                yield from ("-drive", f"if=none,id=drive-{key},file=unknown,format=raw{only}")
                drive = config.word("disk-drive", key=key)
            yield from self._disk(kind, key, said, drive)

    def _scsi(self) -> tuple[str, int, str, str]:
        """Return driver of a controller, how many disks it has, how these are told, its name."""
        config = self._config
        named = config.values.get("scsihw", "lsi")
        known = config.table.qm_scsi.get(named)
        if known is None:
            config.leave("scsihw")
            return named, 1, "unit", "scsihw"
        driver, each, how, name = known.split()
        return driver, int(each), how, name

    def _on(self, number: int) -> str:
        """Return what the controller of a disk of SCSI is called."""
        _, each, _, name = self._scsi()
        return f"{name}{number // each}"

    def _controller(self, kind: str, number: int, said: dict[str, str]) -> Iterator[str]:
        config = self._config
        if kind not in ("scsi", "sata"):
            return
        name = self._on(number) if kind == "scsi" else f"ahci{number // _PORTS}"
        if name in self._made:
            return
        self._made.add(name)
        driver, each, _, _ = self._scsi()
        word = config.word(kind, driver=driver, name=name, at=config.at(name))
        if kind == "scsi" and each == 1:
            if said.get("iothread") == "1":
                yield from ("-object", f"iothread,id=iothread-{name}")
                word += config.word("scsi-thread", name=name)
            if "queues" in said:
                word += config.word("scsi-queues", queues=said["queues"])
        yield from ("-device", word)

    def _disk(self, kind: str, key: str, said: dict[str, str], drive: str) -> Iterator[str]:
        config = self._config
        disc = said.get("media") == "cdrom" or "cloudinit" in said["file"]
        number = int(key[len(kind) :])
        place: dict[str, object] = {"type": "cd" if disc else "hd", "drive": drive, "key": key}
        if kind == "virtio":
            word = config.word(f"disk-{kind}", at=config.at(key), **place)
            if said.get("iothread") == "1":
                yield from ("-object", f"iothread,id=iothread-{key}")
                word += config.word("disk-thread", key=key)
        elif kind == "scsi":
            _, each, how, _ = self._scsi()
            place |= {"bus": self._on(number), "unit": number % each, "number": number}
            word = config.word(f"disk-scsi-{how}", **place) + config.word("disk-scsi", key=key)
        else:
            controller, unit = self._port(kind, number)
            word = config.word(f"disk-{kind}", controller=controller, unit=unit, **place)
        if said.get("ssd") == "1" and not disc and kind != "virtio":
            word += config.word("disk-ssd")
        for name in ("wwn", "vendor", "product") if kind == "scsi" else ("wwn",):
            if name in said:
                word += config.word("disk-own", name=name, value=said[name])
        if key in self._boot:
            word += config.word("boot", index=self._boot[key])
        if not disc:
            through = said.get("cache") in ("writethrough", "directsync")
            word += config.word("disk-cache", cache="off" if through else "on")
        yield from ("-device", word)

    def _port(self, kind: str, number: int) -> tuple[int, int]:
        if kind == "sata":
            return divmod(number, _PORTS)
        controller, unit = divmod(number, 2)
        # There each bus of q35 has one.
        return (controller + 2 * unit, 0) if self._config.q35 else (controller, unit)
