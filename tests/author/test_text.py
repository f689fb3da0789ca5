"""Lists in definition files: short enough to read, and as they were."""

from __future__ import annotations

import tomllib
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from platform_abi.author.text import wrapped

_VALUES = st.lists(st.text(st.characters(codec="utf-8"), max_size=40), max_size=12)


@given(_VALUES)
def test_a_list_is_read_as_it_was_written(values: list[str]) -> None:
    """On one line where that fits, else filled line by line; whatever is in its words."""
    lines = list(wrapped("properties", values))
    assert {"properties": values} == tomllib.loads("\n".join(lines))
    if len(lines) == 1:
        assert len(lines[0]) <= 100
    else:
        assert ["properties = [", "]"] == [lines[0], lines[-1]]
        inner = lines[1:-1]
        assert all(len(line) <= 100 or line.count('",') <= 1 or '\\"' in line for line in inner)
        assert len("".join(lines)) > 100


@given(st.lists(st.sampled_from(["x", "yy", "zzz"]), min_size=30, max_size=60))
def test_no_line_has_room_for_the_next_word(values: list[str]) -> None:
    """So that adding one changes as few lines as can be."""
    lines = list(wrapped("properties", values))
    if len(lines) == 1:
        return
    inner = lines[1:-1]
    assert all(len(line) <= 100 for line in inner)
    for line, following in pairwise(inner):
        word = following.split(",")[0].strip()
        assert len(f"{line} {word},") > 100
