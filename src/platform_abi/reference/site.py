"""The whole site: every page and what pages need beside them, by their place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from platform_abi._version import __version__
from platform_abi.definitions.catalogue import FileCatalogue
from platform_abi.reference import places
from platform_abi.reference.builds import build_pages, pair_pages
from platform_abi.reference.entries import (
    capabilities_pages,
    features_pages,
    stems,
    subsystems,
)
from platform_abi.reference.machines import family_pages
from platform_abi.reference.platforms import lineage_parts
from platform_abi.reference.rendering import ASSETS, TEMPLATES, rendered
from platform_abi.reference.views import pair_views

#: The sections, by the page that each begins with.
SECTIONS: Final = {
    "platforms.html": "Platforms",
    "machines.html": "Machine types",
    "builds.html": "QEMU builds",
    "features.html": "Features",
    "capabilities.html": "Host capabilities",
}


def site_files(catalogue: FileCatalogue) -> Iterator[tuple[str, str]]:
    """Yield the place and the text of every file of the site that *catalogue* comes to.

    The same definitions give the same bytes. Raises HostError where Jinja2 is not installed.
    """
    for name in ASSETS:
        yield name, (TEMPLATES / name).read_text("utf-8")
    site = _Site(catalogue)
    yield from site.platforms()
    yield from site.machines()
    yield from site.builds()
    yield from site.entries()
    yield site.page("index.html", "index.html", "", counts=site.counts)


class _Site:
    """A site in the making; *counts* is what each section has."""

    def __init__(self, catalogue: FileCatalogue) -> None:
        self._catalogue = catalogue
        self._arches = sorted({key[-1] for key in catalogue.files.keys("machines")})
        self._features = tuple(features_pages(catalogue))
        self._capabilities = tuple(capabilities_pages(catalogue))
        self._stems = stems(self._features)
        self._subsystems = subsystems(self._capabilities)
        self._families: dict[str, dict[str, str]] = {}
        self._platforms: frozenset[str] = frozenset()
        self.counts: dict[str, str] = {}

    def page(self, template: str, place: str, section: str, **said: Any) -> tuple[str, str]:
        """Return *place*, and the page there, which is one of *section*."""
        told = {
            "sections": SECTIONS,
            "section": section,
            "edition": self._catalogue.newest_edition() or "",
            "version": __version__,
            "at": self,
        }
        return place, rendered(template, place, **told, **said)

    # --- where something stands; empty for what has no place -------------------------------------

    def feature(self, name: str) -> str:
        """Return the place of a feature."""
        return places.feature_place(name, self._stems[name]) if name in self._stems else ""

    def capability(self, name: str) -> str:
        """Return the place of a host capability."""
        subsystem = self._subsystems.get(name)
        return "" if subsystem is None else places.capability_place(name, subsystem)

    def platform(self, name: str) -> str:
        """Return the page of a platform."""
        return places.platform_place(name) if name in self._platforms else ""

    def machine(self, arch: str, name: str) -> str:
        """Return the place of a machine type."""
        family = self._families[arch].get(name)
        return "" if family is None else places.machine_place(arch, family, name)

    family = staticmethod(places.family_place)
    build = staticmethod(places.build_place)
    pair = staticmethod(places.pair_place)
    stem = staticmethod(places.stem_place)
    subsystem = staticmethod(places.subsystem_place)
    slug = staticmethod(places.slug)

    # --- sections --------------------------------------------------------------------------------

    def platforms(self) -> Iterator[tuple[str, str]]:
        """Yield the pages of platforms."""
        section = "platforms.html"
        parts = lineage_parts(self._catalogue)
        every = [page for part in parts for page in part.platforms]
        self._platforms = frozenset(page.platform.name for page in every)
        self.counts[section] = f"{len(every)} platforms of {len(parts)} lineages"
        yield self.page("platforms.html", section, section, parts=parts)
        titles = {e.feature.id: e.feature.title for p in self._features for e in p.features}
        for page in every:
            place = places.platform_place(page.platform.name)
            yield self.page("platform.html", place, section, page=page, titles=titles)

    def machines(self) -> Iterator[tuple[str, str]]:
        """Yield the pages of machine types."""
        section = "machines.html"
        families = {arch: tuple(family_pages(self._catalogue, arch)) for arch in self._arches}
        self._families = {
            arch: {m.machine.name: page.name for page in pages for m in page.machines}
            for arch, pages in families.items()
        }
        total = sum(map(len, self._families.values()))
        self.counts[section] = f"{total} machine types of {len(families)} architectures"
        yield self.page("machines.html", section, section, families=families)
        for pages in families.values():
            for page in pages:
                place = places.family_place(page.arch, page.name)
                yield self.page("family.html", place, section, page=page)

    def builds(self) -> Iterator[tuple[str, str]]:
        """Yield the pages of builds, and of moves between two of one architecture."""
        section = "builds.html"
        builds = {arch: tuple(build_pages(self._catalogue, arch)) for arch in self._arches}
        pairs = {arch: tuple(pair_pages(self._catalogue, arch)) for arch in self._arches}
        total = sum(map(len, builds.values()))
        tried = sum(bool(pair.tried) for of in pairs.values() for pair in of)
        every = sum(map(len, pairs.values()))
        self.counts[section] = f"{total} builds; {tried} of {every} pairs of them tried"
        yield self.page("builds.html", section, section, builds=builds, pairs=pairs)
        for arch, pages in builds.items():
            for page in pages:
                place = places.build_place(arch, page.build.name)
                yield self.page("build.html", place, section, page=page, arch=arch)
        for arch, found in pairs.items():
            for pair in found:
                place = places.pair_place(arch, pair.source, pair.destination)
                views = pair_views(self._catalogue, arch, pair.source, pair.destination)
                yield self.page("pair.html", place, section, page=pair, arch=arch, views=views)

    def entries(self) -> Iterator[tuple[str, str]]:
        """Yield the pages of features and of host capabilities."""
        section = "features.html"
        self.counts[section] = f"{len(self._stems)} features of {len(self._features)} families"
        yield self.page(section, section, section, pages=self._features)
        for features in self._features:
            place = places.stem_place(features.stem)
            yield self.page("feature_family.html", place, section, page=features)
        section = "capabilities.html"
        self.counts[section] = (
            f"{len(self._subsystems)} capabilities of {len(self._capabilities)} subsystems"
        )
        yield self.page(section, section, section, pages=self._capabilities)
        for found in self._capabilities:
            place = places.subsystem_place(found.subsystem)
            yield self.page("subsystem.html", place, section, page=found)
