"""Pages as HTML."""

from __future__ import annotations

import sys

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from platform_abi.errors import HostError
from platform_abi.reference.rendering import ASSETS, TEMPLATES, environment
from tools.check_site import Page


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])))
def test_text_never_becomes_markup(text: str) -> None:
    """Whatever a definition says, in an element and in an attribute."""
    template = environment().from_string('<p id="a{{ text }}">{{ text }}</p>')
    page = Page(template.render(text=text))
    assert {f"a{text}": 1} == page.ids
    assert "<" not in template.render(text=text)[3:-4].partition(">")[0]


def test_what_a_template_names_has_to_be_there() -> None:
    """A page is never made of nothing."""
    with pytest.raises(jinja2.UndefinedError):
        environment().from_string("{{ nothing }}").render()


def test_no_template_lets_text_through_or_fetches_from_elsewhere() -> None:
    """They have no way round escaping, no script or style of their own, and no address."""
    found = {path.name: path.read_text("utf-8") for path in TEMPLATES.iterdir()}
    assert {*ASSETS} < {*found}
    for name, text in found.items():
        assert "safe" not in text, name
        assert "autoescape" not in text, name
        assert "://" not in text, name
        if name.endswith(".html"):
            assert "<style" not in text, name
            assert "onclick" not in text, name
    # What a script writes is text as well.
    assert "innerHTML" not in found["site.js"]


def test_without_jinja2_it_is_said_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """By name, with what to install."""
    monkeypatch.setitem(sys.modules, "jinja2", None)
    environment.cache_clear()
    with pytest.raises(HostError) as caught:
        environment()
    assert "site-missing" == caught.value.code
    assert "platform-abi[fleet]" in caught.value.help
