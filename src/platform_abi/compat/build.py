"""What one build of QEMU makes of a virtual machine: everything that speaks against running it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from platform_abi.compat.finding import VIEW_UNKNOWN, Finding
from platform_abi.compat.machine_content import compare_machine
from platform_abi.compat.machine_findings import ONE_SIDED, machine_findings
from platform_abi.compat.machine_missing import missing_in_build, told_to_have_it
from platform_abi.compat.property_missing import property_findings
from platform_abi.compat.streams import stream_findings
from platform_abi.compat.views import view_findings
from platform_abi.model.abi import MachineContent
from platform_abi.model.value import evolve
from platform_abi.resolver.cpu_models import cpu_model, has_cpu_model

if TYPE_CHECKING:
    from platform_abi.model.abi import GuestAbi
    from platform_abi.model.catalogue import Catalogue


def build_findings(
    catalogue: Catalogue,
    abi: GuestAbi,
    build: str,
    *,
    since: str | None = None,
    named: bool = False,
    allow_unknown: bool = False,
) -> list[Finding]:
    """Return what speaks against running the virtual machine of *abi* in *build*.

    That *build* lacks its machine type, a driver, the CPU model or a property that is written; that
    it gives a driver something else than the lockfile says, or than *since* does, the build that it
    runs in, where that is known. A lockfile that says of no build that it ran there is compared
    with the newest that was known: what differs is then a warning, unless somebody *named* this
    build or the virtual machine runs somewhere. One that was never locked has nothing to be kept.
    And that a device is known not to move from *since* to *build*.

    Raises UnknownNameError for no such *build*.
    """
    found = lacking_findings(catalogue, abi, build)
    if any(finding.code == "machine-missing" for finding in found):
        return found
    if not catalogue.property_rows(build, abi.vm.arch):
        return [*found, _unrecorded(abi, build, allow_unknown=allow_unknown)]
    verdict = compare_machine(catalogue, abi, build, since=since)
    if abi.content is None and since is None and not named:
        verdict = evolve(verdict, differences=(), unlocated=())
    further = _of_drivers(abi, machine_findings(verdict, allow_unknown=allow_unknown))
    seen = _of_views(catalogue, abi, build, since)
    if since is not None:
        streams = stream_findings(catalogue, abi, since, build, allow_unknown=allow_unknown)
        seen = [*seen, *streams]
    if named:
        return [*found, *further, *seen]
    sure = since is not None or abi.told
    return [*found, *(_weighed(each, sure=sure) for each in further), *seen]


def _of_views(catalogue: Catalogue, abi: GuestAbi, build: str, since: str | None) -> list[Finding]:
    """Return what a guest finds otherwise in *build*, where it is known what it had.

    One that moves from *build* to itself finds what it had, whatever it was locked for.
    """
    if not abi.told and since is not None:
        abi = evolve(abi, content=MachineContent(build=since, ran=True))
    if not abi.told and abi.view is None:
        return []
    found = view_findings(catalogue, abi, build)
    if since != build:
        return found
    return [evolve(each, severity="info") if each.code == VIEW_UNKNOWN else each for each in found]


def lacking_findings(catalogue: Catalogue, abi: GuestAbi, build: str) -> list[Finding]:
    """Return what the arguments of *abi* name that *build* does not have: QEMU would end with it.

    That is the machine type, else the CPU model and properties. Raises UnknownNameError for no such
    *build*.
    """
    missing = [*missing_in_build(catalogue, abi, build)]
    return missing or [
        *_without_cpu(catalogue, abi, build),
        *property_findings(catalogue, abi, build),
    ]


def _weighed(finding: Finding, *, sure: bool) -> Finding:
    """Return *finding* as it counts where nobody asked for that build.

    What only one of two releases has is told, and is no warning: every release brings some, and
    gives older machine types the value that was so before. It is *sure* where it is known in which
    build the virtual machine has been.
    """
    if finding.code == ONE_SIDED:
        return evolve(finding, severity="info")
    if sure or finding.severity != "blocked" or finding.code == "driver-missing":
        return finding
    return evolve(finding, severity="warn")


def _without_cpu(catalogue: Catalogue, abi: GuestAbi, build: str) -> Iterator[Finding]:
    """Yield that *build* does not have the CPU model, where it is certain."""
    cpu, arch = abi.vm.cpu, abi.vm.arch
    if cpu is None:
        return
    there = has_cpu_model(catalogue, build, arch, cpu.model)
    if there is None and catalogue.property_rows(build, arch):
        yield Finding(
            code="cpu-model-unknown",
            severity="warn",
            message=f"which CPU models {build} has was never recorded",
            help=f"{build} itself tells: -cpu help",
            value=cpu.model,
        )
    if there is not False:
        return
    having = [
        name
        for name in catalogue.builds(arch)
        if cpu_model(catalogue, name, arch, cpu.model) is not None
    ]
    yield Finding(
        code="cpu-model-missing",
        severity="blocked",
        message=f"{build} has no CPU model {cpu.model}",
        help=f"choose a QEMU that has it{told_to_have_it(having)}",
        value=cpu.model,
    )


def _of_drivers(abi: GuestAbi, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield *findings* but that the type of the CPU is missing, which is told by its model."""
    cpu = abi.vm.cpu
    for finding in findings:
        of_cpu = cpu is not None and finding.value.startswith(f"{cpu.model}-")
        if finding.code != "driver-missing" or not of_cpu:
            yield finding


def _unrecorded(abi: GuestAbi, build: str, *, allow_unknown: bool) -> Finding:
    return Finding(
        code="machine-content-unknown",
        severity="warn" if allow_unknown else "blocked",
        message=f"what {abi.vm.machine} of {build} gives its drivers was never recorded",
        help=f"platform-abi import-qemu BINARY, of {build} itself",
    )
