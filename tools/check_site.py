#!/usr/bin/env python3
"""Checks the pages of a site that was built: links, anchors, and that nothing is of elsewhere.

    tools/check_site.py FOLDER      says each fault, a line each; 1 if there is one

A page is whole without a network: what a browser fetches by itself is in the folder. Links for
people may lead anywhere.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urldefrag, urlsplit

#: What a browser fetches by itself, by tag and attribute.
_FETCHED: Final = {
    ("img", "src"), ("script", "src"), ("link", "href"), ("source", "srcset"), ("iframe", "src"),
    ("object", "data"), ("video", "src"), ("use", "href"),
}  # fmt: skip

#: Of these a browser fetches nothing.
_ONLY_NAMED: Final = {"canonical", "prev", "next", "edit"}


class Page(HTMLParser):
    """What a page has of anchors, links and things that are fetched."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: Counter[str] = Counter()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.faults: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take what *tag* has."""
        said = {name: value or "" for name, value in attrs}
        self.ids.update(filter(None, [said.get("id")]))
        if tag == "a" and "href" in said:
            self.links.append(said["href"])
        if tag == "img" and not said.get("alt"):
            self.faults.append(f"a picture without words: {said.get('src')}")
        if said.get("rel") not in _ONLY_NAMED:
            self.fetched += [value for name, value in said.items() if (tag, name) in _FETCHED]


def faults(site: Path) -> Iterator[tuple[str, str]]:
    """Yield each page of *site* that has a fault, with what it is."""
    pages = {path.resolve(): Page(path.read_text("utf-8")) for path in site.rglob("*.html")}
    for path, page in sorted(pages.items()):
        name = path.relative_to(site.resolve()).as_posix()
        if name == "404.html":  # its links begin where the site is put
            continue
        yield from ((name, each) for each in page.faults)
        yield from ((name, f"two of id {each}") for each, n in page.ids.items() if n > 1)
        for link in page.links:
            yield from ((name, each) for each in _broken(path, link, pages))
        for address in page.fetched:
            yield from ((name, each) for each in _elsewhere(path, address))
    for path in site.rglob("*.css"):
        for address in re.findall(r"url\(['\"]?(?!data:)([^)'\"]+)", path.read_text("utf-8")):
            yield from ((path.name, each) for each in _elsewhere(path.resolve(), address))


def _broken(path: Path, link: str, pages: dict[Path, Page]) -> Iterator[str]:
    if urlsplit(link).scheme or link.startswith("//"):
        return
    file, anchor = urldefrag(link)
    target = (path.parent / unquote(file)).resolve() if file else path
    target = target / "index.html" if target.is_dir() else target
    if not target.is_file():
        yield f"a link to what is not there: {link}"
    elif anchor and target in pages and unquote(anchor) not in pages[target].ids:
        yield f"a link to an anchor that is not there: {link}"


def _elsewhere(path: Path, address: str) -> Iterator[str]:
    parts = urlsplit(address)
    if parts.scheme == "data" or not parts.path:
        return
    if parts.scheme or parts.netloc:
        yield f"fetched from elsewhere: {address}"
    elif not (path.parent / unquote(parts.path)).is_file():
        yield f"fetched and not there: {address}"


def main() -> int:
    """Say the faults of the site that is named; 1 where there are any, 2 where there is no site."""
    if len(sys.argv) != 2 or not Path(sys.argv[1], "index.html").is_file():  # noqa: PLR2004
        print(__doc__, file=sys.stderr)
        return 2
    found = [*faults(Path(sys.argv[1]))]
    for name, fault in found:
        print(f"{name}: {fault}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
