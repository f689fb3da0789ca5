"""Everything that this package raises on purpose.

    PlatformAbiError                  only this and its children cross the public edge
    +-- UsageError        exit 2      an argument is malformed or contradicts another
    |   +-- UnknownNameError          a name that nothing defines (also a LookupError)
    |   +-- BeyondPlatformError       strict mode: an explicit value exceeds the platform
    +-- DefinitionError   exit 3      a definition file is wrong; carries every fault found
    +-- LockError         exit 3      a lockfile is damaged or was edited by hand
    +-- ReportError       exit 2      a host report is damaged, foreign or of another schema
    +-- HostError         exit 4      the environment failed: no access, no such file

Every error has a stable ``code``, which is part of the interface, and a ``help`` sentence that
says what to do.
"""

from __future__ import annotations

# typing costs more than the rest; type checkers know this name by itself.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any


class PlatformAbiError(Exception):
    """The base of every error of this package; it is never raised itself.

    ``message`` is all of it, ``lines`` the same line by line: what it says first, and *details*,
    such as the words of another program. A line break within one of them is somebody else's.
    """

    exit_code = 2

    def __init__(
        self,
        message: str,
        *,
        code: str,
        help: str = "",  # noqa: A002 - QEMU and rustc call it help
        details: Iterable[str] = (),
    ) -> None:
        self.lines = (message, *details)
        self.message = "\n".join(self.lines)
        super().__init__(self.message)
        self.code = code
        self.help = help

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.args, self.__dict__.copy()))

    def as_dict(self) -> dict[str, Any]:
        """Return the error as the JSON object that ``--json`` prints."""
        return {"code": self.code, "message": self.message, "help": self.help}


class UsageError(PlatformAbiError, ValueError):
    """An argument is malformed, or two arguments contradict each other."""


class UnknownNameError(UsageError, LookupError):
    """Nothing defines the given name."""


class BeyondPlatformError(UsageError):
    """In strict mode, an explicit value asks for more than the platform guarantees."""


class DefinitionError(PlatformAbiError, ValueError):
    """A definition file is wrong.

    ``faults`` has one line for every fault of the file, each with its place.
    """

    exit_code = 3

    def __init__(self, faults: Iterable[str], *, code: str = "definition", help: str = "") -> None:  # noqa: A002
        self.faults = tuple(faults)
        super().__init__(
            self.faults[0] if self.faults else "", code=code, help=help, details=self.faults[1:]
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the error as a JSON object, with each fault of the file."""
        return {**super().as_dict(), "faults": list(self.faults)}


class LockError(PlatformAbiError, ValueError):
    """A lockfile is damaged, of another schema, or was edited by hand."""

    exit_code = 3


class ReportError(PlatformAbiError, ValueError):
    """A host report is damaged, of another schema, or something else."""


class HostError(PlatformAbiError, OSError):
    """The environment failed: a file that cannot be read or written, a missing permission."""

    exit_code = 4

    def __str__(self) -> str:
        return self.message


def _rebuild(
    cls: type[PlatformAbiError], args: tuple[Any, ...], state: dict[str, Any]
) -> PlatformAbiError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


def printable(text: str) -> str:
    """Return *text* without characters that would steer a terminal: they are escaped."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def of_device(label: str | None) -> str:
    """Return `` of LABEL``, nothing for what is of no device of its own."""
    return "" if label is None else f" of {label}"


def first_of(names: Iterable[str], most: int) -> str:
    """Return the first *most* of *names*, and how many there are besides."""
    every = list(names)
    more = len(every) - most
    return ", ".join(every[:most]) + (f" and {more} more" if more > 0 else "")


def signal_name(number: int) -> str:
    """Return ``SIGSEGV`` and the like."""
    import signal

    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def unknown(
    what: str,
    name: str,
    known: Iterable[str],
    *,
    code: str,
    help: str = "",  # noqa: A002
) -> UnknownNameError:
    """Return the error for a name that nothing defines, with the nearest valid names."""
    hint = suggest(name, known)
    return UnknownNameError(f"unknown {what} '{name}'{hint}", code=code, help=help)


def suggest(name: str, known: Iterable[str]) -> str:
    """Return ``; did you mean 'x'?`` for the nearest of *known* names, or nothing."""
    import difflib

    near = difflib.get_close_matches(name, sorted(set(known)), n=3, cutoff=0.6)
    if not near:
        return ""
    return "; did you mean " + " or ".join(f"'{word}'" for word in near) + "?"
