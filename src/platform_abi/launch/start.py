"""What a command line of QEMU becomes with its platform, and whether this host may start it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from platform_abi.compat.check import check
from platform_abi.compat.finding import CheckVerdict, Finding
from platform_abi.compat.preference import CONSERVATIVE
from platform_abi.errors import UsageError, printable
from platform_abi.launch.described import Described, described
from platform_abi.launch.host import Host
from platform_abi.launch.named import described_by_qemu, of_build, with_what_is_left
from platform_abi.launch.other_build import Moved, lacking, look_of, moved_to, running_build
from platform_abi.launch.rewrite import rewrite
from platform_abi.model.abi import GuestAbi
from platform_abi.model.host import QEMU_DRIVERS
from platform_abi.model.value import evolve, frozen
from platform_abi.resolver.choice import choose, reference_of
from platform_abi.resolver.resolve import resolve

if TYPE_CHECKING:
    from platform_abi.launch.command_line import CommandLine
    from platform_abi.launch.hardware_options import HostFiles
    from platform_abi.launch.platform_option import PlatformOption
    from platform_abi.model.catalogue import Catalogue
    from platform_abi.model.guest import MachineView
    from platform_abi.model.host import HostReport
    from platform_abi.model.vm import VirtualMachine


@frozen(kw_only=True)
class Start:
    """A QEMU that was asked for: its arguments, the guest ABI they give, and the host's verdict.

    *chosen* is whether nobody named the platform; *kept*, whether the ABI is a lockfile's as it
    was. *build* is the one whose definitions are the nearest to the QEMU that is started, None
    where nobody knows. *allowed* is what would have blocked, had nobody asked to go on regardless.
    *remarks* are what of the command line was not understood and stays as it was.
    """

    words: tuple[str, ...]
    abi: GuestAbi
    verdict: CheckVerdict
    chosen: bool = False
    kept: bool = False
    build: str | None = None
    allowed: tuple[Finding, ...] = ()
    remarks: tuple[str, ...] = ()


def start(
    catalogue: Catalogue,
    line: CommandLine,
    option: PlatformOption,
    host: Host,
    *,
    arch: str,
    stored: GuestAbi | None = None,
    policy: str = "newest",
    read_file: Callable[[str], str | None] | None = None,
    files: HostFiles | None = None,
    program: str = "",
    look: Callable[[GuestAbi], MachineView] | None = None,
) -> Start:
    """Return what *line* becomes with the platform of *option*, on *host*, for guests of *arch*.

    *program* is the path of the QEMU that is to be started, whose name may ask for an accelerator;
    *look* returns what a guest finds in it, where it may be looked at: where *option* says so, or
    where it says nothing and nobody recorded that of the QEMU.

    *stored* is what the lockfile of *option* holds, where it is there. It is taken as it is by a
    virtual machine that is incoming or that names no other platform; *policy* says which platform
    to take where there is neither.

    Raises UsageError for a command line that contradicts itself or the lockfile, and for an
    incoming virtual machine of which nobody says what platform it has; what ``resolve`` raises;
    HostError where *host* cannot be asked.
    """
    read = partial(
        described, line=line, arch=arch, read_file=read_file, files=files, program=program
    )
    catalogue, found = described_by_qemu(catalogue, host, read)
    catalogue, found = of_build(catalogue, host, found)
    # A snapshot is a migration to where it is restored.
    incoming = found.incoming or line.has("loadvm")
    named, report, changed = option.platform, None, False
    name, remarks = option.lock or "", found.remarks
    if stored is not None and not incoming and named is not None:
        before, stored = stored, _restarted(catalogue, stored, found, named, host)
        if stored is None:
            remarks += (f"{name} had {before.platform}, and is written anew",)
    if stored is not None:
        from platform_abi.launch.stored import taken

        again = taken(
            catalogue,
            stored,
            found.vm,
            named,
            name=name,
            same_cpu=host.same_cpu,
            incoming=incoming,
        )
        abi, remarks, changed = again.abi, (*remarks, *again.remarks), again.changed
    else:
        if named is not None:
            choose(catalogue, reference_of(named))  # a slip is told before anybody is asked
        catalogue, found = with_what_is_left(catalogue, host, found)
        if named is None:
            if incoming:
                raise _incoming_without(option.lock)
            report = host.everything()
            named = choice(catalogue, found.vm, report, policy)
        abi = resolve(catalogue, found.vm, named, strict=option.strict, hotplug=True)
    build, exact = None, False
    if option.lock is not None:
        catalogue, build, exact = running_build(catalogue, abi.vm, host)
    looking = look_of(catalogue, abi, build, option.look, look)
    if stored is None and looking is not None:
        abi = evolve(abi, view=looking(abi))
    moved = Moved()
    if stored is not None and build is not None and stored.told:
        moved = moved_to(catalogue, abi, build, option, exact=exact, look=looking)
    of_qemu = [*lacking(abi, host, stored), *moved.findings]
    verdict, allowed = _judged(catalogue, abi, option, host, report=report, of_qemu=of_qemu)
    words = [word for text in moved.globals for word in ("-global", text)]
    remarks += tuple(f"another build: -global {text} is what it had" for text in moved.globals)
    return Start(
        words=(*words, *rewrite(catalogue, line, found, abi)),
        abi=abi,
        verdict=verdict,
        chosen=option.platform is None and stored is None,
        kept=stored is not None and not changed,
        build=build,
        allowed=allowed,
        remarks=remarks,
    )


def _restarted(
    catalogue: Catalogue, stored: GuestAbi, found: Described, named: str, host: Host
) -> GuestAbi | None:
    """Return *stored* where this is its virtual machine, on the platform that it has already.

    Then it gets what it had, even where newer definitions would give its platform's name more.
    """
    from platform_abi.launch.compared import compared
    from platform_abi.launch.stored import same_choice

    if not same_choice(stored, named):
        return None
    seen = compared(catalogue, stored.vm, found.vm, host.same_cpu, settings=stored.settings)
    # One that was written before there was more to say is written anew.
    return None if seen.different or stored.vm.hardware is None else stored


def _incoming_without(lock: str | None) -> UsageError:
    if lock is not None:
        return UsageError(
            f"{printable(lock)} is not there, and an incoming virtual machine has its platform",
            code="lock-not-found",
            help="bring its lockfile along, or name the platform that it has",
        )
    return UsageError(
        "an incoming virtual machine has its platform already, and nothing says which",
        code="incoming-without-platform",
        help="-platform lock=FILE with its lockfile, or the -platform that it was started with",
    )


def choice(catalogue: Catalogue, vm: VirtualMachine, report: HostReport, policy: str) -> str:
    """Return the platform for *vm* where nobody names one: the newest that the host supports.

    The host is judged for virtual machines like this one: its accelerator, and its kinds of
    network. Where it supports none it is the conservative one, and the verdict says what it lacks.
    """
    from platform_abi.compat.needs import Scope
    from platform_abi.compat.supported import newest_supported

    backends = tuple(sorted({device.backend for device in vm.devices if device.backend}))
    scope = Scope(accelerator=vm.accelerator, arch=vm.arch, backends=backends)
    verdict = newest_supported(catalogue, report, scope=scope, policy=policy)
    return CONSERVATIVE if verdict is None else verdict.platform


def _judged(
    catalogue: Catalogue,
    abi: GuestAbi,
    option: PlatformOption,
    host: Host,
    *,
    report: HostReport | None,
    of_qemu: Sequence[Finding],
) -> tuple[CheckVerdict, tuple[Finding, ...]]:
    """Return the host's verdict, and what of it counts only because nobody was let go on."""
    from platform_abi.compat.modules import has_modules, not_installed

    # Drivers are asked for where the virtual machine is known, not where its platform is chosen.
    asked = host.needed(abi) if report is None or has_modules(catalogue, abi) else report
    if not any(finding.code == "machine-missing" for finding in of_qemu):
        from platform_abi.compat.machine_missing import missing_on_host

        of_qemu = [*missing_on_host(catalogue, abi, asked), *of_qemu]
    if QEMU_DRIVERS in asked.sets:
        of_qemu = [*of_qemu, *not_installed(catalogue, abi, asked.sets[QEMU_DRIVERS])]
    strict = check(catalogue, abi, asked, of_qemu=of_qemu)
    if report is None and any(finding.capability for finding in strict.findings):
        # Which platform would work, only the whole report says.
        asked = host.everything()
        strict = check(catalogue, abi, asked, of_qemu=of_qemu)
    if strict.status != "blocked" or not (option.force or option.allow_unknown):
        return strict, ()
    how: dict[str, Any] = {"allow_unknown": option.allow_unknown, "force": option.force}
    lenient = check(catalogue, abi, asked, of_qemu=of_qemu, **how)
    blocked = tuple(f for f in strict.findings if f.severity == "blocked")
    return lenient, blocked if lenient.status != "blocked" else ()
