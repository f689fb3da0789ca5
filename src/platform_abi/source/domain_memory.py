"""The memory of a domain as QEMU's options."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import define

from platform_abi.errors import UsageError
from platform_abi.model.domain import DomainTable
from platform_abi.model.option_language import join_options
from platform_abi.model.xml_tree import Element
from platform_abi.source.domain_tree import DomainTree

#: How libvirt lets the board's memory be called by its id in a stream, and not by its path.
_BY_ID = ("x-use-canonical-path-for-ramblock-id", "off")

#: What memory of huge pages is called among the kinds of memory.
_HUGE = "hugepages"


@define(kw_only=True, eq=False, repr=False)
class DomainMemory:
    """The memory of a domain: the board's, of its nodes, and of devices.

    *ident* is what the board's is called where it is not of nodes; empty: nobody knows.
    """

    tree: DomainTree
    table: DomainTable
    arch: str
    ident: str

    def words(self, machine: list[tuple[str, str]]) -> Iterator[str]:
        """Yield QEMU's words for all but devices, and let *machine* name its backend.

        Raises UsageError (``domain-invalid``) where no size is said.
        """
        tree, root = self.tree, self.tree.root
        numa = tree.find(root, "cpu/numa")
        cells = [] if numa is None else [*numa.named("cell")]
        total = sum(map(self._of_cell, cells)) if cells else self._of_board()
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
            usual = tree.get(root, "memoryBacking/access/@mode")
            yield from self.backend(self.ident, total, usual, own=True)

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
        usual = tree.get(tree.root, "memoryBacking/access/@mode")
        for at, cell in enumerate(cells):
            tree.mark(cell)
            ident = tree.get(cell, "@id") or str(at)
            shared = tree.get(cell, "@memAccess") or usual
            yield from self.backend(f"ram-node{ident}", self._of_cell(cell), shared)
            cpus = [("cpus", part) for part in (tree.get(cell, "@cpus") or "").split(",") if part]
            backend = ("memdev", f"ram-node{ident}")
            yield from ("-numa", join_options("node", (("nodeid", ident), *cpus, backend)))
            distances = tree.find(cell, "distances")
            for sibling in () if distances is None else distances.named("sibling"):
                tree.mark(sibling)
                to, distance = tree.get(sibling, "@id"), tree.get(sibling, "@value")
                yield from ("-numa", f"dist,src={ident},dst={to},val={distance}")

    def backend(
        self, name: str, number: int, access: str | None, *, own: bool = False
    ) -> Iterator[str]:
        """Yield the backend *name* of *number* bytes; *own* is that of the board, without nodes."""
        tree, root = self.tree, self.tree.root
        source = tree.get(root, "memoryBacking/source/@type")
        if source is None and tree.find(root, "memoryBacking/hugepages") is not None:
            source = _HUGE
        kind, *more = self.table.memory.get(source or "", ("",))
        pairs = [("id", name), ("size", str(number))]
        if source is not None or access is not None:
            pairs.append(("share", "on" if access == "shared" else "off"))
        pairs += [(key, value) for key, _, value in (text.partition("=") for text in more)]
        if own and more:
            pairs.append(_BY_ID)
        yield from ("-object", join_options(kind, tuple(pairs)))


#: Where a device that is memory says how large it is.
_SIZE = "target/size"
