"""The hook for libvirt of examples/, called by a libvirtd: what it refuses never starts.

libvirt calls the same hook before an incoming migration, a restore and a start. The daemon runs in
a mount namespace of its own, where all of libvirt's folders are the test's.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.emit.lockfile import lockfile
from tests.emit.domains import domain, machine_of
from tests.examples.conftest import EXAMPLES, install
from tests.live.embedded import CONFIGURATION

pytestmark = pytest.mark.live

_OFFLOADS = 0x1FF & ~0x10

_FOLDERS = ("etc", "run", "lib", "cache", "log")

_DAEMON = """\
set -e
for each in etc run var/lib var/cache var/log; do
    mkdir -p "/$each/libvirt"
    mount --bind "{folder}/${{each##*/}}" "/$each/libvirt"
done
libvirtd -p {folder}/pid >{folder}/libvirtd.log 2>&1 &
daemon=$!
trap 'kill $daemon; wait $daemon || true' EXIT
for wait in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    [ ! -S /run/libvirt/libvirt-sock ] || break
    sleep 0.2
done
virsh -q -c qemu:///system "$1" 2>&1
"""


@pytest.fixture
def folder(tmp_path: Path, can_mount: None) -> Path:
    """Return a folder with all of libvirt's, or skip."""
    del can_mount
    if shutil.which("libvirtd") is None or os.geteuid() != 0:
        pytest.skip("needs root and libvirtd; tests/live/install-libvirt can get it")
    for name in _FOLDERS:
        (tmp_path / name).mkdir()
    (tmp_path / "etc" / "qemu.conf").write_text(CONFIGURATION.replace('["mount"]', "[]"))
    (tmp_path / "etc" / "libvirtd.conf").write_text('auth_unix_rw = "none"\n')
    (tmp_path / "etc" / "hooks" / "qemu.d").mkdir(parents=True)
    (tmp_path / "daemon").write_text(_DAEMON.format(folder=tmp_path))
    return tmp_path


def _virsh(folder: Path, *commands: str) -> str:
    done = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "sh", "daemon", ";".join(commands)],
        cwd=folder,
        env={**os.environ, "LC_ALL": "C"},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    return done.stdout + done.stderr


def _hook(folder: Path, qemu: Path, environment: dict[str, str]) -> None:
    """Install the hook; libvirt gives it an environment of its own."""
    lines = "".join(f"export {k}={v}\n" for k, v in environment.items())
    program = folder / "platform-abi"
    install(
        folder,
        "platform-abi",
        f"#!/bin/sh\n{lines}export PLATFORM_ABI_QEMU={qemu}\n"
        f"export PYTHONPATH={os.pathsep.join(sys.path)}\n"
        f'exec {sys.executable} -m platform_abi "$@"\n',
    )
    install(
        folder / "etc" / "hooks" / "qemu.d",
        "platform-abi",
        f"#!/bin/sh\nexport LOCK_FOLDER={folder} PATH={program.parent}:$PATH\n"
        f'exec {EXAMPLES}/openstack/libvirt-hook "$@"\n',
    )


def test_what_a_host_lacks_ends_the_operation_with_its_name(
    folder: Path,
    catalogue: pa.FileCatalogue,
    qemu_binaries: dict[str, Path],
    old_kernel: Path,
    require_tap_offloads: Callable[[int], None],
) -> None:
    """A saved guest is not restored on the older host, nor started; on the newer it is both."""
    require_tap_offloads(_OFFLOADS)
    older = {"LD_PRELOAD": str(old_kernel), "OLD_KERNEL_TUN_MASK": "0x1e0"}
    qemu = qemu_binaries["10.0"]
    text = domain(("net0",)).replace("type='kvm'", "type='qemu'")
    text = text.replace("/usr/bin/qemu-system-x86_64", str(qemu))
    (folder / "vm.xml").write_text(text)
    vm = machine_of(catalogue, ("net0",), accelerator="tcg")
    (folder / "small.lock").write_text(lockfile(catalogue, pa.resolve(catalogue, vm, "linux-6.9")))

    _hook(folder, qemu, {})
    image = folder / "image"
    said = _virsh(folder, f"define {folder}/vm.xml", "start small", f"save small {image}")
    assert "error" not in said, said
    _hook(folder, qemu, older)
    for operation in (f"restore {image}", "start small"):
        said = _virsh(folder, operation, "domstate small")
        assert "virtio-net-device.guest_uso4=on of net0 needs tun.uso" in said
        assert "shut off" in said
    _hook(folder, qemu, {})
    said = _virsh(folder, f"restore {image}", "domstate small", "destroy small", "undefine small")
    assert "running" in said, said
