"""The board, the CPU and the memory of a domain, as QEMU's options."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from platform_abi.errors import UsageError
from platform_abi.model.domain import DomainTable
from platform_abi.model.option_language import join_options
from platform_abi.model.value import define, field
from platform_abi.model.vm import Properties
from platform_abi.model.xml_tree import Element
from platform_abi.source.domain_memory import DomainMemory
from platform_abi.source.domain_tree import DomainTree

#: What libvirt says of a flag, and whether QEMU is told that it is there.
_POLICIES = {"require": "on", "force": "on", "disable": "off", "forbid": "off"}


@define(kw_only=True, eq=False, repr=False)
class Board:
    """The options of a domain that are no devices."""

    tree: DomainTree
    table: DomainTable
    arch: str
    memory: DomainMemory
    #: Nodes of flash memory, and the file of each.
    _flash: list[tuple[str, str]] = field(factory=list)
    _globals: list[str] = field(factory=list)

    def words(self) -> Iterator[str]:
        """Yield QEMU's words, device by device in no order that a guest could tell."""
        tree, root = self.tree, self.tree.root
        said = self._options()
        kind = tree.get(root, "os/type/@machine")
        if not kind:
            raise UsageError(
                f"{tree.name}: names no machine type in <os><type machine=...>",
                code="no-machine",
                help="take it as libvirt has it: virsh dumpxml NAME",
            )
        machine = [*said.pop("machine", []), *self._firmware(), *self._machine_flags()]
        memory = [*self.memory.words(machine)]
        yield from ("-machine", join_options(kind, tuple(machine)))
        accelerator = self.table.types.get(tree.get(root, "@type") or "", "")
        yield from ("-accel", accelerator)
        yield from self._cpu(said.pop("cpu", []))
        yield from memory
        yield from self._vcpus()
        yield "-nodefaults"
        yield from ("-name", join_options("", (("guest", tree.get(root, "name") or ""),))[1:])
        uuid = said.pop("uuid", None)
        if uuid:
            yield from ("-uuid", uuid[0][1])
        for key, value in said.pop("global", []):
            yield from ("-global", f"{key}={value}")
        for text in self._globals:
            yield from ("-global", text)
        for name, file in self._flash:
            node = (("driver", "file"), ("filename", file), ("node-name", name))
            yield from ("-blockdev", join_options("", node)[1:])
        if said.pop("vmcoreinfo", None):
            yield from ("-device", "vmcoreinfo")
        boot = said.pop("boot", [])
        yield from ("-boot", join_options("", (*boot, ("strict", "on")))[1:])
        for option, pairs in said.items():
            yield from (f"-{option}", join_options("", tuple(pairs))[1:])
        yield from self._smbios()
        yield from self._power()
        yield from self._direct_boot()

    def _options(self) -> dict[str, list[tuple[str, str]]]:
        """Return what stands at the paths of the table, by option."""
        said: dict[str, list[tuple[str, str]]] = {}
        for rule in self.table.option:
            if not self.tree.fits(self.tree.root, rule.when):
                continue
            text = self.tree.told(self.tree.root, rule.path, rule.values)
            if text is None:
                continue
            for path in rule.when:
                self.tree.get(self.tree.root, path)
            value = rule.value or text
            if value:
                said.setdefault(rule.option, []).append((rule.key, value))
        return said

    def _machine_flags(self) -> Iterator[tuple[str, str]]:
        """Yield what libvirt says of every board: no USB of its own, and whether it has ACPI."""
        yield ("usb", "off")
        there = self.tree.find(self.tree.root, "features/acpi") is not None
        machine = self.tree.peek(self.tree.root, "os/type/@machine")
        boards = self.table.acpi.get(self.arch, ())
        if any(fnmatchcase(machine, each) for each in boards):
            yield ("acpi", "on" if there else "off")

    def _firmware(self) -> Iterator[tuple[str, str]]:
        """Yield what the board's flash memory is."""
        tree, root = self.tree, self.tree.root
        loader = tree.get(root, "os/loader")
        kind = tree.get(root, "os/loader/@type")
        tree.get(root, "os/loader/@readonly")
        if tree.get(root, "os/loader/@secure") == "on":
            self._globals += [*self.table.secure_flash]
        nvram = tree.find(root, "os/nvram")
        if nvram is not None:
            tree.take_whole(nvram)
        if not loader and tree.get(root, "os/@firmware") is not None:
            os = tree.find(root, "os")
            self.tree.unmark(os or root, "firmware")  # which file that is, only a host can tell
        elif loader:
            tree.get(root, "os/@firmware")
        if loader and kind == "rom":
            yield ("firmware", loader)
        elif loader:
            self._flash.append(("libvirt-pflash0", loader))
            yield ("pflash0", "libvirt-pflash0")
            if nvram is not None:
                self._flash.append(("libvirt-pflash1", nvram.text))
                yield ("pflash1", "libvirt-pflash1")

    def _cpu(self, properties: Properties | list[tuple[str, str]]) -> Iterator[str]:
        tree, root = self.tree, self.tree.root
        mode = tree.get(root, "cpu/@mode") or "custom"
        cpu = tree.find(root, "cpu")
        if cpu is not None and tree.get(cpu, "@match") not in (None, "exact"):
            tree.unmark(cpu, "match")  # with what the host's own CPU has besides
        model = (
            tree.get(root, "cpu/model") if mode == "custom" else self.table.cpu_modes.get(mode, "")
        )
        if mode == "host-model" and cpu is not None:
            # What that is, libvirt works out of the host when it starts the domain.
            model = "host"
            tree.unmark(cpu, "mode")
            named = tree.find(root, "cpu/model")
            if named is not None:
                tree.take_whole(named)
        flags = []
        for feature in () if cpu is None else cpu.named("feature"):
            tree.mark(feature)
            name = tree.get(feature, "@name") or ""
            if name in self.table.no_cpu_features:
                tree.take_whole(feature)
                continue
            policy = _POLICIES.get(tree.get(feature, "@policy") or "require")
            if policy is None:
                tree.unmark(feature, "policy")
                continue
            flags.append((self.table.cpu_features.get(name, name), policy))
        flags += [pair for pair in self._cache(mode) if pair[1]]
        model = model or self.table.usual_cpu.get(self.arch, "")
        if model:
            yield from ("-cpu", join_options(model, (*flags, *properties)))

    def _cache(self, model: str) -> list[tuple[str, str]]:
        """Return what caches a guest is told of (qemuBuildCpuCommandLine of libvirt 9.0)."""
        mode = self.tree.get(self.tree.root, "cpu/cache/@mode")
        level = self.tree.get(self.tree.root, "cpu/cache/@level")
        host = "off" if model in self.table.host_caches else ""
        if mode == "emulate" and level in (None, "3"):
            return [("l3-cache", "on"), ("host-cache-info", host)]
        if mode == "passthrough":
            return [("host-cache-info", "on"), ("l3-cache", "off")]
        return [("l3-cache", "off"), ("host-cache-info", host)] if mode == "disable" else []

    def _vcpus(self) -> Iterator[str]:
        tree, root = self.tree, self.tree.root
        most = tree.get(root, "vcpu") or "1"
        now = self._started(tree.get(root, "vcpu/@current"))
        pairs = [("cpus", now or most)]
        if now is not None:
            pairs.append(("maxcpus", most))
        topology = tree.find(root, "cpu/topology")
        names = ("sockets", "dies", "clusters", "cores", "threads")
        if topology is None:
            pairs += [("sockets", most), ("cores", "1"), ("threads", "1")]
        else:
            given = [(name, tree.get(topology, f"@{name}")) for name in names]
            pairs += [(name, text) for name, text in given if text is not None]
        yield from ("-smp", join_options("", tuple(pairs))[1:])

    def _started(self, now: str | None) -> str | None:
        """Return how many of *now* vCPUs QEMU is started with: others are plugged in after that.

        Each of those is left unread: where in the topology it is.
        """
        vcpus = self.tree.find(self.tree.root, "vcpus")
        plugged = []
        for vcpu in () if vcpus is None else vcpus.named("vcpu"):
            self.tree.take_whole(vcpu)
            said = [vcpu.attributes.get(key) for key in ("enabled", "hotpluggable")]
            if said == ["yes", "yes"]:
                plugged.append(vcpu)
        for vcpu in plugged:
            self.tree.unmark(vcpu, "enabled")
        return str(int(now) - len(plugged)) if plugged and now and now.isdecimal() else now

    def _smbios(self) -> Iterator[str]:
        """Yield what DMI says: given in the domain, by <sysinfo>."""
        tree, root = self.tree, self.tree.root
        mode = tree.get(root, "os/smbios/@mode")
        for info in root.named("sysinfo"):
            kind = tree.get(info, "@type")
            if kind == "fwcfg":
                yield from self._fw_cfg(info)
            if kind != "smbios" or mode != "sysinfo":
                continue
            tree.mark(info)
            for block, number in self.table.smbios.items():
                for element in info.named(block):
                    tree.mark(element)
                    pairs = []
                    for entry in element.named("entry"):
                        key = tree.get(entry, "@name") or ""
                        pairs.append((key, tree.get(entry, "") or ""))
                    if number == "11":
                        pairs = [("value", text) for _, text in pairs]
                    yield from ("-smbios", join_options("", (("type", number), *pairs))[1:])
        if mode not in (None, "sysinfo", "emulate"):
            tree.unread_again(root, "os/smbios/@mode")

    def _fw_cfg(self, info: Element) -> Iterator[str]:
        """Yield what is handed to a guest as files of its firmware's."""
        self.tree.mark(info)
        for entry in info.named("entry"):
            self.tree.take_whole(entry)
            file = entry.attributes.get("file")
            said = ("string", entry.text) if file is None else ("file", file)
            pairs = (("name", entry.attributes.get("name", "")), said)
            yield from ("-fw_cfg", join_options("", pairs)[1:])

    def _power(self) -> Iterator[str]:
        """Yield whether the guest can suspend, which is the board's own device's to say."""
        tree, root = self.tree, self.tree.root
        kind = tree.peek(root, "os/type/@machine")
        driver = next((d for p, d in self.table.power.items() if fnmatchcase(kind, p)), "")
        for name, number in (("suspend-to-mem", "3"), ("suspend-to-disk", "4")):
            enabled = tree.get(root, f"pm/{name}/@enabled") if driver else None
            tree.find(root, "pm")
            if enabled is not None:
                yield from ("-global", f"{driver}.disable_s{number}={int(enabled == 'off')}")

    def _direct_boot(self) -> Iterator[str]:
        for name, option in (("kernel", "kernel"), ("initrd", "initrd"), ("cmdline", "append")):
            text = self.tree.get(self.tree.root, f"os/{name}")
            if text is not None:
                yield from (f"-{option}", text)
