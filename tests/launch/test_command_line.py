"""QEMU's command line is read as QEMU reads it, and nothing of it is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.launch.command_line import read_command_line, without
from tests.launch.lines import ARGUMENT, CORPUS, options


@pytest.mark.parametrize("words", CORPUS, ids=" ".join)
def test_every_word_belongs_to_one_option(catalogue: pa.FileCatalogue, words: list[str]) -> None:
    """The options cover the words, each once, in their order."""
    line = read_command_line(catalogue.options(), words)
    covered = [n for o in line.options for n in range(o.at, o.at + o.length)]
    assert list(range(len(words))) == covered


@given(words=st.lists(st.text(min_size=1, max_size=8)))
def test_any_words_are_read_without_loss(catalogue: pa.FileCatalogue, words: list[str]) -> None:
    """Whatever somebody types comes out as it went in."""
    line = read_command_line(catalogue.options(), words)
    assert tuple(words) == without(line, "platform-of-another-name").words


@given(before=st.lists(options()), after=st.lists(options()), chosen=ARGUMENT, dashes=st.booleans())
def test_what_is_taken_out_is_one_option_with_its_argument(
    catalogue: pa.FileCatalogue,
    before: list[list[str]],
    after: list[list[str]],
    chosen: str,
    dashes: bool,
) -> None:
    """The rest stays, in its order."""
    rest = [*before, *after]
    words = [
        *(w for o in before for w in o),
        "--platform" if dashes else "-platform",
        chosen,
        *(w for o in after for w in o),
    ]
    line = read_command_line(catalogue.options(), words)
    assert [chosen] == line.values("platform")
    assert tuple(w for o in rest for w in o) == without(line, "platform").words


def test_abbreviations_are_what_they_stand_for(catalogue: pa.FileCatalogue) -> None:
    """One dash or two, -M is -machine, -enable-kvm is an accelerator, a bare word a disk."""
    words = ["-M", "pc-q35-9.1", "--enable-kvm", "disk.img", "-nosuch", "x", "-nosuch", "-S"]
    found = [(o.name, o.value) for o in read_command_line(catalogue.options(), words).options]
    assert [
        ("machine", "pc-q35-9.1"),
        ("accel", "kvm"),
        ("", "disk.img"),
        ("nosuch", "x"),
        ("nosuch", None),
        ("S", None),
    ] == found
