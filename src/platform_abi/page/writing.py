"""The page of a fleet as files: made of templates, and put in place as one folder.

What is a name or a message is text wherever it goes: Jinja2 escapes it in HTML, and the JSON that
the script reads has no character in it that could end the element it stands in.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from platform_abi._version import __version__
from platform_abi.errors import HostError, UsageError, printable
from platform_abi.files import reason
from platform_abi.page.data import Page, page_document
from platform_abi.page.glance import Glance

#: What a page consists of; the first tells by its mark that the folder is one.
INDEX = "index.html"
_AS_THEY_ARE = ("page.css", "page.js")
FILES = (INDEX, *_AS_THEY_ARE)
_MARK = '<meta name="generator" content="platform-abi fleet page '
_MARK_WITHIN = 4096

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


def write_page(folder: Path, texts: Mapping[str, str]) -> None:
    """Put *texts* in place as *folder*, whole or not at all; a page that is there is replaced.

    Raises UsageError (``folder-taken``) where something else is there, and HostError
    (``write-failed``) where it cannot be written.
    """
    place = folder.resolve()
    shown = printable(str(folder))
    check_place(folder)
    part = place.parent / f".{place.name}.{secrets.token_hex(6)}"
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        part.mkdir()
        try:
            for name, text in texts.items():
                with (part / name).open("w", encoding="utf-8", errors="replace") as stream:
                    stream.write(text)
                    stream.flush()
                    os.fsync(stream.fileno())
            _put(part, place)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    except OSError as error:
        raise HostError(f"cannot write {shown}: {reason(error)}", code="write-failed") from error


def _put(part: Path, place: Path) -> None:
    """Let *part* be *place*; what was there goes, or is back where that fails."""
    if not place.exists():
        part.rename(place)
        return
    old = place.parent / f"{part.name}.old"
    place.rename(old)
    try:
        part.rename(place)
    except OSError:
        old.rename(place)
        raise
    shutil.rmtree(old, ignore_errors=True)


def check_place(folder: Path) -> None:
    """Refuse to replace what is no page of a fleet: another folder, or a page with more in it.

    Raises UsageError (``folder-taken``), and HostError (``read-failed``) where nobody can tell.
    """
    place, shown = folder.resolve(), printable(str(folder))
    try:
        there = {path.name for path in place.iterdir()}
        index = ""
        if INDEX in there:
            with (place / INDEX).open(encoding="utf-8", errors="replace") as stream:
                index = stream.read(_MARK_WITHIN)
    except FileNotFoundError:
        return
    except NotADirectoryError:
        raise _taken(shown, "it is a file") from None
    except OSError as error:
        raise HostError(f"cannot read {shown}: {reason(error)}", code="read-failed") from error
    more = sorted(there.difference(FILES))
    if more:
        raise _taken(shown, f"'{printable(more[0])}' in it is not of a page")
    if there and _MARK not in index:
        raise _taken(shown, f"its {INDEX} is not of a page")


def _taken(shown: str, why: str) -> UsageError:
    return UsageError(
        f"{shown} is not the page of a fleet: {why}",
        code="folder-taken",
        help="name a folder that is not there yet, is empty, or has such a page",
    )
