"""What the documents claim is held by tests that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

#: A test as the documents name it: its file, and perhaps the test.
_TEST = re.compile(r"(?P<file>tests/[a-z_/]+\.py)(?:::(?P<name>test_[a-z0-9_]+))?")

NAMED = sorted(
    {
        (path.name, found["file"], found["name"] or "")
        for path in (ROOT / "SECURITY.md", *(ROOT / "docs").rglob("*.md"))
        for found in _TEST.finditer(path.read_text(encoding="utf-8"))
    }
)


@pytest.mark.parametrize(("document", "file", "name"), NAMED)
def test_every_test_that_a_document_names_is_there(document: str, file: str, name: str) -> None:
    """A claim loses its test only where somebody takes the claim away as well."""
    assert (ROOT / file).is_file(), document
    text = (ROOT / file).read_text(encoding="utf-8")
    assert not name or re.search(rf"^def {name}\(", text, re.MULTILINE), (document, name)


def test_there_are_such_claims() -> None:
    """The page of attacks and the table of inputs name tests."""
    assert {"attacks.md", "SECURITY.md"} <= {document for document, _, _ in NAMED}
