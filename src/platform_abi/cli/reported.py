"""A host that is not asked, because somebody who may ask more has written down what it said."""

from __future__ import annotations

import os

from platform_abi.cli.hosts import report_of
from platform_abi.definitions.catalogue import FileCatalogue
from platform_abi.errors import UsageError, printable
from platform_abi.launch.asking import Learn, ThisHost
from platform_abi.model.abi import GuestAbi
from platform_abi.model.host import HostReport


class ReportedHost(ThisHost):
    """A host by its report, the file *name*; only its QEMU is asked itself.

    What it offers raises UsageError (``host-report-stale``) where the report was made under
    another kernel, and what ``read_report`` does.
    """

    def __init__(
        self, catalogue: FileCatalogue, binary: str, name: str, learn: Learn | None = None
    ) -> None:
        super().__init__(catalogue, binary, learn=learn)
        self._report = report_of(catalogue, name)
        running = os.uname().release
        if self._report.release != running:
            raise UsageError(
                f"{printable(name)} is about Linux {printable(self._report.release)}, and this "
                f"host runs {running}",
                code="host-report-stale",
                help=f"make it anew after each boot: platform-abi host -o {printable(name)}",
            )

    def everything(self) -> HostReport:
        """Return all that this host offers."""
        return self._report

    def needed(self, abi: GuestAbi) -> HostReport:
        """Return the same: a report has everything."""
        del abi
        return self._report
