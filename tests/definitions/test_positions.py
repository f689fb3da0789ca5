"""Where every key and element of a TOML document stands."""

from __future__ import annotations

import tomllib
from datetime import date
from typing import Any

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from platform_abi.definitions.checks import Path
from platform_abi.definitions.positions import Place, nearest, positions
from tests.definitions.site import DEFINITIONS, shipped

_KEYS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=6)
_SCALARS: st.SearchStrategy[Any] = (
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.dates(date(1000, 1, 1))
    | st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12)
    | st.sampled_from(["a\nb", '"""', "''", "# no comment", "[x]", "a = 1", "}", "\\", "]\r\n"])
)


def _values(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3)


documents = st.dictionaries(_KEYS, st.recursive(_SCALARS, _values, max_leaves=12), max_size=5)


def _paths(value: Any, path: Path = ()) -> list[Path]:
    """Return every path that tomllib's result can be indexed with."""
    if isinstance(value, dict):
        pairs: list[tuple[str | int, Any]] = list(value.items())
    elif isinstance(value, list):
        pairs = list(enumerate(value))
    else:
        return []
    return [p for key, inner in pairs for p in ((*path, key), *_paths(inner, (*path, key)))]


def _rest(text: str, place: Place) -> str:
    line, column = place
    lines = text.split("\n")
    return "\n".join([lines[line - 1][column - 1 :], *lines[line:]])


def _names_the_key(rest: str, key: str) -> bool:
    """Return whether *rest* begins with a header or a key that has the part *key*."""
    if rest.startswith("["):
        head = rest.split("\n", 1)[0]
        return key in _parts(tomllib.loads(head))
    # A multi-line value makes the pair longer than its line, an inline table's ends before it.
    for end in (i for i, char in enumerate(rest) if char == "="):
        try:
            parsed = tomllib.loads(rest[: end + 1] + " 0")
        except tomllib.TOMLDecodeError:
            continue
        return key in _parts(parsed)
    return False


def _parts(value: Any) -> list[str]:
    if isinstance(value, list):
        return _parts(value[0])
    if isinstance(value, dict):
        return [part for key, inner in value.items() for part in (key, *_parts(inner))]
    return []


def _begins_with(rest: str, value: Any) -> bool:
    """Return whether *rest* begins with the TOML spelling of the array element *value*."""
    for end in range(1, len(rest) + 1):
        try:
            if tomllib.loads("x = " + rest[:end])["x"] == value:
                return True
        except tomllib.TOMLDecodeError:
            continue
    return False


def _check(text: str) -> None:
    raw = tomllib.loads(text)
    found = positions(text)
    assert set(found) == set(_paths(raw))
    for path, place in found.items():
        rest = _rest(text, place)
        if isinstance(path[-1], str):
            assert _names_the_key(rest, path[-1]), (path, place)
        elif not rest.startswith("[["):
            value = raw
            for part in path:
                value = value[part]  # type: ignore[index]
            assert _begins_with(rest, value), (path, place)


@given(documents, st.booleans())
def test_every_path_of_a_written_document_has_the_place_of_its_key(
    document: dict[str, Any], multiline: bool
) -> None:
    """What tomllib sees is in positions(), each where its key or element begins."""
    _check(tomli_w.dumps(document, multiline_strings=multiline))


@given(documents)
def test_line_ends_of_windows_change_no_line_and_no_column(document: dict[str, Any]) -> None:
    """A file with CRLF has the same places as with LF."""
    text = tomli_w.dumps(document)
    assert positions(text.replace("\n", "\r\n")) == positions(text)


@given(documents, st.lists(st.text(max_size=3) | st.integers(0, 3), max_size=5).map(tuple))
def test_the_nearest_place_is_that_of_the_longest_known_prefix(
    document: dict[str, Any], path: Path
) -> None:
    """A path that is not there is blamed on the innermost table that is."""
    index = positions(tomli_w.dumps(document))
    known = [path[:end] for end in range(len(path), 0, -1) if path[:end] in index]
    assert nearest(index, path) == (index[known[0]] if known else (1, 1))


@pytest.mark.parametrize("relative", shipped())
def test_every_shipped_file_has_all_its_places(relative: str) -> None:
    """The scanner follows every definition file of this project."""
    text = (DEFINITIONS / relative).read_text(encoding="utf-8")
    assert set(positions(text)) == set(_paths(tomllib.loads(text)))


EXAMPLES = {
    "dotted keys": "a.b.c = 1\na.d = 2\n[t]\nx.y = 3\nx.z.w = 4\n",
    "quoted keys": '"a b" = 1\n\'c.d\' = 2\n"e\\u0066" . g = 3\n["h.i".\'j k\']\nl = 4\n',
    "comments": "# x = 1\na = 1 # b = 2\n# [t]\n[t] # [u]\nc = [ # d\n  1, # 2, 3\n  4 ]\n",
    "arrays of tables": "[[a]]\nx = 1\n[[a.b]]\ny = 1\n[[a.b]]\ny = 2\n[[a]]\n[[a.b]]\ny = 3\n",
    "tables in arrays of tables": "[[a]]\n[a.t]\nx = 1\n[[a]]\n[a.t]\nx = 2\n[a.t.u]\ny = 3\n",
    "inline tables": "a = { b = 1, c = { d = [2, { e = 3 }] }, f.g = 4 }\nh = {}\n",
    "arrays": "a = [1, 2,\n  3,\n  # no more\n]\nb = [[1], [], [[2, 3], 4]]\nc = []\n",
    "basic strings": 'a = "\\"] # = {"\nb = "\\\\"\nc = ["]", "#", "="]\n',
    "literal strings": "a = '\"\"\"'\nb = '\\'\nc = ['[', '{']\n",
    "multi-line basic": 'a = """\nb = 1\n"quoted" ""\\"""\n[t]"""\nc = """"x""""\nd = """"""\n',
    "multi-line literal": "a = '''\nb = 1 \\\n'x' ''\n'''\nc = ''''x''''\nd = ''''''\n",
    "scalars": "a = 1979-05-27 07:32:00Z\nb = -inf\nc = 0xFF\nd = 1_000.5e-3\ne = 07:32:00\n",
    "spaces": "  a  =  1\n\t[ t . u ]\n\t b\t=\t[ 1 , 2 ]\n [[ v ]] \n",
    "super-tables after": "[a.b]\nx = 1\n[a]\ny = 2\n",
    "no last line end": "a = 1\n[t]\nb = 'x'",
    "nothing": "",
}


@pytest.mark.parametrize("text", EXAMPLES.values(), ids=list(EXAMPLES))
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_places_in_hand_written_documents(text: str, newline: str) -> None:
    """Every path has its place in each way that people write TOML."""
    _check(text)
    assert positions(text.replace("\n", newline)) == positions(text)


def test_a_place_is_line_and_column_from_one() -> None:
    """Columns count characters of the line, not bytes of the file."""
    found = positions('"é" = 1\n[t]\n"ü" = [1, 22, "x"]\n\n[[u]]\n  v.w = 1\n')
    assert found == {
        ("é",): (1, 1),
        ("t",): (2, 1),
        ("t", "ü"): (3, 1),
        ("t", "ü", 0): (3, 8),
        ("t", "ü", 1): (3, 11),
        ("t", "ü", 2): (3, 15),
        ("u",): (5, 1),
        ("u", 0): (5, 1),
        ("u", 0, "v"): (6, 3),
        ("u", 0, "v", "w"): (6, 3),
    }
