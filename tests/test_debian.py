"""The Debian packages ask for what pyproject.toml does, and are of the same version.

What is in them is tried where they are installed, by ``debian/tests``.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest
from packaging.requirements import Requirement

from platform_abi._version import __version__
from tests.conftest import DEFINITIONS

ROOT = DEFINITIONS.parent
DEBIAN = ROOT / "debian"

#: Where Debian's name of a Python package is not ``python3-`` and its own.
_NAMES = {"attrs": "attr", "cattrs": "cattr", "qemu.qmp": "qemu-qmp"}


def _project() -> dict[str, Any]:
    with (ROOT / "pyproject.toml").open("rb") as stream:
        return tomllib.load(stream)


def _relations(stanza: str, field: str) -> dict[str, str]:
    """Return the packages that a *field* of debian/control names, each with its oldest version."""
    text = re.search(rf"^{field}:\n((?: .*\n)+)", stanza, re.MULTILINE)
    assert text, field
    relation = re.compile(r"^ ([\w.+-]+)(?: \(>= ([\w.]+)\))?", re.MULTILINE)
    return dict(relation.findall(text[1]))


def _named(requirements: list[str]) -> dict[str, str]:
    found = {}
    for text in requirements:
        wanted = Requirement(text)
        (floor,) = [each.version for each in wanted.specifier]
        found[f"python3-{_NAMES.get(wanted.name, wanted.name)}"] = floor
    return found


@pytest.fixture(scope="module")
def stanzas() -> dict[str, str]:
    """Return the stanzas of debian/control by their first lines."""
    text = (DEBIAN / "control").read_text(encoding="utf-8")
    return {stanza.split("\n")[0]: f"{stanza}\n" for stanza in text.split("\n\n")}


def test_the_package_is_of_this_version() -> None:
    """The newest entry of its changelog is of the version of the code."""
    head = (DEBIAN / "changelog").read_text(encoding="utf-8").split("\n")[0]
    assert re.match(rf"platform-abi \({re.escape(__version__)}\) ", head)


def test_it_is_built_with_what_the_wheel_is_built_with(stanzas: dict[str, str]) -> None:
    """Each requirement of the build and of the package, with its floor."""
    settings = _project()
    wanted = _named(settings["build-system"]["requires"] + settings["project"]["dependencies"])
    there = _relations(stanzas["Source: platform-abi"], "Build-Depends")
    assert wanted == {name: there.get(name) for name in wanted}


def test_every_extra_is_suggested(stanzas: dict[str, str]) -> None:
    """What pip calls an extra, apt can be asked for beside the library, where Debian has it."""
    extras = _project()["project"]["optional-dependencies"]
    # In no release of Debian.
    lacking = ("duckdb", "ibis-framework", "pyarrow")
    texts = [text for extra in extras.values() for text in extra]
    wanted = _named([text for text in texts if not text.startswith(lacking)])
    assert wanted.keys() == _relations(stanzas["Package: python3-platform-abi"], "Suggests").keys()
