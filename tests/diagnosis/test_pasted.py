"""What people paste is read as what was printed, on the line on which it stands."""

from __future__ import annotations

import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.diagnosis.diagnosis import diagnose
from platform_abi.diagnosis.pasted import restored

MESSAGE = "operation failed: guest CPU doesn't match specification: missing features: aa,bb-c,dd"
FLAGS = ["aa", "bb-c", "dd"]


def _wrapped_by_mail(text: str) -> str:
    return quopri.encodestring(("tsc=1 " + text + " \u2019").encode()).decode()


PASTED = {
    "as it was": MESSAGE,
    "wrapped": MESSAGE.replace("match ", "match\n").replace("aa,", "aa,\n"),
    "quoted": "> > " + MESSAGE.replace("CPU ", "CPU\n> > "),
    "typographic": MESSAGE.replace("'", "\u2019"),
    "web page": f"<p>&#39;{MESSAGE.replace(chr(39), '&#39;')}&#39;</p>",
    "web page, twice": MESSAGE.replace("'", "&amp;#x27;"),
    "YAML": f"reason: '{MESSAGE.replace(chr(39), chr(39) * 2)}'".replace("CPU ", "CPU\n      "),
    "mail": _wrapped_by_mail(MESSAGE),
    "JSON": '{"msg": "error\\n' + MESSAGE.replace("'", "\\u0027") + '\\n"}',
    "JSON in JSON": '"{\\"msg\\": \\"error\\\\n' + MESSAGE.replace("'", "\\\\u0027") + '\\\\n\\"}"',
    "journal": "Jan  1 10:00:00 node libvirtd[17]: " + MESSAGE,
    "journal, wrapped": (
        "Jan  1 10:00:00 node libvirtd[17]: operation failed: guest CPU doesn't match\n"
        "Jan  1 10:00:00 node libvirtd[17]: specification: missing features: aa,bb-c,dd"
    ),
}


@pytest.mark.parametrize("text", PASTED.values(), ids=PASTED)
def test_what_was_pasted_is_what_was_printed(catalogue: pa.FileCatalogue, text: str) -> None:
    """Same message, same flags, on the line on which it begins."""
    (finding,) = diagnose(catalogue, f"before\n\nbetween\n{text}\nafter\n").findings

    assert FLAGS == [item.name for item in finding.lacking]
    assert finding.explained
    first = next(n for n, line in enumerate(text.split("\n")) if "guest" in line)
    assert 4 + first == finding.number


@given(st.text(st.sampled_from("a '\"\\&#39;<p>=3D\n\r\u2019\u00a0nx0"), max_size=80))
def test_no_line_is_lost(text: str) -> None:
    """Whatever is undone, there are as many lines as there were."""
    assert text.count("\n") == "".join(restored([text])).count("\n")


@given(st.text(max_size=200), st.data())
def test_pieces_are_one_text(text: str, data: st.DataObject) -> None:
    """How a text comes in pieces changes nothing."""
    at = data.draw(st.integers(0, len(text)))
    assert "".join(restored([text])) == "".join(restored([text[:at], text[at:]]))


@pytest.mark.parametrize("fill", ["x" * 70 + "\n", "\n", "\u2019 ''\n", "a=\n"])
def test_a_message_where_pieces_meet_is_read(catalogue: pa.FileCatalogue, fill: str) -> None:
    """Wherever in a long log it stands, its line is right."""
    before = fill * (600_000 // len(fill)) + "\n"
    (finding,) = diagnose(catalogue, before + MESSAGE + "\n" + fill * 10).findings

    assert before.count("\n") + 1 == finding.number
    for size in (1 << 16, 99_991):
        text = before + MESSAGE
        pieces = [text[at : at + size] for at in range(0, len(text), size)]
        assert (finding,) == diagnose(catalogue, pieces).findings


def test_ordinary_words_stay_as_they_are() -> None:
    """A comparison at a line's end, a redirection, an escape of nothing."""
    for text in ("ret ==\nx", "a < b > c", "a & b; c", "50 &c;", "i=20 x=3", "C:\\dir"):
        assert text == "".join(restored([text]))
