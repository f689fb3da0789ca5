"""A probe as one script: made of the sources of this package, and run by any Python from 3.6 on."""

from __future__ import annotations

import ast
import json
import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.compat.completion import from_configuration
from platform_abi.host.document import read_report, report_document
from platform_abi.host.probe import probe
from platform_abi.remote.script import Wishes, probe_script
from tests.host.probing import capability, catalogued

PACKAGE = Path(pa.__file__).parent

#: Of Python 3, those that a script is run by.
MINORS = range(6, 16)


#: Methods that strings have only since 3.9: what else is later has a stand-in.
_LATER = frozenset({"removeprefix", "removesuffix"})


@pytest.fixture(scope="module")
def script(catalogue: pa.FileCatalogue) -> str:
    """Return the script that asks for everything but a QEMU."""
    return probe_script(catalogue.capabilities(), Wishes(qemus=()))


def _interpreter(minor: int) -> str:
    """Return a Python of this machine, its own or one that pyenv keeps, or skip."""
    if sys.version_info[1] == minor:
        return sys.executable
    kept = Path(os.environ.get("PYENV_ROOT") or f"{pwd.getpwuid(os.getuid()).pw_dir}/.pyenv")
    named = shutil.which(f"python3.{minor}")
    for path in (named, *kept.glob(f"versions/3.{minor}.*/bin/python3")):
        asked = [str(path), "-c", f"import sys; sys.exit(sys.version_info[1] != {minor})"]
        if path and subprocess.run(asked, capture_output=True, check=False).returncode == 0:
            return str(path)
    pytest.skip(f"no Python 3.{minor} on this machine")


def _run(python: str, script: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [python, "-I", "-"],
        input=script.encode(),
        capture_output=True,
        timeout=60,
        check=False,
    )


def _carried(script: str) -> dict[str, str]:
    """Return the modules in *script*, by their names, as it has them."""
    tree = ast.parse(script)
    (found,) = (
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "SOURCES"
    )
    sources: dict[str, str] = ast.literal_eval(found)
    return sources


@pytest.mark.parametrize("minor", MINORS)
def test_what_it_finds_is_what_an_installed_probe_finds(
    catalogue: pa.FileCatalogue, script: str, minor: int
) -> None:
    """Every fact with its evidence, every number, mask, set and value, by each Python."""
    done = _run(_interpreter(minor), script)
    assert (0, b"") == (done.returncode, done.stderr)
    found = read_report(done.stdout, "its report")
    expected = from_configuration(catalogue, probe(catalogue.capabilities()))
    assert expected.facts == found.facts
    assert expected == found
    assert 1 == done.stdout.count(b"\n")
    written = json.loads(done.stdout)
    assert json.dumps(report_document(expected)) == json.dumps(written)


def test_each_module_is_the_packages_own(script: str) -> None:
    """To the byte: what was changed here is changed there."""
    for name, text in _carried(script).items():
        path = PACKAGE.joinpath(*name.split(".")[1:]).with_suffix(".py")
        assert path.read_text(encoding="utf-8") == text, name


def test_all_that_is_imported_is_there(script: str) -> None:
    """Nothing of this package is missing, and nothing else is imported but the standard library."""
    sources = _carried(script)
    standard = {*sys.stdlib_module_names}
    for name, text in sources.items():
        for node in ast.walk(_at_run_time(ast.parse(text))):
            if isinstance(node, ast.Import):
                assert {alias.name.partition(".")[0] for alias in node.names} <= standard, name
            if isinstance(node, ast.ImportFrom):
                module = str(node.module)
                top = module.partition(".")[0]
                assert top in {*standard, "platform_abi"}, f"{name} imports {module}"
                if top == "platform_abi" and module not in {*sources, "platform_abi.model.value"}:
                    inner = {f"{module}.{alias.name}" for alias in node.names}
                    assert inner <= sources.keys(), name


def _at_run_time(tree: ast.Module) -> ast.Module:
    """Return *tree* without what only type checkers look at."""

    class Without(ast.NodeTransformer):
        def visit_If(self, node: ast.If) -> ast.AST | None:
            return None if ast.unparse(node.test) == "TYPE_CHECKING" else self.generic_visit(node)

    found: ast.Module = Without().visit(tree)
    return found


def test_a_python_of_3_6_can_read_it(script: str) -> None:
    """No word in it is of a later syntax, in ASCII, so that no locale matters."""
    assert script.isascii()
    ast.parse(script, feature_version=(3, 6))
    for name, text in _carried(script).items():
        if name != "platform_abi.remote.stand_ins":
            tree = ast.parse(text, name, feature_version=(3, 6))
            for node in ast.walk(tree):
                assert not isinstance(node, ast.NamedExpr | ast.Match), name
                assert not isinstance(node, ast.Attribute) or node.attr not in _LATER, name


def test_it_says_what_it_is(script: str) -> None:
    """Who is to run it on a host of theirs reads first what it does, and which version made it."""
    head = script.partition("\nimport ")[0]
    assert "#!/usr/bin/env python3\n" == script[:23]
    assert f"platform-abi {pa.__version__}" in head
    assert "Python 3.6" in head


def test_the_same_definitions_give_the_same_script(catalogue: pa.FileCatalogue) -> None:
    """To the byte; and what is wished for is in it."""
    known = catalogue.capabilities()
    assert probe_script(known) == probe_script(dict(reversed(known.items())))
    wished = probe_script(known, Wishes(qemus=("/opt/a'''b\\",), timeout=1.5))
    order = wished.rpartition("\nORDER = ")[2].rpartition("\n\nrun(")[0]
    said = json.loads(ast.literal_eval(order))
    assert (["/opt/a'''b\\"], 1.5) == (said["qemus"], said["timeout"])


def test_nothing_of_the_host_is_in_its_way(script: str, tmp_path: Path) -> None:
    """Neither another version of this package, nor attrs itself, where they can be imported."""
    for name in ("platform_abi", "attrs", "attr"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit(7)")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-"],
        input=script.encode(),
        capture_output=True,
        cwd=tmp_path,
        env=environment,
        check=False,
        timeout=60,
    )
    assert (0, b"") == (done.returncode, done.stderr)
    read_report(done.stdout, "its report")


def test_what_hangs_does_not_hang_it(tmp_path: Path) -> None:
    """A device that never answers is unknown after its time, and the rest is as ever."""
    os.mkfifo(tmp_path / "fifo")
    asked = catalogued(
        capability("never", "file", str(tmp_path / "fifo")),
        capability("node", "device-node", "/dev/null"),
    )
    done = _run(sys.executable, probe_script(asked, Wishes(qemus=(), timeout=0.4)))
    report = read_report(done.stdout, "its report")
    assert ("unknown", "no answer in 0.4 s") == (
        report.fact("never").state,
        report.fact("never").detail,
    )
    assert "present" == report.state("node")
