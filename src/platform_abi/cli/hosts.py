"""Host reports that the command line names: a file, standard input, or this very host."""

from __future__ import annotations

import os
import sys

from platform_abi.definitions.catalogue import FileCatalogue
from platform_abi.emit.lockfile import read_text
from platform_abi.errors import HostError
from platform_abi.host.document import MAX_SIZE, read_report
from platform_abi.model.host import HostReport

#: The name that stands for the host that this runs on.
THIS = "this"


def report_of(catalogue: FileCatalogue, name: str) -> HostReport:
    """Return the report called *name*: ``this`` probes, ``-`` is standard input, else a file.

    Raises HostError where it cannot be read, ReportError where it is no report.
    """
    if name == THIS:
        return probe_this(catalogue)
    if name == "-":
        return read_report(sys.stdin.buffer.read(MAX_SIZE + 1), "standard input")
    return read_report(read_text(name), name)


def probe_this(
    catalogue: FileCatalogue,
    *,
    qemu: str | None = None,
    ask_qemu: bool = True,
    timeout: float | None = None,
) -> HostReport:
    """Return what this host offers, asked now; *qemu* is the binary to ask for its netdevs.

    Without *qemu* the usual one is asked where there is one. A named one that does not answer is a
    HostError; the usual one that does not leaves facts unknown.
    """
    from platform_abi.compat.evidence import complete, from_configuration
    from platform_abi.host.netdevs import ask_netdevs, find_qemu
    from platform_abi.host.probe import TIMEOUT, probe

    capabilities = catalogue.capabilities()
    report = probe(capabilities, timeout=TIMEOUT if timeout is None else timeout)
    binary = qemu or (find_qemu(os.environ, report.arch) if ask_qemu else None)
    if binary is not None:
        try:
            report = complete(report, ask_netdevs(capabilities, binary))
        except HostError:
            if qemu is not None:
                raise
    return from_configuration(catalogue, report)
