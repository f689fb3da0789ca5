"""What a probing child says: one line each, short enough for a pipe, whatever it was asked."""

from __future__ import annotations

import errno
import json
import os
import select
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platform_abi.host.reply import Question, all_unknown, errno_name, number, read, say, say_set


def _said(what: Callable[[], object]) -> list[list[Any]]:
    """Return the lines that *what* says, each read back; none may be longer than a pipe's atom."""
    reading, writing = os.pipe()
    kept = os.dup(1)
    os.dup2(writing, 1)
    try:
        what()
    finally:
        os.dup2(kept, 1)
        for descriptor in (kept, writing):
            os.close(descriptor)
    with os.fdopen(reading, "rb") as stream:
        lines = stream.read().splitlines(keepends=True)
    assert all(line.endswith(b"\n") and len(line) <= select.PIPE_BUF for line in lines)
    return [json.loads(line) for line in lines]


def _question() -> Question:
    return Question(["tun.uso", "tun-offload", "/dev/net/tun", 0x400454D0, 0x61, ""])


@given(st.lists(st.text("0123456789abcdefx", min_size=1, max_size=18), unique=True, max_size=400))
def test_a_set_is_said_whole_and_in_short_lines(members: list[str]) -> None:
    """However many there are; one without members is a set as well."""
    lines = _said(lambda: say_set("kvm.msr-features", members))
    assert lines
    assert all(line[:2] == ["set", "kvm.msr-features"] for line in lines)
    assert members == [member for line in lines for member in line[2]]


@given(st.text(max_size=500))
def test_an_answer_has_its_question_and_an_end(detail: str) -> None:
    """A detail is cut off: no driver can make a line longer than one that arrives whole."""
    ((kind, name, state, source, told),) = _said(lambda: _question().unknown(detail))
    assert ("fact", "tun.uso", "unknown", "none", detail[:200]) == (kind, name, state, source, told)


@pytest.mark.parametrize(
    ("number_", "state", "source", "detail"),
    [
        (errno.EINVAL, "absent", "ioctl", "EINVAL from X"),
        (errno.ENOTTY, "absent", "ioctl", "ENOTTY from X"),
        (errno.EPERM, "unknown", "none", "EPERM from X"),
        (errno.EBUSY, "unknown", "none", "EBUSY from X"),
        (9999, "unknown", "none", "errno 9999 from X"),
    ],
)
def test_only_a_request_that_there_is_not_proves_absence(
    number_: int, state: str, source: str, detail: str
) -> None:
    """Every other error says that it could not be asked."""
    error = OSError(number_, "words")
    assert [["fact", "tun.uso", state, source, detail]] == _said(
        lambda: _question().refused(error, "X")
    )


def test_what_was_shown_is_said() -> None:
    """Present or absent, by an ioctl; of many that could not be asked each is unknown."""
    for present, state in ((True, "present"), (False, "absent")):
        said = _said(partial(_question().ioctl, present, "why"))
        assert [["fact", "tun.uso", state, "ioctl", "why"]] == said
    assert [["fact", "tun.uso", "unknown", "none", "why"]] * 2 == _said(
        lambda: all_unknown([_question(), _question()], "why")
    )
    assert [["done"]] == _said(lambda: say("done"))


def test_numbers_and_errors_have_their_names(tmp_path: Path) -> None:
    """As headers write them; a file is read as far as it was asked for."""
    assert ("0x61", "-1", "0x0") == (number(0x61), number(-1), number(0))
    assert ("ENOENT", "errno None") == (errno_name(OSError(2, "")), errno_name(OSError()))
    file = tmp_path / "file"
    file.write_bytes(b"  text \xff\n")
    assert ("text \N{REPLACEMENT CHARACTER}", "te") == (read(str(file)), read(str(file), 4))
