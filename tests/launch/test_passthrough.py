"""What only asks is passed on; what starts a machine, or names a platform, is not."""

from __future__ import annotations

import shlex

import pytest

import platform_abi as pa
from platform_abi.launch.passthrough import LISTING, PLAIN, passes_through
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


NOT_ASKING = [
    "-M pc-q35-9.1 -name help", "-M pc-q35-9.1 -append -version", "-M q35 -name a,,help",
    "-M pc-q35-9.1 -kernel -help", "-M q35 -serial -h", "-M q35 -bios --version",
    "-drive file=help,if=virtio", "-drive file=a,,help,if=virtio", "-netdev id=help,type=user",
    "-netdev user,id=help", "-netdev user,id=a,,help", "-device virtio-net-pci,id=help",
    "-chardev null,id=help", "-object rng-random,id=help", "-audiodev none,id=help", "-k help",
    "-D help", "-device '{\"driver\":\"virtio-net-pci\",\"id\":\"a,help,b\"}'",
    "-M none -M q35", "-machine type=none -machine q35", "-M none -readconfig vm.cfg",
    "-M none,type=q35",
]  # fmt: skip


@pytest.mark.parametrize("text", NOT_ASKING)
def test_what_only_looks_like_asking_does_not(text: str) -> None:
    """A guest that would lose its platform without a word is worse than a slow answer."""
    assert not passes_through(shlex.split(text))


def test_what_is_known_of_options_is_what_definitions_say(catalogue: pa.FileCatalogue) -> None:
    """Nothing takes an argument here that takes none there, and nothing is missing."""
    table = catalogue.options()
    assert set(table.plain) == PLAIN
    assert set(LISTING) <= set(table.argument)


@pytest.mark.parametrize("words", CORPUS, ids=" ".join)
def test_what_starts_a_machine_does_not(words: list[str]) -> None:
    """Its guest ABI is what this is about."""
    assert not passes_through(words)
