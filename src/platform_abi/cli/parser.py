"""Options of verbs as values: each is declared once, as a field of what its verb is asked for.

There is no attrs here: whoever starts a QEMU would wait for its import before anything else begins.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence

from platform_abi._version import __version__
from platform_abi.errors import UsageError

# typing costs as much; type checkers know this name by itself.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

_EPILOG = "exit codes: 0 yes, 1 the honest answer is no, 2 usage, 3 bad definition, 4 environment"

#: Nobody waits longer for one answer. In seconds.
_LONGEST = 600


#: How argparse counts words of which there can be several.
_SEVERAL = ("*", "+", argparse.REMAINDER)


class Declared:
    """An argument of argparse's, in the place of the field that its value becomes."""

    def __init__(self, flags: Sequence[str] | None, **how: Any) -> None:
        self.flags = flags
        self.how = how

    @property
    def default(self) -> object:
        """Return what the field is where nobody says."""
        if self.how.get("action") == "store_true":
            return False
        return self.how.get("default", () if self.how.get("nargs") in _SEVERAL else None)

    def add(self, verb: argparse.ArgumentParser, name: str) -> None:
        """Add the argument for the field *name* to the parser of a verb."""
        if self.flags is None:
            verb.add_argument(name, **self.how)
        elif self.flags and self.flags[0].startswith("--"):
            verb.add_argument(*self.flags, dest=name, **self.how)
        else:
            verb.add_argument(f"--{name.replace('_', '-')}", *self.flags, **self.how)


class Others(Declared):
    """In the place of the field with QEMU's words behind ``--``, which are no arguments of ours."""

    def __init__(self) -> None:
        super().__init__(None, default=())

    def add(self, verb: argparse.ArgumentParser, name: str) -> None:
        """Add nothing."""


def positional(metavar: str | None = None, said: str | None = None, **how: Any) -> Any:
    """Declare a field that is told by its place; *how* is argparse's."""
    return Declared(None, metavar=metavar, help=said, **how)


def option(metavar: str | None, said: str, *flags: str, **how: Any) -> Any:
    """Declare a field that an option tells: called as the field where *flags* have no long name."""
    return Declared(flags, metavar=metavar, help=said, **how)


def repeated(metavar: str, said: str, *flags: str) -> Any:
    """Declare a field with every value of an option that can be given again and again."""
    return option(metavar, f"{said}; repeatable", *flags, action="append", default=[])


def flag(said: str) -> Any:
    """Declare a field that is whether an option was given."""
    return Declared((), help=said, action="store_true")


def others() -> Any:
    """Declare a field with QEMU's words behind ``--``."""
    return Others()


def seconds(said: str) -> Any:
    """Declare a field with a time that somebody waits."""
    return option("SECONDS", said, type=float)


class Options:
    """What a verb is asked for: a value whose fields are declared as its arguments.

    Those of a class come before those of the classes that it is made from. What may be given again
    and again is a tuple.
    """

    json: bool = flag("a JSON document, not text")

    def __init__(self, **said: object) -> None:
        """Take the fields that are *said*; raises UsageError for a time that nobody waits."""
        for name, declared in declarations(type(self)):
            value = said.pop(name, declared.default)
            if declared.how.get("type") is float:
                _check_time(value)
            self.__dict__[name] = tuple(value) if isinstance(value, list) else value
        if said:
            raise TypeError(f"{type(self).__name__} has no {', '.join(said)}")

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{name} of a value cannot be set")


def declarations(kind: type[Options]) -> Iterator[tuple[str, Declared]]:
    """Yield every field of *kind* with its declaration, in the order of a verb's help."""
    for each in kind.__mro__:
        for name, declared in vars(each).items():
            if isinstance(declared, Declared):
                yield name, declared


def _check_time(seconds: object) -> None:
    if isinstance(seconds, float) and not 0 < seconds <= _LONGEST:
        raise UsageError(
            f"--timeout takes seconds, up to {_LONGEST}; found {seconds:g}", code="usage"
        )


class _Formatter(argparse.HelpFormatter):
    """Help of one width: argparse makes a formatter for every option, and each would measure."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_WIDTH)


_WIDTH = 98


class _Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors are ours, with a code and a help line."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, code="usage", help=f"see '{self.prog} --help'")


#: By verb, what it prints, and what it is asked for.
Verbs = Mapping[str, tuple[str, type[Options]]]


def parse(verbs: Verbs, words: Sequence[str], others: Sequence[str] = ()) -> tuple[str, Options]:
    """Return the verb that *words* name, and what it is asked for.

    *others* are words of QEMU's, for a verb that takes some behind its own.
    """
    said = vars(_parser(verbs, words).parse_args(words))
    verb = said.pop("verb")
    if others:
        said["words"] = [*others]
    return verb, verbs[verb][1](**said)


def _parser(verbs: Verbs, words: Sequence[str] = ()) -> argparse.ArgumentParser:
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
    added = parser.add_subparsers(title="verbs", metavar="VERB", required=True, prog=parser.prog)
    asked = words[0] if words and words[0] in verbs else None
    for name, (summary, kind) in verbs.items():
        if asked in (None, name):
            verb = added.add_parser(
                name,
                help=summary,
                description=f"Print {summary}.",
                allow_abbrev=False,
                formatter_class=_Formatter,
            )
            verb.set_defaults(verb=name)
            for field, declared in declarations(kind):
                declared.add(verb, field)
    return parser
