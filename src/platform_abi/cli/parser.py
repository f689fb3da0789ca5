"""The verbs and their options."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import NoReturn

from platform_abi._version import __version__
from platform_abi.errors import UsageError

_EPILOG = "exit codes: 0 yes, 1 the honest answer is no, 2 usage, 3 bad definition, 4 environment"


class _Formatter(argparse.HelpFormatter):
    """Help of one width: argparse makes a formatter for every option, and each would measure."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_WIDTH)


_WIDTH = 98


class _Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors are ours, with a code and a help line."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, code="usage", help=f"see '{self.prog} --help'")


def build_parser(words: Sequence[str] = ()) -> argparse.ArgumentParser:
    """Return the parser of the whole command line.

    Where *words* begin with a verb, the options of the others are left out: nobody asks for them.
    """
    parser = _Parser(
        prog="platform-abi",
        description="Makes a QEMU command line the whole guest ABI, on every host.",
        epilog=_EPILOG,
        allow_abbrev=False,
        formatter_class=_Formatter,
    )
    parser.add_argument("--version", action="version", version=f"platform-abi {__version__}")
    # With a program name argparse need not format a usage line here, which costs imports.
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True, prog=parser.prog)
    asked = words[0] if words and words[0] in _VERBS else None
    for name, (summary, add_options) in _VERBS.items():
        if asked in (None, name):
            verb = verbs.add_parser(
                name,
                help=summary,
                description=f"Print {summary}.",
                allow_abbrev=False,
                formatter_class=_Formatter,
            )
            verb.set_defaults(run=_run(name))
            add_options(verb)
            verb.add_argument("--json", action="store_true", help="a JSON document, not text")
    return parser


def _run(module: str) -> Callable[[argparse.Namespace], int]:
    """Return a function that imports the verb's module only when it runs."""

    def run(arguments: argparse.Namespace) -> int:
        from importlib import import_module

        code: int = import_module(f"platform_abi.cli.{module}").run(arguments)
        return code

    return run


def _vm_options(verb: argparse.ArgumentParser) -> None:
    """Add what describes a virtual machine and the choice of a platform."""
    one = verb.add_argument
    one("--machine", "-M", metavar="TYPE", help="versioned machine type, as -machine takes it")
    one("--platform", metavar="NAME", help="NAME[@EDITION][,feature=value...]")
    one("--build", metavar="NAME", help="QEMU build to resolve against; q35 and such need one")
    one("--arch", metavar="ARCH", help="guest architecture (x86_64)")
    one("--accel", metavar="NAME", help="accelerator (kvm)")
    one("--cpu", metavar="MODEL", help="CPU model with properties, as -cpu takes it")
    for flag, metavar, said in (
        ("--device", "DEV", "a device, as -device takes it"),
        ("--netdev", "DEV", "a netdev, as -netdev takes it"),
        ("--global", "PROP", "an explicit -global"),
        ("--backend", "NETDEV=KIND", "what a netdev really is, where QEMU is not told: macvtap"),
    ):
        name = "globals" if flag == "--global" else flag[2:]
        help_ = f"{said}; repeatable"
        one(flag, metavar=metavar, action="append", default=[], dest=name, help=help_)


def _resolve_options(verb: argparse.ArgumentParser) -> None:
    _vm_options(verb)
    one = verb.add_argument
    forms = ("lines", "shell", "readconfig", "lock")
    one("--strict", action="store_true", help="refuse values beyond what the platform guarantees")
    one(
        "--format", choices=forms, default=forms[0], help="one option per line, one shell line, ..."
    )
    one("--output", "-o", metavar="FILE", help="write there, whole or not at all")
    one("--lock", metavar="FILE", help="write a lockfile as well")
    one("--from-lock", metavar="FILE", help="take everything from a lockfile instead")


def _explain_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("property", metavar="DRIVER.PROPERTY")
    _vm_options(verb)


def _platforms_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("name", metavar="NAME", nargs="?", help="NAME[@EDITION]: what it lists")
    verb.add_argument("--names", action="store_true", help="names only, one a line")


def _diff_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("kind", choices=("platform", "abi"))
    verb.add_argument("before", metavar="A", help="a platform, or a lockfile")
    verb.add_argument("after", metavar="B")


_VERBS: dict[str, tuple[str, Callable[[argparse.ArgumentParser], None]]] = {
    "resolve": (
        "the QEMU arguments that give a VM the same guest ABI on every host",
        _resolve_options,
    ),
    "explain": (
        "which layer sets a property, in which file and line, and what it overrides",
        _explain_options,
    ),
    "platforms": ("the platforms that are defined, or what one of them lists", _platforms_options),
    "diff": ("what differs between two platforms or lockfiles; 1 if anything does", _diff_options),
}
