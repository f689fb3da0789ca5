"""The files that ``-readconfig`` names: read once here, and then by QEMU."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence

from platform_abi.errors import UsageError, printable
from platform_abi.files import read_bytes
from platform_abi.launch.command_line import read_command_line
from platform_abi.model.option_table import OptionTable

#: QEMU's option for them.
OPTION = "readconfig"

#: No configuration of a virtual machine comes near this. In bytes.
_MAX_SIZE = 16 * 1024 * 1024


class ConfigurationFiles:
    """What was read, by name; what can be read only once, such as ``<(command)``, is kept."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def read(self, name: str) -> str:
        """Return the text of file *name*, in which bytes that are no text are surrogates.

        Raises HostError (``read-failed``) where it cannot be read or is neither a regular file nor
        open already, UsageError (``configuration-syntax``) where it is too large.
        """
        content = self._kept.get(name)
        if content is None:
            content = read_bytes(name, _MAX_SIZE)
        if len(content) > _MAX_SIZE:
            raise UsageError(
                f"{printable(name)}: larger than {_MAX_SIZE} bytes", code="configuration-syntax"
            )
        if not stat.S_ISREG(os.stat(name).st_mode):  # noqa: PTH116 - a name may hold bytes that are no text
            self._kept[name] = content
        return content.decode("utf-8", "surrogateescape")

    def handed_on(self, table: OptionTable, words: Sequence[str]) -> tuple[str, ...]:
        """Return *words* with what QEMU could not read again in files of memory instead.

        They are inherited by the QEMU that this process becomes.
        """
        out = list(words)
        for option in read_command_line(table, words).options if self._kept else ():
            if option.name == OPTION and option.value in self._kept:
                out[option.at + 1] = _in_memory(self._kept[option.value])
        return tuple(out)


def _in_memory(content: bytes) -> str:
    """Return the name of a new file with *content* that outlives this program, not this process."""
    descriptor = os.memfd_create(OPTION, 0)
    with os.fdopen(os.dup(descriptor), "wb") as stream:
        stream.write(content)
    return f"/dev/fd/{descriptor}"
