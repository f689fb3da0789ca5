"""Pages as HTML: templates of this package, filled with values of which every text is escaped."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from platform_abi.errors import HostError

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES: Final = Path(__file__).with_name("templates")

#: What pages need beside them, as it is.
ASSETS: Final = ("site.css", "site.js")


def rendered(template: str, place: str, **said: Any) -> str:
    """Return the page that stands at *place* on the site, made of *template* and what is *said*.

    Raises HostError (``site-missing``) where Jinja2 is not installed.
    """
    # Links are relative: the site is read from a folder as well, wherever that is.
    up = "../" * place.count("/")
    page: str = environment().get_template(template).render(up=up, place=place, **said)
    return page


@cache
def environment() -> Environment:
    """Return what templates are filled by: undefined names are errors, and text is text."""
    try:
        import jinja2
    except ImportError:
        raise HostError(
            "pages are made by Jinja2, which is not installed",
            code="site-missing",
            help="pip install 'platform-abi[fleet]', or the package python3-jinja2",
        ) from None
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
