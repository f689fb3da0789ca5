"""The rooms of the code, which way the arrows between and inside of them point, and their tests.

Every import counts, wherever it stands in a file: those inside functions, which only make start-up
fast, and those for type checkers. A module that needs another to be explained needs it.

The rooms of `resolve` and `verify` are called ``resolver/`` and ``verifier/``: a package
``platform_abi.resolve`` would shadow the public function of that name.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import platform_abi

PACKAGE = Path(platform_abi.__file__).parent

#: Lowest first. A room may know those before it, and itself.
ROOMS = (
    "_version", "errors", "files", "folders", "model", "definitions", "resolver", "emit", "qemu",
    "guest", "host", "compat", "fleet", "inventory", "page", "diagnosis", "launch", "monitor",
    "verifier", "source", "rehearsal", "author", "remote", "reference", "cli",
)  # fmt: skip

#: What may know every room: the face, the entry point, strategies for tests and pytest's plugin.
FREE = {"__init__", "__main__", "testing", "pytest_plugin"}

#: Modules through which a file, a process, a clock, the network or the environment is reached.
OUTSIDE = {
    "asyncio", "datetime", "fcntl", "getpass", "glob", "io", "locale", "logging", "multiprocessing",
    "os", "pathlib", "platform", "random", "resource", "secrets", "select", "shutil", "signal",
    "socket", "subprocess", "sys", "tempfile", "threading", "time", "urllib", "uuid",
}  # fmt: skip

FILES = sorted(path for path in PACKAGE.rglob("*.py") if "definitions_data" not in path.parts)

TESTS = Path(__file__).parent
CONTRIBUTING = TESTS.parent / "CONTRIBUTING.md"


def _room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _name(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


@functools.cache
def _nodes(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def _imports(path: Path) -> Iterator[str]:
    """Yield every module that *path* imports, wherever in the file, for types only as well."""
    for node in _nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{_name(path)}:{node.lineno}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _module(path: Path) -> str:
    """Return the dotted name of the module in *path*."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(["platform_abi", *(part for part in parts if part != "__init__")])


def _imported_modules(path: Path) -> set[str]:
    """Return the modules of this package that *path* imports, or imports a name from."""
    names = set(_imports(path))
    return {name for name in (*names, *(n.rpartition(".")[0] for n in names)) if name in MODULES}


MODULES = {_module(path): path for path in FILES}


def _calls(path: Path) -> set[str]:
    """Return the names of builtins that *path* calls by name."""
    return {
        node.func.id
        for node in _nodes(path)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }


def test_every_file_is_in_a_known_room() -> None:
    """A new room has to be given its place in the order."""
    assert {_room(path) for path in FILES} == {*ROOMS, *FREE}


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_arrows_point_down_only(path: Path) -> None:
    """Below cli is emit, below that resolver, definitions, model: no room knows one above it."""
    room = _room(path)
    if room in FREE:
        return
    allowed = set(ROOMS[: ROOMS.index(room) + 1])
    for name in _imports(path):
        parts = name.split(".")
        if parts[0] == "platform_abi":
            assert len(parts) > 1, f"{_name(path)} imports the public face"
            assert parts[1] in allowed, f"{_name(path)} imports {name}"


def test_no_circles_inside_a_room() -> None:
    """Modules of a room can be put in an order too: none needs itself by way of others."""
    arrows = {
        name: {
            other
            for other in _imported_modules(path)
            # A module's room is in its name; only what is more than that counts.
            if other != name and other not in {"platform_abi", f"platform_abi.{_room(path)}"}
        }
        for name, path in MODULES.items()
        if _room(path) not in FREE
    }
    try:
        tuple(TopologicalSorter(arrows).static_order())
    except CycleError as error:
        # What comes first in the list is imported by what comes second.
        pytest.fail(" -> ".join(reversed(error.args[1])))


def test_the_rooms_are_those_of_the_contributing_guide() -> None:
    """Who reads CONTRIBUTING.md knows every room, in the order that arrows may point."""
    (table,) = re.findall(r"\| room \|.*?\n\n", CONTRIBUTING.read_text(encoding="utf-8"), re.DOTALL)
    assert [room for room in ROOMS if room != "_version"] == re.findall(
        r"^\| `(\w+)` \|", table, re.MULTILINE
    )


def test_nothing_knows_the_command_line_or_the_tests() -> None:
    """Only the entry points import cli, and only tests and their plugin import testing."""
    for path in FILES:
        known = {n.split(".")[1] for n in _imports(path) if n.startswith("platform_abi.")}
        if _room(path) not in {"cli", "__main__"}:
            assert "cli" not in known, _name(path)
        if _room(path) not in {"testing", "pytest_plugin"}:
            assert "testing" not in known, _name(path)


PURE = [
    path
    for path in FILES
    if _room(path) in {"model", "resolver", "compat", "diagnosis"}
    or (_room(path) == "fleet" and path.stem != "stream")
    or (_room(path) == "page" and path.stem != "writing")
    or (_room(path) == "emit" and path.stem != "lock_reading")
    or (
        _room(path) == "launch"
        and path.stem
        not in {"launcher", "asking", "keeping", "known", "configuration_files", "host_files"}
    )
]


@pytest.mark.parametrize("path", PURE, ids=_name)
def test_what_is_pure_reaches_nothing_outside(path: Path) -> None:
    """Resolver and emission import no way to a file, a clock, a process or the environment."""
    assert set() == {name.split(".")[0] for name in _imports(path)} & OUTSIDE
    assert set() == _calls(path) & {
        "open",
        "print",
        "input",
        "exec",
        "eval",
        "compile",
        "hash",
        "id",
    } - (
        # One memo is keyed by the identity of values that it keeps alive; values hash.
        {"model/memo.py": {"id"}, "model/value.py": {"hash"}}.get(_name(path), set())
    )


def test_only_the_cli_prints() -> None:
    """Everything below returns values and raises errors."""
    for path in FILES:
        if _room(path) != "cli":
            assert "print" not in _calls(path), _name(path)


# --- tests mirror the rooms ----------------------------------------------------------------------

#: A row of the list in CONTRIBUTING.md: modules, the test files that hold them instead, and why.
_ROW = re.compile(r"^\| (?P<modules>`.*`) \| (?P<holders>`.*`) \| \S.* \|$", re.MULTILINE)
_QUOTED = re.compile(r"`([^`]+)`")


def _listed() -> list[tuple[str, list[str]]]:
    """Return the modules without a test file of their own, each with the files that hold it."""
    _, _, table = CONTRIBUTING.read_text(encoding="utf-8").partition("| modules |")
    rows = list(_ROW.finditer(table))
    assert len(rows) == table.count("\n|") - 1, "a row is not MODULES, HOLDERS, REASON"
    return [
        (module, _QUOTED.findall(row["holders"]))
        for row in rows
        for module in _QUOTED.findall(row["modules"])
    ]


def test_every_module_has_its_tests() -> None:
    """ROOM/MODULE.py has tests/ROOM/test_MODULE.py, or a row of CONTRIBUTING.md; never both."""
    modules = {
        path.relative_to(PACKAGE).with_suffix("") for path in FILES if path.stem != "__init__"
    }
    without = [m for m in modules if not (TESTS / m.parent / f"test_{m.name}.py").exists()]
    assert sorted(m.as_posix() for m in without) == sorted(module for module, _ in _listed())


def test_what_holds_a_module_is_there() -> None:
    """Every file that the list names is one of tests, and holds something."""
    for module, holders in _listed():
        assert holders, module
        for name in holders:
            assert "def test_" in (TESTS / name).read_text(encoding="utf-8"), (module, name)
