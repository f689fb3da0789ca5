"""What stands behind the devices of a domain, as QEMU's options."""

from __future__ import annotations

from collections.abc import Iterator

from platform_abi.model.domain import DomainDevice, DomainTable
from platform_abi.model.option_language import join_options
from platform_abi.model.value import define, field
from platform_abi.model.xml_tree import Element
from platform_abi.source.domain_memory import DomainMemory
from platform_abi.source.domain_tree import DomainTree

#: What lets a disk be away whose image is missing when the domain starts.
_PERHAPS = ("optional", "requisite")

#: What the source of a drive says that is empty.
_EMPTY = {"index", "startupPolicy"}

#: Where memory is that domains share.
_SHARED = "/dev/shm/shared"  # noqa: S108 - a name that libvirt makes up

#: What libvirt calls the error of a full disk, and what QEMU does.
_ENOSPACE, _NO_SPACE = "enospace", "enospc"


@define(kw_only=True, eq=False, repr=False)
class Behind:
    """Backends, each made for the device that names it."""

    tree: DomainTree
    table: DomainTable
    memory: DomainMemory
    #: Interfaces that are macvtaps, by alias, and what they are.
    shown_as: dict[str, str] = field(factory=dict)
    remarks: list[str] = field(factory=list)
    #: Disks of which only the host tells, when the domain starts, whether they are there.
    unsure: list[Element] = field(factory=list)

    def words(
        self, element: Element, rule: DomainDevice, alias: str, pairs: list[tuple[str, str]]
    ) -> Iterator[str]:
        """Yield the options of what stands behind a device, and let *pairs* name that."""
        tree = self.tree
        if element.name == "interface":
            yield from self._netdev(element, rule, alias, pairs)
        elif element.name == "disk":
            yield from self._disk(element, alias, pairs)
        elif element.name == "hostdev" and rule.place == "drive":
            read_only = tree.find(element, "readonly") is not None
            yield from self._node(alias, read_only, pairs)
        elif element.name == "memory":
            yield from self.memory.device(element, alias)
            pairs.append(("memdev", f"mem{alias}"))
        elif element.name == "shmem" and tree.find(element, "server") is None:
            yield from self._of_file(element, f"shmmem-{alias}", _SHARED, pairs)
        elif element.name == "pstore":
            yield from self._of_file(element, f"mem{alias}", tree.get(element, "path"), pairs)
        elif element.name == "crypto":
            queues = tree.get(element, "backend/@queues") or "1"
            kind = self.table.cryptodev.get(tree.get(element, "backend/@model") or "", "")
            text = join_options(kind, (("id", f"obj{alias}"), ("queues", queues)))
            yield from ("-object", text)
            pairs.append(("cryptodev", f"obj{alias}"))
        elif element.name == "tpm":
            kind = tree.peek(element, "backend/@type")
            kind = self.table.tpmdev.get(kind, kind)
            yield from ("-tpmdev", join_options(kind, (("id", f"tpm-{alias}"),)))
            pairs.append(("tpmdev", f"tpm-{alias}"))

    def _netdev(
        self, element: Element, rule: DomainDevice, alias: str, pairs: list[tuple[str, str]]
    ) -> Iterator[str]:
        tree = self.tree
        kind = tree.get(element, "@type") or ""
        behind = f"{kind}+{tree.peek(element, 'backend/@type')}"
        netdev = self.table.netdev.get(behind) or self.table.netdev.get(kind)
        if netdev is None:
            return
        options = [("id", f"host{alias}")]
        by_vhost = self.table.vhost.get(netdev)
        if by_vhost and rule.virtio and tree.peek(element, "driver/@name") != "qemu":
            options.append((by_vhost, "on"))
            text = f"{alias}: vhost is taken for used, as libvirt does where the host has it"
            self.remarks.append(text)
        queues = tree.get(element, "driver/@queues")
        if queues is not None and queues.isdecimal() and queues != "1":
            options.append(("queues", queues))
            vectors = str(2 * int(queues) + 2)
            told = self.table.queues.items() if rule.virtio else ()
            pairs += [(key, value.replace("{vectors}", vectors)) for key, value in told]
        if kind in self.table.shown_as:
            self.shown_as[alias] = self.table.shown_as[kind]
        yield from ("-netdev", join_options(netdev, tuple(options)))
        pairs.append(("netdev", f"host{alias}"))

    def _of_file(
        self, element: Element, name: str, path: str | None, pairs: list[tuple[str, str]]
    ) -> Iterator[str]:
        """Yield memory that is a file of the host's, whose size the guest sees."""
        size = self.tree.find(element, "size")
        number = 0 if size is None else self.tree.size(size)
        said = (("id", name), ("size", str(number)), ("share", "on"), ("mem-path", path or ""))
        yield from ("-object", join_options(self.table.memory["file"][0], said))
        pairs.append(("memdev", name))

    def _disk(self, element: Element, alias: str, pairs: list[tuple[str, str]]) -> Iterator[str]:
        tree = self.tree
        device = tree.get(element, "@device") or "disk"
        read_only = tree.find(element, "readonly") is not None or device == "cdrom"
        if tree.find(element, "shareable") is not None:
            pairs.append(("share-rw", "on"))
            if not read_only and tree.get(element, "driver/@cache") is None:
                pairs.append(("write-cache", "on"))  # libvirt sets cache='none' of such a disk
        if tree.peek(element, "source/@startupPolicy") in _PERHAPS and device == "disk":
            self.unsure.append(element)
        policy = tree.get(element, "driver/@error_policy")
        reading = tree.get(element, "driver/@rerror_policy") or policy
        if policy:
            pairs.append(("werror", _NO_SPACE if policy == _ENOSPACE else policy))
        if reading and reading != _ENOSPACE:
            pairs.append(("rerror", reading))
        source = next(element.named("source"), None)
        if source is None or not (source.attributes.keys() - _EMPTY or source.children):
            return
        yield from self._node(alias, read_only, pairs)

    def _node(self, alias: str, read_only: bool, pairs: list[tuple[str, str]]) -> Iterator[str]:
        node = f"libvirt-{alias}"
        said = (("driver", "raw"), ("node-name", node), ("read-only", "on" if read_only else "off"))
        yield from ("-blockdev", join_options("", said)[1:])
        pairs.append(("drive", node))
