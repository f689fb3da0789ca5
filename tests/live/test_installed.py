"""The QEMUs that live tests run are those that the definitions are of, or are learned."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.author.learning import known_qemu
from tests.live.conftest import BUILD_OF, Binaries, binaries_in

pytestmark = pytest.mark.live

#: So many of the shipped builds have to be there to be tested, whatever Debian has by now.
_ENOUGH = 4


@pytest.fixture(scope="module")
def installed() -> Binaries:
    """Return all that ``install-qemu`` has put there, what has moved on included."""
    folder = os.environ.get("PLATFORM_ABI_LIVE_QEMU")
    if not folder:
        pytest.skip("no folder of install-qemu's ($PLATFORM_ABI_LIVE_QEMU)")
    return binaries_in(Path(folder))


def test_most_shipped_builds_are_there_to_be_tested(installed: Binaries) -> None:
    """One or two that Debian has replaced can wait; more of them, and nothing is tested."""
    if os.environ.get("PLATFORM_ABI_LIVE_REQUIRED") != "1" and len(installed) < _ENOUGH:
        pytest.skip(f"only {', '.join(installed)} are installed")
    moved = {version: release for version, (release, _) in installed.moved.items()}
    assert len(installed) >= _ENOUGH, f"import what Debian has now: {moved}"


@pytest.mark.parametrize("version", BUILD_OF)
def test_what_is_installed_is_a_shipped_build_or_is_learned(
    version: str,
    installed: Binaries,
    catalogue: pa.FileCatalogue,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A newer one says what it has, and a machine of it resolves: it needs no definitions."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("PLATFORM_ABI_STATE", str(tmp_path / "system"))
    moved = version in installed.moved
    binary = installed.moved[version][1] if moved else installed[version]
    known, build = known_qemu(catalogue, str(binary), lambda _text: None)
    shipped = catalogue.build(BUILD_OF[version], "x86_64")
    if not moved:
        assert build.version == shipped.version
    if build.package == shipped.package:
        assert build.name == shipped.name
    machine = next(name for name in build.machines if name.startswith("pc-q35-"))
    vm = pa.virtual_machine(
        known.devices(), machine, devices=["virtio-rng-pci"], accelerator="tcg", build=build.name
    )
    assert pa.resolve(known, vm, "linux-6.1").settings
