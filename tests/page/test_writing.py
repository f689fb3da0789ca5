"""The page as files: names are text wherever they go."""

from __future__ import annotations

import json
import sys
from html.parser import HTMLParser

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from platform_abi.errors import HostError
from platform_abi.page.data import page_document, page_of
from platform_abi.page.glance import glance_of
from platform_abi.page.writing import FILES, embedded, page_files
from tests.inventory.fleets import shipped
from tests.page.fleets import HOSTILE, HOSTS, VMS, Kinds, fleet

JSON = st.recursive(st.text() | st.integers(), st.lists)


class _Read(HTMLParser):
    """What a browser would make elements of, and the text of each script."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.scripts: list[str] = []
        self.text: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attrs)))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] == "script" and self.cdata_elem:
            self.scripts[-1] += data
        else:
            self.text.append(data)


def _files(hosts: Kinds, vms: Kinds) -> dict[str, str]:
    shown = fleet(hosts, vms)
    page = page_of(shipped(), shown, most_moves=0)
    return page_files(page, glance_of(shipped(), shown, page))


@given(JSON)
@example(["</script>", "<!--", "]]>", "\ud800", "\u2028"])
def test_what_is_embedded_is_read_back_and_ends_nothing(document: object) -> None:
    """Whatever strings it has: JSON of the same, without a character that HTML would act on."""
    text = embedded(document)
    assert document == json.loads(text)
    assert not {"<", ">", "&"} & {*text}


@settings(max_examples=15)
@given(HOSTS, VMS)
@example(dict.fromkeys(HOSTILE, 0), dict.fromkeys(HOSTILE, 1))
@example(dict.fromkeys(HOSTILE, 11), dict.fromkeys(HOSTILE, 1))
def test_names_make_no_elements(hosts: Kinds, vms: Kinds) -> None:
    """The page has the elements and attributes that it has of harmless names, and their text."""
    hosts = {name.encode(errors="replace").decode(): kind for name, kind in hosts.items()}
    vms = {name.encode(errors="replace").decode(): kind for name, kind in vms.items()}
    read = _Read(_files(hosts, vms)["index.html"])
    # In the same order, because the first of them are named.
    plain_hosts = {f"h{n:03}": kind for n, (_, kind) in enumerate(sorted(hosts.items()))}
    plain_vms = {f"v{n:03}": kind for n, (_, kind) in enumerate(sorted(vms.items()))}
    harmless = _Read(_files(plain_hosts, plain_vms)["index.html"])
    assert harmless.tags == read.tags
    shown = page_document(page_of(shipped(), fleet(hosts, vms), most_moves=0))
    assert [json.loads(json.dumps(shown))] == [json.loads(text) for text in read.scripts if text]


def test_the_page_asks_for_nothing_from_elsewhere() -> None:
    """No address of another place is in any of its files, and its policy forbids the rest."""
    texts = _files({"a": 0}, {"vm": 0})
    assert {*FILES} == texts.keys()
    for text in texts.values():
        assert "://" not in text
    assert "default-src 'none'; script-src 'self'; style-src 'self'" in texts["index.html"]
    assert "innerHTML" not in texts["page.js"]


def test_without_jinja_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to install."""
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(HostError, match="Jinja2, which is not installed") as caught:
        _files({"a": 0}, {"vm": 0})
    assert "fleet-missing" == caught.value.code
    assert "pip install" in caught.value.help
