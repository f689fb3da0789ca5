"""Text for people: columns that line up, colours where they may be, and no word that steers."""

from __future__ import annotations

import io
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from platform_abi.cli.render import Painted, colored, note, say, show_step, table

_CELLS = st.text(st.characters(codec="ascii") | st.sampled_from("\x1b\u202e\n"), max_size=8)


class _Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(_CELLS, _CELLS, _CELLS), max_size=5))
def test_columns_line_up(
    capsys: pytest.CaptureFixture[str], rows: list[tuple[str, str, str]]
) -> None:
    """Each begins where its heading does; what is in a cell stays on its line."""
    capsys.readouterr()
    table(["ONE", "TWO", "THREE"], rows)
    lines = capsys.readouterr().out.split("\n")
    assert len(rows) + 2 == len(lines)
    assert "" == lines[-1]
    second, third = lines[0].index("TWO"), lines[0].index("THREE")
    for line, row in zip(lines[1:], rows, strict=False):
        cells = (line[:second], line[second:third], line[third:])
        for cell, said in zip(cells, row, strict=True):
            assert cell.isprintable()
            assert not said.isprintable() or cell.rstrip() == said.rstrip()
        assert line == line.rstrip()


@pytest.mark.parametrize(
    ("terminal", "environment", "expected"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (True, {"TERM": "dumb"}, False),
        (True, {"TERM": "xterm"}, True),
    ],
)
def test_colours_are_for_terminals_that_have_them(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], *, terminal: bool, expected: bool
) -> None:
    """And for people who want them (https://no-color.org)."""
    monkeypatch.delenv("TERM", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    stream = _Terminal() if terminal else io.StringIO()
    assert colored(stream) is expected
    say("a", Painted("x", "red"), to=stream)
    assert stream.getvalue() == ("a\x1b[31mx\x1b[0m\n" if expected else "ax\n")


def test_a_remark_stands_beside_the_output(capsys: pytest.CaptureFixture[str]) -> None:
    """On stderr, on one line, whatever is in it."""
    note("note", "a\x1b[2J\nb")
    assert ("", "note: a\\x1b[2J\\nb\n") == capsys.readouterr()


def test_a_step_takes_the_place_of_the_one_before(capsys: pytest.CaptureFixture[str]) -> None:
    """On one line, whatever is said of it, and gone at the end; nothing of it is in the output."""
    show_step("move 1: all\nof them")
    show_step("")
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.endswith("\r\x1b[K")
    assert "\n" not in told.err


def test_nothing_of_a_table_is_cut_on_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that does not fit goes on in the next line of its cell."""
    pytest.importorskip("rich")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = _Terminal()
    monkeypatch.setattr("sys.stdout", stream)
    name = "linux-" + "abcdefghij" * 5
    table(["NAME"], [[name]])
    lines = [re.sub(r"\x1b\[[\d;]*m", "", line).strip() for line in stream.getvalue().split("\n")]
    assert name in "".join(lines)
