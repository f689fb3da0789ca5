"""The verb ``import-qemu``."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from platform_abi.author.learning import keep, learned_data, observe_identified
from platform_abi.author.observation import BuildDefinition, Given
from platform_abi.author.reading import TIMEOUT, observe
from platform_abi.author.writing import lost_types, write_build
from platform_abi.cli.opened import load_catalogue
from platform_abi.cli.options import ImportOptions
from platform_abi.cli.render import note, print_json, say, show_progress
from platform_abi.definitions.learned import LearnedDefinitions
from platform_abi.definitions.state import system_folder, user_folder
from platform_abi.emit.plain import Shapes, document
from platform_abi.errors import UsageError
from platform_abi.model.machine import QemuBuild
from platform_abi.model.value import evolve, frozen
from platform_abi.qemu.printed import ask_and_keep

if TYPE_CHECKING:
    from platform_abi.author.devices import Progress


def run(options: ImportOptions) -> int:
    """Read a QEMU binary and write or keep what it says; without a place, sum it up only."""
    if options.output == "":
        raise UsageError(
            "--output takes a folder, found nothing",
            code="usage",
            help="the working directory is called '.'; leave --output out to write nothing",
        )
    given = Given(
        name=options.name,
        vendor=options.vendor,
        package=options.package,
        generations=dict(map(_generation, options.generation)),
    )
    with _progress(shown=not options.quiet and not options.json) as progress:
        seen, data = _seen(options, given, progress)
    files: list[Path] = []
    if data is not None:
        for folder, shared in _folders(options):
            files.append(Path(keep(data, folder, shared=shared)))
            printed = ask_and_keep(options.binary, data.identity, folder, shared=shared)
            files += [Path(printed)] if printed else []
    if options.output is not None:
        lost = lost_types(seen, options.output) if options.force else ()
        files += write_build(seen, options.output, force=options.force)
        if lost:
            warning = f"given up, earlier files knew more of them: {', '.join(lost)}"
            seen = evolve(seen, warnings=(*seen.warnings, warning))
    imported = ImportedQemu(seen=seen, files=tuple(map(str, files)))
    if options.json:
        print_json(document(imported, SHAPES))
    elif not options.quiet:
        _print(imported)
    return 0


def _seen(
    options: ImportOptions, given: Given, progress: Progress | None
) -> tuple[BuildDefinition, LearnedDefinitions | None]:
    """Return what the binary says, and what of it is to be kept, if anything is."""
    catalogue, binary, timeout = load_catalogue(), options.binary, options.timeout or TIMEOUT
    if not (options.keep or options.system):
        return observe(catalogue, binary, given, timeout=timeout, progress=progress), None
    seen, identity = observe_identified(
        catalogue,
        binary,
        given,
        named=options.output is not None,
        timeout=timeout,
        progress=progress,
    )
    return seen, LearnedDefinitions(learned_data(seen, identity), identity)


def _folders(options: ImportOptions) -> Iterator[tuple[str, bool]]:
    """Yield where to keep what a QEMU says, and whether that is for all users."""
    if options.system:
        yield system_folder(), True
    if options.keep:
        folder = user_folder()
        if folder is None:
            raise UsageError(
                "there is no home to keep anything in",
                code="usage",
                help="set XDG_STATE_HOME or HOME to an absolute path",
            )
        yield folder, False


def _generation(text: str) -> tuple[str, str]:
    name, equals, generation = text.rpartition("=")
    if not (name and equals and generation):
        raise UsageError(
            f"--generation takes NAME=X.Y, found '{text}'",
            code="machine-generation",
            help="NAME is a machine type or the version in it: --generation rhel9.4.0=8.2",
        )
    return name, generation


@contextlib.contextmanager
def _progress(*, shown: bool) -> Iterator[Progress | None]:
    """Yield what shows how far the import is, where there is a terminal to show it on."""
    if not shown or not sys.stderr.isatty():
        yield None
        return
    try:
        from rich.console import Console
        from rich.progress import Progress as Bar
    except ImportError:
        yield partial(show_progress, "device types")
        return
    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("device types")
        yield lambda done, total: bar.update(task, completed=done, total=total)


@frozen(kw_only=True)
class ImportedQemu:
    """What was read of a QEMU binary, and the files that were written of it."""

    seen: BuildDefinition
    files: tuple[str, ...] = ()


def _derived(imported: ImportedQemu) -> dict[str, str]:
    """Return the generation of each machine type whose name does not say it."""
    return {
        machine.name: machine.generation
        for machine in imported.seen.machines
        if machine.generation is not None
        and not machine.name.startswith(f"{machine.family}-{machine.generation}")
    }


def _machines(imported: ImportedQemu) -> list[str]:
    return [machine.name for machine in imported.seen.machines]


def _device_types(imported: ImportedQemu) -> int:
    return len(imported.seen.types)


def _cpu_models(imported: ImportedQemu) -> int:
    return len(imported.seen.cpu_models)


SHAPES: Final[Shapes] = {
    ImportedQemu: (
        *("build:seen.build", ("machines", _machines), ("derived_generations", _derived)),
        *(("device_types", _device_types), ("cpu_models", _cpu_models)),
        *("warnings:seen.warnings", "files"),
    ),
    QemuBuild: ("name", "version", "vendor", "package", "arch"),
}


def _print(imported: ImportedQemu) -> None:
    seen, build = imported.seen, imported.seen.build
    say(f"{build.name} {build.arch}, {build.vendor} {build.package}".rstrip())
    say(
        f"{len(seen.machines)} machine types, {_device_types(imported)} device types, "
        f"{_cpu_models(imported)} CPU models"
    )
    for name, generation in _derived(imported).items():
        say(f"{name} is of generation {generation}")
    for path in imported.files:
        say(path)
    for warning in seen.warnings:
        note("warning", warning)
