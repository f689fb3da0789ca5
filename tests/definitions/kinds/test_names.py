"""What a build's name and its vendor are told by."""

from __future__ import annotations

from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.definitions.kinds.names import Document as NamesFile
from platform_abi.definitions.structure import load
from tests.definitions import site


@pytest.mark.parametrize(
    ("package", "fault"),
    [
        ("(", "expected a regular expression"),
        ("x", "expected one group, for what to keep; found 0"),
        ("(a)(b)", "expected one group, for what to keep; found 2"),
    ],
)
def test_a_vendor_is_told_by_a_pattern_with_one_group(package: str, fault: str) -> None:
    """What it keeps of the text."""
    text = f'schema = 1\n[[vendor]]\nname = "a"\npackage = "{package}"\n'
    with pytest.raises(pa.DefinitionError, match=r"vendor\[1\]\.package") as caught:
        load(NamesFile, text.encode(), "x.toml")
    assert fault in caught.value.message


def test_a_site_adds_vendors(tmp_path: Path) -> None:
    """After the packaged ones: the first pattern that fits counts."""
    text = 'schema = 1\nunversioned = ["y"]\n[[vendor]]\nname = "acme"\npackage = "(acme.*)"\n'
    site.write(tmp_path, "machines/acme.toml", text)
    naming = site.catalogue(site.DEFINITIONS, tmp_path).naming()
    assert naming.vendors[-1].name == "acme"
    assert naming.unversioned[-1] == "y"
    assert len(naming.vendors) > 5
