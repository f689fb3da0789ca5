"""The documentation: everything has its place in it, and every word of it is in the code."""

from __future__ import annotations

import re
import tomllib
from importlib import import_module
from pathlib import Path
from typing import get_args

import attrs
import pytest

import platform_abi as pa
from platform_abi.cli.options import VERBS
from platform_abi.cli.parser import declarations
from platform_abi.compat.finding import Severity, Status
from platform_abi.definitions.kinds import PLACES
from platform_abi.model.abi import LAYERS
from platform_abi.model.feature import Feature, Kind, Migration
from platform_abi.model.host import SOURCES, State
from tests.conftest import DEFINITIONS
from tools.check_site import faults
from tools.pages.codes import codes_page, exit_codes
from tools.pages.documents import documents_page, schemas
from tools.pages.library import library_page
from tools.pages.verbs import verbs_page

ROOT = DEFINITIONS.parent
DOCS = ROOT / "docs"
GLOSSARY = (DOCS / "glossary.md").read_text("utf-8")

#: By heading of the glossary, what stands below it.
WORDS = dict(re.findall(r"^## (.+)\n((?:(?!## ).*\n?)*)", GLOSSARY, re.MULTILINE))


def _headings(page: str) -> list[str]:
    return re.findall(r"^## (.+)$", page, re.MULTILINE)


# --- what the program says itself ----------------------------------------------------------------


def test_every_verb_has_its_place_with_every_option() -> None:
    """In the order of the help; options that many verbs have stand once, and are linked to."""
    page = verbs_page()
    assert [*VERBS] == _headings(page)[: len(VERBS)]
    parts = dict(re.findall(r"^## (\S+)\n((?:(?!## ).*\n?)*)", page, re.MULTILINE))
    shared = page.partition("## What describes a virtual machine")[2]
    for verb, (summary, kind) in VERBS.items():
        assert summary in parts[verb]
        for example in kind.examples:
            assert example in parts[verb]
        for name, declared in declarations(kind):
            for spelling in declared.spellings(name):
                if spelling.startswith("--") and name != "json":
                    told = parts[verb] + (shared if "Also: [" in parts[verb] else "")
                    assert f"`{spelling}" in told, (verb, spelling)


def test_every_public_name_has_its_place() -> None:
    """Once, in the order of its rank."""
    assert re.findall(r"^::: platform_abi\.(\w+)$", library_page(), re.MULTILINE) == dir_of(pa)


def dir_of(module: object) -> list[str]:
    """Return the public names of the package, by rank, but for its version."""
    return [name for name in getattr(module, "__all__") if name != "__version__"]  # noqa: B009


def test_every_document_has_its_place() -> None:
    """With every key that is in it, and every type that it is made of."""
    page = documents_page()
    names = [path.name.removesuffix(".schema.json") for path in schemas()]
    assert [*names, "What documents are made of"] == _headings(page)
    assert {"check", "report", "resolve"} <= {*names}
    anchors = {
        heading.lower().replace(" ", "-")
        for heading in re.findall(r"^##+ (.+)$", page, re.MULTILINE)
    }
    assert {*re.findall(r"\]\(#([^)]+)\)", page)} <= anchors


def test_every_code_has_its_place() -> None:
    """An error with its class and exit code, a finding and a message with what it means."""
    page = codes_page()
    for kind in ("errors", "findings"):
        table = tomllib.loads((DEFINITIONS / "codes" / f"{kind}.toml").read_text("utf-8"))
        for code in table["means"]:
            assert f'<a id="{kind.removesuffix("s")}-{code}"></a>' in page
    errors = {*re.findall(r'<a id="error-([\w-]+)">', page)}
    assert errors == exit_codes().keys()
    assert not re.search(r'<a id="error-[^|]*\|[^|]*\|\s*\|', page)
    messages = pa.FileCatalogue([DEFINITIONS]).messages().messages
    assert {*re.findall(r'<a id="message-([\w-]+)">', page)} == {each.code for each in messages}


# --- definitions and words -----------------------------------------------------------------------


def test_every_kind_of_definition_has_its_place() -> None:
    """The page has a row for each kind of file, and each row leads to a heading."""
    page = (DOCS / "reference" / "definitions.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+)$", page, re.MULTILINE))
    assert PLACES.keys() == rows.keys()
    anchors = {re.sub(r"\W+", "-", h.lower()).strip("-") for h in _headings(page)}
    for kind, row in rows.items():
        folder, _, ending = PLACES[kind]
        assert f"`{folder}/" in row, kind
        assert ending.removeprefix("/").removesuffix(".toml") in row, kind
        (anchor,) = re.findall(r"\]\(#([\w-]+)\)", row)
        assert anchor in anchors, kind


def test_every_key_of_a_feature_is_described() -> None:
    """As a definition writes it."""
    page = (DOCS / "reference" / "definitions.md").read_text("utf-8")
    for name in attrs.fields_dict(Feature):
        key = name.rstrip("_").replace("_", "-")
        if key not in {"source", "dated"}:
            assert re.search(rf"`{key}\b|^{key} =|\[feature\.{key}", page, re.MULTILINE), key


def test_words_are_in_order_and_each_is_in_the_code() -> None:
    """A word is explained by what bears it, so it goes when that does."""
    assert sorted(WORDS, key=str.lower) == [*WORDS]
    assert len(WORDS) > 40
    for word, text in WORDS.items():
        (name,) = re.findall(r"Code:\s`([\w.]+)`\.$", text.strip())
        assert _value(name) is not None, word


def _value(name: str) -> object:
    """Return the public name *name*, or what a dotted one means in the package or of a class."""
    if name == "platform_abi":
        return pa
    head, _, rest = name.rpartition(".")
    if head.startswith("platform_abi"):
        return getattr(import_module(head), rest)
    value = getattr(pa, head or rest)
    if head:
        assert rest in attrs.fields_dict(value) or hasattr(value, rest), name
    return value


@pytest.mark.parametrize(
    ("word", "values"),
    [
        ("Feature", get_args(Kind)),
        ("Layer", LAYERS),
        ("Fact", get_args(State)),
        ("Source", SOURCES),
        ("Migration, of a feature", get_args(Migration)),
        ("Finding", get_args(Severity)),
        ("Verdict", get_args(Status)),
    ],
)
def test_every_value_of_a_word_is_told(word: str, values: tuple[str, ...]) -> None:
    """A new one is explained where the others are."""
    assert values
    for value in values:
        assert re.search(rf"\b{value}\b", WORDS[word]), value


# --- the built pages -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ('<a href="none.html">x</a>', "a link to what is not there: none.html"),
        ('<a href="#none">x</a>', "a link to an anchor that is not there: #none"),
        ('<a href="b.html#none">x</a>', "a link to an anchor that is not there: b.html#none"),
        ('<img src="a.svg">', "a picture without words: a.svg"),
        ('<img alt="x" src="none.svg">', "fetched and not there: none.svg"),
        (
            '<script src="https://x.org/a.js"></script>',
            "fetched from elsewhere: https://x.org/a.js",
        ),
        ('<link rel="stylesheet" href="//x.org/a.css">', "fetched from elsewhere: //x.org/a.css"),
        ('<p id="a"></p><p id="a"></p>', "two of id a"),
    ],
)
def test_a_fault_of_a_built_page_is_told(tmp_path: Path, body: str, fault: str) -> None:
    """Each by itself; a page without one is silent, and may lead people anywhere."""
    sound = '<h1 id="top"></h1><a href="b.html#top">b</a><a href="https://x.org/">x</a>'
    for name in ("a", "b"):
        (tmp_path / f"{name}.html").write_text(sound)
    (tmp_path / "a.svg").write_text("<svg/>")
    assert [] == [*faults(tmp_path)]
    (tmp_path / "a.html").write_text(sound + body)
    assert fault in {said for _, said in faults(tmp_path)}
