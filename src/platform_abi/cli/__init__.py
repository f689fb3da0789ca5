"""The command line: parse, call, render. Everything else is in the rooms above."""

from __future__ import annotations

import contextlib
import gc
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import TextIO

from platform_abi.cli.options import VERBS
from platform_abi.cli.parser import parse
from platform_abi.errors import HostError, PlatformAbiError, UsageError

#: What a shell expects of a program that was interrupted.
_INTERRUPTED = 130


def entry() -> int:
    """Run as a process of its own: like ``main``, without the garbage collector's help."""
    # Nothing lives long enough here for a collection to be worth its time, least of all at exit.
    gc.disable()
    unfailing_stderr()
    try:
        return main()
    finally:
        gc.freeze()


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit code: 0 yes, 1 no, 2 usage, 3 definition, 4 environment."""
    words = list(sys.argv[1:] if argv is None else argv)
    _open_streams()
    try:
        return _run(words)
    except PlatformAbiError as error:
        wrong = error
    except RecursionError:
        wrong = UsageError("the input is nested too deeply", code="too-deep")
    except UnicodeEncodeError:
        wrong = UsageError("a value is not text", code="not-text")
    except BrokenPipeError:
        # Whoever read the output has seen enough.
        _drop_output()
        return 0
    except OSError as error:
        _drop_output()
        wrong = HostError(f"cannot write the output: {error.strerror}", code="write-failed")
    except KeyboardInterrupt:
        return _INTERRUPTED
    from platform_abi.cli.render import print_error

    print_error(wrong, as_json="--json" in words)
    return wrong.exit_code


def _run(words: list[str]) -> int:
    own, others = _divided(words)
    try:
        verb, options = parse(VERBS, own, others)
        # The module of a verb is imported only where it runs.
        code: int = import_module(f"platform_abi.cli.{verb.replace('-', '_')}").run(options)
    finally:
        sys.stdout.flush()
    return code


def _divided(words: list[str]) -> tuple[list[str], list[str]]:
    """Return our own words and, after ``--``, QEMU's, of a verb that has options on either side.

    argparse takes an option that follows a positional for one of those words.
    """
    if not {*words[:1]} & _WITH_WORDS or "--" not in words:
        return words, []
    at = words.index("--")
    return words[:at], words[at + 1 :]


#: Verbs that take a command line of QEMU's behind their own.
_WITH_WORDS = {"check", "explain", "lock", "rehearse", "resolve", "verify"}


def _open_streams() -> None:
    """See to it that there is a stdout and a stderr, and that bytes of arguments pass unchanged."""
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - for good
    if sys.stdout is None:
        # Writing to a stream that is open for reading only fails, as it should.
        sys.stdout = open(os.open(os.devnull, os.O_RDONLY), "w", encoding="utf-8")  # noqa: SIM115, PTH123
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="surrogateescape")


class _Unfailing(io.TextIOWrapper):
    """A stream that nobody may be able to write to: then what is written is lost."""

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError:
            _drop(self)
            return len(text)


def unfailing_stderr() -> None:
    """Let no remark that cannot be written, as on a full disk, change what is done or returned."""
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr = _Unfailing(
            sys.stderr.buffer,
            encoding=sys.stderr.encoding,
            errors="backslashreplace",
            line_buffering=True,
        )


def _drop_output() -> None:
    """Keep Python from complaining at exit about output that cannot be written."""
    _drop(sys.stdout)


def _drop(stream: TextIO) -> None:
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
