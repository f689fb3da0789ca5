#!/usr/bin/env python3
"""Makes what a shell and man(1) want: completions of platform-abi, and its manual pages.

Everything is derived from the parser that the program itself uses. The build of the wheel calls
this, and pip puts the files below the environment's share.

    tools/shell_files.py FOLDER      writes them, in FOLDER/share/...
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import shtab
from argparse_manpage.manpage import Manpage

from platform_abi._version import __version__
from platform_abi.cli.on_define_domain import parser_of_hook
from platform_abi.cli.options import VERBS
from platform_abi.cli.parser import parser_of
from platform_abi.cli.qemu_platform import HELP

#: Where each shell looks for the completions of a program.
_PLACES: Final = {
    "bash": "share/bash-completion/completions/platform-abi",
    "zsh": "share/zsh/site-functions/_platform-abi",
    "fish": "share/fish/vendor_completions.d/platform-abi.fish",
}

_MAN: Final = "share/man/man1"

#: Names that ``qemu-platform`` has besides, each of which means the QEMU of an architecture.
_EMULATORS: Final = tuple(
    f"qemu-platform-{arch}" for arch in ("aarch64", "ppc64", "riscv64", "s390x", "x86_64")
)

#: What an argument is, by how the help calls it.
_FILES: Final = {"FILE", "LOCK", "REPORT", "BINARY", "OTHER", "OLD", "NEW", "SOCKET", "HOST", "VM"}
_FOLDERS: Final = {"DIR", "FOLDER"}


def shell_files() -> dict[str, str]:
    """Return the text of each file by its place below the root of an installation.

    It is the same whatever terminal this runs on, and whatever day.
    """
    # What argparse asks for the width of a page, and whether it may colour it.
    terminal = {"COLUMNS": "80", "NO_COLOR": "1"}
    before = {name: os.environ.get(name) for name in terminal}
    os.environ.update(terminal)
    try:
        return _written()
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _written() -> dict[str, str]:
    parser = parser_of(VERBS)
    for action in _actions(parser):
        words = {*str(action.metavar).replace("[", " ").replace("]", " ").split()}
        if words & _FILES:
            action.complete = shtab.FILE  # type: ignore[attr-defined]
        elif words & _FOLDERS:
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
        elif "--platform" in action.option_strings and hasattr(shtab, "cmd"):
            action.complete = shtab.cmd("platform-abi platforms --names")  # type: ignore[attr-defined]
    found = {
        place: shtab.complete(parser, shell=shell)
        for shell, place in _PLACES.items()
        if shell in shtab.SUPPORTED_SHELLS
    }
    found[f"{_MAN}/platform-abi.1"] = _manual(parser)
    found[f"{_MAN}/platform-abi-on-define-domain.1"] = _page(
        parser_of_hook(), "KubeVirt's hook onDefineDomain, which gives a domain its platform"
    )
    found[f"{_MAN}/qemu-platform.1"] = _plain_manual(
        "qemu-platform", HELP.partition("QEMU's own help")[0]
    )
    for name in _EMULATORS:
        found[f"{_MAN}/{name}.1"] = ".so man1/qemu-platform.1\n"
    return found


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:  # noqa: SLF001 - argparse has no other list of them
        yield action
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for inner in action.choices.values():
                yield from _actions(inner)


def _manual(parser: argparse.ArgumentParser) -> str:
    """Return the page about all verbs, with an example of each."""
    page = _page(parser, "a QEMU command line that is the whole guest ABI, on every host")
    examples = "\n".join(line for _, kind in VERBS.values() for line in kind.examples)
    return f"{page}.SH EXAMPLES\n.nf\n{_escaped(examples)}\n.fi\n"


def _page(parser: argparse.ArgumentParser, description: str) -> str:
    """Return the page of a program; without a date, so that any day's build gives the same."""
    about: dict[str, Any] = {
        "project_name": "platform-abi",
        "description": description,
        "version": __version__,
        "manual_title": "platform-abi",
    }
    page = str(Manpage(parser, about, format="single-commands-section")).rstrip()
    page = re.sub(r'^(\.TH .* "1") "[^"]*"', r'\1 ""', page)
    # A line of prose that begins with a quote would be a request of troff's.
    return re.sub("^'", r"\\&'", page, flags=re.MULTILINE) + "\n"


def _plain_manual(program: str, text: str) -> str:
    """Return a page that shows *text* as it is."""
    return (
        f'.TH {program.upper()} "1" "" "platform\\-abi {__version__}" "platform\\-abi"\n'
        f".SH NAME\n{program} \\- QEMU with a platform\n"
        f".SH DESCRIPTION\n.nf\n{_escaped(text.rstrip())}\n.fi\n"
        ".SH SEE ALSO\n.BR platform\\-abi (1)\n"
    )


def _escaped(text: str) -> str:
    """Return *text* so that troff shows every character of it as it is."""
    lines = text.replace("\\", "\\e").replace("-", r"\-").split("\n")
    return "\n".join(rf"\&{line}" if line[:1] in {".", "'"} else line for line in lines)


def main() -> int:
    """Write the files; 2 where no folder is named."""
    if len(sys.argv) != 2:  # noqa: PLR2004
        print(__doc__, file=sys.stderr)
        return 2
    for place, text in shell_files().items():
        path = Path(sys.argv[1], place)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
