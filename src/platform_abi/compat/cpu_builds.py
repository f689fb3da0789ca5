"""What two QEMUs make of one CPU: what each can emulate, and what each knows of a host's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from platform_abi.compat.carriers import known_plan
from platform_abi.compat.cpu_flags import AskedFlags, asked_flags, cpu_table
from platform_abi.compat.finding import Finding
from platform_abi.errors import first_of
from platform_abi.model.feature import UNDECIDED
from platform_abi.model.host import QEMU_VERSION, HostReport

if TYPE_CHECKING:
    from platform_abi.model.abi import GuestAbi
    from platform_abi.model.catalogue import Catalogue

#: So many flags are named.
_NAMED = 8


def build_findings(
    catalogue: Catalogue, abi: GuestAbi, start: HostReport, end: HostReport
) -> Iterator[Finding]:
    """Yield what the CPU of *abi* would gain or lose between the QEMUs of two hosts.

    A QEMU that emulates a CPU leaves out, without a word, the flags that it cannot emulate. One
    that shows a guest the host's CPU shows what it knows of it. Releases count; reports that do not
    name a QEMU say nothing.
    """
    before, after = (_release(report) for report in (start, end))
    plan, table = known_plan(catalogue, abi), cpu_table(catalogue, abi.vm)
    if plan is None or "" in (before, after) or before == after:
        return
    native = abi.vm.accelerator in catalogue.devices().native_accelerators
    if native and plan.cpu in UNDECIDED:
        yield Finding(
            code="cpu-build",
            severity="blocked",
            message=f"-cpu {plan.cpu} is what QEMU knows of the host's CPU, and QEMU {before} and "
            f"{after} do not know the same",
            help="one release of QEMU on both hosts, or -cpu with a named model",
        )
    asked = None if native or table is None else asked_flags(catalogue, abi)
    if table is None or asked is None:
        return
    if before not in table.emulated or after not in table.emulated:
        yield Finding(
            code="cpu-build",
            severity="warn",
            message=f"which CPU flags QEMU {before} and {after} can emulate is not known",
            help="one release of QEMU on both hosts",
        )
        return
    differ = table.emulated[before] ^ table.emulated[after]
    flags = sorted(flag for flag in differ if _asks(asked, flag, plan.cpu))
    if flags:
        off = ",".join(f"{flag}=off" for flag in flags)
        yield Finding(
            code="cpu-build",
            severity="blocked",
            message=f"only one of QEMU {before} and {after} can emulate what CPU {plan.cpu} has: "
            + first_of(flags, _NAMED),
            help=f"from its next start on: -cpu {plan.cpu},{off}",
        )


def _release(report: HostReport) -> str:
    """Return the release of the QEMU that was asked on a host: ``10.0`` of 10.0.2."""
    return ".".join(report.values.get(QEMU_VERSION, "").split(".")[:2])


def _asks(asked: AskedFlags, flag: str, model: str) -> bool:
    if model in UNDECIDED:
        return flag not in asked.off
    return flag in asked.of_model or flag in asked.given
