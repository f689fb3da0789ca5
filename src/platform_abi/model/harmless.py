"""What a QEMU may be told without anything outside of it being touched."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from platform_abi.model.value import field, frozen

#: All keys of an option.
EVERY = "*"


@frozen(kw_only=True)
class Backend:
    """What a backend becomes: *first* as its kind, *keys* of its own, and *fixed* ones.

    An empty *first* is none at all.
    """

    first: str = ""
    keys: tuple[str, ...] = ()
    fixed: Mapping[str, str] = field(factory=dict)


@frozen(kw_only=True)
class ObjectRule:
    """Which *keys* of an object may stay, and which *kind* it becomes; empty: its own."""

    kind: str = ""
    keys: tuple[str, ...] = ()


@frozen(kw_only=True)
class HarmlessTable:
    """Everything in ``definitions/harmless/``, where each key says what it is for."""

    texts: frozenset[str] = frozenset()
    text_types: frozenset[str] = frozenset()
    device_keys: frozenset[str] = frozenset()
    machine_options: frozenset[str] = frozenset()
    drivers: tuple[str, ...] = ()
    references: Mapping[str, tuple[str, ...]] = field(factory=dict)
    refused: Mapping[str, str] = field(factory=dict)
    options: Mapping[str, tuple[str, ...]] = field(factory=dict)
    instead: Mapping[str, str] = field(factory=dict)
    backend: Mapping[str, Backend] = field(factory=dict)
    unless: Mapping[str, Mapping[str, tuple[str, ...]]] = field(factory=dict)
    object: Mapping[str, ObjectRule] = field(factory=dict)
    netdev: Mapping[str, Mapping[str, str]] = field(factory=dict)

    def refers(self, name: str) -> bool:
        """Return whether property *name* is what the host calls a backend: no guest sees that."""
        return name == "netdev" or name in self.references

    def driver(self, name: str) -> bool:
        """Return whether a device of the driver *name* touches nothing by being there."""
        return any(fnmatchcase(name, pattern) for pattern in self.drivers)
