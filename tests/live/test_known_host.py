"""One device, one command line, many hosts: the virtual hardware that QEMU gives a guest differs.

These are the facts that platforms exist for, taken from real QEMUs: what ``virtio-net-pci`` offers,
by machine type and by what the host's tap driver can do. Should a build differ from this table,
what this project says about that build is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from platform_abi.qemu.qtest import QUIET, Qtest, StartError
from tests.live.pci_bus import Offered, PciBus

pytestmark = pytest.mark.live

SLOT: Final = 5

# TUN_F_* bits, linux/if_tun.h
UNTIL_UFO: Final = 0x1F
USO: Final = 0x60
UDP_TUNNEL: Final = 0x180


@dataclass(frozen=True)
class Host:
    """A kind of host: what backs the network card, and what the kernel behind that can do."""

    netdev: str
    needs: int = 0
    """The TUN_F_* bits that the real kernel must accept."""
    hides: int = 0
    """The TUN_F_* bits that the real kernel must appear not to know."""

    def environment(self, shim: Path | None) -> dict[str, str]:
        """Return what loads ``old_kernel`` into QEMU and tells it what to hide."""
        if shim is None:
            return {}
        return {"LD_PRELOAD": str(shim), "OLD_KERNEL_TUN_MASK": f"{self.hides:#x}"}

    @property
    def has_tap(self) -> bool:
        """Whether it needs a tap device."""
        return self.netdev.startswith("tap")


TAP: Final = "tap,id=net,ifname={ifname},script=no,downscript=no"
HOSTS: Final = {
    "tap": Host(TAP, needs=UNTIL_UFO | USO | UDP_TUNNEL),
    "tap-linux-6.9": Host(TAP, needs=UNTIL_UFO | USO, hides=UDP_TUNNEL),
    "tap-linux-5.14": Host(TAP, needs=UNTIL_UFO, hides=USO | UDP_TUNNEL),
    "tap-without-vnet-header": Host(TAP + ",vnet_hdr=off"),
    "user": Host("user,id=net"),
}


@dataclass(frozen=True)
class Row:
    """What machine types of some generations offer, in the order of ``HOSTS``."""

    features: tuple[int, int, int, int, int]
    modern: bool = True


# The keys are the first and the last generation that the row holds for.
OFFERED: Final = {
    "2.1-2.6": Row((0x79BFFFE7, 0x79BFFFE7, 0x79BFFFE7, 0x79BF8064, 0x79BF8064), modern=False),
    "2.7-7.1": Row((0x130BFFFA7, 0x130BFFFA7, 0x130BFFFA7, 0x130BF8024, 0x130BF8024)),
    "7.2-8.1": Row((0x10130BFFFA7, 0x10130BFFFA7, 0x10130BFFFA7, 0x10130BF8024, 0x10130BF8024)),
    "8.2-10.1": Row(
        (0x1C0010130BFFFA7, 0x1C0010130BFFFA7, 0x10130BFFFA7, 0x10130BF8024, 0x10130BF8024)
    ),
    "10.2-11.1": Row(
        (0x1E01C0010130BFFFA7, 0x1C0010130BFFFA7, 0x10130BFFFA7, 0x10130BF8024, 0x10130BF8024)
    ),
}

# Both boards, and both ends of each row, as far as a QEMU has them.
MACHINES: Final = (
    ("7.2", "pc-i440fx-2.1", "2.1-2.6"),
    ("7.2", "pc-q35-2.6", "2.1-2.6"),
    ("7.2", "pc-i440fx-2.7", "2.7-7.1"),
    ("7.2", "pc-q35-7.1", "2.7-7.1"),
    ("7.2", "pc-q35-7.2", "7.2-8.1"),
    ("10.0", "pc-i440fx-2.6", "2.1-2.6"),
    ("10.0", "pc-q35-2.7", "2.7-7.1"),
    ("10.0", "pc-i440fx-7.1", "2.7-7.1"),
    ("10.0", "pc-i440fx-7.2", "7.2-8.1"),
    ("10.0", "pc-q35-8.1", "7.2-8.1"),
    ("10.0", "pc-i440fx-8.2", "8.2-10.1"),
    ("10.0", "pc-q35-10.0", "8.2-10.1"),
    ("11.1", "pc-q35-5.2", "2.7-7.1"),
    ("11.1", "pc-i440fx-7.1", "2.7-7.1"),
    ("11.1", "pc-q35-7.2", "7.2-8.1"),
    ("11.1", "pc-i440fx-8.1", "7.2-8.1"),
    ("11.1", "pc-q35-8.2", "8.2-10.1"),
    ("11.1", "pc-i440fx-10.1", "8.2-10.1"),
    ("11.1", "pc-q35-10.2", "10.2-11.1"),
    ("11.1", "pc-i440fx-11.1", "10.2-11.1"),
)


@dataclass(frozen=True)
class Case:
    """One machine type of one QEMU on one host, and what it must offer there."""

    version: str
    machine: str
    host: str
    features: int
    modern: bool

    def __str__(self) -> str:
        return f"{self.version}-{self.machine}-{self.host}"


CASES: Final = [
    Case(version, machine, host, features, row.modern)
    for version, machine, generations in MACHINES
    for row in [OFFERED[generations]]
    for host, features in zip(HOSTS, row.features, strict=True)
]


def _card(machine: str, netdev: str) -> list[str]:
    """Return the arguments of a machine with nothing but a network card."""
    return [
        *("-machine", machine, *QUIET, "-netdev", netdev),
        *("-device", f"virtio-net-pci,netdev=net,addr={SLOT:#x}"),
    ]


def _offered(binary: Path, machine: str, host: Host, ifname: str, shim: Path | None) -> Offered:
    arguments = _card(machine, host.netdev.format(ifname=ifname))
    with Qtest(binary, arguments, environment=host.environment(shim)) as qtest:
        return PciBus(qtest).offered(SLOT)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_virtio_net_offers_what_machine_type_and_host_make_of_it(
    case: Case,
    qemu_binaries: dict[str, Path],
    ifname: str,
    request: pytest.FixtureRequest,
) -> None:
    """The same arguments give another guest on another host, exactly as the table says."""
    binary = qemu_binaries[case.version]
    host = HOSTS[case.host]
    # Asked for by need: a machine without taps or without a compiler still runs the others.
    if host.has_tap:
        require: Callable[[int], None] = request.getfixturevalue("require_tap_offloads")
        require(host.needs)
    shim: Path | None = request.getfixturevalue("old_kernel") if host.hides else None

    offered = _offered(binary, case.machine, host, ifname, shim)

    assert (hex(offered.features), offered.modern) == (hex(case.features), case.modern)
    assert (offered.vendor, offered.device) == (0x1AF4, 0x1000)
    assert offered.queue_sizes == (256, 256, 64)


def test_a_property_that_the_host_cannot_honour_is_dropped_without_a_word(
    qemu_binaries: dict[str, Path],
    old_kernel: Path,
    ifname: str,
    require_tap_offloads: Callable[[int], None],
) -> None:
    """QEMU starts with ``host_uso=on`` on a host without USO, says nothing, and lacks the bit."""
    host = HOSTS["tap-linux-5.14"]
    require_tap_offloads(host.needs)
    arguments = _card("pc-q35-8.2", host.netdev.format(ifname=ifname))
    arguments[-1] += ",host_uso=on,guest_uso4=on,guest_uso6=on"

    with Qtest(qemu_binaries["10.0"], arguments, environment=host.environment(old_kernel)) as qtest:
        offered = PciBus(qtest).offered(SLOT)

    assert hex(offered.features) == "0x10130bfffa7"
    assert qtest.stderr == ""


def test_a_machine_type_that_qemu_does_not_know_is_refused_by_name(qemu: Path) -> None:
    """The exception carries QEMU's own words and its exit status."""
    with pytest.raises(StartError) as caught, Qtest(qemu, ["-machine", "pc-q35-99.9"]):
        pass

    assert "unsupported machine type" in caught.value.stderr
    assert caught.value.status == 1
