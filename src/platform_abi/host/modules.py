"""What the kernel's module index tells about a device node that is not there (see depmod(8))."""

from __future__ import annotations

import os

from platform_abi.host.reply import read

_INDEX_SIZE = 16 * 1024 * 1024


def node_hint(node: str) -> str:
    """Return what may be said of a missing *node*: its module is loaded or waits to be, or nothing.

    The module is the one that ``modules.devname`` names, else the one that is called as the node.
    """
    name = _for_node(node.partition("/dev/")[2] if node.startswith("/dev/") else node)
    if os.path.isdir(f"/sys/module/{name}"):  # noqa: PTH112 - see reply.read
        return f"; module {name} is there, its node is not"
    return f"; module {name} is not loaded" if listed(name) else ""


def listed(name: str) -> bool | None:
    """Return whether the running kernel has module *name*, built in or not; None: no index."""
    texts = [_index(file) for file in ("modules.dep", "modules.builtin")]
    if not texts[0]:
        return None
    wanted = {f"/{spelled}.ko" for spelled in (name, name.replace("_", "-"))}
    return any(word in text for text in texts for word in wanted)


def _for_node(node: str) -> str:
    for line in _index("modules.devname").splitlines():
        words = line.split()
        if len(words) > 1 and words[1] == node and not line.startswith("#"):
            return words[0]
    return node.rpartition("/")[2].replace("-", "_")


def _index(file: str) -> str:
    try:
        return read(f"/lib/modules/{os.uname().release}/{file}", _INDEX_SIZE)
    except OSError:
        return ""
