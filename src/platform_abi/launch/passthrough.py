"""Command lines that ask QEMU something and start no guest: they pass through untouched.

A management tool asks a QEMU what it is many times before it starts one, so this is decided before
anything is imported or read.
"""

from __future__ import annotations

from collections.abc import Sequence

#: -version, -help and the like print and exit (qemu-options.hx).
_ASKING = frozenset({"version", "help", "h", "audio-help"})

#: The machine of a QEMU that is only asked over QMP (hw/core/null-machine.c).
_NO_MACHINE = "none"


def passes_through(words: Sequence[str]) -> bool:
    """Return whether *words*, QEMU's arguments, start no virtual machine of any machine type.

    So they do with ``-version`` and ``-help``, with ``help`` or ``?`` as an argument or at the end
    of one (``-device virtio-net-pci,help``), and with ``-machine none``. ``-platform`` is another
    matter: whoever names one wants an answer of ours.
    """
    previous = ""
    found = False
    for word in words:
        name = word.lstrip("-") if word.startswith("-") else ""
        if name == "platform":
            return False
        if name in _ASKING:
            found = True
        elif previous and not name:
            first = word.partition(",")[0].rpartition("=")[2]
            asks = first in ("help", "?") or word.endswith((",help", ",?"))
            none = previous in ("machine", "M") and _machine(word) == _NO_MACHINE
            found = found or asks or none
        previous = name
    return found


def _machine(text: str) -> str:
    named = [
        item.removeprefix("type=")
        for index, item in enumerate(text.split(","))
        if item.startswith("type=") or (index == 0 and "=" not in item)
    ]
    return named[-1] if named else ""
