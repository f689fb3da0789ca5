"""The site of the shipped definitions, made once, and what a reader of a page finds on it."""

from __future__ import annotations

from functools import cache

import platform_abi as pa
from platform_abi.reference.site import site_files
from tests.definitions.site import DEFINITIONS
from tools.check_site import Page

#: Of which there are builds.
ARCHES = ("aarch64", "loongarch64", "ppc64", "riscv64", "s390x", "x86_64")

CATALOGUE = pa.FileCatalogue([DEFINITIONS])


@cache
def shipped() -> dict[str, str]:
    """Return every file of the site of the shipped definitions, by its place."""
    return dict(site_files(CATALOGUE))


@cache
def page(place: str) -> Page:
    """Return the page at *place* of it."""
    return Page(shipped()[place])


def stands(place: str) -> bool:
    """Return whether a page has the anchor that *place* ends with, if it does."""
    file, _, anchor = place.partition("#")
    return file in shipped() and (not anchor or anchor in page(file).ids)
