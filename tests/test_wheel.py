"""What is shipped: a wheel made from the sdist has all definitions and works away from here."""

from __future__ import annotations

import email
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import platform_abi as pa
from platform_abi.cli.options import VERBS
from platform_abi.definitions.compiled import SUFFIX, check_sum
from platform_abi.definitions.compiling import compile_definitions, digest
from tests.conftest import DEFINITIONS, PACKAGES

ROOT = DEFINITIONS.parent

#: What a verb that asks no host should not pay for.
COLD = {"asyncio", "cattr", "cattrs", "hashlib", "importlib.metadata", "pathlib",
        "rich", "tempfile", "tomli_w", "tomllib", "urllib", "logging"}  # fmt: skip

RESOLVE = [
    "resolve", "-M", "pc-q35-9.1", "--platform", "linux-6.1", "--cpu",
    "qemu64,vendor=AuthenticAMD", "--device", "virtio-net-pci,netdev=n0,id=nic0",
    "--netdev", "tap,id=n0",
]  # fmt: skip

pytest.importorskip("build")
pytest.importorskip("hatchling")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return the sdist, and the wheel that was built from it and from nothing else."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        # Without --sdist or --wheel, build makes the wheel from the sdist that it has just made.
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT],
        check=True,
        capture_output=True,
        cwd=folder,
    )
    (sdist,) = folder.glob("*.tar.gz")
    (wheel,) = folder.glob("*.whl")
    return sdist, wheel


def test_the_wheel_has_what_a_page_is_made_of(built: tuple[Path, Path]) -> None:
    """What is no Python in the package is in the wheel too."""
    with zipfile.ZipFile(built[1]) as wheel:
        names = {*wheel.namelist()}
    for name in ("index.html", "page.css", "page.js"):
        assert f"platform_abi/page/shown/{name}" in names


@pytest.fixture(scope="module")
def installed(built: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the wheel installed, without its dependencies."""
    target = tmp_path_factory.mktemp("site")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index",
         "--disable-pip-version-check", "--no-compile", "--target", target, built[1]],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return target


@pytest.fixture(scope="module")
def needed(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with what the wheel says that it needs, and none of its extras."""
    target = tmp_path_factory.mktemp("needed")
    (metadata,) = installed.glob("platform_abi-*.dist-info/METADATA")
    left = email.message_from_string(metadata.read_text()).get_all("Requires-Dist") or []
    done: set[str] = set()
    while left:
        wanted = Requirement(left.pop())
        if wanted.name in done or (wanted.marker and not wanted.marker.evaluate({"extra": ""})):
            continue
        done.add(wanted.name)
        found = distribution(wanted.name)
        left += found.requires or []
        for name in {file.parts[0] for file in found.files or ()} - {".."}:
            (target / name).symlink_to(Path(str(found.locate_file(name))))
    return target


def _run(
    installed: Path, *words: str, cwd: Path, beside: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the installed package: it comes first, then what is *beside*, or this environment."""
    # -S keeps the editable install of this checkout out.
    path = os.pathsep.join([str(installed), str(beside or sysconfig.get_paths()["purelib"])])
    return subprocess.run(
        [sys.executable, "-S", *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={"PYTHONPATH": path, "HOME": str(cwd), "LC_ALL": "C.UTF-8"},
    )


def _contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_wheel_has_every_definition_and_no_other(installed: Path) -> None:
    """The folder in the package is definitions/, to the byte."""
    expected = _contents(DEFINITIONS)

    assert len(expected) > 100
    assert expected == _contents(installed / "platform_abi" / "definitions_data")


def test_the_compiled_definitions_are_those_of_the_sources(installed: Path) -> None:
    """The digest that is recorded is that of the files beside it, and so is every check sum."""
    folder = installed / "platform_abi" / "definitions_data"
    lines = Path(f"{folder}{SUFFIX}").read_bytes().split(b"\n")
    head = json.loads(lines[1])
    sources = _contents(folder)

    assert digest(sources) == head["sources"]
    assert {name: check_sum(data) for name, data in sources.items()} == head["files"]
    assert compile_definitions(DEFINITIONS) == b"\n".join(lines)


def test_the_wheel_has_every_module_and_no_test(built: tuple[Path, Path]) -> None:
    """Modules, py.typed, licence and metadata are in it, and nothing else of this checkout."""
    names = zipfile.ZipFile(built[1]).namelist()
    source = Path(pa.__file__).parent
    expected = {
        f"platform_abi/{path.relative_to(source).as_posix()}"
        for path in source.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    info = f"platform_abi-{pa.__version__}.dist-info"

    beside = ("platform_abi/definitions_data", f"platform_abi-{pa.__version__}.data/")
    found = {name for name in names if not name.startswith(beside)}
    assert expected == {name for name in found if not name.startswith(info)}
    assert f"{info}/licenses/LICENSE" in found
    assert "platform_abi/py.typed" in found
    assert len(names) == len(set(names))


@pytest.fixture(scope="module")
def shared(built: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that pip makes share/ of an environment from."""
    folder = tmp_path_factory.mktemp("shared")
    zipfile.ZipFile(built[1]).extractall(folder)
    return folder / f"platform_abi-{pa.__version__}.data" / "data" / "share"


def _completed(shared: Path, words: list[str], cwd: Path) -> list[str]:
    """Return what bash offers for the last of *words*."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash to complete in")
    script = """
        source "$1"; shift
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        complete -p platform-abi | { read -r line; [[ $line == *-F* ]]; } || exit 9
        function=$(complete -p platform-abi | sed 's/.*-F \\([^ ]*\\).*/\\1/')
        "$function" platform-abi "${!#}" "${COMP_WORDS[COMP_CWORD-1]}" 2>/dev/null
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    done = subprocess.run(
        [bash, "--norc", "-c", script, "bash",
         shared / "bash-completion" / "completions" / "platform-abi", *words],
        capture_output=True, text=True, check=True, cwd=cwd,
    )  # fmt: skip
    return done.stdout.split()


def test_a_shell_completes_verbs_options_and_files(shared: Path, tmp_path: Path) -> None:
    """As bash asks its completions; zsh and fish have theirs where they look for them."""
    (tmp_path / "vm.lock").touch()
    assert _completed(shared, ["platform-abi", "re"], tmp_path) == ["resolve", "rehearse"]
    assert "--platform" in _completed(shared, ["platform-abi", "resolve", "--pl"], tmp_path)
    assert "vm.lock" in _completed(shared, ["platform-abi", "check", "--from", "vm"], tmp_path)
    assert (shared / "zsh" / "site-functions" / "_platform-abi").read_text().startswith("#compdef")
    fish = shared / "fish" / "vendor_completions.d" / "platform-abi.fish"
    assert "resolve" in fish.read_text()


def test_there_is_a_manual_page_of_every_program(shared: Path) -> None:
    """With every verb and option in them, no date, and nothing that troff stumbles over."""
    pages = {path.stem: path.read_text() for path in (shared / "man" / "man1").iterdir()}
    with (ROOT / "pyproject.toml").open("rb") as stream:
        assert pages.keys() == tomllib.load(stream)["project"]["scripts"].keys()
    whole = {name: text for name, text in pages.items() if not text.startswith(".so ")}
    assert whole.keys() == {"platform-abi", "platform-abi-on-define-domain", "qemu-platform"}
    assert all(' "1" "" ' in text.split("\n")[0] for text in whole.values())
    for verb, (_, kind) in VERBS.items():
        escaped = verb.replace("-", r"\-")
        assert f".SS \\fBplatform\\-abi {escaped}\\fR" in pages["platform-abi"]
        assert all(e.replace("-", r"\-") in pages["platform-abi"] for e in kind.examples)
    assert r"\-platform" in pages["qemu-platform"]
    groff = shutil.which("groff")
    for page in whole.values() if groff else ():
        done = subprocess.run(
            [str(groff), "-man", "-Tutf8", "-ww"], input=page, capture_output=True, text=True,
            check=True,
        )  # fmt: skip
        assert done.stderr == ""


def test_the_metadata_says_what_it_needs(built: tuple[Path, Path]) -> None:
    """Version, Python and dependencies are those of pyproject.toml; more is an extra."""
    info = f"platform_abi-{pa.__version__}.dist-info"
    metadata = email.message_from_bytes(zipfile.ZipFile(built[1]).read(f"{info}/METADATA"))

    assert ("platform-abi", pa.__version__) == (metadata["Name"], metadata["Version"])
    assert ">=3.11" == metadata["Requires-Python"]
    needed = metadata.get_all("Requires-Dist") or []
    assert {"attrs", "cattrs", "packaging", "tomli-w"} == {
        text.split(">")[0] for text in needed if "extra ==" not in text
    }
    for extra, package in (("testing", "hypothesis"), ("qmp", "qemu-qmp"), ("libvirt", "lxml")):
        assert any(t.startswith(package) and f"extra == '{extra}'" in t for t in needed)


@pytest.mark.parametrize("before", ["", "import hypothesis\n"], ids=["first", "after-hypothesis"])
def test_the_strategies_are_there(installed: Path, tmp_path: Path, before: str) -> None:
    """With the wheel's own metadata, the strategies are imported before Hypothesis or after."""
    done = _run(
        installed,
        "-c",
        f"{before}import platform_abi.testing as t; from hypothesis import strategies as st\n"
        "st.from_type(t.Scenario).validate(); print(t.__file__)",
        cwd=tmp_path,
    )
    assert (f"{installed}/platform_abi/testing/__init__.py\n", "") == (done.stdout, done.stderr)


def test_pytest_finds_the_plugin(installed: Path, tmp_path: Path) -> None:
    """By the wheel's own metadata; a run that has no use for it imports nothing by it."""
    (tmp_path / "test_other.py").write_text(
        "import sys\ndef test_other(request):\n"
        "    assert request.config.getoption('--platform-abi-qemu') is None\n"
        "    ours = {n for n in sys.modules if n.startswith('platform_abi')}\n"
        "    assert ours == {'platform_abi', 'platform_abi._version',\n"
        "                    'platform_abi.pytest_plugin'}\n"
    )
    done = _run(installed, "-m", "pytest", "-q", "test_other.py", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_sdist_can_be_tested(built: tuple[Path, Path]) -> None:
    """Sources, definitions and tests are in it, and no cache or build is."""
    with tarfile.open(built[0]) as archive:
        names = [name.partition("/")[2] for name in archive.getnames()]

    for wanted in ("pyproject.toml", "README.md", "LICENSE", "tests/conftest.py",
                   "tests/resolver/offered.json", "src/platform_abi/__init__.py",
                   "definitions/editions/2026.1.toml", "hatch_build.py"):  # fmt: skip
        assert wanted in names
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]
    assert not [name for name in names if name.startswith((".git/", "dist/", ".venv"))]


def test_the_sdist_lacks_nothing_that_is_kept(built: tuple[Path, Path]) -> None:
    """What git keeps, but for what only its hosts and hooks read."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("no checkout of git's, or no git to ask")
    kept = subprocess.run(
        [git, "-c", f"safe.directory={ROOT}", "ls-files"],
        capture_output=True, text=True, check=True, cwd=ROOT,
    ).stdout.split("\n")  # fmt: skip
    with tarfile.open(built[0]) as archive:
        there = {name.partition("/")[2] for name in archive.getnames()}
    hosts = (".ci/", ".github/", ".pre-commit-config.yaml")
    assert [] == [n for n in kept if n and n not in there and not n.startswith(hosts)]


def test_what_shells_read_is_made_the_same_again(shared: Path, tmp_path: Path) -> None:
    """On any terminal, by any process: two builds give one wheel."""
    subprocess.run(
        [sys.executable, ROOT / "tools" / "shell_files.py", tmp_path],
        check=True,
        env={"PYTHONPATH": PACKAGES, "COLUMNS": "200", "FORCE_COLOR": "1", "LC_ALL": "C"},
    )
    assert _contents(shared) == _contents(tmp_path / "share")


def test_the_installed_package_resolves_anywhere(installed: Path, tmp_path: Path) -> None:
    """Outside the checkout, from the wheel's own files, the arguments are those of the checkout."""
    catalogue = pa.FileCatalogue([DEFINITIONS])
    vm = pa.virtual_machine(
        catalogue.devices(),
        "pc-q35-9.1",
        cpu="qemu64,vendor=AuthenticAMD",
        devices=["virtio-net-pci,netdev=n0,id=nic0"],
        netdevs=["tap,id=n0"],
    )
    place = _run(installed, "-c", "import platform_abi; print(platform_abi.__file__)", cwd=tmp_path)
    done = _run(installed, "-m", "platform_abi", *RESOLVE, cwd=tmp_path)

    assert f"{installed}/platform_abi/__init__.py\n" == place.stdout
    assert (0, "") == (done.returncode, done.stderr)
    assert pa.shell_lines(pa.resolve(catalogue, vm, "linux-6.1")) == done.stdout


def test_every_module_loads_with_what_the_wheel_needs(
    installed: Path, needed: Path, tmp_path: Path
) -> None:
    """No extra is imported before it is wanted; only what is for tests is made of one."""
    program = """if True:
        import importlib, pkgutil, platform_abi
        left_out = "platform_abi.testing", "platform_abi.pytest_plugin", "platform_abi.__main__"
        for module in pkgutil.walk_packages(platform_abi.__path__, "platform_abi."):
            if not module.name.startswith(left_out):
                importlib.import_module(module.name)
                print(module.name)
    """
    done = _run(installed, "-c", program, cwd=tmp_path, beside=needed)

    assert (0, "") == (done.returncode, done.stderr)
    assert "platform_abi.verifier.peer" in done.stdout.split()


def test_what_asks_no_running_qemu_works_without_the_extra(
    installed: Path, needed: Path, tmp_path: Path
) -> None:
    """A lockfile is written and judged; whoever asks a running QEMU is told what to install."""
    lock = str(tmp_path / "vm.lock")
    program = f"""if True:
        import sys
        from platform_abi.cli import main
        codes = [main({RESOLVE!r} + ["--lock", {lock!r}]),
                 main(["check", {lock!r}, "--host", "this", "--json"]),
                 main(["host"]), main(["platforms", "--host", "this"])]
        print(codes, file=sys.stderr)
        for words in ("verify --qmp /none " + {lock!r}, "lock qmp:/none -o /none"):
            print(main(words.split()), file=sys.stderr)
    """
    done = _run(installed, "-c", program, cwd=tmp_path, beside=needed)

    assert done.returncode == 0
    assert done.stderr.count("error[") == done.stderr.count("error[qmp-library]: ") == 2
    assert done.stderr.count("'pip install qemu.qmp'") == 2
    assert done.stderr.count("\n4\n") == 2
    assert "Traceback" not in done.stderr


def test_the_installed_package_parses_nothing(installed: Path, tmp_path: Path) -> None:
    """From the first start on, a verb loads no parser, no structurer and no hash."""
    program = (
        "import sys; from platform_abi.cli import main;"
        f"main({RESOLVE!r}); print(*sys.modules, file=sys.stderr)"
    )
    done = _run(installed, "-c", program, cwd=tmp_path)

    assert 0 == done.returncode
    assert not COLD & set(done.stderr.splitlines()[-1].split())


def test_damage_is_said_without_a_traceback(installed: Path, tmp_path: Path) -> None:
    """A compiled file that is cut off ends in one line and a code of its own."""
    path = Path(f"{installed / 'platform_abi' / 'definitions_data'}{SUFFIX}")
    intact = path.read_bytes()
    path.write_bytes(intact[:1000])
    try:
        done = _run(installed, "-m", "platform_abi", *RESOLVE, cwd=tmp_path)
    finally:
        path.write_bytes(intact)

    assert (3, "") == (done.returncode, done.stdout)
    assert f"error[definition-compiled]: {path} is damaged\n" in done.stderr


def test_the_installed_package_finds_its_own_lines(installed: Path, tmp_path: Path) -> None:
    """The verb explain points into the shipped files, and every platform is there."""
    done = _run(installed, "-m", "platform_abi", "explain", "virtio-net-pci.host_uso", "-M",
                "pc-q35-9.1", "--platform", "linux-6.9", cwd=tmp_path)  # fmt: skip
    names = _run(installed, "-m", "platform_abi", "platforms", "--names", cwd=tmp_path)

    assert "(platforms/linux/linux-6.2.toml:" in done.stdout
    assert {path.stem for path in (DEFINITIONS / "platforms").glob("*/*.toml")} == set(
        names.stdout.split()
    )
