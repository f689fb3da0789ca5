"""The memory of a domain as QEMU's options."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from platform_abi.errors import UsageError
from platform_abi.model.domain import DomainTable
from platform_abi.model.option_language import join_options
from platform_abi.model.value import define, field
from platform_abi.model.xml_tree import Element
from platform_abi.source.domain_tree import DomainTree

if TYPE_CHECKING:
    from platform_abi.launch.hardware_options import HostFiles

#: How libvirt lets the board's memory be called by its id in a stream, and not by its path.
_BY_ID = ("x-use-canonical-path-for-ramblock-id", "off")

#: What memory of huge pages is called among the kinds of memory, and that of the host's files.
_HUGE, _FILE, _MEMFD = "hugepages", "file", "memfd"

#: Where is said how all memory is shared.
_ACCESS = "memoryBacking/access/@mode"

#: Pages that are no huge ones (src/qemu/qemu_command.c, qemuBuildMemoryGetPagesize).
_SMALL = 4096


@define(kw_only=True, eq=False, repr=False)
class DomainMemory:
    """The memory of a domain: the board's, of its nodes, and of devices.

    *ident* is what the board's is called where it is not of nodes; empty: nobody knows.
    """

    tree: DomainTree
    table: DomainTable
    arch: str
    ident: str
    #: Paths that stand for memory of huge pages, and how large these are.
    pages: dict[str, int] = field(factory=dict)

    def words(self, machine: list[tuple[str, str]]) -> Iterator[str]:
        """Yield QEMU's words for all but devices, and let *machine* name its backend.

        Raises UsageError (``domain-invalid``) where no size is said.
        """
        tree, root = self.tree, self.tree.root
        numa = tree.find(root, "cpu/numa")
        cells = [] if numa is None else [*numa.named("cell")]
        total = sum(map(self._of_cell, cells)) if cells else self._of_board()
        for path in ("memoryBacking/hugepages", "memoryBacking/source/@type", _ACCESS):
            tree.get(root, path)  # of whatever memory, also of none
        pairs = [("size", f"{total // 1024}k")]
        most = tree.find(root, "maxMemory")
        if most is not None:
            slots = tree.get(most, "@slots")
            pairs += [("slots", slots)] if slots else []
            pairs.append(("maxmem", f"{tree.size(most) // 1024}k"))
        yield from ("-m", join_options("", tuple(pairs))[1:])
        yield from self._nodes(cells)
        if not cells and self.ident:
            machine.append(("memory-backend", self.ident))
            usual = tree.get(root, _ACCESS)
            yield from self.backend(self.ident, total, usual, page=self._page(""), own=True)

    def _of_board(self) -> int:
        tree = self.tree
        memory = tree.find(tree.root, "memory")
        if memory is None:
            raise UsageError(f"{tree.name}: says no size of memory", code="domain-invalid")
        devices = tree.find(tree.root, "devices")
        plugged = [] if devices is None else [tree.find(d, _SIZE) for d in devices.named("memory")]
        inside = sum(tree.size(found) for found in plugged if found is not None)
        return self._aligned(tree.size(memory) - inside)

    def _of_cell(self, cell: Element) -> int:
        tree = self.tree
        text, unit = tree.get(cell, "@memory") or "0", tree.get(cell, "@unit")
        return self._aligned(tree.bytes_of(cell, text, unit))

    def _aligned(self, number: int) -> int:
        step = self.table.alignment.get(self.arch, 1)
        return -(-number // step) * step

    def _nodes(self, cells: Sequence[Element]) -> Iterator[str]:
        tree = self.tree
        memory = tree.find(tree.root, "memory")
        if cells and memory is not None:
            tree.size(memory)  # it is the sum of them
        usual = tree.get(tree.root, _ACCESS)
        for at, cell in enumerate(cells):
            tree.mark(cell)
            ident = tree.get(cell, "@id") or str(at)
            shared = tree.get(cell, "@memAccess") or usual
            page, size = self._page(ident), self._of_cell(cell)
            backend = ("memdev", f"ram-node{ident}")
            if self._of_one_piece(shared, page):
                backend = ("mem", f"{size // 2**20}M")
            else:
                yield from self.backend(backend[1], size, shared, page=page)
            cpus = [("cpus", part) for part in (tree.get(cell, "@cpus") or "").split(",") if part]
            yield from ("-numa", join_options("node", (("nodeid", ident), *cpus, backend)))
            distances = tree.find(cell, "distances")
            for sibling in () if distances is None else distances.named("sibling"):
                tree.mark(sibling)
                to, distance = tree.get(sibling, "@id"), tree.get(sibling, "@value")
                yield from ("-numa", f"dist,src={ident},dst={to},val={distance}")

    def _of_one_piece(self, access: str | None, page: int | None) -> bool:
        """Return whether nodes share the memory of the board, as old ones may.

        libvirt leaves it so where nothing is said of that memory (qemuBuildNumaCommandLine).
        """
        tree, root = self.tree, self.tree.root
        machine = tree.peek(root, "os/type/@machine")
        old = any(fnmatchcase(machine, each) for each in self.table.one_piece)
        said = tree.peek(root, "memoryBacking/source/@type")
        tuned = any(child.name == "numatune" for child in root.children)
        return old and access is None and page is None and not said and not tuned

    def device(self, element: Element, alias: str) -> Iterator[str]:
        """Yield the backend of a device that is memory, and let it be called by *alias*.

        Of a file it is as large as the device; else what the host gives for the node that it is in.
        """
        tree = self.tree
        node = tree.get(element, "target/node") or ""
        access = tree.get(element, "@access") or self._access_of(node)
        path = tree.get(element, "source/path")
        given = tree.find(element, "source/pagesize")
        page = self._page(node) if given is None else tree.size(given)
        total = self._of_module(element)
        if path is None:
            yield from self.backend(f"mem{alias}", total, access, page=page)
            return
        pairs = [("id", f"mem{alias}"), ("size", str(total)), *_share(access), ("mem-path", path)]
        yield from ("-object", join_options(self.table.memory[_FILE][0], tuple(pairs)))

    def _of_module(self, element: Element) -> int:
        """Return the size of a device that is memory, as libvirt rounds it when it is plugged."""
        tree = self.tree
        found, label = tree.find(element, _SIZE), tree.find(element, "target/label/size")
        total = 0 if found is None else tree.size(found)
        step = self.table.module_alignment.get(self.arch, 1)
        if label is not None and self.arch in self.table.label_beside:
            beside = tree.size(label)
            return (total - beside) // step * step + beside
        return -(-total // step) * step

    def _access_of(self, node: str) -> str | None:
        """Return how the memory of a node is shared: as it says itself, else as all of it is."""
        tree = self.tree
        said = tree.get(tree.root, f"cpu/numa/cell[id={node}]/@memAccess") if node else None
        return said or tree.get(tree.root, _ACCESS)

    def _page(self, node: str) -> int | None:
        """Return the size of the huge pages of a node, or of all memory; 0: what is usual there."""
        tree = self.tree
        huge = tree.find(tree.root, "memoryBacking/hugepages")
        if huge is None:
            return None
        usual = None if huge.children else 0
        for page in huge.named("page"):
            tree.mark(page)
            nodes, size = tree.get(page, "@nodeset"), self._size_of(page)
            if nodes is None:
                usual = size
            elif node and _within(node, nodes):
                return size
        return usual

    def _size_of(self, page: Element) -> int:
        text = self.tree.get(page, "@size") or "0"
        return self.tree.bytes_of(page, text, self.tree.get(page, "@unit"))

    def backend(
        self, name: str, number: int, access: str | None, *, page: int | None, own: bool = False
    ) -> Iterator[str]:
        """Yield the backend *name* of *number* bytes; *own* is that of the board, without nodes.

        *page* is the size of its huge pages, 0 for what is usual on its host, None: it has none.
        That a file is behind memory whose sharing is said, is libvirt's
        (src/qemu/qemu_command.c, qemuBuildMemoryBackendProps).
        """
        tree, root = self.tree, self.tree.root
        source = tree.get(root, "memoryBacking/source/@type")
        huge = page is not None and page != _SMALL
        if source != _MEMFD:
            source = _HUGE if huge else _FILE if access is not None else source
        kind, *more = self.table.memory.get(source or "", ("",))
        pairs = [("id", name), ("size", str(number)), *_share(access)]
        pairs += [(key, value) for key, _, value in (text.partition("=") for text in more)]
        if huge and source == _MEMFD:
            pairs += [("hugetlb", "on"), *([("hugetlbsize", str(page))] if page else [])]
        elif huge and page:
            pairs = [(k, f"{v}-{page}" if k == _PATH else v) for k, v in pairs]
            self.pages |= {value: page for key, value in pairs if key == _PATH}
        if own and more:
            pairs.append(_BY_ID)
        yield from ("-object", join_options(kind, tuple(pairs)))


@define(kw_only=True, eq=False, repr=False)
class WithPages:
    """Files of a host, and beside them paths that stand for huge pages, *pages*, by their size."""

    files: HostFiles | None
    pages: Mapping[str, int]

    def size(self, name: str) -> int | None:
        """Return what the host says."""
        return None if self.files is None else self.files.size(name)

    def page_size(self, name: str) -> int | None:
        """Return the size of the pages that are meant, else what the host says."""
        if name in self.pages:
            return self.pages[name]
        return None if self.files is None else self.files.page_size(name)

    def tap_option(self, option: str, descriptor: str) -> bool | None:
        """Return what the host says."""
        return None if self.files is None else self.files.tap_option(option, descriptor)

    def is_tun(self, descriptor: str) -> bool | None:
        """Return what the host says."""
        return None if self.files is None else self.files.is_tun(descriptor)


def _share(access: str | None) -> list[tuple[str, str]]:
    return [] if access is None else [("share", "on" if access == "shared" else "off")]


def _within(node: str, nodes: str) -> bool:
    """Return whether a number is in a list of libvirt's, ``0,2-3,^2``; later parts count."""
    inside = False
    for part in nodes.split(","):
        first, _, last = part.removeprefix("^").partition("-")
        bounds = (first, last or first, node)
        numbers = [int(each) for each in bounds if each.isdecimal() and each.isascii()]
        if len(numbers) == len(bounds) and numbers[0] <= numbers[2] <= numbers[1]:
            inside = not part.startswith("^")
    return inside


#: What says where the file of a backend is.
_PATH = "mem-path"

#: Where a device that is memory says how large it is.
_SIZE = "target/size"
