"""The verbs and their options."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import NoReturn

from platform_abi._version import __version__
from platform_abi.errors import UsageError

_EPILOG = "exit codes: 0 yes, 1 the honest answer is no, 2 usage, 3 bad definition, 4 environment"


class _Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors are ours, with a code and a help line."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, code="usage", help=f"see '{self.prog} --help'")


def _verb(module: str) -> Callable[[argparse.Namespace], int]:
    """Return a function that imports the verb's module only when it runs."""

    def run(arguments: argparse.Namespace) -> int:
        from importlib import import_module

        code: int = import_module(f"platform_abi.cli.{module}").run(arguments)
        return code

    return run


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = _Parser(
        prog="platform-abi",
        description="Makes a QEMU command line the whole guest ABI, on every host.",
        epilog=_EPILOG,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"platform-abi {__version__}")
    # With a program name argparse need not format a usage line here, which costs imports.
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True, prog=parser.prog)
    _add_resolve(verbs)
    _add_explain(verbs)
    _add_platforms(verbs)
    _add_diff(verbs)
    return parser


Verbs = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for it


def _new(verbs: Verbs[_Parser], name: str, summary: str) -> argparse.ArgumentParser:
    parser = verbs.add_parser(
        name, help=summary, description=summary[0].upper() + summary[1:] + ".", allow_abbrev=False
    )
    parser.set_defaults(run=_verb(name))
    parser.add_argument("--json", action="store_true", help="print a JSON document instead of text")
    return parser


def _add_vm(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--machine",
        "-M",
        metavar="TYPE",
        help="versioned machine type, with options as -machine takes them",
    )
    add("--platform", metavar="NAME", help="NAME[@EDITION][,feature=value...]")
    add(
        "--build",
        metavar="NAME",
        help="QEMU build to resolve against; an alias such as q35 needs one",
    )
    add(
        "--arch", metavar="ARCH", default="x86_64", help="guest architecture (default: %(default)s)"
    )
    add("--accel", metavar="NAME", default="kvm", help="accelerator (default: %(default)s)")
    add("--cpu", metavar="MODEL", help="CPU model with properties, as -cpu takes it")
    add(
        "--device",
        metavar="DEV",
        action="append",
        default=[],
        help="a device, as -device takes it; repeatable",
    )
    add(
        "--netdev",
        metavar="DEV",
        action="append",
        default=[],
        help="a netdev, as -netdev takes it; repeatable",
    )
    add(
        "--global",
        metavar="PROP",
        action="append",
        default=[],
        dest="globals",
        help="an explicit -global; repeatable",
    )
    add(
        "--backend",
        metavar="NETDEV=KIND",
        action="append",
        default=[],
        help="what a netdev really is, where QEMU is not told: macvtap; repeatable",
    )


def _add_resolve(verbs: Verbs[_Parser]) -> None:
    parser = _new(
        verbs, "resolve", "the QEMU arguments that give a VM the same guest ABI on every host"
    )
    _add_vm(parser)
    add = parser.add_argument
    add(
        "--strict",
        action="store_true",
        help="refuse explicit values beyond what the platform guarantees",
    )
    add(
        "--format",
        choices=("lines", "shell", "readconfig", "lock"),
        default="lines",
        help="one option per line, one shell line, a -readconfig file, a lockfile",
    )
    add(
        "--output",
        "-o",
        metavar="FILE",
        help="write there, whole or not at all, instead of to stdout",
    )
    add("--lock", metavar="FILE", help="write a lockfile as well")
    add("--from-lock", metavar="FILE", help="take everything from a lockfile instead")


def _add_explain(verbs: Verbs[_Parser]) -> None:
    parser = _new(
        verbs,
        "explain",
        "which layer sets a property, in which file and line, and what it overrides",
    )
    parser.add_argument("property", metavar="DRIVER.PROPERTY")
    _add_vm(parser)


def _add_platforms(verbs: Verbs[_Parser]) -> None:
    parser = _new(verbs, "platforms", "the platforms that are defined, or what one of them lists")
    parser.add_argument(
        "name", metavar="NAME", nargs="?", help="NAME[@EDITION]: show what it lists"
    )
    parser.add_argument("--names", action="store_true", help="print names only, one a line")


def _add_diff(verbs: Verbs[_Parser]) -> None:
    parser = _new(
        verbs,
        "diff",
        "what differs between two platforms or two lockfiles; exit code 1 if anything does",
    )
    parser.add_argument("kind", choices=("platform", "abi"))
    parser.add_argument("before", metavar="A", help="a platform, or a lockfile")
    parser.add_argument("after", metavar="B")
