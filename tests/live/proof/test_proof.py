"""Who plays the trials of the random proof tells their ends apart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

import platform_abi as pa
from tests.live.migration.conftest import _event_loop, hosts
from tests.live.migration.hosts import Hosts
from tests.live.proof.draw import Trial, draw
from tests.live.proof.trial import Judge

__all__ = ["_event_loop", "hosts"]

pytestmark = [pytest.mark.live, pytest.mark.usefixtures("can_tap", "can_kvm")]

_BOARD: Final = ("-nodefaults", "-no-user-config", "-display", "none", "-m", "64", "-accel", "tcg")
_NIC: Final = (
    *("-netdev", "tap,id=n0,script=no,downscript=no"),
    *("-device", "virtio-net-pci,netdev=n0,id=net0"),
)


@pytest.fixture
def judge(
    catalogue: pa.FileCatalogue,
    hosts: Hosts,
    require_tap_offloads: Callable[[int], None],
    tmp_path: Path,
) -> Judge:
    """Return who plays trials here."""
    require_tap_offloads(0x1FF & ~0x10)
    return Judge(catalogue, hosts, tmp_path)


def _trial(kernels: tuple[str, str], platform: str, *words: str) -> Trial:
    words = (*_BOARD, "-machine", "pc-q35-9.1", "-cpu", "qemu64", *words)
    return Trial(
        number=0,
        kernels=kernels,
        qemus=("10.0", "10.0"),
        platform=platform,
        words=words,
        changed=words,
    )


def test_a_trial_that_moves_is_kept(judge: Judge) -> None:
    """On a platform of both hosts, from the newer to the older."""
    assert judge.play(_trial(("6.9", "5.14"), "linux-6.1", *_NIC)).kind == "kept"


_HEADERLESS: Final = ("windows-2022", "conservative")


@pytest.mark.parametrize("kernels", [("no-vnet-hdr", "6.9"), ("6.9", "no-vnet-hdr")], ids="-".join)
@pytest.mark.parametrize("platform", _HEADERLESS)
@pytest.mark.parametrize("netdev", ["", ",queues=2", ",vnet_hdr=off"])
def test_a_guest_without_a_vnet_header_moves_to_hosts_with_and_without(
    judge: Judge, kernels: tuple[str, str], platform: str, netdev: str
) -> None:
    """What the platform writes on the netdev is what both ends then have, and what is offered."""
    nic = (_NIC[0], _NIC[1] + netdev, *_NIC[2:])
    outcome = judge.play(_trial(kernels, platform, *nic))
    assert outcome.kind == "kept", outcome


def test_a_vnet_header_that_a_user_asks_for_keeps_a_guest_from_hosts_without(judge: Judge) -> None:
    """An explicit value wins, the verdict says what it takes, and QEMU confirms it."""
    nic = (_NIC[0], f"{_NIC[1]},vnet_hdr=on", *_NIC[2:])
    outcome = judge.play(_trial(("6.9", "no-vnet-hdr"), "conservative", *nic))
    assert outcome.kind == "stopped", outcome
    assert any("tun.vnet-hdr" in said for said in outcome.said)


def test_a_trial_that_would_fail_is_seen_to_fail(judge: Judge) -> None:
    """What was blocked is done all the same, and says what for."""
    outcome = judge.play(_trial(("6.9", "5.14"), "linux-6.9", *_NIC))
    assert outcome.kind == "stopped"
    assert any("tun.uso" in said for said in outcome.said)
    assert any("migration failed" in seen for seen in outcome.seen), outcome


def test_what_nobody_allows_and_nobody_forbids_is_a_surprise(
    judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A verdict that says nothing is caught by what happens."""
    monkeypatch.setattr("tests.live.proof.trial._blocking", lambda _verdict: [])
    assert judge.play(_trial(("6.9", "5.14"), "linux-6.9", *_NIC)).kind == "surprise"


def test_a_machine_that_qemu_does_not_start_is_no_trial(judge: Judge) -> None:
    """Whatever is said of it: nothing can be compared."""
    assert judge.play(_trial(("6.9", "6.9"), "linux-6.9", "-device", "no-such")).kind == "void"


#: So many trials are drawn in CI, in pieces that run side by side.
_PIECES, _PIECE = 12, 25
#: Of a piece so many may be blocked for what nobody would have noticed: 5 in 100, and luck.
_CAUTIONS = 4


@pytest.mark.parametrize("piece", range(_PIECES))
def test_what_is_allowed_works_and_changes_nothing(judge: Judge, piece: int) -> None:
    """Over builds, kernels, backends, CPUs and devices; and little is blocked for nothing."""
    first = piece * _PIECE
    ends = [judge.play(draw(_SEED, n, kvm=True)) for n in range(first, first + _PIECE)]
    surprises = [str(outcome) for outcome in ends if outcome.kind == "surprise"]
    assert surprises == []
    cautions = [str(outcome) for outcome in ends if outcome.kind == "caution"]
    assert len(cautions) <= _CAUTIONS, "\n".join(cautions)
    assert any(outcome.kind == "kept" for outcome in ends)


_SEED = 2026


def test_a_seed_and_a_number_are_a_trial() -> None:
    """The same one each time, and another for another."""
    assert draw(1, 7, kvm=True) == draw(1, 7, kvm=True)
    assert len({str(draw(seed, 7, kvm=True)) for seed in range(20)}) == 20
