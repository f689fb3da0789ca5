"""Options of verbs as values: each is declared once, as a field of what its verb is asked for.

There is no attrs here: whoever starts a QEMU would wait for its import before anything else begins.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from platform_abi._version import __version__
from platform_abi.errors import UsageError, suggest, unknown

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

    def spellings(self, name: str) -> tuple[str, ...]:
        """Return how the option of the field *name* is written; nothing where its place tells."""
        if self.flags is None:
            return ()
        if self.flags and self.flags[0].startswith("--"):
            return (*self.flags,)
        return (f"--{name.replace('_', '-')}", *self.flags)

    def add(self, verb: argparse.ArgumentParser, name: str) -> None:
        """Add the argument for the field *name* to the parser of a verb."""
        spellings = self.spellings(name)
        if spellings:
            verb.add_argument(*spellings, dest=name, **self.how)
        else:
            verb.add_argument(name, **self.how)


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

    #: Command lines that are worth trying first, for the help of the verb.
    examples: tuple[str, ...] = ()

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
    """Help as wide as the terminal, whose width is asked for once; examples stay as they are.

    argparse makes a formatter for every option, and each would measure.
    """

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_width())

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        """Fold each line of *text* that is prose: argparse calls this for what it says around."""
        fold = super()._fill_text
        lines = text.splitlines()
        return "\n".join(
            line if line.startswith(_EXAMPLE) else fold(line, width, indent) for line in lines
        )


#: What a line of an example begins with.
_EXAMPLE = "  $ "


@cache
def _width() -> int:
    """Return how many columns help has; where there is no terminal, or a very wide one, 98."""
    try:
        columns = int(os.environ.get("COLUMNS") or os.get_terminal_size(1).columns)
    except (OSError, ValueError):
        columns = 0
    return max(_NARROWEST, min(columns - 2, _WIDEST)) if columns > 0 else _WIDEST


_WIDEST = 98
_NARROWEST = 58


class _Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors are ours, with a code, a help line and the nearest name."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, code="usage", help=f"see '{self.prog} --help'")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Refuse *value* where there is a choice and it is none: called by argparse for each."""
        if action.choices is not None and value not in action.choices:
            what = action.option_strings[0] if action.option_strings else action.dest
            self.error(
                f"{what} takes {_either([*action.choices])}, found '{value}'"
                + suggest(str(value), action.choices)
            )


def _either(names: Sequence[str]) -> str:
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))


#: By verb, what it prints, and what it is asked for.
Verbs = Mapping[str, tuple[str, type[Options]]]


def parse(verbs: Verbs, words: Sequence[str], others: Sequence[str] = ()) -> tuple[str, Options]:
    """Return the verb that *words* name, and what it is asked for.

    *others* are words of QEMU's, for a verb that takes some behind its own.
    """
    if words[:1] == [_HELP]:
        words = [*words[1:2], "--help"]
    if words and not words[0].startswith("-") and words[0] not in verbs:
        raise unknown(
            "verb", words[0], (*verbs, _HELP), code="usage", help="'platform-abi --help' lists all"
        )
    known, rest = parser_of(verbs, words).parse_known_args(words)
    said = vars(known)
    if rest:
        raise _not_taken(said["verb"], verbs[said["verb"]][1], rest)
    verb = said.pop("verb")
    if others:
        said["words"] = [*others]
    return verb, verbs[verb][1](**said)


def _not_taken(verb: str, kind: type[Options], words: Sequence[str]) -> UsageError:
    """Return the error for *words* that *verb* does not take, with the option that is nearest."""
    name = words[0].partition("=")[0]
    hint = ""
    if name.startswith("-"):
        every = (each.spellings(field) for field, each in declarations(kind))
        hint = suggest(name, [spelling for spellings in every for spelling in spellings])
    return UsageError(
        f"{verb} does not take '{words[0]}'{hint}",
        code="usage",
        help=f"see 'platform-abi {verb} --help'",
    )


#: ``help VERB`` is ``VERB --help``, and ``help`` alone ``--help``.
_HELP = "help"


def parser_of(verbs: Verbs, words: Sequence[str] = ()) -> argparse.ArgumentParser:
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
                epilog="\n".join(["examples:", *map(_EXAMPLE.__add__, kind.examples)]),
                allow_abbrev=False,
                formatter_class=_Formatter,
            )
            verb.set_defaults(verb=name)
            for field, declared in declarations(kind):
                declared.add(verb, field)
    return parser
