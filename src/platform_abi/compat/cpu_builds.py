"""What two QEMUs make of one CPU: what each can emulate, and what each knows of a host's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from platform_abi.compat.carriers import known_basis
from platform_abi.compat.cpu_asked import AskedFlags, asked_flags, cpu_table, stated_flags
from platform_abi.compat.finding import Finding
from platform_abi.compat.host_qemu import with_qemus
from platform_abi.errors import first_of
from platform_abi.model.feature import UNDECIDED
from platform_abi.model.host import QEMU_VERSION, HostReport
from platform_abi.resolver.machine_table import known_build

if TYPE_CHECKING:
    from platform_abi.model.abi import GuestAbi
    from platform_abi.model.catalogue import Catalogue
    from platform_abi.model.reported import ReportedQemu

#: So many flags are named.
_NAMED = 8


def cpu_build_findings(
    catalogue: Catalogue,
    abi: GuestAbi,
    start: HostReport,
    end: HostReport,
    qemus: tuple[ReportedQemu | None, ReportedQemu | None] = (None, None),
    *,
    allow_unknown: bool = False,
) -> Iterator[Finding]:
    """Yield what the CPU of *abi* would gain or lose between the QEMUs of two hosts.

    A QEMU that emulates a CPU leaves out, without a word, the flags that it cannot emulate. One
    that shows a guest the host's CPU shows what it knows of it: what that comes to on each host,
    *qemus* say, which are those that run it; else releases count. Reports that do not name a QEMU
    say nothing.
    """
    before, after = (
        _release(report, qemu) for report, qemu in zip((start, end), qemus, strict=True)
    )
    basis = known_basis(catalogue, abi)
    if basis is None or "" in (before, after):
        return
    if abi.vm.accelerator not in catalogue.devices().native_accelerators:
        if before != after:
            yield from _emulated(
                catalogue, abi, basis.cpu, (before, after), allow_unknown=allow_unknown
            )
        return
    if basis.cpu not in UNDECIDED:
        return
    shown = [None if qemu is None else _shown(qemu, basis.cpu) for qemu in qemus]
    if None not in shown:
        first, second = (frozenset(flags or ()) for flags in shown)
        yield from _shown_otherwise(catalogue, abi, first ^ second, qemus, (before, after))
    elif before != after:
        yield Finding(
            code="cpu-build",
            severity="blocked",
            message=f"-cpu {basis.cpu} is what QEMU knows of the host's CPU, and QEMU {before} "
            f"and {after} do not know the same",
            help="reports that hold their QEMUs say what differs; or one release of QEMU on "
            "both hosts, or -cpu with a named model",
        )


def _emulated(
    catalogue: Catalogue,
    abi: GuestAbi,
    model: str,
    releases: tuple[str, str],
    *,
    allow_unknown: bool,
) -> Iterator[Finding]:
    """Yield what only one of two releases can emulate of what the CPU *model* of *abi* has."""
    table, asked = cpu_table(catalogue, abi.vm), asked_flags(catalogue, abi)
    if table is None or asked is None:
        return
    if not table.emulated.keys() >= set(releases):
        yield Finding(
            code="cpu-build",
            severity="warn" if allow_unknown else "blocked",
            message=f"which CPU flags QEMU {' and '.join(releases)} can emulate is not known",
            help="one release of QEMU on both hosts",
        )
        return
    before, after = (table.emulated[release] for release in releases)
    flags = sorted(flag for flag in before ^ after if _asks(asked, flag, model))
    if flags:
        off = ",".join(f"{flag}=off" for flag in flags)
        yield Finding(
            code="cpu-build",
            severity="blocked",
            message=f"only one of QEMU {' and '.join(releases)} can emulate what CPU {model} has: "
            + first_of(flags, _NAMED),
            help=f"from its next start on: -cpu {model},{off}",
        )


def _shown(qemu: ReportedQemu, model: str) -> tuple[str, ...] | None:
    """Return the flags that *model* has in *qemu*; they stand once where two models have the same.

    None where its report does not say.
    """
    return qemu.cpus.get(model) or next(iter(qemu.cpus.values()), None)


def _shown_otherwise(
    catalogue: Catalogue,
    abi: GuestAbi,
    differ: frozenset[str],
    qemus: tuple[ReportedQemu | None, ReportedQemu | None],
    releases: tuple[str, str],
) -> Iterator[Finding]:
    """Yield what only one of two QEMUs shows of the CPU that it runs on."""
    model = "" if abi.vm.cpu is None else abi.vm.cpu.model
    flags = sorted(differ - stated_flags(catalogue, abi))
    if not flags:
        return
    off = "".join(f",{flag}=off" for flag in flags)
    if not _switches(catalogue, model, qemus).issuperset(flags):
        helps = (
            "one of them has no switch for that, and no -cpu that both take makes them one: one "
            "release of QEMU, or -cpu with a named model"
        )
    else:
        helps = f"from its next start on: -cpu {model}{off}"
    yield Finding(
        code="cpu-build",
        severity="blocked",
        message=f"-cpu {model} is what QEMU shows of the host's CPU, and on only one of the two "
        f"hosts, with QEMU {' and '.join(dict.fromkeys(releases))}, it shows "
        f"{first_of(flags, _NAMED)}",
        help=helps,
    )


def _switches(
    catalogue: Catalogue, model: str, qemus: tuple[ReportedQemu | None, ReportedQemu | None]
) -> frozenset[str]:
    """Return the flags that ``-cpu`` *model* can be given in both *qemus*, as far as is known."""
    beside, builds = with_qemus(catalogue, qemus)
    known = []
    for qemu, build in zip(qemus, builds, strict=True):
        of = qemu and build and beside.cpu_models(build, qemu.arch).get(model)
        if not (of and qemu and build):
            return frozenset()
        known.append(frozenset(known_build(beside, build, qemu.arch).kinds(of.type)))
    return known[0] & known[1]


def _release(report: HostReport, qemu: ReportedQemu | None) -> str:
    """Return the release of the QEMU that runs it on a host: ``10.0`` of 10.0.2."""
    version = report.values.get(QEMU_VERSION, "") if qemu is None else qemu.version
    return ".".join(version.split(".")[:2])


def _asks(asked: AskedFlags, flag: str, model: str) -> bool:
    if model in UNDECIDED:
        return flag not in asked.off
    return flag in asked.of_model or flag in asked.given
