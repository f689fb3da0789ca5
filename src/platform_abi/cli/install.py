"""The verb ``install``: definitions looked at, and put where they are read."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from platform_abi.author.installing import gather, install
from platform_abi.cli.lint import show_findings
from platform_abi.cli.options import InstallOptions
from platform_abi.cli.render import note, print_json, say
from platform_abi.definitions.search import USER, candidates, search_path
from platform_abi.emit.plain import Shapes, document
from platform_abi.errors import HostError, UsageError

#: Where a system's administrator has definitions.
_ADMINISTRATOR: Final = Path("/etc/platform-abi")

SHAPES: Final[Shapes] = {}


def run(options: InstallOptions) -> int:
    """Put a file or a folder of definitions where it is read from then on."""
    if options.system and options.output:
        raise UsageError(
            "--system and --output are two places", code="usage", help="say one of them"
        )
    folder = destination(options.output, system=options.system)
    try:
        definitions = gather(Path(options.source))
    except OSError as error:
        raise HostError(
            f"cannot read {options.source}: {error.strerror}", code="definition-unreadable"
        ) from error
    return put(folder, definitions, force=options.force, as_json=options.json)


def destination(output: str | None, *, system: bool) -> Path:
    """Return the folder that definitions go to: *output*, the *system*'s, else this user's own."""
    if output is not None:
        return Path(output).absolute()
    if system:
        return _ADMINISTRATOR
    own = next((place for place, whose in candidates() if whose == USER), None)
    if own is None:
        raise HostError(
            "this user has no folder of their own",
            code="definitions-missing",
            help="set HOME, or name a folder with --output",
        )
    return Path(own)


def put(folder: Path, definitions: dict[str, str], *, force: bool, as_json: bool) -> int:
    """Install *definitions* below *folder*, and say what became of it; 1 where they are refused."""
    try:
        done = install(search_path(), folder, definitions, force=force)
    except OSError as error:
        raise HostError(
            f"cannot write below {folder}: {error.strerror}", code="definition-unwritable"
        ) from error
    refused = any(finding.level == "error" for finding in done.findings)
    if as_json:
        print_json(document(done, SHAPES))
    else:
        show_findings(done.findings)
        for relative in done.files:
            say("not written: " if refused else "", str(folder / relative))
        if not refused and str(folder) not in search_path():
            note("warning", f"{folder} is read where PLATFORM_ABI_PATH names it")
    return int(refused)
