"""Tests mirror the rooms: a module has a test file of its name, or CONTRIBUTING.md says why not."""

from __future__ import annotations

import re
from pathlib import Path

from tests.test_layers import CONTRIBUTING, FILES, PACKAGE

TESTS = Path(__file__).parent

#: A row of the list: modules, the test files that hold them instead, and why.
_ROW = re.compile(
    r"^\| (?P<modules>`.*`) \| (?P<holders>`.*`) \| (?P<reason>\S.*) \|$", re.MULTILINE
)
_QUOTED = re.compile(r"`([^`]+)`")


def _name(path: Path) -> str:
    """Return what the list calls the module in *path*: ``qemu/starter``."""
    return path.relative_to(PACKAGE).with_suffix("").as_posix()


def _mirror(module: str) -> Path:
    """Return where the tests of *module* are where it has a test file of its name."""
    room, _, name = module.rpartition("/")
    return TESTS / room / f"test_{name}.py"


def _listed() -> list[tuple[str, list[str]]]:
    """Return the modules of the list in CONTRIBUTING.md, each with the files that hold it."""
    text = CONTRIBUTING.read_text(encoding="utf-8")
    (table,) = re.findall(r"\| modules \|.*?\n\n", text, re.DOTALL)
    rows = list(_ROW.finditer(table))
    assert len(rows) == table.strip().count("\n") - 1, "a row is not MODULES, HOLDERS, REASON"
    return [
        (module, _QUOTED.findall(row["holders"]))
        for row in rows
        for module in _QUOTED.findall(row["modules"])
    ]


MODULES = {_name(path) for path in FILES if path.stem != "__init__"}


def test_every_module_has_its_tests() -> None:
    """A file of its name, or a row that says what holds it; what has the one has not the other."""
    listed = [module for module, _ in _listed()]
    mirrored = {module for module in MODULES if _mirror(module).exists()}
    assert sorted(MODULES - mirrored) == sorted(listed)


def test_what_holds_a_module_is_there() -> None:
    """Every file that the list names exists, is one of tests, and tests something."""
    for module, holders in _listed():
        assert holders, module
        for name in holders:
            file = TESTS / name
            assert file.name.startswith("test_"), name
            assert "def test_" in file.read_text(encoding="utf-8"), name
