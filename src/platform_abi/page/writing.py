"""The page of a fleet as files, made of templates.

What is a name or a message is text wherever it goes: Jinja2 escapes it in HTML, and the JSON that
the script reads has no character in it that could end the element it stands in.
"""

from __future__ import annotations

import json
from importlib.resources import files

from platform_abi._version import __version__
from platform_abi.errors import HostError
from platform_abi.page.data import Page, page_document
from platform_abi.page.glance import Glance

#: What a folder of it is, to be told from others.
KIND = "fleet page"

#: What a page consists of.
INDEX = "index.html"
_AS_THEY_ARE = ("page.css", "page.js")
FILES = (INDEX, *_AS_THEY_ARE)

#: What ends a script element, or begins a comment in one; JSON has another way to say it.
_UNSAFE = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


def embedded(document: object) -> str:
    """Return *document* as JSON that can stand in a script element, whatever its strings are."""
    text = json.dumps(document, separators=(",", ":"))
    for character, escape in _UNSAFE.items():
        text = text.replace(character, escape)
    return text


def page_files(page: Page, glance: Glance) -> dict[str, str]:
    """Return the files of the page, by name.

    Raises HostError (``fleet-missing``) without Jinja2.
    """
    try:
        import jinja2
    except ImportError:
        raise HostError(
            "the page of a fleet is made with Jinja2, which is not installed",
            code="fleet-missing",
            help="pip install 'platform-abi[fleet]'",
        ) from None
    shown = files("platform_abi.page").joinpath("shown")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(shown.joinpath(INDEX).read_text(encoding="utf-8"))
    html = template.render(
        version=__version__, page=page, glance=glance, data=embedded(page_document(page))
    )
    texts = {name: shown.joinpath(name).read_text(encoding="utf-8") for name in _AS_THEY_ARE}
    return {INDEX: html, **texts}
