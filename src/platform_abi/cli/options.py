"""Options as values: what the parser collects is read and bounded once, where a verb begins."""

from __future__ import annotations

import argparse
from typing import TypeVar

import attrs

from platform_abi.errors import UsageError

T = TypeVar("T", bound=attrs.AttrsInstance)

#: Nobody waits longer for one answer. In seconds.
_LONGEST = 600


def read_options(kind: type[T], arguments: argparse.Namespace) -> T:
    """Return what *arguments* say as a value of *kind*, whose fields are called as they are.

    What may be given again and again is a tuple. Raises UsageError as its converters do.
    """
    said = {field.name: getattr(arguments, field.name) for field in attrs.fields(kind)}
    return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in said.items()})


def bounded_timeout(seconds: float | None) -> float | None:
    """Return what ``--timeout`` says, in seconds; raises UsageError for what nobody waits."""
    if seconds is not None and not 0 < seconds <= _LONGEST:
        raise UsageError(
            f"--timeout takes seconds, up to {_LONGEST}; found {seconds:g}", code="usage"
        )
    return seconds
