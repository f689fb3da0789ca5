"""The options of a command line that are neither devices nor the CPU, as QEMU reads them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from platform_abi.errors import UsageError
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.value import define, field
from platform_abi.model.vm import UNKNOWN, Properties

#: Pairs of a name and a text.
Facts = Iterator[tuple[str, str]]

#: Behind the name of an option whose argument QEMU would refuse.
UNREAD = " unread"


class HostFiles(Protocol):
    """Who knows files of the host; None is what nobody can tell."""

    def size(self, name: str) -> int | None:
        """Return how many bytes a guest sees of an image, None where it cannot be read."""
        ...

    def page_size(self, name: str) -> int | None:
        """Return the size of the pages of a folder or file of huge pages, 0 for one of none."""
        ...

    def tap_option(self, option: str, descriptor: str) -> bool | None:
        """Return whether a tap that QEMU is handed as *descriptor* has an option of ``-netdev``."""
        ...

    def is_tun(self, descriptor: str) -> bool | None:
        """Return whether such a tap is one of /dev/net/tun, and no macvtap."""
        ...


@define(kw_only=True, eq=False, repr=False)
class HardwareReading:
    """The options of one command line that are neither devices nor the CPU."""

    catalogue: Catalogue
    arch: str
    files: HostFiles | None
    #: The pairs of each occurrence of an option.
    given: dict[str, list[Properties]] = field(factory=dict)

    def take(self, name: str, value: str | None) -> None:
        """Take in one option as QEMU reads it; *name* is empty for a disk."""
        table = self.catalogue.options()
        name = name or "hda"
        if name in table.machine_option:
            key, equals, fixed = table.machine_option[name].partition("=")
            self.note("machine", ((key, fixed if equals else value or ""),))
        elif name in table.drive:
            said = table.pairs("drive", table.drive[name])
            self.note("drive", (*said, ("file", value or "")))
        elif value is None or name in table.texts:
            self.note(name, (("", value or "on"),))
        else:
            try:
                self.note(name, table.pairs(name, value))
            except UsageError:  # for QEMU to judge
                if not table.hides(name, self.arch):
                    self.note(f"{name}{UNREAD}", (("", value),))

    def note(self, name: str, pairs: Properties) -> None:
        """Take in the *pairs* of one occurrence of an option."""
        self.given.setdefault(name, []).append(pairs)

    def amend(self, group: str, ident: str, key: str, value: str) -> None:
        """Take in ``-set group.ident.key=value``."""
        found = self.given.get(group, [])
        for at, pairs in enumerate(found):
            if dict(pairs).get("id") == ident:
                found[at] = (*pairs, (key, value))

    def merged(self, name: str) -> dict[str, str]:
        """Return what all occurrences of an option say together; the later one counts."""
        return {key: value for pairs in self.given.get(name, ()) for key, value in pairs}

    def below(self, prefix: str) -> dict[str, str]:
        """Return the options of -machine below *prefix*, without it: ``smp.``."""
        pairs = self.merged("machine").items()
        return {key.removeprefix(prefix): text for key, text in pairs if key.startswith(prefix)}

    def file_size(self, name: str) -> str:
        """Return the size of a file of the host, as a fact."""
        size = None if self.files is None else self.files.size(name)
        return UNKNOWN if size is None else str(size)
