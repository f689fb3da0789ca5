"""What a configuration of Proxmox VE's says of the board: machine type, CPU, memory, firmware."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from platform_abi.model.option_language import join_options
from platform_abi.model.platform import version_key
from platform_abi.source.qm_config import QmConfig, parts, whole

#: Flags of a CPU by name: ``+`` or ``-`` before it, or what is behind it.
_Flags = dict[str, str]


class QmBoard:
    """The words of QEMU's that are about the board of one configuration."""

    def __init__(self, config: QmConfig) -> None:
        """Read nothing yet."""
        self._config = config
        self._flags: list[tuple[str, str]] = []

    def words(self) -> Iterator[str]:
        """Yield them; what is not understood is left."""
        yield from self._firmware()
        yield from self._vcpus()
        yield from ("-boot", "menu=on,strict=on,reboot-timeout=1000")
        yield from self._clock()
        yield from self._cpu()
        yield from self._memory()
        yield from self._power()
        yield from self._identity()
        config = self._config
        if config.values.get("acpi") == "0":
            self._flags.append(("acpi", "off"))
        if not config.on("kvm", default=True):
            self._flags.append(("accel", "tcg"))
        if config.board.get("viommu") == "intel":
            self._flags.append(("kernel-irqchip", "split"))
        vga = parts(config.values.get("vga", ""), "type").get("type", "")
        if config.values.get("bios", "seabios") == "seabios" and (
            vga == "none" or vga.startswith("serial")
        ):
            self._flags.append(("smm", "off"))
        known = {"type", "viommu", "aw-bits", "enable-s3", "enable-s4"}
        if config.board.keys() - known:
            config.leave("machine")
        yield from ("-machine", join_options(config.told, tuple(self._flags)))

    def _firmware(self) -> Iterator[str]:
        config = self._config
        bios = config.values.get("bios", "seabios")
        if bios == "ovmf":
            # Which files these are, and how large, only that host knows: the sizes are unknown.
            if config.since(10, 0):
                self._flags += [("pflash0", "pflash0"), ("pflash1", "drive-efidisk0")]
            else:
                for unit, only in (("0", ",readonly=on"), ("1", "")):
                    yield from ("-drive", f"if=pflash,unit={unit},format=raw,file=unknown{only}")
        elif bios != "seabios":
            config.leave("bios")

    def _vcpus(self) -> Iterator[str]:
        config = self._config
        said = {k: config.values[k] for k in ("cores", "sockets", "vcpus") if k in config.values}
        for key in said:
            if not all(whole(value) for value in said.values()):
                config.leave(key)
        if any(not whole(value) for value in said.values()):
            return
        hotplug = config.values.get("hotplug", "1").replace(";", ",").split(",")
        if "cpu" in hotplug or "memory" in hotplug:
            config.leave("hotplug")
        cores, sockets = said.get("cores", "1"), said.get("sockets", "1")
        most = str(int(cores) * int(sockets))
        now = said.get("vcpus", most)
        yield from ("-smp", f"{now},sockets={sockets},cores={cores},maxcpus={most}")

    def _clock(self) -> Iterator[str]:
        """Yield what counts time (PVE/QemuServer/Cfg2Cmd/Timer.pm)."""
        config = self._config
        said = [key for key in ("startdate",) if config.values.get(key, "now") != "now"]
        for key in said:
            config.leave(key)
        kind = _NT6 if config.windows >= _VISTA else config.ostype
        if kind == _NT6:
            yield from ("-global", config.word("clock-nt6"))
        without = config.table.qm_hpet.get(kind)
        if without is not None and config.since(*version_key(without)):
            self._flags.append(("hpet", "off"))
        acpi = config.on("acpi", default=True)
        options = []
        if config.on("tdf", default=bool(config.windows) and acpi):
            options.append("driftfix=slew")
        if config.on("localtime", default=bool(config.windows)) and not said:
            options.append("base=localtime")
        if options:
            yield from ("-rtc", ",".join(options))

    def _power(self) -> Iterator[str]:
        config = self._config
        q35 = "-q35" if config.q35 else ""
        usual = "0" if config.since(9, 2, 1) else "1"
        for state in ("s3", "s4"):
            if config.board.get(f"enable-{state}", usual) == "0":
                yield from ("-global", config.word(f"power{q35}", state=state))
        old = version_key(config.made_on() or "0") < _SLOTS_MOVED
        if config.q35 and not config.pinned and config.ostype == "l26" and old:
            yield from ("-global", config.word("slots-q35"))

    def _identity(self) -> Iterator[str]:
        config = self._config
        said = parts(config.values.get("smbios1", ""))
        if said.get("base64") == "1" or said.keys() - _SMBIOS:
            config.leave("smbios1")
        elif said:
            pairs = tuple((key, said[key]) for key in sorted(said) if said[key] and key != "base64")
            yield from ("-smbios", join_options("type=1", pairs))

    def _memory(self) -> Iterator[str]:
        config = self._config
        size = parts(config.values.get("memory", "512"), "current").get("current", "")
        if not whole(size):
            config.leave("memory")
            return
        if "hugepages" in config.values:
            config.leave("hugepages")
        yield from ("-m", size)
        if config.on("numa", default=False):
            yield from self._nodes(int(size))

    def _nodes(self, size: int) -> Iterator[str]:
        """Yield a node for each socket (PVE/QemuServer/Memory.pm); *size* is in MiB."""
        config = self._config
        sockets = config.values.get("sockets", "1")
        cores = config.values.get("cores", "1")
        own = [key for _, key, _ in config.numbered("numa")]
        sound = whole(sockets) and whole(cores) and 0 < int(sockets) <= _MOST_NODES
        if own or not sound or size % int(sockets):
            for key in own or ["numa"]:
                config.leave(key)
            return
        each = int(cores)
        for node in range(int(sockets)):
            cpus = str(node * each) if each == 1 else f"{node * each}-{node * each + each - 1}"
            name = f"ram-node{node}"
            memory = size // int(sockets)
            yield from ("-object", config.word("node", node=node, size=memory))
            yield from ("-numa", f"node,nodeid={node},cpus={cpus},memdev={name}")

    # --- the CPU ---------------------------------------------------------------------------------

    def _cpu(self) -> Iterator[str]:
        """Yield the model with its flags (PVE/QemuServer/CPUConfig.pm, get_cpu_options)."""
        config = self._config
        said = parts(config.values.get("cpu", ""), "cputype")
        kvm = config.on("kvm", default=True)
        asked = said.get("cputype", config.table.qm_usual_cpus["kvm" if kvm else "tcg"])
        own = config.table.qm_cpus.get(asked, "")
        model, *flags = own.split() if own else [asked]
        known = {"cputype", "flags", "hidden", "phys-bits", "level"}
        if asked.startswith("custom-"):
            config.leave("cpu", "custom models are in /etc/pve/virtual-guest/cpu-models.conf")
            return
        if said.keys() - known - {"guest-phys-bits"}:
            config.leave("cpu")
            return
        made: _Flags = {}
        self._own_flags(model, made, kvm=kvm)
        if any("x-vga=1" in value for _, _, value in config.numbered("hostpci")):
            config.leave("cpu")
        made.update(map(_named, (*flags, *filter(None, said.get("flags", "").split(";")))))
        if model not in config.table.qm_host_cpus and kvm:
            made["enforce"] = ""
        if said.get("hidden") == "1":
            made["kvm"] = "off"
        vendors = config.table.qm_vendors.items()
        vendor = next((name for pattern, name in vendors if fnmatchcase(model, pattern)), "")
        if vendor:
            made["vendor"] = vendor
        yield from ("-cpu", ",".join([model, *self._level(said, made)]))

    def _level(self, said: dict[str, str], made: _Flags) -> Iterator[str]:
        """Yield what stands behind the model: level, flags, bits of addresses."""
        if "level" in said:
            yield f"level={said['level']}"
        yield from (_flag(name, value) for name, value in sorted(made.items()))
        for key in ("guest-phys-bits", "phys-bits"):
            if key in said:
                bits = said[key]
                yield "host-phys-bits=true" if bits == "host" else f"{key}={bits}"

    def _own_flags(self, model: str, made: _Flags, *, kvm: bool) -> None:
        """Add what Proxmox VE itself says of *model*, by the kind of guest and the version."""
        config = self._config
        uefi = config.values.get("bios") == "ovmf"
        for entry in config.table.qm_flag:
            if (
                not fnmatchcase(model, entry.model)
                or not fnmatchcase(config.ostype, entry.ostype)
                or config.windows < max(entry.windows, entry.firmware if uefi else 0)
                or (entry.kvm and not kvm)
                or (entry.since and not config.since(*version_key(entry.since)))
                or (entry.before and config.since(*version_key(entry.before)))
            ):
                continue
            newer = config.runs_on(*version_key(entry.runs_on)) if entry.runs_on else True
            if entry.host or newer is None:
                why = entry.host or "the release of the QEMU that runs it"
                config.leave("cpu", f"{entry.flags.split()[0].lstrip('-')} follows from {why}")
            elif newer:
                made.update(map(_named, entry.flags.split()))


#: The Windows from which on it counts time otherwise (PVE/QemuServer/Helpers.pm, windows_version).
_VISTA = 6
_NT6 = "nt6"

#: The release that moved slots of q35 (qemu_created_version_fixups).
_SLOTS_MOVED = (6, 1)

#: QEMU has no more (include/system/numa.h, MAX_NODES).
_MOST_NODES = 128

_SMBIOS = {"uuid", "serial", "manufacturer", "product", "version", "sku", "family", "base64"}


def _named(flag: str) -> tuple[str, str]:
    """Return the name of a flag, and its sign or its value."""
    if flag[0] in "+-":
        return flag[1:], flag[0]
    name, _, value = flag.partition("=")
    return name, value


def _flag(name: str, value: str) -> str:
    return f"{value}{name}" if value in ("+", "-") else f"{name}={value}" if value else name
