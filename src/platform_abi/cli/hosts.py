"""Host reports that the command line names: a file, standard input, or this very host."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

from attrs import evolve

from platform_abi.cli.render import note
from platform_abi.compat.evidence import complete, from_configuration
from platform_abi.compat.supported import PlatformVerdict, newest
from platform_abi.definitions.catalogue import FileCatalogue
from platform_abi.errors import HostError
from platform_abi.files import STDIN, read_bytes
from platform_abi.host.document import MAX_SIZE, read_report
from platform_abi.model.host import HostReport

#: The name that stands for the host that this runs on.
THIS = "this"

#: What a site prefers where no platform was named: ``newest`` or ``conservative``.
POLICY_VARIABLE = "PLATFORM_ABI_POLICY"


def report_of(catalogue: FileCatalogue, name: str) -> HostReport:
    """Return the report called *name*: ``this`` probes, ``-`` is standard input, else a file.

    Raises HostError where it cannot be read, ReportError where it is no report.
    """
    if name == THIS:
        return probe_this(catalogue)
    called = "standard input" if name == STDIN else name
    return read_report(read_bytes(name, MAX_SIZE, stdin=True), called)


def choose(
    verdicts: tuple[PlatformVerdict, ...], report: HostReport, policy: str | None = None
) -> PlatformVerdict | None:
    """Return the platform to choose by *policy*, else by what this site prefers."""
    wanted = policy or os.environ.get(POLICY_VARIABLE) or "newest"
    return newest(verdicts, report, wanted)


def probe_this(
    catalogue: FileCatalogue,
    *,
    qemu: str | None = None,
    ask_qemu: bool = True,
    timeout: float | None = None,
) -> HostReport:
    """Return what this host offers, asked now; *qemu* is the binary to ask what only a QEMU knows.

    Without *qemu* the usual one is asked where there is one. A named one that does not answer is a
    HostError; the usual one that does not leaves facts unknown, and a remark says so.
    """
    from platform_abi.host.probe import TIMEOUT, probe
    from platform_abi.qemu.binary import find_qemu

    capabilities = catalogue.capabilities()
    binary = qemu or (find_qemu(os.environ, os.uname().machine) if ask_qemu else None)
    with ThreadPoolExecutor(1) as pool:
        # QEMU loads its libraries meanwhile: most of the time either waits.
        asked = None if binary is None else pool.submit(_ask, catalogue, binary, timeout)
        report = probe(capabilities, timeout=TIMEOUT if timeout is None else timeout)
        if asked is not None:
            try:
                report = complete(report, asked.result())
            except HostError as error:
                if qemu is not None:
                    raise
                note("no QEMU asked", error.message)
    return from_configuration(catalogue, report)


def _ask(catalogue: FileCatalogue, binary: str, timeout: float | None) -> HostReport:
    from platform_abi.qemu.cpu_models import ask_cpu_models
    from platform_abi.qemu.netdevs import ask_netdevs

    bound = {} if timeout is None else {"timeout": timeout}
    first = ask_netdevs(catalogue.capabilities(), binary, **bound)
    models = ask_cpu_models(binary, **bound)
    return evolve(first, sets={**first.sets, **models.sets})
