"""The command line: parse, call, render. Everything else is in the rooms above."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence

from platform_abi.cli.parser import build_parser
from platform_abi.errors import PlatformAbiError, UsageError

#: What a shell expects of a program that was interrupted.
_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit code: 0 yes, 1 no, 2 usage, 3 definition, 4 environment."""
    # Nothing lives long enough here for a collection to be worth its time.
    gc.disable()
    words = list(sys.argv[1:] if argv is None else argv)
    as_json = "--json" in words
    try:
        arguments = build_parser().parse_args(words)
        code: int = arguments.run(arguments)
        sys.stdout.flush()
    except PlatformAbiError as error:
        _report(error, as_json=as_json)
        return error.exit_code
    except RecursionError:
        _report(UsageError("the input is nested too deeply", code="too-deep"), as_json=as_json)
        return UsageError.exit_code
    except BrokenPipeError:
        # Whoever read the output has seen enough; keep Python from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return _INTERRUPTED
    return code


def _report(error: PlatformAbiError, *, as_json: bool) -> None:
    if as_json:
        import json

        from platform_abi.emit.document import SCHEMA_VERSION

        print(
            json.dumps({"schema_version": SCHEMA_VERSION, "error": error.as_dict()}),
            file=sys.stderr,
        )
        return
    from platform_abi.cli.render import paint

    head = paint(f"error[{error.code}]:", "red", sys.stderr)
    print(f"{head} {error.message}", file=sys.stderr)
    if error.help:
        print(f"help: {error.help}", file=sys.stderr)
