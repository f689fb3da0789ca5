"""What a QEMU says of itself, and what is no QEMU."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from platform_abi.model.capability import Capability, Probe
from platform_abi.qemu.netdevs import ask_netdevs
from tests.qemu.programs import HELP, code_of, patience, script

NETDEVS = {
    name: Capability(
        id=f"netdev.{name}",
        title=name,
        subsystem="host",
        probe=Probe(method="qemu-netdev", node=name),
    )
    for name in ("tap", "passt")
} | {"tun.uso": Capability(id="tun.uso", title="uso", subsystem="tun")}


def test_netdevs_and_version_are_what_the_binary_says(tmp_path: Path) -> None:
    """Types that it lists are present, others that a probe names are absent, the rest not asked."""
    report = ask_netdevs({c.id: c for c in NETDEVS.values()}, script(tmp_path, HELP))
    assert {name: fact.state for name, fact in report.facts.items()} == {
        "netdev.tap": "present",
        "netdev.passt": "absent",
    }
    assert {fact.source for fact in report.facts.values()} == {"oracle"}
    assert report.sets == {"qemu.netdevs": ("socket", "tap")}
    assert report.values == {"qemu.version": "9.1.0", "qemu.package": "qemu-kvm-9.1.0-15.el9"}


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ("exit 3", "qemu-failed"),
        ("kill -SEGV $$", "qemu-failed"),
        ("exit 0", "qemu-failed"),
        ("echo 'qemu-img version 9.1.0'", "qemu-failed"),
        ("echo 'qemu-x86_64 version 9.1.0'", "qemu-failed"),
        ("printf '\\033[2J' >&2; exit 1", "qemu-failed"),
        ("exec head -c 100000 /dev/urandom", "qemu-failed"),
        ("exec yes", "qemu-failed"),
        ("exec yes >&2", "qemu-timeout"),
        ("exec sleep 1000", "qemu-timeout"),
        ("sleep 1000", "qemu-timeout"),
        ("sleep 1000 & exit 0", "qemu-failed"),
    ],
)
def test_a_binary_that_is_no_qemu_is_an_error_with_acode_of(
    tmp_path: Path, lines: str, code: str
) -> None:
    """One that crashes, hangs, or prints garbage or without end: never another exception."""
    assert code == code_of(lambda: ask_netdevs({}, script(tmp_path, lines), timeout=patience(code)))


@pytest.mark.parametrize("binary", ["/no/such", "no-such-qemu", "", "a\0b", "/dev/null", "/"])
def test_a_binary_that_is_not_there_is_not_found(binary: str) -> None:
    """Nor one that this user may not run."""
    assert "qemu-not-found" == code_of(lambda: ask_netdevs({}, binary))


def test_a_caller_may_be_in_any_thread_or_loop(tmp_path: Path) -> None:
    """Nothing here needs the main thread, nor minds an event loop around it."""
    binary, found = script(tmp_path, HELP), []

    async def ask() -> None:
        found.append(ask_netdevs({}, binary).values["qemu.version"])

    thread = threading.Thread(target=lambda: asyncio.run(ask()))
    thread.start()
    thread.join()
    asyncio.run(ask())
    assert found == ["9.1.0", "9.1.0"]
