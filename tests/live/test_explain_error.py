"""What real QEMUs print when a migration fails is recognised, and explained by what was done.

Each test migrates a paused guest without firmware between two QEMUs that were started differently,
over a unix socket, and explains what the destination wrote to stderr.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

import platform_abi as pa
from platform_abi.diagnosis.diagnosis import Diagnosis, ExplainedMessage, diagnose
from platform_abi.qemu.qtest import QUIET, Qtest, StartError
from tests.live.pci_bus import PciBus

#: TUN_F_UFO, and TUN_F_USO4, _USO6 and what came after them (linux/if_tun.h).
_UFO: Final = "0x10"
_USO: Final = "0x1e0"

_SLOT: Final = 5
_EVERYTHING: Final = (1 << 128) - 1

# PCI and virtio over PCI: virtio 1.2, 4.1.4.3 and 2.1.
_CAPABILITIES: Final = 0x34
_BARS: Final = 0x10
_VENDOR_CAPABILITY: Final = 0x09
_COMMON_CONFIG: Final = 1
_DRIVER_FEATURE_SELECT: Final = 0x08
_DRIVER_FEATURE: Final = 0x0C
_DEVICE_STATUS: Final = 0x14
_ACKNOWLEDGE_AND_DRIVER: Final = 0x3
_FEATURES_OK: Final = 0x8

_TIMEOUT: Final = 30.0


def _machine(name: str = "pc-q35-7.2", memory: str = "64") -> list[str]:
    return ["-machine", name, *QUIET, "-m", memory]


def _nic(netdev: str, more: str = "romfile=") -> list[str]:
    options = "" if netdev.startswith("user") else ",script=no,downscript=no"
    return [
        *("-netdev", f"{netdev}{options},id=n0"),
        *("-device", f"virtio-net-pci,netdev=n0,addr={_SLOT},mac=52:54:00:12:34:56,{more}"),
    ]


class _Monitor:
    """A QMP connection to a QEMU that listens at a path."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(_TIMEOUT)
        self._socket.connect(str(path))
        self._stream = self._socket.makefile("rw", encoding="utf-8")
        self._stream.readline()
        self.ask("qmp_capabilities")

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Return the answer to a command; events that come in between are passed over."""
        self._stream.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self._stream.flush()
        while True:
            answer: dict[str, Any] = json.loads(self._stream.readline())
            if answer.keys() & {"return", "error"}:
                return answer

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()
        self._socket.close()


def _common_config(qtest: Qtest, slot: int) -> int:
    """Return the address of the virtio common configuration of a device whose BARs are assigned."""
    at = PciBus(qtest).config_read(slot, _CAPABILITIES) & 0xFC
    while at:
        header = PciBus(qtest).config_read(slot, at)
        if header & 0xFF == _VENDOR_CAPABILITY and header >> 24 == _COMMON_CONFIG:
            bar = _BARS + 4 * (PciBus(qtest).config_read(slot, at + 4) & 0xFF)
            low, high = PciBus(qtest).config_read(slot, bar), 0
            if low & 0x6 == 0x4:
                high = PciBus(qtest).config_read(slot, bar + 4)
            return (high << 32 | low & ~0xF) + PciBus(qtest).config_read(slot, at + 8)
        at = header >> 8 & 0xFC
    pytest.fail(f"slot {slot}: no virtio 1.x device")


def _negotiate(qtest: Qtest, slot: int) -> int:
    """Accept, as a guest's driver, everything that a virtio device offers; return that."""
    features = PciBus(qtest).offered(slot).features
    common = _common_config(qtest, slot)
    qtest.writew(common + _DEVICE_STATUS, 0)
    qtest.writew(common + _DEVICE_STATUS, _ACKNOWLEDGE_AND_DRIVER)
    for word in range(4):
        qtest.writel(common + _DRIVER_FEATURE_SELECT, word)
        qtest.writel(common + _DRIVER_FEATURE, features >> 32 * word & 0xFFFFFFFF)
    qtest.writew(common + _DEVICE_STATUS, _ACKNOWLEDGE_AND_DRIVER | _FEATURES_OK)
    assert qtest.readw(common + _DEVICE_STATUS) & _FEATURES_OK
    return features


class _Migration:
    """Two QEMUs of one binary, of which the second waits for the first one's guest."""

    def __init__(self, binary: Path, folder: Path) -> None:
        self._binary = binary
        self._folder = folder

    @contextmanager
    def between(
        self,
        source: Sequence[str],
        destination: Sequence[str],
        *,
        shim: Path | None = None,
        refused: str = "",
    ) -> Iterator[tuple[Qtest, Qtest]]:
        """Start both; with *shim*, the destination's kernel refuses the TUN_F_* bits *refused*."""
        source = [*source, "-qmp", f"unix:{self._folder / 'source'},server=on,wait=off"]
        destination = [
            *destination,
            *("-qmp", f"unix:{self._folder / 'destination'},server=on,wait=off"),
            *("-incoming", f"unix:{self._folder / 'stream'}"),
        ]
        environment = {"LD_PRELOAD": str(shim), "OLD_KERNEL_TUN_MASK": refused} if refused else {}
        folder = str(self._folder)
        with (
            Qtest(self._binary, source, writable=folder) as first,
            Qtest(self._binary, destination, environment=environment, writable=folder) as second,
        ):
            yield first, second

    def fail(self, destination: Qtest) -> str:
        """Migrate, and return what the destination wrote when it had failed."""
        with self._monitor("source") as source:
            answer = source.ask("migrate", uri=f"unix:{self._folder / 'stream'}")
            assert "error" not in answer, answer
            deadline = time.monotonic() + _TIMEOUT
            while "load of migration failed" not in destination.stderr:
                assert time.monotonic() < deadline, f"it did not fail: {destination.stderr}"
                time.sleep(0.02)
            # The chain of errors is written with the last of it.
            time.sleep(0.05)
            return destination.stderr

    def succeed(self, destination: Qtest) -> None:
        """Migrate, and return when the destination says that it has the guest."""
        with self._monitor("source") as source, self._monitor("destination") as there:
            answer = source.ask("migrate", uri=f"unix:{self._folder / 'stream'}")
            assert "error" not in answer, answer
            deadline = time.monotonic() + _TIMEOUT
            while there.ask("query-migrate")["return"].get("status") != "completed":
                assert time.monotonic() < deadline, destination.stderr
                time.sleep(0.02)

    @contextmanager
    def _monitor(self, side: str) -> Iterator[_Monitor]:
        monitor = _Monitor(self._folder / side)
        try:
            yield monitor
        finally:
            monitor.close()


@pytest.fixture
def migration(qemu: Path, tmp_path: Path) -> _Migration:
    """Return what migrates between two QEMUs of each version in turn."""
    return _Migration(qemu, tmp_path)


def _cause(found: Diagnosis, code: str) -> ExplainedMessage:
    named = [finding for finding in found.findings if finding.code == code]
    assert [code] == [finding.code for finding in named], found
    return named[0]


def _migrate(
    migration: _Migration, source: Sequence[str], destination: Sequence[str], **options: Any
) -> str:
    with migration.between(source, destination, **options) as (_, second):
        return migration.fail(second)


# --- feature masks --------------------------------------------------------------------------------


def test_missing_segmentation_offload(
    catalogue: pa.FileCatalogue,
    migration: _Migration,
    qemu_version: str,
    old_kernel: Path,
    require_tap_offloads: Any,
) -> None:
    """The well-known report, made anew: a guest with USO goes to a kernel without.

    QEMU 10.0 prints the bits, and they are explained; 11.1 leaves them out, and that is said.
    """
    if qemu_version == "7.2":
        pytest.skip("QEMU 7.2 knows no UDP segmentation offload")
    require_tap_offloads(0x7F)
    command = [*_machine("pc-q35-8.2"), *_nic("tap")]
    with migration.between(command, command, shim=old_kernel, refused=_USO) as (first, second):
        _negotiate(first, _SLOT)
        text = migration.fail(second)
    found = _cause(diagnose(catalogue, text), "virtio-features")
    wanted = {"virtio-net.guest-uso4", "virtio-net.guest-uso6", "virtio-net.host-uso"}

    assert ("virtio-net", False) == (found.family, found.guessed), text
    assert f"0000:00:{_SLOT:02x}.0/virtio-net" == found.section
    if qemu_version == "11.1":
        assert not found.explained, text
        assert wanted <= {item.feature for item in found.suspects}
    else:
        assert wanted == {item.feature for item in found.lacking}, text
        assert ("linux", "linux-6.1") == found.platforms[0]


def test_the_arguments_that_are_given_help(
    catalogue: pa.FileCatalogue,
    migration: _Migration,
    qemu_version: str,
    old_kernel: Path,
    require_tap_offloads: Any,
) -> None:
    """With what the explanation says, at the start of the source, the same migration succeeds."""
    if qemu_version == "7.2":
        pytest.skip("QEMU 7.2 knows no UDP segmentation offload")
    require_tap_offloads(0x7F)
    report = "Features 0x1c0010130afffaf unsupported. Allowed features: 0x10179bfffef"
    arguments = diagnose(catalogue, report).findings[0].arguments
    command = [*_machine("pc-q35-8.2"), *_nic("tap")]
    with migration.between([*command, *arguments], command, shim=old_kernel, refused=_USO) as both:
        _negotiate(both[0], _SLOT)
        migration.succeed(both[1])


def test_a_bit_that_the_command_lines_decide(
    catalogue: pa.FileCatalogue, migration: _Migration, qemu_version: str
) -> None:
    """event_idx on one side only: named as no host's doing, or hidden by QEMU 11.1."""
    device = f"virtio-rng-pci,addr={_SLOT}"
    with migration.between(
        [*_machine(), "-device", device], [*_machine(), "-device", f"{device},event_idx=off"]
    ) as (first, second):
        _negotiate(first, _SLOT)
        text = migration.fail(second)
    found = _cause(diagnose(catalogue, text), "virtio-features")

    assert "virtio-rng" == found.family, text
    if qemu_version == "11.1":
        assert not found.explained, text
    else:
        assert ["VIRTIO_RING_F_EVENT_IDX"] == [item.name for item in found.lacking], text


# --- everything else ------------------------------------------------------------------------------


#: What two NICs differ in: the source's, the destination's, and what the destination's tap refuses.
_DIFFERENT: Final = {
    "vnet-header": (_nic("tap"), _nic("tap,vnet_hdr=off"), ""),
    "ufo-state": (_nic("tap"), _nic("tap"), _UFO),
    "unknown-section": (_nic("user"), _nic("tap"), ""),
    "pci-config": (_nic("tap,queues=2", "romfile=,mq=on"), _nic("tap"), ""),
    "section-length": (
        _nic("tap,queues=2", "romfile=,mq=on,vectors=3"),
        _nic("tap", "romfile=,vectors=3"),
        "",
    ),
    "rom-size": (_nic("tap", "romsize=0x80000"), _nic("tap", "romsize=0x100000"), ""),
}


@pytest.mark.parametrize("code", _DIFFERENT)
@pytest.mark.usefixtures("can_tap")
def test_differing_network_devices(
    catalogue: pa.FileCatalogue, migration: _Migration, old_kernel: Path, code: str
) -> None:
    """Each way in which two NICs can differ is told apart, by what every QEMU prints of it."""
    source, destination, refused = _DIFFERENT[code]
    text = _migrate(
        migration,
        [*_machine(), *source],
        [*_machine(), *destination],
        shim=old_kernel,
        refused=refused,
    )
    found = diagnose(catalogue, text)

    assert _cause(found, code).explained, text
    assert [code] == [finding.code for finding in found.findings], text


@pytest.mark.usefixtures("can_tap")
def test_a_smaller_queue(
    catalogue: pa.FileCatalogue, migration: _Migration, qemu_version: str
) -> None:
    """QEMU 11.1 refuses a larger ring than its own; older ones take it without a word."""
    if qemu_version != "11.1":
        pytest.skip("older QEMUs load such a stream")
    text = _migrate(
        migration,
        [*_machine(), *_nic("tap", "romfile=,rx_queue_size=512")],
        [*_machine(), *_nic("tap", "romfile=,rx_queue_size=256")],
    )
    found = _cause(diagnose(catalogue, text), "queue-size")

    assert "queue 0 has 512 entries on the source and 256" in found.says


@pytest.mark.parametrize(
    ("code", "source", "destination"),
    [
        ("unknown-section", [*_machine(), "-device", "virtio-rng-pci"], _machine()),
        ("memory-size", _machine(), _machine(memory="128")),
        ("machine-mismatch", _machine(), _machine("pc-q35-7.1")),
    ],
)
def test_differing_machines(
    catalogue: pa.FileCatalogue,
    migration: _Migration,
    code: str,
    source: list[str],
    destination: list[str],
) -> None:
    """A device, memory or a machine type that one side has not is what is named."""
    text = _migrate(migration, source, destination)
    found = diagnose(catalogue, text)

    assert [code] == [finding.code for finding in found.findings], text
    assert found.explained


def test_a_machine_type_that_this_qemu_has_not(catalogue: pa.FileCatalogue, qemu: Path) -> None:
    """A vendor's machine type on another vendor's QEMU."""
    with pytest.raises(StartError) as refused, Qtest(qemu, _machine("pc-q35-rhel9.6.0")):
        pass
    found = diagnose(catalogue, refused.value.stderr)

    assert ["machine-unknown"] == [finding.code for finding in found.findings]


@pytest.mark.usefixtures("can_kvm")
def test_a_cpu_that_no_host_has(catalogue: pa.FileCatalogue, qemu: Path) -> None:
    """With enforce QEMU names each flag that the host lacks, and refuses: one finding."""
    # No host has the features of both vendors: one of the two flags is always missing.
    model = "qemu64,+svm,+vmx,+avx512f,+xop,+amx-tile,+kvm-asyncpf-int,enforce"
    with (
        pytest.raises(StartError) as refused,
        Qtest(qemu, ["-accel", "kvm", *_machine(), "-cpu", model]),
    ):
        pass
    found = diagnose(catalogue, refused.value.stderr)
    codes = [finding.code for finding in found.findings]

    assert ["cpu-flag", "cpu-enforced"] == codes, refused.value.stderr
    assert {"svm", "vmx"} & {item.name for item in found.findings[0].lacking}
