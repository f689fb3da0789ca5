"""What the live tests need of the machine they run on: QEMUs, a tap driver, a compiler, KVM.

A test that asks for something this machine lacks is skipped, and says what is missing. With
``PLATFORM_ABI_LIVE_REQUIRED=1`` it fails instead: for a CI job whose purpose is to run these tests.

``PLATFORM_ABI_LIVE_QEMU`` names the folder that ``tests/live/install-qemu`` filled. Without it, the
QEMU on ``PATH`` stands for the one version that it is.

Most tests are of a build that the definitions have. Where Debian has moved on, a newer release
stands in its place: tests of the shipped one are skipped then, by name, also where they are
required, and the last lines of a run say so. ``test_installed.py`` holds that these are few, and
that the newer one is learned.

Nothing here runs when tests are collected, so that ids are the same in every xdist worker.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import re
import secrets
import shutil
import struct
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Final, NoReturn

import pytest

from platform_abi.qemu.stdio_qmp import Qmp, QmpError

#: Those that every test of "each QEMU" takes, and those that some tests ask for besides.
QEMU_VERSIONS: Final = ("7.2", "10.0", "11.1")
MORE_QEMU_VERSIONS: Final = ("5.2", "8.2", "10.0.13")

#: The definitions of each.
BUILD_OF: Final = {
    "5.2": "qemu-5.2.0",
    "7.2": "qemu-7.2.22",
    "8.2": "qemu-8.2.2-ubuntu",
    "10.0": "qemu-10.0.2",
    "10.0.13": "qemu-10.0.13",
    "11.1": "qemu-11.1.3",
}

_IFNAME_SIZE: Final = 16  # linux/if.h, with the terminating zero

# linux/if_tun.h and linux/kvm.h
_TUNSETIFF: Final = 0x400454CA
_TUNSETOFFLOAD: Final = 0x400454D0
_IFF_TAP_NO_PI_VNET_HDR: Final = 0x0002 | 0x1000 | 0x4000
_KVM_GET_API_VERSION: Final = 0xAE00


def _unavailable(reason: str) -> NoReturn:
    """End the test that asked: by skipping, or by failure where live tests are required."""
    if os.environ.get("PLATFORM_ABI_LIVE_REQUIRED") == "1":
        pytest.fail(f"required, but missing: {reason}", pytrace=False)
    pytest.skip(reason)


#: What the reason begins with where a test is skipped because Debian has moved on.
_MOVED: Final = "moved on:"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say at the end of a run which shipped builds were not tested, and how often."""
    said = [
        report.longrepr[2].removeprefix("Skipped: ").removeprefix(f"{_MOVED} ")
        for report in terminalreporter.stats.get("skipped", ())
        if isinstance(report.longrepr, tuple | list) and _MOVED in report.longrepr[2]
    ]
    for line, count in sorted(Counter(said).items()):
        terminalreporter.write_line(
            f"NOT TESTED: {line}: {count} tests were skipped; import the newer one", yellow=True
        )


class Binaries(dict[str, Path]):
    """QEMU binaries by version; asking for one that is missing ends the test that asks."""

    #: What stands in the place of a version, where that is another release than the shipped one.
    moved: Mapping[str, tuple[str, Path]] = MappingProxyType({})

    def __missing__(self, version: str) -> NoReturn:
        if version in self.moved:
            release, _ = self.moved[version]
            pytest.skip(f"{_MOVED} QEMU {version} is {release} here, not {BUILD_OF[version]}")
        where = os.environ.get("PLATFORM_ABI_LIVE_QEMU")
        place = f"in {where} ($PLATFORM_ABI_LIVE_QEMU)" if where else "on PATH"
        _unavailable(f"no QEMU {version} {place}; tests/live/install-qemu can get it")


def binaries_in(folder: Path) -> Binaries:
    """Return the wrappers that ``install-qemu`` has put into a folder."""
    candidates = {
        version: folder.absolute() / "bin" / f"qemu-system-x86_64-{version}"
        for version in QEMU_VERSIONS + MORE_QEMU_VERSIONS
    }
    there = {v: path for v, path in candidates.items() if os.access(path, os.X_OK)}
    releases = {version: _release(path) for version, path in there.items()}
    shipped = {v for v in there if re.match(rf"qemu-{re.escape(releases[v])}(-|$)", BUILD_OF[v])}
    found = Binaries({version: there[version] for version in there if version in shipped})
    found.moved = {v: (releases[v], there[v]) for v in there if v not in shipped}
    return found


def _release(binary: Path) -> str:
    """Return the version that a QEMU says it is, empty where it does not start."""
    process = subprocess.run(
        [binary, "--version"], capture_output=True, text=True, timeout=60, check=False
    )
    match = re.match(r"QEMU emulator version (\d+\.\d+\.\d+)", process.stdout)
    return "" if match is None else match[1]


def _on_path() -> Binaries:
    """Return the QEMU on PATH, under the version that it says it is."""
    found = shutil.which("qemu-system-x86_64")
    if found is None:
        return Binaries()
    process = subprocess.run(
        [found, "--version"], capture_output=True, text=True, timeout=30, check=False
    )
    version = re.match(r"QEMU emulator version ((\d+\.\d+)[.\d]*)", process.stdout)
    if version is None:
        return Binaries()
    exact = version[1] in MORE_QEMU_VERSIONS
    return Binaries({version[1] if exact else version[2]: Path(found)})


@pytest.fixture(scope="session")
def qemu_binaries() -> dict[str, Path]:
    """Return the QEMU x86_64 binary of each version: "7.2", "10.0", "11.1", and three more.

    Looking up a version that is missing skips the test, or fails it where that is required.
    """
    folder = os.environ.get("PLATFORM_ABI_LIVE_QEMU")
    return binaries_in(Path(folder)) if folder else _on_path()


@pytest.fixture(scope="session", params=QEMU_VERSIONS)
def qemu_version(request: pytest.FixtureRequest) -> str:
    """Each QEMU version in turn, whether it is there or not."""
    return str(request.param)


@pytest.fixture(scope="session")
def qemu(qemu_version: str, qemu_binaries: dict[str, Path]) -> Path:
    """Return the binary of each QEMU version in turn."""
    return qemu_binaries[qemu_version]


@pytest.fixture(scope="session")
def old_kernel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the compiled ``old_kernel.c``, to be preloaded into a QEMU."""
    compiler = shutil.which("cc")
    if compiler is None:
        _unavailable("no C compiler (cc) on PATH, to build old_kernel.c")
    library = tmp_path_factory.mktemp("old_kernel") / "old_kernel.so"
    source = Path(__file__).with_name("old_kernel.c")
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", library, source],
        check=True,
        timeout=60,
    )
    return library


@pytest.fixture
def ifname() -> str:
    """Return a network interface name that nothing else has, in this or any other test process."""
    name = f"pa{secrets.token_hex(5)}"
    assert len(name) < _IFNAME_SIZE
    return name


@contextmanager
def _tap() -> Iterator[int]:
    """Yield the descriptor of a new tap with a vnet header, which goes away with it."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    try:
        # The kernel picks a free number for %d.
        fcntl.ioctl(
            descriptor, _TUNSETIFF, struct.pack("16sH22x", b"pa%d", _IFF_TAP_NO_PI_VNET_HDR)
        )
        yield descriptor
    finally:
        os.close(descriptor)


@pytest.fixture(scope="session")
def can_tap() -> None:
    """End the test where this process cannot create tap devices."""
    try:
        with _tap():
            pass
    except OSError as error:
        _unavailable(f"cannot create a tap device (needs root and /dev/net/tun): {error}")


@pytest.fixture(scope="session")
def require_tap_offloads(
    can_tap: None,  # noqa: ARG001 - comes first, for its reason to be the one given
) -> Callable[[int], None]:
    """Return a function that skips the test unless the kernel accepts all those TUN_F_* bits.

    It skips even where live tests are required: nobody can install a kernel into a running machine.
    """

    def require(bits: int) -> None:
        with _tap() as descriptor:
            try:
                fcntl.ioctl(descriptor, _TUNSETOFFLOAD, bits)
            except OSError as error:
                kernel = os.uname().release
                pytest.skip(f"the host's kernel {kernel} rejects tap offloads {bits:#x}: {error}")

    return require


@pytest.fixture(scope="session")
def can_kvm() -> None:
    """End the test where this process cannot use KVM."""
    try:
        descriptor = os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.ioctl(descriptor, _KVM_GET_API_VERSION, 0)
        finally:
            os.close(descriptor)
    except OSError as error:
        _unavailable(f"cannot use KVM: {error}")


@pytest.fixture(scope="session")
def can_cpu_host(can_kvm: None, qemu_binaries: Mapping[str, Path]) -> None:  # noqa: ARG001 - first
    """Skip the test where this host's KVM ends a QEMU that gives a guest the host's CPU.

    Linux 6.18 on a processor of AMD's offers bits of IA32_ARCH_CAPABILITIES by KVM_GET_MSRS, and
    lets KVM_SET_MSRS set none of them. It skips even where live tests are required: no test can
    give a machine another kernel.
    """
    words = ("-machine", "pc-q35-10.0", "-accel", "kvm", "-nodefaults", "-cpu", "host")
    try:
        with Qmp(str(qemu_binaries["10.0"]), words, timeout=60) as qmp:
            qmp.execute("query-status")
    except QmpError as error:
        if "failed to set MSR 0x10a" not in str(error):
            raise
        pytest.skip("this host's KVM offers bits of IA32_ARCH_CAPABILITIES and takes none")


@pytest.fixture(scope="session")
def can_mount() -> None:
    """Skip the test where this process may not mount anything in a namespace of its own.

    It skips even where live tests are required: no test can give a container more privileges.
    """
    try:
        done = subprocess.run(
            ["unshare", "--mount", "sh", "-c", "mount --bind /dev/null /dev/null"],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except OSError as error:
        pytest.skip(f"no mount namespace: {error}")
    if done.returncode != 0:
        pytest.skip(f"no mount namespace: {done.stderr.strip()}")


@pytest.fixture(scope="session")
def chromium() -> tuple[str, str]:
    """Return a Chromium and its driver, and end the test where there is none to be driven."""
    for package in ("selenium", "axe_core_python"):
        if importlib.util.find_spec(package) is None:
            _unavailable(f"{package} is not installed, to drive a browser")
    found = shutil.which("chromium"), shutil.which("chromedriver")
    if found[0] is None or found[1] is None:
        _unavailable("there is no chromium with chromedriver on PATH")
    return found[0], found[1]


@pytest.fixture
def spark() -> None:
    """End the test where there is no Spark, or no Java to run it."""
    if importlib.util.find_spec("pyspark") is None:
        _unavailable("pyspark is not installed")
    if shutil.which("java") is None:
        _unavailable("there is no java on PATH, to run Spark")
