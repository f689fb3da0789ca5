"""The whole site: everything that is defined is on it, and every link leads somewhere."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.folders import write_folder
from platform_abi.reference import places
from platform_abi.reference.site import SECTIONS, site_files
from tests.definitions.site import DEFINITIONS
from tests.reference.pages import ARCHES, CATALOGUE, page, shipped, stands
from tools.check_site import faults


def test_every_platform_has_its_page() -> None:
    """And a line in the list."""
    links = {*page("platforms.html").links}
    for name in CATALOGUE.platform_names():
        assert stands(places.platform_place(name)), name
        assert places.platform_place(name) in links, name


@pytest.mark.parametrize("arch", ARCHES)
def test_every_machine_type_of_every_build_has_its_entry(arch: str) -> None:
    """On the page of its family, to which the page of each build that has it leads."""
    for build in CATALOGUE.builds(arch):
        place = places.build_place(arch, build)
        links = {*page(place).links}
        for name in CATALOGUE.build(build, arch).machines:
            family = CATALOGUE.machine(build, name, arch).family
            of = places.machine_place(arch, family, name)
            assert stands(of), (build, name)
            assert f"../../{of}" in links, (build, name)
        for other in CATALOGUE.builds(arch):
            assert stands(places.pair_place(arch, build, other))


def test_every_feature_and_every_capability_has_its_entry() -> None:
    """And a line in its list."""
    features, capabilities = ({*page(f"{n}.html").links} for n in ("features", "capabilities"))
    for stem in CATALOGUE.feature_stems():
        for feature in CATALOGUE.features(stem):
            place = places.feature_place(feature.id, stem)
            assert stands(place), feature.id
            assert place in features, feature.id
    for capability in CATALOGUE.capabilities().values():
        place = places.capability_place(capability.id, capability.subsystem)
        assert stands(place), capability.id
        assert place in capabilities, capability.id


def test_every_link_leads_somewhere_and_nothing_is_of_elsewhere(tmp_path: Path) -> None:
    """As whoever builds the documentation looks them up; every page is reached from the first."""
    write_folder(tmp_path / "site", "site", shipped().items())
    assert [] == [*faults(tmp_path / "site")]
    reached, left = set(), ["index.html"]
    while left:
        place = left.pop()
        if place in reached or not place.endswith(".html"):
            continue
        reached.add(place)
        for link in page(place).links:
            file = (Path("/", place).parent / link.partition("#")[0]).as_posix()
            left.append(str(Path("/").joinpath(_plain(file)).relative_to("/")))
    reached.discard(".")
    assert {place for place in shipped() if place.endswith(".html")} == reached


def _plain(path: str) -> str:
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            parts.pop()
        elif part:
            parts.append(part)
    return "/".join(parts)


def test_the_same_definitions_give_the_same_bytes() -> None:
    """Of files that are read again, and in the same order."""
    again = dict(site_files(pa.FileCatalogue([DEFINITIONS])))
    assert [*shipped().items()] == [*again.items()]


class _Outline(HTMLParser):
    """The headings, landmarks and tables of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.headings: list[int] = []
        self.tags: list[str] = []
        self.bare: list[dict[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take what *tag* is to a screen reader."""
        self.tags.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "th" and "scope" not in dict(attrs):
            self.bare.append(dict(attrs))


def test_every_page_is_in_order_for_who_does_not_see_it() -> None:
    """One first heading, no level left out, landmarks once, a caption and headers in each table."""
    for place in shipped():
        if place.endswith(".html"):
            _check_order(place)


def _check_order(place: str) -> None:
    found = _Outline(shipped()[place])
    assert 1 == found.headings[0]
    assert 1 == found.headings.count(1)
    assert all(b - a <= 1 for a, b in zip(found.headings, found.headings[1:], strict=False))
    for landmark in ("header", "nav", "main", "footer", "title"):
        assert 1 == found.tags.count(landmark)
    assert found.tags.count("table") == found.tags.count("caption") == found.tags.count("thead")
    assert [] == found.bare
    assert '<html lang="en">' in shipped()[place]


def test_a_section_is_named_where_the_reader_is() -> None:
    """By the page itself, and by every page below it."""
    for place in SECTIONS:
        assert f'<a href="{place}" aria-current="page">' in shipped()[place]
    assert (
        '<a href="../platforms.html" aria-current="true">' in shipped()["platforms/linux-6.9.html"]
    )


#: Ends an attribute and an element, and begins others.
WILD = """'"></title></a><script>alert(1)</script><img src=x onerror=alert(1)>&amp;"""


def test_what_a_site_writes_itself_stays_text(tmp_path: Path) -> None:
    """HTML in a title, a source, a name is shown as it is written, wherever it is shown."""
    folder = tmp_path / "platforms"
    folder.mkdir()
    (folder / "linux-wild.toml").write_text(_platform("linux-wild"), "utf-8")
    # It is no name; a file that is wrong is left out.
    (folder / "linux-<b>.toml").write_text(_platform("linux-<b>"), "utf-8")
    found = dict(site_files(pa.FileCatalogue([DEFINITIONS, tmp_path])))
    assert "platforms/linux-wild.html" in found
    assert not [place for place in found if "3cb" in place]
    told = [place for place, text in found.items() if "alert(1)" in text]
    assert ["platforms.html", "platforms/linux-wild.html"] == sorted(told)
    for place in told:
        assert found[place].count("<script") == 1  # our own
        assert "<img" not in found[place]
        assert html.escape(WILD) in found[place].replace("&#34;", "&quot;").replace(
            "&#39;", "&#x27;"
        )
    assert found["platforms/linux-wild.html"].count("alert(1)") == 12


def _platform(name: str) -> str:
    text = f'"""{WILD}"""'
    return f"""
schema = 1
[platform]
name = '{name}'
lineage = 'linux'
title = {text}
extends = 'linux-6.9'
confidence = 'low'
unknown = [{text}, {text}]
assumes = [{text}]
[[platform.reference]]
source = {text}
note = {text}
"""
