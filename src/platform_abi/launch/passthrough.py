"""Command lines that ask QEMU something and start no guest: they pass through untouched.

A management tool asks a QEMU what it is many times before it starts one, so this is decided before
anything is imported or read. Therefore what is known of QEMU's options stands here as well as in
``definitions/options``, and a test holds the two together. Where in doubt it is no question: a
guest that loses its platform without a word is worse than a slow answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

#: -version, -help and the like print and exit (qemu-options.hx).
_ASKING = frozenset({"version", "help", "h", "audio-help"})

#: Options that take no argument: of every other one the following word is it, whatever it looks
#: like (system/vl.c, lookup_opt; HAS_ARG in qemu-options.hx).
PLAIN = frozenset(
    {
        *_ASKING,
        "S", "async-teardown", "daemonize", "enable-fips", "enable-hax", "enable-kvm",
        "enable-sync-profile", "full-screen", "jitdump", "mem-prealloc", "no-acpi",
        "no-fd-bootchk", "no-hpet", "no-kvm", "no-reboot", "no-shutdown", "no-user-config",
        "nodefaults", "nographic", "old-param", "only-migratable", "perfmap", "portrait",
        "preconfig", "s", "semihosting", "singlestep", "snapshot", "usb", "version", "win2k-hack",
        "xen-attach", "xen-domid-restrict",
    }
)  # fmt: skip

#: Options that list what there is, with the keys of which ``help`` as a value asks for that: the
#: one that an argument's first word is the value of, and what else. Of every other key it is a
#: value like any: a file, or an id.
LISTING = {
    "M": ("type",),
    "accel": ("accel",),
    "audio": ("driver", "model"),
    "audiodev": ("driver",),
    "chardev": ("backend",),
    "cpu": (),
    "d": (),
    "device": ("driver",),
    "display": ("type",),
    "drive": ("format",),
    "machine": ("type",),
    "net": ("model",),
    "netdev": ("type",),
    "nic": ("type", "model"),
    "object": ("qom-type",),
    "soundhw": (),
    "tpmdev": ("type",),
    "trace": ("enable",),
    "vga": (),
    "watchdog": (),
}

_HELP = ("help", "?")

#: The machine of a QEMU that is only asked over QMP (hw/core/null-machine.c).
_NO_MACHINE = "none"


def passes_through(words: Sequence[str]) -> bool:
    """Return whether *words*, QEMU's arguments, start no virtual machine of any machine type.

    So they do with ``-version`` and ``-help``, with ``help`` or ``?`` where an option lists what
    there is (``-device virtio-net-pci,help``), and with ``-machine none``. ``-platform`` is
    another matter: whoever names one wants an answer of ours.
    """
    asks, machine = False, ""
    for name, argument in _options(words):
        if name == "platform":
            return False
        asks = asks or name in _ASKING or (name in LISTING and _lists(name, argument))
        if name in ("machine", "M"):
            machine = _machine(argument) or machine
        elif name == "readconfig":
            machine = name  # it may name another
    return asks or machine == _NO_MACHINE


def _options(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield each option's name, with its argument if it has one; a disk image has no name."""
    rest = iter(words)
    for word in rest:
        name = word.removeprefix("-").removeprefix("-") if word.startswith("-") else ""
        yield name, "" if not name or name in PLAIN else next(rest, "")


def _lists(option: str, argument: str) -> bool:
    """Return whether an *option* with *argument* prints what there is, or is refused."""
    if argument.lstrip().startswith("{"):  # JSON, which knows no help
        return False
    wanted = {f"{key}={word}" for key in LISTING[option] for word in _HELP}
    return any(item in _HELP or item in wanted for item in _items(argument))


def _items(argument: str) -> list[str]:
    """Return the parts between commas, of which two are one that is meant."""
    return argument.replace(",,", "\0").split(",")


def _machine(argument: str) -> str:
    """Return the machine type that an argument names, the last one, nothing where it names none."""
    items = _items(argument)
    first = [items[0]] if "=" not in items[0] else []
    named = [item[len("type=") :] for item in items if item.startswith("type=")]
    return (first + named or [""])[-1]
