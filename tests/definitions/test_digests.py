"""What definitions say changes only on purpose: the digest of each file is recorded."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

from tests.definitions.site import DEFINITIONS, shipped, write

TOOL = DEFINITIONS.parent / "tools" / "record_definitions.py"


def _tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("record_definitions", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_definitions_say_is_what_was_recorded() -> None:
    """An ioctl number, a CPUID bit, a symbol, an alias: no value changes without a change here.

    Most values have no second source in the project that a test could hold them to; where a change
    is meant, tools/record_definitions.py records it.
    """
    tool = _tool()
    recorded = json.loads(tool.RECORDED.read_text())
    now = tool.digests(DEFINITIONS)

    assert [] == [name for name in now | recorded if now.get(name) != recorded.get(name)]
    assert {name for name in shipped() if not name.startswith("editions/")} == set(recorded)


@pytest.mark.parametrize(
    ("relative", "before", "after", "counts"),
    [
        ("capabilities/tun.toml", "schema = 1", "schema = 1 # a comment", False),
        ("capabilities/tun.toml", 'since = "', 'since = "1', True),
        ("platforms/linux/linux-6.2.toml", "released = 2023-02-19", "released = 2023-02-18", True),
        ("machines/names.toml", "unversioned", "unversionet", True),
    ],
)
def test_any_value_counts_and_no_comment(
    relative: str, before: str, after: str, counts: bool, tmp_path: Path
) -> None:
    """The digest is of what is said, not of how it is written down."""
    tool = _tool()
    text = (DEFINITIONS / relative).read_text()
    assert before in text
    path = write(tmp_path, relative, text)
    recorded = tool.digests(tmp_path)
    assert json.loads(tool.RECORDED.read_text())[relative] == recorded[relative]
    path.write_text(text.replace(before, after, 1))

    assert counts == (recorded != tool.digests(tmp_path))
