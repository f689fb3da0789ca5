"""Real QEMUs whose definitions are hidden: what they say is what was shipped, and they start."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.author.learning import known_qemu
from platform_abi.emit.lock_reading import read_lock
from platform_abi.emit.lockfile import lockfile
from platform_abi.launch.asking import ThisHost
from platform_abi.launch.command_line import read_command_line
from platform_abi.launch.platform_option import platform_option
from platform_abi.launch.start import Start, start
from platform_abi.model.guest import MachineView
from platform_abi.qemu.stdio_qmp import Qmp
from platform_abi.resolver.admission import portable_abi
from platform_abi.verifier.paused import look_at
from tests.conftest import DEFINITIONS

pytestmark = pytest.mark.live

_NIC = ("-netdev", "user,id=n0", "-device", "virtio-net-pci,netdev=n0,id=net0")


@pytest.fixture
def hidden(tmp_path: Path) -> pa.FileCatalogue:
    """Return the definitions of this repository, but for every build of a QEMU since 8.0."""
    site = tmp_path / "site"
    (site / "machines").mkdir(parents=True)
    for place in DEFINITIONS.iterdir():
        if place.name != "machines":
            (site / place.name).symlink_to(place)
    for place in (DEFINITIONS / "machines").iterdir():
        if not place.name.startswith(("qemu-8", "qemu-9", "qemu-1")):
            (site / "machines" / place.name).symlink_to(place)
    return pa.FileCatalogue([site])


def _binary(version: str) -> Path:
    folder = os.environ.get("PLATFORM_ABI_LIVE_QEMU", "/nowhere")
    binary = Path(folder, "bin", f"qemu-system-x86_64-{version}")
    if not binary.exists():
        pytest.skip(f"no QEMU {version}; tests/live/install-qemu can get it")
    return binary


def _started(
    catalogue: pa.FileCatalogue, binary: Path, machine: str, told: list[str], *more: str
) -> Start:
    words = ["-machine", machine, "-accel", "tcg", "-nodefaults", *_NIC, *more]
    line = read_command_line(catalogue.options(), [*words, "-platform", "linux-6.9,force=on"])
    learn = partial(known_qemu, catalogue, tell=told.append)
    host = ThisHost(catalogue, str(binary), learn=learn)
    begun = start(catalogue, line, platform_option(line), host, arch="x86_64")
    with Qmp(str(binary), begun.words, timeout=60) as qmp:
        assert qmp.execute("query-status")["status"] == "prelaunch"
    return begun


@pytest.mark.parametrize("version", ["10.0", "10.0.13", "11.1"])
def test_what_is_learned_is_what_was_shipped(
    catalogue: pa.FileCatalogue, hidden: pa.FileCatalogue, version: str
) -> None:
    """Machine types with their content, types, properties and CPU models, in all of it."""
    binary = _binary(version)
    told: list[str] = []
    shipped = known_qemu(catalogue, str(binary), told.append)[1]
    assert told == []
    known, build = known_qemu(hidden, str(binary), told.append)
    assert build.name in known.learned("x86_64")
    assert len(told) == 1
    assert (build.version, build.package) == (shipped.version, shipped.package)
    assert build.aliases == shipped.aliases
    assert set(build.machines) == set(shipped.machines)
    for name in build.machines:
        one, other = (
            c.machine(b.name, name, "x86_64") for c, b in ((known, build), (catalogue, shipped))
        )
        assert (one.compat, one.digest, one.generation) == (
            other.compat, other.digest, other.generation,
        )  # fmt: skip
    drivers = known.types(build.name, "x86_64").parents
    lacking = catalogue.types(shipped.name, "x86_64").parents.keys() - drivers.keys()
    # The wrapper's QEMU is without the modules of displays.
    assert all("qxl" in name or "-gl" in name or "gpu-" in name for name in lacking)
    assert drivers.items() <= catalogue.types(shipped.name, "x86_64").parents.items()
    for driver in drivers:
        assert known.driver_properties(build.name, "x86_64", driver) == (
            catalogue.driver_properties(shipped.name, "x86_64", driver)
        )
    assert known.cpu_models(build.name, "x86_64") == catalogue.cpu_models(shipped.name, "x86_64")


def test_a_lockfile_says_what_guests_find_in_a_qemu_that_nobody_recorded(
    hidden: pa.FileCatalogue,
) -> None:
    """It is looked at: Debian's 10.0.13 has queues of 1024, and is refused what 7.2 showed."""
    words = ["-machine", "pc-q35-7.1", "-accel", "tcg", "-nodefaults", "-device", "virtio-rng-pci"]
    locks: dict[str, pa.GuestAbi] = {}
    for version, size, more in (("10.0.13", "1024", ""), ("7.2", "8", ",look=on")):
        binary = str(_binary(version))
        host = ThisHost(
            hidden, binary, learn=lambda path: known_qemu(hidden, path, lambda _line: None)
        )

        def look(abi: pa.GuestAbi, host: ThisHost = host, binary: str = binary) -> MachineView:
            return look_at(host.catalogue, portable_abi(host.catalogue, abi), binary)

        line = read_command_line(
            hidden.options(), [*words, "-platform", f"linux-6.1,force=on,lock=x{more}"]
        )
        begun = start(hidden, line, platform_option(line), host, arch="x86_64", look=look)
        text = lockfile(host.catalogue, begun.abi, build=begun.build, ran=True)
        locks[version] = read_lock(text, "x", catalogue=host.catalogue)
        view = locks[version].view
        assert view is not None
        (rng,) = view.devices.values()
        assert rng.facts["queues"] == size
        if version == "10.0.13":
            asked, last = host, look
    incoming = read_command_line(
        hidden.options(), [*words, "-incoming", "defer", "-platform", "lock=x,force=on"]
    )
    option = platform_option(incoming)
    taken = start(hidden, incoming, option, asked, arch="x86_64", stored=locks["7.2"], look=last)
    assert "guest-view" in {finding.code for finding in taken.verdict.findings}


def test_a_vendors_machine_types_resolve_and_start(hidden: pa.FileCatalogue) -> None:
    """Ubuntu's, which no definition has then: by name, by alias, and as any of upstream's."""
    binary = _binary("8.2")
    told: list[str] = []
    noble = _started(hidden, binary, "pc-q35-noble", told)
    assert noble.abi.vm.machine == "pc-q35-noble"
    assert "virtio-net-device.host_uso" in {
        f"{each.driver}.{each.property}" for each in noble.abi.settings
    }
    aliased = _started(hidden, binary, "q35", told)
    assert aliased.abi.vm.machine == "pc-q35-8.2"
    assert len([text for text in told if "is asked" in text]) == 1
    with Qmp(str(binary), aliased.words, timeout=60) as qmp:
        machines = qmp.execute("query-machines")
    assert aliased.abi.vm.machine in {m["name"] for m in machines if m.get("alias") == "q35"}


def test_a_board_without_a_version_is_that_of_the_qemu(hidden: pa.FileCatalogue) -> None:
    """With what it has, and no remark that it was taken for another's."""
    told: list[str] = []
    binary = _binary("11.1")
    line = read_command_line(
        hidden.options(),
        ["-machine", "microvm", "-accel", "tcg", "-platform", "linux-6.9,force=on"],
    )
    host = ThisHost(hidden, str(binary), learn=lambda path: known_qemu(hidden, path, told.append))
    begun = start(hidden, line, platform_option(line), host, arch="x86_64")
    assert (begun.abi.vm.build or "").startswith("qemu-11.1.")
    assert not [text for text in begun.remarks if "taken for" in text]
    with Qmp(str(binary), begun.words, timeout=60) as qmp:
        assert qmp.execute("query-status")["status"] == "prelaunch"
