"""A configuration of Proxmox VE's: its keys, and the machine version that they are of.

What is made of a key has changed from version to version of ``qemu-server``, and which one counts
is that of the machine type: ``pc-q35-9.2+pve1`` is release 9.2 at revision 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

from platform_abi.errors import UsageError
from platform_abi.model.domain import DomainTable
from platform_abi.model.platform import version_key

#: Where the current state ends and that of snapshots begins (qemu-server(5)).
_SECTION = "["

#: A machine type with its release, and perhaps Proxmox VE's revision and old option ROMs.
_VERSIONED = re.compile(r"(.*-)([0-9]{1,4}\.[0-9]{1,4})(?:\.[0-9]+)?(?:\+pve([0-9]{1,4}))?(\.pxe)?")

#: The number of the first bridge that q35 does not have, which is behind another.
_NESTED = 4

#: No device is called longer, but for what nobody means.
_LONGEST = 40

#: Values that are made of words already.
_WORDS = frozenset({"at", "memory", "outputs", "limit", "drive"})


def keys_of(text: str, name: str) -> dict[str, tuple[int, str]]:
    """Return the value of each key, with its line; a later one counts.

    Raises UsageError (``qm-invalid``) for a line that is none.
    """
    found = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith(_SECTION):
            break
        if not line.strip() or line.startswith("#"):
            continue
        key, separator, value = line.partition(":")
        if not separator or not key.strip():
            raise UsageError(
                f"{name}:{number}: expected KEY: VALUE, as in cores: 4", code="qm-invalid"
            )
        found[key.strip()] = (number, value.strip())
    return found


def parts(value: str, first: str = "") -> dict[str, str]:
    """Return what a value of ``KEY=VALUE,...`` says; what is first without a key is called so."""
    found = {}
    for item in value.split(","):
        key, separator, text = item.partition("=")
        if separator:
            found[key] = text
        elif key:
            found.setdefault(first, key)
    return found


def whole(text: str) -> bool:
    """Return whether *text* is a whole number that a virtual machine may have of something."""
    return text.isdecimal() and text.isascii() and len(text) <= _MOST_DIGITS


#: More vCPUs, queues or MiB of memory nobody has.
_MOST_DIGITS = 9


class QmConfig:
    """The keys of one configuration, and what follows from several of them.

    *told* is what QEMU is told of the machine type, and *pinned* whether its user said a release.
    What is not understood is noted by ``leave``, under the name of the key.
    """

    def __init__(
        self,
        table: DomainTable,
        values: Mapping[str, str],
        *,
        arch: str,
        means: Mapping[str, str],
        qemu: str = "",
    ) -> None:
        """*means* is what QEMU calls the boards without a release, such as ``pc``, where known.

        *qemu* is the version of that QEMU, empty where it is not known.
        """
        self.table = table
        self.values = values
        self.arch = arch
        self.left: dict[str, str] = {}
        self.board = parts(values.get("machine", ""), "type")
        self.ostype = values.get("ostype", "")
        self.windows = self._windows()
        named = self.board.get("type") or table.qm_boards.get(arch, "")
        self.pinned = _VERSIONED.fullmatch(named) is not None
        if not self.pinned and self.windows:
            named = self._for_windows(named)
        versioned = _VERSIONED.fullmatch(named) or _VERSIONED.fullmatch(means.get(named, ""))
        #: Release and revision; None where only its QEMU knows.
        self.version: tuple[int, ...] | None = None
        if versioned is not None:
            revision = versioned[3] or "0"
            if not _VERSIONED.fullmatch(named):  # the newest that there is
                revision = str(table.qm_revisions.get(versioned[2], 0))
            self.version = (*version_key(versioned[2]), int(revision))
        #: What QEMU itself is told: a revision, and old option ROMs, are Proxmox VE's own.
        self.told = named.removesuffix(".pxe").partition("+")[0]
        self.old_roms = named.endswith(".pxe")
        self.q35 = "q35" in named
        self._qemu = version_key(qemu) if qemu else None
        self._buses: set[int] = set()

    def _windows(self) -> int:
        """Return which Windows is in it, as ``qemu-server`` counts them; 0 for none."""
        known = self.table.qm_windows.get(self.ostype)
        if known is not None:
            return known
        number = self.ostype.removeprefix("win")
        return int(number) if whole(number) and number != self.ostype else 0

    def _for_windows(self, named: str) -> str:
        """Return the machine type of a Windows that names no release: of when it was made."""
        boards = self.table.qm_windows_boards
        made = self.made_on()
        old = not made or version_key(made) < version_key(boards["since"])
        return boards.get(named, named) + (boards["before"] if old else made)

    def made_on(self) -> str:
        """Return the release of the QEMU that the configuration was made on, empty for none."""
        made = parts(self.values.get("meta", "")).get("creation-qemu", "")
        release = re.match(r"[0-9]{1,4}\.[0-9]{1,4}(?![0-9])", made)
        return release[0] if release is not None else ""

    def since(self, *version: int) -> bool:
        """Return whether the machine is of that version of Proxmox VE's, or later."""
        return self.version is not None and self.version >= version

    def word(self, thing: str, /, **values: object) -> str:
        """Return what QEMU is told of *thing*, with *values* in it.

        Commas of values are doubled, but for those that are words of QEMU's by themselves.
        """
        later = (
            text
            for key, text in self.table.qm_words.items()
            if key.partition(" ")[0] == thing
            and (" " not in key or self.since(*version_key(key.partition(" ")[2])))
        )
        quoted = {
            key: value if key in _WORDS else str(value).replace(",", ",,")
            for key, value in values.items()
        }
        return "".join(later).format(**quoted)

    def runs_on(self, *release: int) -> bool | None:
        """Return whether the QEMU that runs it is of that release or later; None: nobody knows."""
        if self.since(*release):
            return True
        return None if self._qemu is None else self._qemu >= release

    def leave(self, key: str, why: str = "") -> None:
        """Note that *key*, or a part of it, is not read."""
        self.left.setdefault(key, why)

    def on(self, key: str, *, default: bool) -> bool:
        """Return whether a key that is a switch is on."""
        return self.values.get(key, str(int(default))) in ("1", "yes", "on", "true")

    def numbered(self, prefix: str) -> Iterator[tuple[int, str, str]]:
        """Yield number, key and value of each key of *prefix* and a number, in their order."""
        found = sorted(
            (int(key[len(prefix) :]), key)
            for key in self.values
            if key.startswith(prefix) and whole(key[len(prefix) :])
        )
        yield from ((number, key, self.values[key]) for number, key in found)

    def drives(self) -> list[str]:
        """Return the keys of disks, in the order in which they are made."""
        kinds = ("ide", "scsi", "virtio", "sata")
        return [key for kind in kinds for _, key, _ in self.numbered(kind)]

    def at(self, ident: str) -> str:
        """Return bus and slot of a device as QEMU is told them, and note that the bus is needed."""
        place = self.place(ident)
        if place is None:
            self.leave(ident, "there is no place for it")
            return ""
        bus, slot = place
        self._buses.add(int(bus.rpartition(".")[2]))
        return f",bus={bus},addr={slot:#x}"

    def bridges(self) -> set[int]:
        """Return the numbers of the bridges that there are besides those of the board."""
        if self.q35:
            return {number for number in self._buses if number >= _NESTED}
        single = self.table.qm_scsi.get(self.values.get("scsihw", ""), "").split()[1:2] == ["1"]
        return (self._buses - {0}) | {1, 2} | ({3} if single else set())

    def unseen(self, key: str) -> bool:
        """Return whether *key* is nothing to a guest."""
        return any(fnmatchcase(key, pattern) for pattern in self.table.qm_unseen)

    def place(self, ident: str) -> tuple[str, int] | None:
        """Return the bus and the slot on PCI of a device called *ident*, None where none is."""
        known = self.table.qm_slots.get(ident)
        if known is None:
            prefix = ident.rstrip("0123456789")
            number = int(ident[len(prefix) :] or 0) if len(ident) <= _LONGEST else 0
            rows = [
                (int(name[len(prefix) :]), text)
                for name, text in self.table.qm_slots.items()
                if name.startswith(prefix) and whole(name[len(prefix) :])
            ]
            before = [row for row in rows if row[0] <= number]
            if not before:
                return None
            first, text = max(before)
            if not text:
                return None
            bus, _, slot = text.partition(" ")
            return bus, int(slot) + number - first
        bus, _, slot = known.partition(" ")
        return (bus, int(slot)) if known else None
