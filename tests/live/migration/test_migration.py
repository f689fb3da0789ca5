"""What is said of a migration before it begins, and what then becomes of a running guest.

A Linux guest moves between two QEMUs on two hosts and back, started by the launcher. The other
kernels are this one behind ``old_kernel.c``: what a host says is simulated; what QEMU makes of it,
the stream between the two and the guest are real. ``pytest -s`` prints the matrix.

The guest is emulated (TCG), so that it runs wherever the tests do: the network is the subject, and
knows nothing of that.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from attrs import evolve

import platform_abi as pa
from platform_abi.emit.lock_reading import read_lock, read_text
from platform_abi.qemu.qtest import Qtest
from tests.live.migration.guest import Linux
from tests.live.migration.hosts import Hosts
from tests.live.migration.matrix import (
    SLOT,
    Row,
    is_named,
    lacking,
    line,
    refusal,
    rewritten,
    run,
    store,
)
from tests.live.pci_bus import PciBus

pytestmark = [pytest.mark.live, pytest.mark.usefixtures("can_tap")]

#: TUN_F_CSUM and all that the kernels here are told apart by.
_OFFLOADS: Final = 0x1F1

#: Linux 6.2 brought USO: from a host that has it to one that has not, with each pair of QEMUs that
#: have the machine type.
_USO: Final = tuple(
    Row(
        name="uso",
        kernels=("6.9", "5.14"),
        qemus=qemus,
        machine="pc-q35-9.1",
        platform="linux-6.1",
    )
    for qemus in (("10.0", "10.0"), ("11.1", "11.1"), ("10.0", "11.1"), ("11.1", "10.0"))
)

#: A machine type that is older than the feature has none of it to lose, whatever the platform.
_OLDER: Final = Row(
    name="before-uso",
    kernels=("6.9", "5.14"),
    qemus=("7.2", "11.1"),
    machine="pc-q35-7.2",
    platform="linux-6.9",
)

#: Linux 6.17 brought UDP tunnel offloads, machine types of QEMU 10.2 the features.
_TUNNEL: Final = Row(
    name="udp-tunnel",
    kernels=("this-one", "6.9"),
    qemus=("11.1", "11.1"),
    machine="pc-q35-10.2",
    platform="linux-6.9",
)

#: From a host whose taps have no vnet header, as those of Windows, to one whose have, and back: the
#: platform writes on the netdev what makes them the same.
_HEADERLESS: Final = tuple(
    Row(name="no-header", kernels=kernels, qemus=qemus, machine=machine, platform=platform)
    for kernels, qemus, machine, platform in (
        (("no-vnet-hdr", "6.9"), ("10.0", "11.1"), "pc-q35-9.1", "windows-2022"),
        (("6.9", "no-vnet-hdr"), ("11.1", "10.0"), "pc-q35-9.1", "conservative"),
        (("no-vnet-hdr", "this-one"), ("7.2", "11.1"), "pc-q35-7.2", "darwin-25"),
    )
)

#: Nothing of what a guest sees, but part of the stream; the capability, and QEMU's own words.
_IN_STREAM: Final = {
    "no-vnet-hdr": ("tun.vnet-hdr", "saved image requires vnet_hdr=on"),
    "no-ufo": ("tun.ufo", "saved image requires TUN_F_UFO support"),
}

_UNSUPPORTED: Final = " unsupported. Allowed features: "

#: Rows of which the destination lacks something, with the capability and what QEMU says in the end.
_BLOCKED: Final = (
    *((evolve(row, platform="linux-6.9"), "tun.uso", _UNSUPPORTED) for row in _USO),
    (evolve(_TUNNEL, platform="linux-6.17"), "tun.udp-tunnel-gso", _UNSUPPORTED),
    *(
        (evolve(_USO[2], name=kernel, kernels=("6.9", kernel)), *words)
        for kernel, words in _IN_STREAM.items()
    ),
)


@pytest.fixture(autouse=True)
def _offloads(require_tap_offloads: Callable[[int], None]) -> None:
    """Skip where the kernel has not what the simulated ones lack."""
    require_tap_offloads(_OFFLOADS)


@pytest.mark.parametrize("row", [*_USO, _OLDER, _TUNNEL, *_HEADERLESS], ids=str)
def test_with_a_platform_of_both_hosts_a_guest_gets_there_and_back(  # noqa: PLR0917 - each is something to be had
    row: Row,
    catalogue: pa.FileCatalogue,
    linux: Linux,
    hosts: Hosts,
    printed: list[str],
    tmp_path: Path,
) -> None:
    """Check lets it pass, and it does: same guest, same features, and both hosts offer the same."""
    ends, lock = hosts.pair(row.kernels, row.qemus), tmp_path / "vm.lock"
    course = run(row, linux, ends, lock)
    said = hosts.verdict(lock, ends)
    printed.append(line(row, said, course))
    assert ("ok", "ok") == (said["forward"]["status"], said["back"]["status"])
    assert course.moved, course
    assert course.unchanged, course.views
    assert course.alive, course.heartbeats

    offered = set()
    for host in ends:
        words = rewritten(row, linux, host, lock)
        with Qtest(host.qemu, words, environment=host.environment) as qtest:
            offered.add(PciBus(qtest).offered(SLOT).features)
    abi = read_lock(read_text(str(lock)), str(lock))
    assert {pa.offered_bits(catalogue, abi, "net0")} == offered


@pytest.mark.parametrize(
    ("row", "capability", "words"), _BLOCKED, ids=[str(row) for row, *_ in _BLOCKED]
)
def test_what_is_refused_by_name_would_fail(  # noqa: PLR0917 - as above
    row: Row,
    capability: str,
    words: str,
    linux: Linux,
    hosts: Hosts,
    printed: list[str],
    tmp_path: Path,
) -> None:
    """Check and launcher refuse before anything is copied what QEMU refuses when all is."""
    ends, lock = hosts.pair(row.kernels, row.qemus), tmp_path / "vm.lock"
    store(row, linux, ends[0], lock)
    said = hosts.verdict(lock, ends)
    assert "blocked" == said["forward"]["status"]
    assert capability in lacking(said)
    code, reason = refusal(row, linux, ends[1], lock)
    assert 1 == code
    assert is_named(reason, capability), reason

    course = run(row, linux, ends, lock, force=True)
    printed.append(line(row, said, course))
    assert "failed" == course.there.status
    assert words in course.there.reason
    assert course.unchanged, course.views
    assert course.alive, course.heartbeats


@pytest.mark.parametrize("platform", ["linux-6.1", "none"])
def test_after_a_restart_at_its_destination_a_guest_can_go_back(
    platform: str, linux: Linux, hosts: Hosts, tmp_path: Path
) -> None:
    """On a newer host it finds what it had; without a platform it finds more, and is bound there.

    A guest that has moved has its features in the stream; one that starts again takes what the host
    offers.
    """
    row = evolve(_USO[2], kernels=("5.14", "6.9"), platform=platform)
    ends = hosts.pair(row.kernels, row.qemus)
    course = run(row, linux, ends, tmp_path / "vm.lock", restart=True)
    assert "completed" == course.there.status
    first, moved, restarted = course.views[:3]
    assert first == moved
    assert first.boot != restarted.boot
    same = platform != "none"
    assert same == (first.features == restarted.features)
    assert course.back is not None
    assert ("completed" if same else "failed") == course.back.status
    assert same == (_UNSUPPORTED not in course.back.reason)


@pytest.mark.parametrize("row", [evolve(row, platform="none") for row in (*_USO, _TUNNEL)], ids=str)
def test_without_a_platform_a_migration_fails_as_today(
    row: Row, linux: Linux, hosts: Hosts, printed: list[str], tmp_path: Path
) -> None:
    """QEMU lets it begin, and refuses features by number at its end; the guest stays behind."""
    ends = hosts.pair(row.kernels, row.qemus)
    course = run(row, linux, ends, tmp_path / "vm.lock")
    printed.append(line(row, None, course))
    assert "failed" == course.there.status
    assert _UNSUPPORTED in course.there.reason
    assert course.unchanged, course.views
    assert course.alive, course.heartbeats

    message = next(text for text in course.there.reason.splitlines() if _UNSUPPORTED in text)
    explained = ends[0].platform_abi("explain-error", message).stdout
    feature = "virtio-net.guest-tunnel" if row.name == "udp-tunnel" else "virtio-net.guest-uso4"
    assert feature in explained
