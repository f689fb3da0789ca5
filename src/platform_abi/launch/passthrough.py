"""Command lines that ask QEMU something and start no guest: they pass through untouched.

A management tool asks a QEMU what it is many times before it starts one, so this is decided before
anything is imported or read.
"""

from __future__ import annotations

from collections.abc import Sequence

#: -version, -help and the like print and exit (qemu-options.hx).
_ASKING = frozenset({"version", "help", "h", "audio-help"})

#: Options that list what there is where their argument is ``help``, or ends with it. To others it
#: is a value: a virtual machine may be called help (``-name``).
_LISTING = frozenset(
    {
        "M", "accel", "audio", "audiodev", "chardev", "cpu", "d", "device", "display", "drive",
        "machine", "net", "netdev", "nic", "object", "soundhw", "tpmdev", "trace", "vga",
        "watchdog",
    }
)  # fmt: skip

#: Options whose argument is text for somebody else, and may look like an option.
_TEXT = frozenset({"append", "name"})

#: The machine of a QEMU that is only asked over QMP (hw/core/null-machine.c).
_NO_MACHINE = "none"


def passes_through(words: Sequence[str]) -> bool:
    """Return whether *words*, QEMU's arguments, start no virtual machine of any machine type.

    So they do with ``-version`` and ``-help``, with ``help`` or ``?`` where an option lists what
    there is (``-device virtio-net-pci,help``), and with ``-machine none``. ``-platform`` is
    another matter: whoever names one wants an answer of ours.
    """
    previous = ""
    found = False
    for word in words:
        if previous in _TEXT:
            previous = ""
            continue
        name = word.lstrip("-") if word.startswith("-") else ""
        if name == "platform":
            return False
        if name in _ASKING:
            found = True
        elif previous in _LISTING and not name:
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
