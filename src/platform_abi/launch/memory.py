"""The RAM of a command line: its size, what it is made of, and which node has it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from platform_abi.launch.hardware_options import Facts, HardwareReading
from platform_abi.model.option_language import join_options
from platform_abi.model.option_table import OptionBoard
from platform_abi.model.value import define
from platform_abi.model.vm import UNKNOWN
from platform_abi.resolver.explicit import BOOLEANS
from platform_abi.resolver.topology import MEGABYTES, memory, size_of

#: What the QOM type of a memory backend begins with.
MEMORY_BACKEND = "memory-backend-"


@define(kw_only=True, eq=False, repr=False)
class Memory:
    """The RAM of a command line: its size, what it is made of, and which node has it."""

    reading: HardwareReading
    board: OptionBoard | None

    def facts(self) -> Facts:
        """Yield what there is to tell."""
        given = self.reading.merged("m")
        names = {"size": "size", "max-size": "maxmem", "slots": "slots"}
        for key, value in self.reading.below("memory.").items():
            # A size of -machine is in bytes.
            given[names.get(key, key)] = f"{value}b" if value.isdecimal() else value
        if "slots" in given:
            given["slots"] = given["slots"].removesuffix("b")
        backend = self.reading.merged("machine").get("memory-backend")
        objects = dict(self._backends())
        default = self.board.memory if self.board is not None else None
        if "size" not in given and backend in objects:
            default = int(objects[backend].get("size", "0")) or default
        found = memory(given, default)
        if found is not None:
            yield "memory.size", str(found.size)
            yield "memory.slots", str(found.slots)
            if found.maximum > found.size:
                yield "memory.max-size", str(found.maximum)
        path = self.reading.merged("mem-path").get("")
        nodes = [dict(pairs) for pairs in self.reading.given.get("numa", ())]
        if backend is None and not any("memdev" in node for node in nodes):
            # What a board has by itself is called the same in the stream as one of that name.
            backend = self.board.memory_id if self.board is not None else "default"
            pages = {} if path is None else {"page-size": self._page_size({"mem-path": path})}
            kind = f"{MEMORY_BACKEND}{'ram' if path is None else 'file'}"
            objects[backend] = {"": kind, "share": "off", **pages}
        if backend is not None:
            yield "memory.backend", backend
        for name, pairs in objects.items():
            kind = pairs.pop("")
            if name == backend:
                pairs.pop("size", None)  # that is the machine's
            yield f"object.{name}", join_options(kind, (*sorted(pairs.items()),))
        yield from self._numa(nodes)

    def _backends(self) -> Iterator[tuple[str, dict[str, str]]]:
        for pairs in self.reading.given.get("object", ()):
            given = dict(pairs)
            kind = given.get("qom-type", "")
            if not kind.startswith(MEMORY_BACKEND):
                continue
            shared = kind in self.reading.catalogue.options().shared_memory
            share = given.get("share", "on" if shared else "off")
            kept = {"": kind, "share": BOOLEANS.get(share, share)}
            if "size" in given:
                kept["size"] = str(size_of(given["size"], f"-object {kind} size"))
            pages = self._page_size(given)
            if pages:
                kept["page-size"] = pages
            kept |= {key: value for key, value in given.items() if key in _OF_STREAM}
            yield given.get("id", ""), kept

    def _page_size(self, given: Mapping[str, str]) -> str:
        """Return the size of huge pages, nothing where there are none."""
        if BOOLEANS.get(given.get("hugetlb", "off")) == "on":
            size = given.get("hugetlbsize")
            return "default" if size is None else str(size_of(size, "hugetlbsize"))
        if "mem-path" not in given:
            return ""
        files = self.reading.files
        pages = None if files is None else files.page_size(given["mem-path"])
        return UNKNOWN if pages is None else str(pages or "")

    def _numa(self, nodes: Sequence[Mapping[str, str]]) -> Facts:
        """Yield nodes by their number, and everything else that -numa says, in its order."""
        number = 0
        for at, pairs in enumerate(self.reading.given.get("numa", ())):
            node = nodes[at]
            if node.get("type") != "node":
                rest = join_options(
                    node.get("type", ""), (*sorted(pair for pair in pairs if pair[0] != "type"),)
                )
                yield f"numa.{rest}", "on"
                continue
            ident = node.get("nodeid", str(number))
            number += 1
            cpus = [value for key, value in pairs if key == "cpus"]
            if cpus:
                yield f"numa.node{ident}.cpus", " ".join(sorted(cpus))
            for key, value in sorted(node.items()):
                if key not in ("type", "nodeid", "cpus"):
                    is_size = key == "mem"
                    text = str(size_of(value, "-numa mem", unit=MEGABYTES)) if is_size else value
                    yield f"numa.node{ident}.{key}", text
            yield f"numa.node{ident}", "on"


#: What of a memory backend changes the name of its memory in the stream.
_OF_STREAM = ("x-use-canonical-path-for-ramblock-id",)
