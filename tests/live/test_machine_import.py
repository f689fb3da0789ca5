"""The shipped machine definitions are what the real QEMU binaries say."""

from __future__ import annotations

import asyncio
import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytestmark = pytest.mark.live

ROOT = Path(__file__).resolve().parents[2]
IMPORTER = ROOT / "tools" / "import_machines.py"
MACHINES = ROOT / "definitions" / "machines"
VERSIONS = ("7.2", "10.0", "11.1")
ARCH = "x86_64"

# Display devices whose modules Debian packages on their own (qemu-system-modules-spice,
# qemu-system-modules-opengl; for 7.2 qemu-system-gui). An installation may lack them.
FROM_OTHER_PACKAGES = re.compile(r"(pci-)?qxl(-vga)?|virtio-(gpu|vga)-gl(-.*)?")


def load_importer() -> ModuleType:
    """Load the tool as a module; it is a script, not part of the package."""
    spec = importlib.util.spec_from_file_location("import_machines", IMPORTER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


importer = load_importer()


def read(path: Path) -> dict[str, Any]:
    """Parse a definition file."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


def shipped_build(version: str) -> Path:
    """Return the directory of the shipped definitions of a QEMU version."""
    found = sorted(MACHINES.glob(f"qemu-{version}.*/{ARCH}.toml"))
    assert found, f"no definitions of QEMU {version} below {MACHINES}"
    return found[-1].parent


def flattened(document: dict[str, Any]) -> dict[str, list[list[str]]]:
    """Return the whole compat list of each machine type, `inherits` followed."""
    whole: dict[str, list[list[str]]] = {}
    # A machine type inherits from a newer one, which stands before it.
    for machine in document["machine"]:
        base = whole[machine["inherits"]] if "inherits" in machine else []
        whole[machine["name"]] = base + machine["compat"]
    return whole


def whole_properties(document: dict[str, Any], name: str) -> set[str]:
    """Return all properties of a type, those of its parents included."""
    properties: set[str] = set()
    while name in document["type"]:
        properties.update(document["type"][name].get("properties", ()))
        name = document["type"][name]["parent"]
    return properties


@pytest.fixture(scope="module")
def observations() -> dict[Path, Any]:
    """Keep what was read from each binary: reading one takes a second or two."""
    return {}


@pytest.fixture
def seen(
    version: str, qemu_binaries: dict[str, Path], observations: dict[Path, Any]
) -> Any:  # Observation, of a module that type checkers do not see
    """Return everything that the installed binary of `version` says."""
    binary = qemu_binaries[version]
    if binary not in observations:
        observations[binary] = asyncio.run(importer.observe(binary))
    return observations[binary]


@pytest.mark.parametrize("version", VERSIONS)
def test_importing_again_gives_the_shipped_machines(
    version: str, qemu_binaries: dict[str, Path], tmp_path: Path
) -> None:
    """The same package gives the same bytes; another one of that release the same compat lists."""
    binary = qemu_binaries[version]
    command = [sys.executable, str(IMPORTER), str(binary), "-o", str(tmp_path)]
    subprocess.run(command, check=True, timeout=600)
    (again,) = tmp_path.glob(f"*/{ARCH}.toml")
    shipped = shipped_build(version) / again.name
    imported, expected = read(again), read(shipped)
    if imported["build"]["package"] == expected["build"]["package"]:
        assert again.read_bytes() == shipped.read_bytes()
        return
    imported_lists, expected_lists = flattened(imported), flattened(expected)
    assert imported_lists.keys() == expected_lists.keys()
    assert imported_lists == expected_lists


@pytest.mark.parametrize("version", VERSIONS)
def test_shipped_lists_are_the_traced_lists(version: str, seen: Any) -> None:
    """Following `inherits` gives the list that QEMU built, in its order, with its flags."""
    shipped = flattened(read(shipped_build(version) / f"{ARCH}.toml"))
    traced = {
        name: [[*entry.triple(), *(["optional"] if entry.optional else [])] for entry in entries]
        for name, entries in seen.traced.items()
        if name != "none"
    }
    assert shipped == traced


@pytest.mark.parametrize("version", VERSIONS)
def test_trace_equals_query_machines(version: str, seen: Any) -> None:
    """Where QEMU lists compat properties itself (since 9.1), the trace equals its answer."""
    if version == "7.2":
        assert seen.reported is None
        return
    traced = {
        name: tuple(entry.triple() for entry in entries) for name, entries in seen.traced.items()
    }
    assert traced == seen.reported


@pytest.mark.parametrize("version", VERSIONS)
def test_shipped_types_are_the_installed_types(version: str, seen: Any) -> None:
    """Each type of the binary stands in the file, with the properties that QEMU lists for it.

    The file may know more types: those of modules that are packaged on their own.
    """
    document = read(shipped_build(version) / f"{ARCH}-types.toml")
    if seen.build.package != read(shipped_build(version) / f"{ARCH}.toml")["build"]["package"]:
        pytest.skip(f"another package of QEMU {version} is installed: {seen.build.package}")
    names = {device_type.name for device_type in seen.types}
    shipped = document["type"]
    assert names <= shipped.keys()
    assert not [n for n in shipped.keys() - names if not FROM_OTHER_PACKAGES.fullmatch(n)]
    assert seen.aliases.items() <= document["aliases"].items()
    for device_type in seen.types:
        entry = shipped[device_type.name]
        assert (entry["parent"], entry.get("abstract", False)) == (
            device_type.parent,
            device_type.abstract,
        )
        if device_type.listed is not None:
            assert whole_properties(document, device_type.name) == device_type.listed


@pytest.mark.parametrize("version", VERSIONS)
def test_property_names_stand_once(version: str) -> None:
    """A type never repeats a property of one of its parents."""
    document = read(shipped_build(version) / f"{ARCH}-types.toml")
    for name, entry in document["type"].items():
        inherited = whole_properties(document, entry["parent"])
        assert inherited.isdisjoint(entry.get("properties", ())), name


@pytest.mark.parametrize("version", VERSIONS)
def test_compat_entries_name_known_properties(version: str) -> None:
    """A compat entry on a known type names a property that it has, unless it is optional."""
    directory = shipped_build(version)
    types = read(directory / f"{ARCH}-types.toml")
    unknown = {
        (driver, name)
        for entries in flattened(read(directory / f"{ARCH}.toml")).values()
        for driver, name, _, *optional in entries
        if driver in types["type"] and not optional and name not in whole_properties(types, driver)
    }
    assert not unknown


def test_a_binary_that_does_not_start_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A binary that ends at once gives status 4, its own words, and no files."""
    binary = tmp_path / "qemu-system-x86_64"
    binary.write_text("#!/bin/sh\necho no such accelerator >&2\nexit 1\n", encoding="utf-8")
    binary.chmod(0o755)
    output = tmp_path / "machines"
    assert importer.main([str(binary), "-o", str(output)]) == 4
    said = capsys.readouterr().err
    assert str(binary) in said
    assert "no such accelerator" in said
    assert not output.exists()
