"""Host reports of hosts that have nothing of this package: many at once, each on its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from platform_abi.errors import PlatformAbiError, ReportError
from platform_abi.host.document import read_report
from platform_abi.model.value import evolve, frozen
from platform_abi.remote.destination import called
from platform_abi.remote.known import with_known_qemus
from platform_abi.remote.script import Wishes, probe_script
from platform_abi.remote.ssh import CONNECT_TIMEOUT, Answer, ask_over_ssh

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from platform_abi.definitions.catalogue import FileCatalogue
    from platform_abi.model.host import HostReport

#: How long a host may take besides its probe, in seconds: to let us in, and to start a Python.
_BESIDES: Final = CONNECT_TIMEOUT + 5


@frozen(kw_only=True)
class AskedHost:
    """A host that was asked, called as it was asked for: its report, or why there is none.

    *remarks* are what could not be asked there, and is unknown in the report.
    """

    name: str
    report: HostReport | None = None
    error: PlatformAbiError | None = None
    remarks: tuple[str, ...] = ()


def ask_hosts(
    catalogue: FileCatalogue,
    names: Sequence[str],
    wishes: Wishes | None = None,
    *,
    progress: Callable[[int], None] = lambda _: None,
) -> list[AskedHost]:
    """Return what the hosts *names* offer, each called ``ssh:HOST``, in their order.

    Each is asked by a script that its python3 runs: for what is defined, and what *wishes* say.
    What goes wrong with one is its error, and the others go on. *progress* is told how many are
    done. A report is as one of an installed probe: see ``known`` for its QEMUs.

    Raises UsageError (``bad-host``) for what is no host at all, before any is asked.
    """
    wishes = wishes or Wishes()
    script = probe_script(catalogue.capabilities(), wishes)
    answers = ask_over_ssh(names, script, timeout=wishes.limit + _BESIDES, progress=progress)
    return [_read(catalogue, answer) for answer in answers]


def _read(catalogue: FileCatalogue, answer: Answer) -> AskedHost:
    name = answer.name
    if answer.error is not None:
        return AskedHost(name=name, error=answer.error)
    try:
        report = evolve(read_report(answer.report, name), name=called(name))
    except ReportError as error:
        return AskedHost(name=name, error=error)
    return AskedHost(name=name, report=with_known_qemus(catalogue, report), remarks=answer.remarks)
