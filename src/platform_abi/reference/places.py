"""Where on the site something stands: a file for each page, an anchor for each entry of one."""

from __future__ import annotations

from typing import Final

#: What is the same in a file's name, in an address and in an anchor.
_PLAIN: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._")


def slug(name: str) -> str:
    """Return *name* as a file, an address and an anchor can have it; two names never share one.

    What is not plain is written as ``~`` and its bytes: nothing of it has a meaning in a path, in
    HTML or in a URL.
    """
    found = "".join(
        char if char in _PLAIN else "".join(f"~{byte:02x}" for byte in _bytes(char))
        for char in name
    )
    # A name that begins with a dot would be a hidden file, or the folder itself.
    return f"~2e{found[1:]}" if found.startswith(".") else found


def _bytes(char: str) -> bytes:
    return char.encode("utf-8", "surrogatepass")


def platform_place(name: str) -> str:
    """Return the page of a platform."""
    return f"platforms/{slug(name)}.html"


def family_place(arch: str, family: str) -> str:
    """Return the page of a family of machine types."""
    return f"machines/{slug(arch)}/{slug(family)}.html"


def machine_place(arch: str, family: str, name: str) -> str:
    """Return the place of a machine type on the page of its family."""
    return f"{family_place(arch, family)}#{slug(name)}"


def build_place(arch: str, name: str) -> str:
    """Return the page of a build of QEMU."""
    return f"builds/{slug(arch)}/{slug(name)}.html"


def pair_place(arch: str, source: str, destination: str) -> str:
    """Return the page of moves from one build to another."""
    return f"builds/{slug(arch)}/{slug(source)}~to~{slug(destination)}.html"


def stem_place(stem: str) -> str:
    """Return the page of a family of features."""
    return f"features/{slug(stem)}.html"


def feature_place(name: str, stem: str) -> str:
    """Return the place of a feature on the page of its family."""
    return f"{stem_place(stem)}#{slug(name)}"


def subsystem_place(subsystem: str) -> str:
    """Return the page of the capabilities of one subsystem."""
    return f"capabilities/{slug(subsystem)}.html"


def capability_place(name: str, subsystem: str) -> str:
    """Return the place of a host capability on the page of its subsystem."""
    return f"{subsystem_place(subsystem)}#{slug(name)}"
