"""A hook refuses what cannot run there, by name, and lets all else pass without a word."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.emit.lockfile import lockfile
from tests.examples.conftest import CAPTURES, Running, install

ABLE, OLDER = "constructed-ubuntu-24.04.json", "constructed-debian-12.json"
_MISSING = "virtio-net-device.guest_uso4=on of net0 needs tun.uso"

PROXMOX = "proxmox/platform-abi-hook"
LIBVIRT = "openstack/libvirt-hook"


@pytest.fixture
def locks(tmp_path: Path, catalogue: pa.FileCatalogue) -> Path:
    """Return a folder with the lockfile of guest 100, which asks for what newer kernels have."""
    folder = tmp_path / "locks"
    folder.mkdir()
    vm = pa.virtual_machine(
        catalogue.devices(),
        "pc-q35-9.1",
        cpu="qemu64",
        devices=["virtio-net-pci,netdev=a,id=net0"],
        netdevs=["tap,id=a"],
    )
    abi = pa.resolve(catalogue, vm, "linux-6.8")
    (folder / "100.lock").write_text(lockfile(catalogue, abi))
    return folder


def test_proxmox_refuses_a_migration_where_it_would_arrive(run: Running, locks: Path) -> None:
    """Its incoming start fails before QEMU is there, and says what the host lacks."""
    there = {"LOCK_FOLDER": str(locks), "PVE_MIGRATED_FROM": "pve1"}
    refused = run(PROXMOX, "100", "pre-start", this=OLDER, **there)
    assert 1 == refused.returncode
    assert _MISSING in refused.stdout
    assert 0 == run(PROXMOX, "100", "pre-start", this=ABLE, **there).returncode


def test_with_a_report_of_the_source_the_way_back_counts(run: Running, locks: Path) -> None:
    """A guest that could not return is refused as well."""
    (locks / "reports").mkdir()
    (locks / "reports" / "pve1.json").write_bytes((CAPTURES / OLDER).read_bytes())
    there = {"LOCK_FOLDER": str(locks), "PVE_MIGRATED_FROM": "pve1"}
    refused = run(PROXMOX, "100", "pre-start", this=ABLE, **there)
    assert 1 == refused.returncode
    assert "pve1.json" in refused.stdout


@pytest.mark.parametrize(
    "words", [("100", "post-start"), ("100", "pre-stop"), ("100", "post-stop"), ("7", "pre-start")]
)
def test_other_phases_and_guests_pass(run: Running, locks: Path, words: tuple[str, ...]) -> None:
    """Without a word: a guest that has no lockfile promised nothing."""
    done = run(PROXMOX, *words, this=OLDER, LOCK_FOLDER=str(locks))
    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("operation", ["migrate", "restore", "prepare"])
def test_libvirt_refuses_before_it_begins(run: Running, locks: Path, operation: str) -> None:
    """What it prints would be taken for the guest's XML: only stderr says why."""
    words = ("100", operation, "begin", "-")
    refused = run(LIBVIRT, *words, this=OLDER, stdin="<domain/>", LOCK_FOLDER=str(locks))
    assert (1, "") == (refused.returncode, refused.stdout)
    assert _MISSING in refused.stderr
    passed = run(LIBVIRT, *words, this=ABLE, stdin="<domain/>", LOCK_FOLDER=str(locks))
    assert (0, "") == (passed.returncode, passed.stdout)


@pytest.mark.parametrize("words", [("100", "started", "begin"), ("100", "release", "end")])
def test_libvirts_other_operations_pass(run: Running, locks: Path, words: tuple[str, ...]) -> None:
    """A guest that runs is not stopped by a hook."""
    done = run(LIBVIRT, *words, "-", this=OLDER, LOCK_FOLDER=str(locks))
    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)


def test_a_lockfile_that_nobody_can_read_is_no_yes(run: Running, locks: Path) -> None:
    """Not known is refused."""
    (locks / "100.lock").write_text("schema = 2\n")
    there = {"LOCK_FOLDER": str(locks)}
    assert 0 != run(PROXMOX, "100", "pre-start", this=ABLE, **there).returncode
    assert 0 != run(LIBVIRT, "100", "migrate", "begin", this=ABLE, **there).returncode


def test_placement_learns_what_a_host_supports(run: Running, tmp_path: Path) -> None:
    """Traits of ours are what the host has today, and the others stay."""
    said = tmp_path / "said"
    install(
        tmp_path / "bin",
        "openstack",
        "#!/bin/sh\n"
        f'echo "$@" >>{said}\n'
        'case "$*" in *"trait list"*)\n'
        "echo HW_CPU_X86_AVX2; echo CUSTOM_PLATFORM_ABI_LINUX_9_9; echo CUSTOM_SSD ;;\n"
        "esac\n",
    )
    done = run("openstack/set-traits", "some-uuid", this=OLDER)
    assert 0 == done.returncode, done.stderr
    *before, last = said.read_text().splitlines()
    assert "--os-placement-api-version 1.6 trait create CUSTOM_PLATFORM_ABI_LINUX_6_1" in before
    of = last.split()
    assert "some-uuid" in of
    traits = {trait for flag, trait in pairwise(of) if flag == "--trait"}
    assert {"HW_CPU_X86_AVX2", "CUSTOM_SSD", "CUSTOM_PLATFORM_ABI_LINUX_6_1"} <= traits
    assert not {"CUSTOM_PLATFORM_ABI_LINUX_9_9", "CUSTOM_PLATFORM_ABI_LINUX_6_8"} & traits


def test_a_placement_that_does_not_answer_loses_nothing(run: Running, tmp_path: Path) -> None:
    """What stands there stays."""
    said = tmp_path / "said"
    install(tmp_path / "bin", "openstack", f'#!/bin/sh\necho "$@" >>{said}\nexit 1\n')
    assert 0 != run("openstack/set-traits", "some-uuid", this=OLDER).returncode
    assert "trait set" not in said.read_text()
