"""What is raised on purpose: a code, a help, an exit status, and nothing that steers a terminal."""

from __future__ import annotations

import copy
import difflib
import pickle
import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platform_abi import errors
from platform_abi.errors import (
    DefinitionError,
    HostError,
    PlatformAbiError,
    UnknownNameError,
    UsageError,
    first_of,
    printable,
    signal_name,
    suggest,
    unknown,
)

_CLASSES = [
    each
    for each in vars(errors).values()
    if isinstance(each, type) and issubclass(each, PlatformAbiError)
]
_NAMES = st.lists(st.text("abc-", min_size=1, max_size=6), max_size=6)


@given(st.sampled_from(_CLASSES), st.text(), st.text(), st.text())
def test_an_error_survives_being_sent_elsewhere(
    cls: type[PlatformAbiError], message: str, code: str, told: str
) -> None:
    """Pickled or copied it is the same: class, message, code and help."""
    given_ = [message] if cls is DefinitionError else message
    error = cls(given_, code=code, help=told)  # type: ignore[arg-type]
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(again) is cls
        assert (error.args, str(error), error.as_dict()) == (
            again.args,
            str(again),
            again.as_dict(),
        )
    assert (message, code, told) == (error.message, error.code, error.help)


def test_a_class_says_what_a_shell_is_told() -> None:
    """2 for what was said, 3 for what is stored, 4 for what is around; each is one of Python's."""
    assert {cls.__name__: cls.exit_code for cls in _CLASSES} == {
        "PlatformAbiError": 2, "UsageError": 2, "UnknownNameError": 2, "BeyondPlatformError": 2,
        "DefinitionError": 3, "LockError": 3, "ReportError": 2, "HostError": 4,
    }  # fmt: skip
    assert issubclass(UnknownNameError, LookupError)
    assert issubclass(UsageError, ValueError)
    assert issubclass(HostError, OSError)


@given(st.lists(st.text(), min_size=1))
def test_every_fault_of_a_definition_is_kept(faults: list[str]) -> None:
    """As lines for people, one by one for programs."""
    error = DefinitionError(iter(faults))
    assert (tuple(faults), "\n".join(faults)) == (error.faults, error.message)
    assert faults == error.as_dict()["faults"]


@given(st.text())
def test_what_is_printed_steers_no_terminal(text: str) -> None:
    """Every character of it is one that is seen, and what was so already is as it was."""
    shown = printable(text)
    assert shown.isprintable()
    assert printable(shown) == shown
    if text.isprintable():
        assert text == shown
    rest = iter(shown)
    assert all(char in rest for char in text if char.isprintable())


@given(_NAMES, st.integers(0, 8))
def test_so_many_and_how_many_more(names: list[str], most: int) -> None:
    """The first in their order, and the number of the others where there are any."""
    text = first_of(iter(names), most)
    head, _, more = text.partition(" and ")
    assert ", ".join(names[:most]) == head
    assert (f"{len(names) - most} more" if len(names) > most else "") == more


@given(st.text("abc-", min_size=1, max_size=6), _NAMES)
def test_the_nearest_names_are_some_that_there_are(name: str, known: list[str]) -> None:
    """At most three, in whatever order they are known; none where none is near."""
    hint = suggest(name, known)
    assert suggest(name, reversed(known)) == hint
    near = hint.removeprefix("; did you mean '").removesuffix("'?").split("' or '") if hint else []
    assert len(near) <= 3
    assert set(near) <= set(known)
    assert bool(near) is bool(difflib.get_close_matches(name, known))
    error = unknown("thing", name, known, code="c", help="h")
    assert (f"unknown thing '{name}'{hint}", "c", "h") == (error.message, error.code, error.help)


@pytest.mark.parametrize(("number", "name"), [(signal.SIGSEGV, "SIGSEGV"), (60, "signal 60")])
def test_a_signal_is_called_by_its_name(number: int, name: str) -> None:
    """Where it has one."""
    assert name == signal_name(number)
