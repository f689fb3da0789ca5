"""Which file is the QEMU to run: the one way to find it, and never this program itself.

Asked before anything else is imported, by whoever wants to know what QEMU there is: so nothing
is imported here that costs, and QEMU's names stand here and not in a definition.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping

from platform_abi.errors import HostError, printable

#: Names the QEMU to run, before any that is looked for.
QEMU_VARIABLE = "PLATFORM_ABI_QEMU"

#: This program, under a name that may say for which guests: ``qemu-platform-aarch64``.
_OWN_NAME = re.compile(r"qemu-platform(?:-(?P<arch>[a-z0-9_]+))?")

#: QEMU under a name that says the same, with whatever a site puts behind it.
_QEMU_NAME = re.compile(r"qemu-system-(?P<arch>[a-z0-9_]+)")

#: What RHEL installs outside of PATH, for guests of the host's architecture.
_OUTSIDE_PATH = "/usr/libexec/qemu-kvm"

#: What Debian, Proxmox and RHEL call the QEMU of the host's architecture.
_OTHER_NAMES = ("kvm", "qemu-kvm")

#: QEMU's names of architectures that operating systems call otherwise.
QEMU_NAMES = {
    "amd64": "x86_64",
    "arm64": "aarch64",
    "i486": "i386",
    "i586": "i386",
    "i686": "i386",
    "armv7l": "arm",
    "ppc64le": "ppc64",
}

_HELP = f"install QEMU, or name its binary with --qemu or {QEMU_VARIABLE}"


def host_architecture() -> str:
    """Return the architecture of this host, as QEMU calls it in the names of its programs."""
    machine = os.uname().machine
    return QEMU_NAMES.get(machine, machine)


def own_architecture(program: str) -> str | None:
    """Return the architecture that the name of this *program* stands for, None for any."""
    match = _OWN_NAME.fullmatch(os.path.basename(program))  # noqa: PTH119 - start-up time
    return None if match is None else match["arch"]


def guest_architecture(binary: str, given: str | None = None) -> str:
    """Return the architecture that *binary* emulates by its name, else what is *given* for it.

    Without either that of this host: a ``qemu-kvm`` runs what its host does.
    """
    match = _QEMU_NAME.match(os.path.basename(binary))  # noqa: PTH119 - start-up time
    if match is not None:
        return match["arch"]
    return given or host_architecture()


def is_qemu(name: str) -> bool:
    """Return whether *name*, without folders, is one that QEMU's program or this one has."""
    known = name in _OTHER_NAMES or _OWN_NAME.fullmatch(name) is not None
    return known or _QEMU_NAME.match(name) is not None


def find_qemu(environment: Mapping[str, str], arch: str) -> str | None:
    """Return the QEMU system emulator for *arch* that this host would use, None if there is none.

    The one that ``PLATFORM_ABI_QEMU`` of *environment* names, whether it is there or not; else
    ``qemu-system-ARCH`` in its ``PATH``; else the one that RHEL installs outside of it. This
    program, which may itself be installed under QEMU's name, is never meant.
    """
    named = environment.get(QEMU_VARIABLE)
    if named:
        return named
    places = [f"qemu-system-{arch}"]
    if arch == host_architecture():
        places.append(_OUTSIDE_PATH)
    candidates = (path for place in places for path in _runnable(place, environment))
    return next((path for path in candidates if not _is_this(path)), None)


def qemu_path(named: str | None, environment: Mapping[str, str], arch: str) -> str:
    """Return the path of the QEMU to run: the *named* one, else what ``find_qemu`` says.

    A name without a slash is looked up in ``PATH`` of *environment*.

    Raises HostError: ``qemu-not-found``, or ``qemu-is-this`` where this very program was named.
    """
    wanted = named if named is not None else find_qemu(environment, arch)
    if wanted is None:
        raise _not_there(f"qemu-system-{arch}")
    path = next(_runnable(wanted, environment), None)
    if path is None:
        raise _not_there(wanted)
    if _is_this(path):
        raise HostError(
            f"{printable(wanted)} is this program, not a QEMU",
            code="qemu-is-this",
            help=f"name QEMU's own binary with --qemu or {QEMU_VARIABLE}",
        )
    return path


def _not_there(wanted: str) -> HostError:
    return HostError(
        f"{printable(wanted)}: no such file, or none that this user may run",
        code="qemu-not-found",
        help=_HELP,
    )


def _runnable(name: str, environment: Mapping[str, str]) -> Iterator[str]:
    """Yield the files that *name*, a path or a name to be found in PATH, can mean to this user."""
    if "\0" in name or not name:
        return
    path = environment.get("PATH", os.defpath)
    folders = [""] if "/" in name else path.split(os.pathsep)
    for folder in folders:
        # An empty entry of PATH is the working directory (environ(7)).
        file = name if "/" in name else f"{folder or '.'}/{name}"
        if os.path.isfile(file) and os.access(file, os.X_OK):  # noqa: PTH113 - start-up time
            yield file


def _is_this(file: str) -> bool:
    """Return whether *file* is this program, by its own name or as the file that is running."""
    own = os.path.basename(os.path.realpath(file))  # noqa: PTH119 - start-up time
    if _OWN_NAME.fullmatch(own):
        return True
    try:
        return os.path.samefile(file, sys.argv[0])  # noqa: PTH121 - start-up time
    except OSError:
        return False
