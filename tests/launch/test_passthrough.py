"""What only asks is passed on; what starts a machine, or names a platform, is not."""

from __future__ import annotations

import shlex

import pytest

from platform_abi.launch.passthrough import passes_through
from tests.launch.lines import CORPUS

LIBVIRT = (
    "-S -no-user-config -nodefaults -nographic -machine none,accel=kvm:tcg"
    " -qmp unix:/var/lib/libvirt/qemu/qmp-AB/qmp.monitor,server=on,wait=off"
    " -pidfile /var/lib/libvirt/qemu/qmp-AB/qmp.pid -daemonize"
)

ASKING = [
    "-version", "--version", "-help", "--help", "-h", "-machine help", "-M help", "-M ?",
    "-machine type=help", "-device help", "-device virtio-net-pci,help", "-cpu help",
    "-accel help", "-netdev help", "-object help", "-machine none,accel=kvm:tcg -S -qmp stdio",
    "-machine type=none", "-M none -nodefaults", "-chardev help", "-audiodev help",
    LIBVIRT,
]  # fmt: skip


@pytest.mark.parametrize("text", ASKING)
def test_what_asks_passes_through(text: str) -> None:
    """Management tools ask so, many times, before they start anything."""
    assert passes_through(shlex.split(text))
    assert not passes_through(["-platform", "help", *shlex.split(text)])


@pytest.mark.parametrize(
    "text", ["-M pc-q35-9.1 -name help", "-M pc-q35-9.1 -append -version", "-M q35 -name a,,help"]
)
def test_what_only_looks_like_asking_does_not(text: str) -> None:
    """A guest that would lose its platform without a word is worse than a slow answer."""
    assert not passes_through(shlex.split(text))


@pytest.mark.parametrize("words", CORPUS, ids=" ".join)
def test_what_starts_a_machine_does_not(words: list[str]) -> None:
    """Its guest ABI is what this is about."""
    assert not passes_through(words)
