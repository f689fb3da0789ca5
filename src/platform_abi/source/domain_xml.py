"""A virtual machine from libvirt's domain XML: live, saved, migratable or inactive.

It is turned into the options of a QEMU command line that a guest can tell, as libvirt would, and
these are read like any others. What of the XML is not understood is unread, and never dropped.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from platform_abi.errors import UsageError, printable
from platform_abi.launch.command_line import read_command_line
from platform_abi.model.value import evolve
from platform_abi.model.xml_tree import Element, read_xml
from platform_abi.qemu.binary import QEMU_NAMES, host_architecture
from platform_abi.source.domain_behind import Behind
from platform_abi.source.domain_board import Board
from platform_abi.source.domain_devices import Devices
from platform_abi.source.domain_memory import DomainMemory, WithPages
from platform_abi.source.domain_places import Places
from platform_abi.source.domain_tree import DomainTree
from platform_abi.source.reading import KnownBesides, Unread, VmReading
from platform_abi.source.words import read_line

if TYPE_CHECKING:
    from typing import Unpack

    from platform_abi.model.catalogue import Catalogue
    from platform_abi.model.option_table import OptionTable
    from platform_abi.model.vm import Device

_DOMAIN = "domain"

#: Why the memory of a board is not read.
_UNCALLED = "nobody here knows what this board calls its memory"

#: What stands in the place of a flag of whether vhost is on, in the name of a backend.
_WITH = "+"


def from_domain_xml(
    catalogue: Catalogue,
    text: str | bytes,
    *,
    name: str = "domain XML",
    arch: str | None = None,
    **besides: Unpack[KnownBesides],
) -> VmReading:
    """Return the virtual machine that libvirt's domain XML *text* describes.

    *name* is what errors call it, and *arch* the guest's architecture where the XML says none; all
    else is as in ``from_command_line``. A live domain says most: its aliases, the CPU model that
    libvirt chose, what it plugged. One that libvirt never defined lacks addresses, each of which
    is ``unread``. Where the host decides whether vhost is used it is taken for used, with a remark.

    Raises UsageError: ``xml-syntax`` and ``xml-refused`` where it cannot be read,
    ``domain-foreign`` for another hypervisor's, ``domain-invalid`` for what libvirt would not take,
    and what ``from_command_line`` raises.
    """
    tree = DomainTree(root=_domain(read_xml(text, name), name), name=printable(name))
    table = catalogue.domains()
    kind = tree.get(tree.root, "@type") or ""
    if kind not in table.types:
        raise UsageError(
            f"{tree.name}:{tree.root.line}: a domain of type '{printable(kind)}' runs in no QEMU",
            code="domain-foreign",
            help=f"expected one of {', '.join(table.types)}",
        )
    said = tree.get(tree.root, "os/type/@arch") or arch or host_architecture()
    tree.get(tree.root, "os/type")
    guest = QEMU_NAMES.get(said, said)
    options = catalogue.options()
    machine = tree.peek(tree.root, "os/type/@machine")
    memory = DomainMemory(
        tree=tree, table=table, arch=guest, ident=_memory_id(options, guest, machine)
    )
    behind = Behind(tree=tree, table=table, memory=memory)
    devices = Devices(
        tree=tree,
        table=table,
        places=Places(tree=tree, transports=table.transport),
        behind=behind,
        machine=machine,
        arch=guest,
    )
    files = WithPages(files=besides.get("files"), pages=memory.pages)
    besides = {**besides, "files": files}
    words = [
        *Board(tree=tree, table=table, arch=guest, memory=memory).words(),
        *devices.words(),
        *_own_words(tree, f"{{{catalogue.libvirt().namespace}}}"),
    ]
    found = read_line(
        catalogue,
        read_command_line(options, words),
        program="",
        arch=guest,
        unread=(
            *tree.unread(table.unseen, table.containers()),
            *devices.unplaced,
            *(() if memory.ident else [Unread(what="domain/memory", reason=_UNCALLED)]),
        ),
        **besides,
    )
    made = tuple(
        _shown(device, behind.shown_as.get(device.id or "")) for device in found.vm.devices
    )
    return evolve(
        found,
        vm=evolve(found.vm, devices=made),
        remarks=(*behind.remarks, *found.remarks),
        domain=text if isinstance(text, str) else text.decode("utf-8", "surrogateescape"),
        elements=MappingProxyType(devices.elements),
    )


def _domain(root: Element, name: str) -> Element:
    """Return the domain of a document, which may be the state of a live one."""
    if root.name == _DOMAIN:
        return root
    inside = next(root.named(_DOMAIN), None)
    if inside is None:
        raise UsageError(
            f"{printable(name)}:{root.line}: expected <domain>, found <{printable(root.name)}>",
            code="domain-invalid",
            help="take it as libvirt writes it: virsh dumpxml NAME",
        )
    return inside


def _memory_id(options: OptionTable, arch: str, machine: str) -> str:
    """Return what the memory of a board is called; the first letters of its name tell which."""
    boards = [board for board in options.board if board.arch == arch]
    named = (b.memory_id for b in boards if any(machine.startswith(f) for f in b.families))
    short = (  # another name of the newest, such as q35 of pc-q35
        b.memory_id
        for b in boards
        if any(machine and (f.startswith(machine) or f.endswith(machine)) for f in b.families)
    )
    return next(named, next(short, ""))


def _shown(device: Device, kind: str | None) -> Device:
    """Return *device* in front of what it is really behind: a macvtap that QEMU calls a tap."""
    if kind is None:
        return device
    _, plus, rest = device.backend.partition(_WITH)
    return evolve(device, backend=f"{kind}{plus}{rest}", open_options=())


def _own_words(tree: DomainTree, own: str) -> list[str]:
    """Return the words of <qemu:commandline>, and what <qemu:override> sets of devices.

    *own* is how names of what libvirt hands to QEMU as it is begin (docs/drvqemu.rst).
    """
    words: list[str] = []
    for element in tree.root.named(f"{own}commandline"):
        tree.mark(element)
        for child in element.children:
            if child.name in (f"{own}arg", f"{own}env"):
                tree.take_whole(child)
            if child.name == f"{own}arg":
                words.append(child.attributes.get("value", ""))
    for element in tree.root.named(f"{own}override"):
        tree.mark(element)
        for device in element.named(f"{own}device"):
            tree.mark(device)
            alias = tree.get(device, "@alias") or ""
            for frontend in device.named(f"{own}frontend"):
                tree.mark(frontend)
                for setting in frontend.named(f"{own}property"):
                    words += _override(tree, setting, alias)
    return words


def _override(tree: DomainTree, setting: Element, alias: str) -> list[str]:
    """Return how an option says what a property of a device is overridden to."""
    tree.take_whole(setting)
    name, kind = setting.attributes.get("name", ""), setting.attributes.get("type", "")
    value = setting.attributes.get("value", "")
    if kind == "remove":
        tree.unmark(setting, "type")
        return []
    if kind == "bool":
        value = {"true": "on", "false": "off"}.get(value, value)
    return ["-set", f"device.{alias}.{name}={value}"]
