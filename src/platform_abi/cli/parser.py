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

        home = f"platform_abi.cli.{module.replace('-', '_')}"
        code: int = import_module(home).run(arguments)
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
    one("--full", action="store_true", help="every property of every device, with its layer")
    one("--vcpus", metavar="N", type=int, help="for what --full says of queues that follow them")
    one("--output", "-o", metavar="FILE", help="write there, whole or not at all")
    one("--lock", metavar="FILE", help="write a lockfile as well")
    one("--from-lock", metavar="FILE", help="take everything from a lockfile instead")


def _explain_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("property", metavar="DRIVER.PROPERTY")
    _vm_options(verb)


def _platforms_options(verb: argparse.ArgumentParser) -> None:
    one = verb.add_argument
    one("name", metavar="NAME", nargs="?", help="NAME[@EDITION]: what it lists")
    one("--names", action="store_true", help="names only, one a line")
    one("--host", metavar="REPORT", help="what that host supports and why not; 'this' probes")
    one("--policy", metavar="NAME", help="newest or conservative: which one to choose")
    one("--format", choices=("table", "labels", "traits"), default="table", help="for schedulers")
    _scope_options(verb)


def _scope_options(verb: argparse.ArgumentParser) -> None:
    """Add what says which virtual machines a platform is judged for."""
    one = verb.add_argument
    one("--accel", metavar="NAME", help="judge for this accelerator (kvm)")
    kinds = "judge behind this backend only (tap and tap+vhost); repeatable"
    one("--backend", metavar="KIND", action="append", default=[], help=kinds)


def _host_options(verb: argparse.ArgumentParser) -> None:
    one = verb.add_argument
    one("--output", "-o", metavar="FILE", help="write the report there, whole or not at all")
    one("--line", action="store_true", help="the report as one line, for a file of many hosts")
    one("--name", metavar="NAME", help="what to call the host in the report; nothing by default")
    one("--infer", action="store_true", help="add what the kernel's release predicts, marked")
    one("--qemu", metavar="BINARY", help="the QEMU to ask; else $PLATFORM_ABI_QEMU or the usual")
    one("--no-qemu", action="store_true", help="start no QEMU")
    one("--oracle", action="store_true", help="let a throw-away QEMU answer what no probe could")
    one("--timeout", metavar="SECONDS", type=float, help="how long one device may take to answer")


def _check_options(verb: argparse.ArgumentParser) -> None:
    one = verb.add_argument
    one("lock", metavar="LOCK", nargs="?", help="a lockfile; or describe the VM as for resolve")
    one("--host", metavar="REPORT", help="may it start there; 'this', the default, probes")
    one("--from", metavar="REPORT", dest="source", help="may it move from there")
    one("--to", metavar="REPORT", dest="destination", help="to there, and come back")
    one("--allow-unknown", action="store_true", help="let what is not known pass, and record it")
    one("--force", action="store_true", help="let everything pass, and record it")
    _vm_options(verb)


def _baseline_options(verb: argparse.ArgumentParser) -> None:
    one = verb.add_argument
    one("hosts", metavar="HOST", nargs="+", help="host reports, one a file or one a line; -: stdin")
    one("--edition", metavar="EDITION", help="edition of the platforms; else the newest")
    one("--lock", metavar="LOCK", action="append", default=[], help="a VM; repeatable")
    joins = "a report of a host that joins: which VMs could not move to it; repeatable"
    one("--joins", metavar="REPORT", action="append", default=[], help=joins)
    upgrade = "a host, or its report, and its report after: which VMs it loses; repeatable"
    one("--upgrade", metavar="OLD=NEW", action="append", default=[], help=upgrade)
    one("--allow-unknown", action="store_true", help="let what is not known pass, and record it")
    _scope_options(verb)


def _import_qemu_options(verb: argparse.ArgumentParser) -> None:
    one = verb.add_argument
    one("binary", metavar="BINARY", help="qemu-system-ARCH, or a wrapper that starts it")
    one("--output", "-o", metavar="DIR", help="write below this folder of machines")
    one("--name", metavar="NAME", help="what to call the build; else by version and vendor")
    one("--vendor", metavar="V", help="who built it; else as its package says")
    one("--package", metavar="P", help="its package; else as query-version says")
    generation = "upstream generation of a vendor's machine type, or of its version; repeatable"
    one("--generation", metavar="NAME=X.Y", action="append", default=[], help=generation)
    one("--timeout", metavar="SECONDS", type=float, help="how long QEMU may take for one answer")
    one("--force", action="store_true", help="replace another build, or files that know more")
    one("--quiet", action="store_true", help="print errors only")


def _audit_qemu_options(verb: argparse.ArgumentParser) -> None:
    one = verb.add_argument
    one("binary", metavar="BINARY", help="qemu-system-ARCH, or a wrapper that starts it")
    one("--against", metavar="BUILD", help="the build to hold it to; else the one it says it is")
    one("--against-binary", metavar="OTHER", help="another binary to hold it to instead")
    machines = "these machine types only, aliases too; repeatable"
    one("--machine", "-M", metavar="TYPE", action="append", default=[], help=machines)
    one("--view", metavar="FILE", help="write what its guests would find; alone, do only that")
    one("--timeout", metavar="SECONDS", type=float, help="how long one QEMU may take to answer")


def _run_options(verb: argparse.ArgumentParser) -> None:
    one = verb.add_argument
    one("--qemu", metavar="BINARY", help="the QEMU; else the first word, $PLATFORM_ABI_QEMU, PATH")
    one("--arch", metavar="ARCH", help="guest architecture, to find a QEMU for")
    one("--host", metavar="REPORT", help="do not ask this host: a report of it, by root perhaps")
    one("--print-args", action="store_true", help="print the words, one a line; start nothing")
    words = "a QEMU and its whole command line, with -platform NAME[,lock=FILE][,...]|help|none"
    one("words", metavar="-- QEMU ...", nargs=argparse.REMAINDER, help=words)


def _monitor_options(verb: argparse.ArgumentParser) -> None:
    one = verb.add_argument
    one("--listen", metavar="SOCKET", required=True, help="where clients connect: unix:PATH")
    one("--qemu", metavar="SOCKET", help="QEMU's own QMP socket: unix:PATH; none: this host alone")
    one("--lock", metavar="LOCK", help="the VM's lockfile, for query-platform")
    one("--mode", metavar="MODE", default="0600", help="permissions of the socket (0600)")
    one("--allow-tcp", action="store_true", help="take tcp:HOST:PORT as well, without encryption")


def _verify_options(verb: argparse.ArgumentParser) -> None:
    one = verb.add_argument
    one("--qmp", metavar="SOCKET", help="the QMP socket of a running QEMU: unix:PATH or PATH")
    one("--start", action="store_true", help="a throw-away QEMU, paused, read by its devices too")
    one("--qemu", metavar="BINARY", help="the QEMU to start; else $PLATFORM_ABI_QEMU or the usual")
    one("--timeout", metavar="SECONDS", type=float, help="how long QEMU may take to answer")
    one("--host", metavar="REPORT", help="what the host can do; 'this', the default, probes")
    one("--allow-unknown", action="store_true", help="let what nobody can tell pass")
    words = "the lockfile; then, with --start, -- and QEMU's arguments instead of those in it"
    one("lock", metavar="LOCK", help=words)
    verb.set_defaults(words=[])


def _explain_error_options(verb: argparse.ArgumentParser) -> None:
    one = verb.add_argument
    one("text", metavar="TEXT", nargs="*", help="what QEMU said, whole logs too; -: stdin")
    one("--file", metavar="FILE", help="read it from there; -: stdin")
    one("--device", metavar="DRIVER", help="the device that said it, where no line names one")


def _diff_options(verb: argparse.ArgumentParser) -> None:
    one = verb.add_argument
    one("kind", choices=("platform", "abi", "host", "machine", "build"))
    one("before", metavar="A", help="a platform, lockfile, host report, machine type or QEMU build")
    one("after", metavar="B")
    one("--machine", "-M", metavar="TYPE", help="the machine type to compare in two builds")
    one("--build", metavar="NAME", help="the build whose machine types to compare; else the newest")
    one("--arch", metavar="ARCH", help="guest architecture of machine types (x86_64)")
    driver = "this driver only, or all below this QOM type; repeatable"
    one("--driver", metavar="DRIVER", action="append", default=[], help=driver)
    one("--all", action="store_true", help="also what no guest can see, or only one build has")
    one("--csv", action="store_true", help="comma-separated values, not a table")


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
    "host": ("what this host offers, how each fact was found, its newest platform", _host_options),
    "check": ("whether a VM may start on a host, or move to another and back", _check_options),
    "baseline": ("the newest platform that many hosts have in common", _baseline_options),
    "diff": (
        "what differs between two platforms, lockfiles, hosts, machine types or QEMU builds",
        _diff_options,
    ),
    "import-qemu": ("the machine types and properties of a QEMU binary", _import_qemu_options),
    "audit-qemu": (
        "whether a QEMU binary keeps the promises of what is known",
        _audit_qemu_options,
    ),
    "run": ("QEMU with a platform: this process becomes it", _run_options),
    "verify": ("what a running QEMU really offers, against its lockfile", _verify_options),
    "monitor": ("a QMP server in front of QEMU's that answers query-platforms", _monitor_options),
    "explain-error": (
        "what a line of QEMU's about a failed migration means",
        _explain_error_options,
    ),
}
