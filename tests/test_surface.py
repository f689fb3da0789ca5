"""The public face: what it has, what it costs, and what its errors carry."""

from __future__ import annotations

import ast
import copy
import importlib
import inspect
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import platform_abi as pa
from tests.conftest import PACKAGES

SOURCE = Path(pa.__file__)

#: What nobody should pay for who only imports the package.
HEAVY = {
    "argparse", "asyncio", "attr", "attrs", "cattr", "cattrs", "difflib", "hashlib", "hypothesis",
    "importlib.metadata", "json", "logging", "pathlib", "re", "rich", "shlex", "tempfile",
    "tomli_w", "tomllib", "typing",
}  # fmt: skip

RESOLVE = [
    "resolve", "-M", "pc-q35-9.1", "--platform", "linux-6.9", "--cpu", "qemu64,vendor=AuthenticAMD",
    "--device", "virtio-net-pci,netdev=n0", "--netdev", "tap,id=n0",
]  # fmt: skip


def _modules(code: str, **environment: str) -> set[str]:
    """Return the modules that are loaded after *code*."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print('\\n' + ' '.join(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
        env={"HOME": "/nonexistent", "PYTHONPATH": PACKAGES, **environment},
    )
    return set(done.stdout.splitlines()[-1].split())


# --- names ---------------------------------------------------------------------------------------


#: A stub that declares ``__all__`` has to list the names again.
NAMES: list[str] = getattr(pa, "__all__")  # noqa: B009
HOMES: dict[str, str] = vars(pa)["_HOMES"]


def test_the_stub_is_the_list() -> None:
    """__all__ and dir() are what a type checker sees, each name once, in the order of the stub."""
    imported = [
        (f"{node.module}.{alias.name}", alias.asname)
        for node in ast.parse(SOURCE.with_suffix(".pyi").read_text(encoding="utf-8")).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    typed = [alias for _, alias in imported if alias]

    assert len(typed) == len(set(typed))
    assert typed == NAMES
    assert sorted(typed) == sorted(dir(pa))
    assert [(f"{HOMES[name]}.{name}", name) for name in typed] == imported


def test_every_public_name_is_where_its_home_says() -> None:
    """Each name loads when it is first used, and is the very object of its module."""
    for name in NAMES:
        home = importlib.import_module(HOMES[name])
        assert getattr(home, name) is getattr(pa, name)


def test_star_import_gives_every_name() -> None:
    """``from platform_abi import *`` works and gives no more."""
    found: dict[str, object] = {}
    exec("from platform_abi import *", found)
    assert set(NAMES) == set(found) - {"__builtins__"}


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    """Both hasattr and getattr work as with any module."""
    assert not hasattr(pa, "no_such_name")
    with pytest.raises(AttributeError, match="no_such_name"):
        getattr(pa, "no_such_name")  # noqa: B009 - mypy would see through pa.no_such_name


def test_every_public_callable_says_what_it_does() -> None:
    """Functions and classes have docstrings that begin with a sentence; so have their methods."""
    for name in NAMES:
        value = getattr(pa, name)
        if not callable(value):
            continue
        said = inspect.getdoc(value) or ""
        assert said.split("\n\n")[0].endswith("."), name
        if inspect.isclass(value):
            for key, member in vars(value).items():
                if inspect.isfunction(member) and not key.startswith("_"):
                    assert inspect.getdoc(member), f"{name}.{key}"


def test_public_functions_are_typed() -> None:
    """The package says that it is typed, and every public function is."""
    assert (SOURCE.parent / "py.typed").exists()
    for name in NAMES:
        value = getattr(pa, name)
        if inspect.isfunction(value):
            signature = inspect.signature(value)
            assert signature.return_annotation is not inspect.Signature.empty
            for parameter in signature.parameters.values():
                assert parameter.annotation is not inspect.Parameter.empty


# --- cost ----------------------------------------------------------------------------------------


def test_importing_costs_nothing() -> None:
    """``import platform_abi`` loads none of the libraries that the rooms are built on."""
    plain = _modules("")
    loaded = _modules("import platform_abi") - plain

    assert {"__future__", "platform_abi", "platform_abi._version"} == loaded
    assert not loaded & HEAVY


def test_using_one_name_loads_one_room() -> None:
    """An error class needs no attrs, and parsing a platform's name no TOML."""
    errors = _modules("import platform_abi; platform_abi.UsageError")
    assert not errors & {"attr", "cattrs", "tomllib", "json", "argparse", "hashlib", "difflib"}
    parsed = _modules("import platform_abi; platform_abi.parse_platform('linux-6.9')")
    assert not parsed & {"tomllib", "cattrs", "argparse", "json", "hypothesis"}


def test_the_testing_module_is_nobodys_import() -> None:
    """Hypothesis is for tests: no other module loads it."""
    code = f"from platform_abi.cli import main; main({RESOLVE!r})"
    assert not {"hypothesis", "platform_abi.testing"} & _modules(code)


# --- errors --------------------------------------------------------------------------------------

ERRORS = [
    pa.UsageError("message", code="a-code", help="do this"),
    pa.UnknownNameError("message", code="a-code", help="do this"),
    pa.BeyondPlatformError("message", code="a-code", help="do this"),
    pa.DefinitionError(["one", "two"], code="a-code", help="do this"),
    pa.LockError("message", code="a-code", help="do this"),
    pa.ReportError("message", code="a-code", help="do this"),
    pa.HostError("message", code="a-code", help="do this"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_errors_survive_processes(error: pa.PlatformAbiError) -> None:
    """A pickled or copied error has its class, message, code, help and faults."""
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(error) is type(again)
        assert str(error) == str(again)
        assert error.as_dict() == again.as_dict()
        assert error.args == again.args
        assert (error.code, error.help, error.message) == (again.code, again.help, again.message)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_errors_are_what_python_expects(error: pa.PlatformAbiError) -> None:
    """Each is a ValueError, LookupError or OSError too, says its message and has an exit code."""
    expected: dict[type, tuple[type, int]] = {
        pa.UnknownNameError: (LookupError, 2),
        pa.UsageError: (ValueError, 2),
        pa.BeyondPlatformError: (ValueError, 2),
        pa.DefinitionError: (ValueError, 3),
        pa.LockError: (ValueError, 3),
        pa.ReportError: (ValueError, 2),
        pa.HostError: (OSError, 4),
    }
    parent, code = expected[type(error)]

    assert isinstance(error, pa.PlatformAbiError)
    assert isinstance(error, parent)
    assert code == error.exit_code
    assert error.message == str(error)
    assert "a-code" == json.loads(json.dumps(error.as_dict()))["code"]


def test_every_code_is_a_word() -> None:
    """Codes are part of the interface: lower case, dashes, and a literal wherever one is given."""
    codes: set[str] = set()
    for path in SOURCE.parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                given = [k.value for k in node.keywords if k.arg == "code"]
                codes |= {str(v.value) for v in given if isinstance(v, ast.Constant)}
    assert len(codes) > 20
    for code in codes:
        assert code.replace("-", "").isalpha()
        assert code == code.lower()


def test_an_unknown_name_suggests_only_what_is_near() -> None:
    """Names that are nothing like any other get no suggestion; the rest at most three."""
    from platform_abi.errors import suggest, unknown

    assert "; did you mean 'linux-6.9'?" == suggest("linux-6.8", ["linux-6.9", "windows-2022"])
    assert "" == suggest("zzz", ["linux-6.9"])
    assert 3 == suggest("linux-6.0", [f"linux-6.{n}" for n in range(1, 9)]).count("'linux")
    error = unknown("thing", "x", [], code="unknown-thing", help="look")
    assert ("unknown thing 'x'", "look") == (error.message, error.help)


def test_the_module_runs_as_a_program() -> None:
    """``python -m platform_abi`` is the command line."""
    done = subprocess.run(
        [sys.executable, "-m", "platform_abi", "--version"],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": os.environ.get("PATH", "")},
    )
    assert f"platform-abi {pa.__version__}\n" == done.stdout
