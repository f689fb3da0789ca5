"""What this host offers: it is asked for everything, and nothing of the asking stays.

The asking is done by a child (see ``child``), so that no device can hang the caller and no filter
kill it. What the child says is taken with care: whatever is missing or makes no sense is unknown.
What the kernel loads in order to answer, such as the module behind a node that is opened, stays
loaded, as it would after the first virtual machine.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from platform_abi.host.answers import Answers
from platform_abi.host.order import order_for
from platform_abi.host.prober import Prober
from platform_abi.model.host import Fact, HostReport
from platform_abi.qemu.binary import QEMU_NAMES

if TYPE_CHECKING:
    from platform_abi.model.capability import Capability

#: How long one device may take to answer, in seconds.
TIMEOUT: Final = 5.0

#: Nobody waits longer, in seconds, and clocks of the kernel cannot count much further.
_LONGEST: Final = 3600.0


def probe(
    capabilities: Mapping[str, Capability],
    *,
    timeout: float = TIMEOUT,
    python: str | None = None,
) -> HostReport:
    """Return what this host offers, of *capabilities* and of what two hosts are compared by.

    *timeout* is how long one device may take to answer, in seconds; the whole takes a few seconds
    more at most. *python* is the interpreter that asks, this one if it is None.

    What could not be found out is unknown, with the reason; nothing is raised for it. Privileges
    are those of this process, and a node that only QEMU's user may open is unknown to others: ask
    as the user that will run QEMU.
    """
    with Prober(python) if _system()[0] == _ASKED else contextlib.nullcontext() as prober:
        return probe_with(prober, capabilities, timeout)


def probe_with(
    prober: Prober | None, capabilities: Mapping[str, Capability], timeout: float = TIMEOUT
) -> HostReport:
    """Return what ``probe`` does, asked by *prober*, which may have been started before."""
    system, release, machine = _system()
    base = HostReport(
        system=system,
        release=release,
        arch=QEMU_NAMES.get(machine.lower(), machine.lower()),
    )
    asked = order_for(capabilities, machine)
    if prober is None or system != _ASKED:
        unknown = Fact(state="unknown", detail="this probe asks Linux")
        return Answers(asked).report(base, dict.fromkeys(asked.names, unknown))
    timeout = min(timeout, _LONGEST)
    said, reason = prober.ask(asked.document(timeout), timeout)
    answers = Answers(asked)
    for line in said.splitlines(keepends=True):
        answers.take(line)
    return answers.report(base, answers.facts(reason))


#: The system that can be asked.
_ASKED: Final = "linux"


def _system() -> tuple[str, str, str]:
    """Return the names of the operating system, of its release and of the machine."""
    if hasattr(os, "uname"):
        here = os.uname()
        return here.sysname.lower(), here.release, here.machine
    import platform

    elsewhere = platform.uname()
    return elsewhere.system.lower(), elsewhere.release, elsewhere.machine
