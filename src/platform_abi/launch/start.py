"""What a command line of QEMU becomes with its platform, and whether this host may start it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from attrs import evolve

from platform_abi.compat.check import check
from platform_abi.compat.finding import CheckVerdict, Finding
from platform_abi.compat.preference import CONSERVATIVE
from platform_abi.errors import UsageError, printable
from platform_abi.launch.described import Described, described
from platform_abi.launch.rewrite import rewrite
from platform_abi.model.abi import GuestAbi, Setting
from platform_abi.model.host import QEMU_DRIVERS
from platform_abi.model.platform import release_key, version_key
from platform_abi.model.value import frozen
from platform_abi.resolver.machine_choice import (
    nearest_build,
    same_build,
    unversioned,
    versioned,
)
from platform_abi.resolver.resolve import resolve

if TYPE_CHECKING:
    from platform_abi.compat.machine_content import MachineDifference
    from platform_abi.launch.command_line import CommandLine
    from platform_abi.launch.hardware_options import HostFiles
    from platform_abi.launch.platform_option import PlatformOption
    from platform_abi.model.catalogue import Catalogue
    from platform_abi.model.guest import MachineView
    from platform_abi.model.host import HostReport
    from platform_abi.model.machine import QemuBuild
    from platform_abi.model.vm import VirtualMachine


class Host(Protocol):
    """Who answers for the host that QEMU is to be started on."""

    def everything(self) -> HostReport:
        """Return all that the host offers."""
        ...

    def needed(self, abi: GuestAbi) -> HostReport:
        """Return what the host offers of that which *abi* needs; more does no harm."""
        ...

    def same_cpu(self, before: VirtualMachine, after: VirtualMachine) -> bool:
        """Return whether the QEMU to be started makes the same of the CPU of both."""
        ...

    def aliased_machines(self) -> Mapping[str, str]:
        """Return what the aliases of the QEMU to be started mean."""
        ...

    def default_machine(self) -> str | None:
        """Return the machine type that the QEMU to be started takes where none is named."""
        ...

    def version(self) -> tuple[str, str] | None:
        """Return version and package of the QEMU to be started, None where nobody knows."""
        ...

    def known(self) -> tuple[Catalogue, QemuBuild] | None:
        """Return the build that the QEMU to be started is, and a catalogue that has it.

        The catalogue is the one of the start with what that QEMU has said of itself, if no
        definition has it. None where it cannot be asked.
        """
        ...


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
    read_file: Callable[[str], str] | None = None,
    files: HostFiles | None = None,
    program: str = "",
    look: Callable[[GuestAbi], MachineView] | None = None,
) -> Start:
    """Return what *line* becomes with the platform of *option*, on *host*, for guests of *arch*.

    *program* is the path of the QEMU that is to be started, whose name may ask for an accelerator;
    *look* returns what a guest finds in it, where that is to be looked at.

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
    catalogue, found = _described(catalogue, host, read)
    catalogue, found = _of_build(catalogue, host, found)
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
        if named is None:
            if incoming:
                raise _incoming_without(option.lock)
            report = host.everything()
            named = choice(catalogue, found.vm, report, policy)
        abi = resolve(catalogue, found.vm, named, strict=option.strict, hotplug=True)
    build, exact = None, False
    if option.lock is not None:
        catalogue, build, exact = _build(catalogue, abi, host)
    if stored is None and look is not None:
        abi = evolve(abi, view=look(abi))
    moved = Moved()
    if stored is not None and build is not None and stored.told:
        moved = _moved(catalogue, abi, build, option, exact=exact, look=look)
    of_qemu = [*_lacking(abi, host, stored), *moved.findings]
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


@frozen(kw_only=True)
class Moved:
    """What another build makes of a machine type: how that is undone, and what cannot be."""

    globals: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


def _build(catalogue: Catalogue, abi: GuestAbi, host: Host) -> tuple[Catalogue, str | None, bool]:
    """Return the build that the QEMU to be started is, or else the nearest, and who has it.

    And whether it is that very build.
    """
    vm, known = abi.vm, host.known()
    if known is not None:
        knowing, build = known
        if vm.machine in build.machines and knowing.property_rows(build.name, vm.arch):
            return knowing, build.name, True
    version = host.version()
    if version is None:
        return catalogue, None, False
    found = nearest_build(catalogue, vm.machine, vm.arch, *version)
    if found is None:
        return catalogue, None, False
    return catalogue, found.name, same_build(found, *version)


def _moved(
    catalogue: Catalogue,
    abi: GuestAbi,
    build: str,
    option: PlatformOption,
    *,
    exact: bool,
    look: Callable[[GuestAbi], MachineView] | None,
) -> Moved:
    """Return what the QEMU to be started makes of a lockfile's machine type, not as it was.

    Its properties are taken for those of *build*, which is the nearest. What a guest finds of its
    devices is known where it is that build *exact*ly, or is looked at.
    """
    if abi.content is None:
        return Moved()
    from platform_abi.compat.machine_content import compare_machine
    from platform_abi.compat.machine_findings import machine_findings
    from platform_abi.compat.views import look_findings, view_findings

    undone: tuple[MachineDifference, ...] = ()
    findings: list[Finding] = []
    if abi.content.build != build:
        verdict = compare_machine(catalogue, abi, build)
        undone = tuple(d for d in verdict.differences if d.matters and d.argument)
        rest = tuple(d for d in verdict.differences if d not in undone)
        findings += machine_findings(
            evolve(verdict, differences=rest, assumed=False), allow_unknown=option.allow_unknown
        )
    given = _with(abi, undone)
    if look is not None:
        findings += look_findings(catalogue, given, look(given))
    else:
        findings += view_findings(catalogue, given, build if exact else None)
    return Moved(globals=tuple(d.argument for d in undone), findings=tuple(findings))


def _with(abi: GuestAbi, undone: Iterable[MachineDifference]) -> GuestAbi:
    """Return *abi* with the properties set that another build is told to leave as they were."""
    settings = (
        Setting(
            driver=d.driver, property=d.property, value=d.before or "", layer="global", source=""
        )
        for d in undone
    )
    return evolve(abi, settings=(*abi.settings, *settings))


def _lacking(abi: GuestAbi, host: Host, stored: GuestAbi | None) -> list[Finding]:
    """Return what a lockfile names that the QEMU to be started does not have.

    Nothing where nobody knows that very QEMU: it will say so itself.
    """
    known = None if stored is None else host.known()
    if known is None:
        return []
    from platform_abi.compat.build import lacking_findings

    knowing, build = known
    return lacking_findings(knowing, abi, build.name)


def _described(
    catalogue: Catalogue, host: Host, read: Callable[..., Described]
) -> tuple[Catalogue, Described]:
    """Return what *read* makes of a command line by a catalogue, and the catalogue that knows it.

    A name that no definition has, an alias, and none at all mean what they mean to the QEMU of
    *host*: from here on as if the name of the machine type had been written.
    """
    try:
        return catalogue, read(catalogue)
    except UsageError as error:
        if error.code not in _LEFT_TO_QEMU:
            raise
        known = host.known()
        if known is not None:
            knowing, build = known
            return knowing, read(
                knowing, aliases=build.aliases, machine=_default_machine(knowing, build)
            )
        default = host.default_machine() if error.code == "no-machine" else None
        if default is not None:
            return catalogue, read(catalogue, machine=default)
        if error.code != "machine-alias":
            raise
        return catalogue, read(catalogue, aliases=host.aliased_machines())


#: What is no error where the QEMU to be started has an answer.
_LEFT_TO_QEMU = ("machine-alias", "no-machine", "unknown-machine")


def _default_machine(catalogue: Catalogue, build: QemuBuild) -> str:
    """Return the machine type that *build* takes where none is named, nothing for none."""
    machines = (catalogue.machine(build.name, name, build.arch) for name in build.machines)
    return next((machine.name for machine in machines if machine.default), "")


def _of_build(catalogue: Catalogue, host: Host, found: Described) -> tuple[Catalogue, Described]:
    """Return *found* of the build that is to run it, where the board has no version of its own.

    What such a board is follows from the QEMU. Of one that cannot be asked it is taken for that of
    the newest definitions before its release, of which every property is there, and a remark says
    so. Raises UsageError (``machine-unversioned``) where no release before it is known.
    """
    vm = found.vm
    if vm.build is not None or versioned(catalogue, vm):
        return catalogue, found
    known = host.known()
    if known is not None and vm.machine in known[1].machines:
        return known[0], evolve(found, vm=evolve(vm, build=known[1].name))
    return catalogue, _of_release(catalogue, host, found)


def _of_release(catalogue: Catalogue, host: Host, found: Described) -> Described:
    vm = found.vm
    version, _ = host.version() or ("", "")
    having = [
        build
        for name in catalogue.builds(vm.arch)
        for build in [catalogue.build(name, vm.arch)]
        if vm.machine in build.machines
        and version
        and release_key(build.version) <= release_key(version)
    ]
    if not having:
        raise unversioned(vm.machine)
    # A later one of the same release may have what this one does not know.
    build = max(having, key=lambda each: (each.version == version, version_key(each.version)))
    remark = (
        f"{vm.machine} has no version: of QEMU {version} nothing is recorded, and it is taken for "
        f"{build.name}; what came later is left to the host"
    )
    same = release_key(build.version) == release_key(version)
    remarks = found.remarks if same else (*found.remarks, remark)
    return evolve(found, vm=evolve(vm, build=build.name), remarks=remarks)


def _restarted(
    catalogue: Catalogue, stored: GuestAbi, found: Described, named: str, host: Host
) -> GuestAbi | None:
    """Return *stored* where this is its virtual machine, on the platform that it has already.

    Then it gets what it had, even where newer definitions would give its platform's name more.
    """
    from platform_abi.launch.stored import compared, same_choice

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
