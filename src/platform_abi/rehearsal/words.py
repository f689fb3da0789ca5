"""A rehearsal of a command line, of which no lockfile is known."""

from __future__ import annotations

from collections.abc import Sequence

from platform_abi.definitions.catalogue import FileCatalogue
from platform_abi.errors import UsageError
from platform_abi.launch.command_line import CommandLine, read_command_line
from platform_abi.launch.configuration_files import ConfigurationFiles
from platform_abi.launch.described import described
from platform_abi.launch.host_files import ThisHostFiles
from platform_abi.model.option_language import join_options
from platform_abi.model.option_table import OptionTable
from platform_abi.model.value import evolve
from platform_abi.qemu.binary import guest_architecture
from platform_abi.qemu.qtest import QUIET
from platform_abi.qemu.stdio_qmp import Qmp
from platform_abi.rehearsal.rehearse import TIMEOUT, Progress, rehearse_start
from platform_abi.rehearsal.result import Rehearsal
from platform_abi.resolver.machine_choice import nearest_build
from platform_abi.verifier.harmless import harmless
from platform_abi.verifier.stand_in import StandIn


def rehearse_words(
    catalogue: FileCatalogue,
    words: Sequence[str],
    qemu: str,
    to_qemu: str,
    *,
    arch: str | None = None,
    back: bool = False,
    timeout: float = TIMEOUT,
    progress: Progress = lambda _what: None,
) -> Rehearsal:
    """Return what ``rehearse`` does, for the virtual machine that *words* describe.

    They are a whole command line of QEMU's, with its program or without. A machine type that is an
    alias means what *qemu* says, at both ends. *arch* is the guest's architecture, else what the
    name of *qemu* says. Raises as ``rehearse`` does, and UsageError for words of the launcher's.
    """
    program = [] if not words or words[0].startswith("-") else words[:1]
    line = read_command_line(catalogue.options(), words[len(program) :])
    if line.has("platform"):
        raise UsageError(
            "a QEMU is not given -platform, so it would not be rehearsed",
            code="usage",
            help="rehearse the lockfile that -platform NAME,lock=FILE keeps, or write one with "
            "'platform-abi resolve ... --lock FILE -- QEMU ...'",
        )
    arch = arch or guest_architecture(qemu)
    named = _machine_named(catalogue.options(), line)
    machine, version, package = _asked(qemu, named, timeout)
    build = nearest_build(catalogue, machine, arch, version, package)
    vm = described(
        catalogue,
        line,
        arch=arch,
        build=None if build is None else build.name,
        aliases={named: machine} if named and named != machine else {},
        read_file=ConfigurationFiles().read,
        files=ThisHostFiles(),
        program=qemu,
        machine=machine,
    ).vm
    made = harmless(catalogue, words[len(program) :], vm, ConfigurationFiles().read)
    made = _versioned(catalogue.options(), made, machine)
    return rehearse_start(
        catalogue, vm, made, qemu, to_qemu, back=back, timeout=timeout, progress=progress
    )


def _machine_named(table: OptionTable, line: CommandLine) -> str:
    """Return the machine type that a command line names, empty for none."""
    named = ""
    for option in line.options:
        if option.name in ("machine", "M") and option.value:
            named = dict(table.pairs("machine", option.value)).get("type", named)
    return named


def _asked(qemu: str, machine: str, timeout: float) -> tuple[str, str, str]:
    """Return what a QEMU calls a machine type without an alias, and its version and package."""
    words = ["-machine", machine] if machine else []
    with Qmp(qemu, [*words, *QUIET, "-no-user-config"], timeout=timeout) as qmp:
        kind: str = qmp.execute("qom-get", path="/machine", property="type")
        said = qmp.execute("query-version")
    release = ".".join(str(said["qemu"][part]) for part in ("major", "minor", "micro"))
    return kind.removesuffix("-machine"), release, said["package"]


def _versioned(table: OptionTable, made: StandIn, machine: str) -> StandIn:
    """Return *made* with a machine type by which every QEMU means the same."""
    common: list[tuple[str, ...]] = []
    for option in made.common:
        if option[0] in ("-machine", "-M"):
            pairs = [(k, v) for k, v in table.pairs("machine", option[1]) if k != "type"]
            common.append(("-machine", join_options(machine, tuple(pairs))))
        else:
            common.append(option)
    if all(option[0] != "-machine" for option in common):
        common.insert(0, ("-machine", machine))
    return evolve(made, common=tuple(common))
