"""libvirt with ``qemu-platform`` as its emulator: it notices nothing but the values.

``tests/live/install-libvirt`` gets the host's own.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.compat.needs import Scope
from platform_abi.fleet.cpus import common_cpu
from platform_abi.model.host import FleetHost
from tests.compat.cpu_hosts import CATALOGUE, TABLE, exactly
from tests.live import embedded

pytestmark = pytest.mark.live

_OLD = "0x1e0"
_ALL_OFFLOADS = 0x1FF & ~0x10

_DOMAIN = """
<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>{name}</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc-q35-9.1'>hvm</type></os>
  <features><acpi/></features>
  <devices>
    <emulator>{emulator}</emulator>
    <interface type='ethernet'>
      <mac address='52:54:00:12:34:56'/><script path='/bin/true'/><model type='virtio'/>
    </interface>
    <memballoon model='none'/>
  </devices>
  <qemu:commandline>
    <qemu:arg value='-platform'/><qemu:arg value='{platform}'/>
  </qemu:commandline>
</domain>
"""

#: What a manager reads of a device's property, in any libvirt.
_GET = json.dumps(
    {
        "execute": "qom-get",
        "arguments": {"path": "/machine/peripheral/net0/virtio-backend", "property": "host_uso"},
    }
)


class _Libvirt:
    """A libvirt of its own, with one emulator and at most one domain."""

    def __init__(self, folder: Path, qemu: Path) -> None:
        self.folder = folder
        self.report = folder / "host.json"
        self.emulator = folder / "emulator"
        self._qemu = qemu
        embedded.prepare(folder)
        program = folder / "qemu-platform"
        program.write_text(
            f"#!{sys.executable}\nimport sys\n"
            "from platform_abi.cli.qemu_platform import entry\nsys.exit(entry())\n"
        )
        program.chmod(0o755)
        self.on({})

    def on(self, environment: dict[str, str]) -> None:
        """Let root, the launcher and QEMU find the host of *environment*."""
        subprocess.run(
            [sys.executable, "-m", "platform_abi", "host", "-o", self.report],
            env={**os.environ, "PLATFORM_ABI_QEMU": str(self._qemu), **environment},
            timeout=60,
            check=True,
        )
        # libvirt gives its emulators an environment of its own.
        self._lines = [f"export {name}={value}\n" for name, value in environment.items()]
        self.emulate("--host", str(self.report))

    def emulate(self, *own: str) -> None:
        """Let the emulator be ``qemu-platform`` with its *own* options."""
        words = f'exec {self.folder}/qemu-platform --qemu {self._qemu} {" ".join(own)} "$@"\n'
        self.emulator.write_text("".join(["#!/bin/sh\n", *self._lines, words]))
        self.emulator.chmod(0o755)

    def define(self, name: str, platform: str) -> str:
        """Return the command that defines a domain with one NIC behind a tap."""
        file = self.folder / f"{name}.xml"
        text = _DOMAIN.format(name=name, emulator=self.emulator, platform=platform)
        file.write_text(text)
        return f"define {file}"

    def virsh(self, *commands: str) -> subprocess.CompletedProcess[str]:
        """Return what virsh says to *commands*, one connection for all of them."""
        return embedded.virsh("virsh", self.folder, *commands)


@pytest.fixture
def libvirt(
    qemu_binaries: dict[str, Path], tmp_path_factory: pytest.TempPathFactory, can_tap: None
) -> _Libvirt:
    """Return a libvirt of its own, or skip."""
    del can_tap
    if shutil.which("virsh") is None or os.geteuid() != 0:
        pytest.skip("needs root and virsh; tests/live/install-libvirt can get it")
    # The path of a socket is short.
    libvirt = _Libvirt(tmp_path_factory.mktemp("lv"), qemu_binaries["10.0"])
    able = libvirt.virsh("list")
    if able.returncode != 0:
        pytest.skip(f"libvirt cannot run here: {able.stderr.strip()}")
    return libvirt


@pytest.fixture
def older(old_kernel: Path, require_tap_offloads: Callable[[int], None]) -> dict[str, str]:
    """Return the environment of a process on an older kernel than this one."""
    require_tap_offloads(_ALL_OFFLOADS)
    return {"LD_PRELOAD": str(old_kernel), "OLD_KERNEL_TUN_MASK": _OLD}


def _capabilities(libvirt: _Libvirt, binary: Path) -> str:
    asked = "--arch x86_64 --machine q35 --virttype qemu"
    done = libvirt.virsh(f"domcapabilities --emulatorbin {binary} {asked}")
    assert 0 == done.returncode, done.stderr
    assert "<machine>pc-q35-10.0</machine>" in done.stdout
    return done.stdout.replace(str(binary), "EMULATOR")


def test_libvirt_finds_in_it_what_it_finds_in_qemu(
    libvirt: _Libvirt, qemu_binaries: dict[str, Path]
) -> None:
    """Its capability probe has the very same answers from ``qemu-platform`` as from QEMU."""
    bare = _capabilities(libvirt, qemu_binaries["10.0"])
    assert bare == _capabilities(libvirt, libvirt.emulator)


@pytest.mark.parametrize(("platform", "expected"), [("linux-6.1", False), ("none", True)])
def test_a_domain_has_the_values_of_its_platform(
    libvirt: _Libvirt, older: dict[str, str], platform: str, expected: bool
) -> None:
    """Defined, started, asked and destroyed: the property is the platform's, not this kernel's."""
    del older  # this kernel knows USO
    done = libvirt.virsh(
        libvirt.define("small", platform),
        "start small",
        f"qemu-monitor-command small '{_GET}'",
        "domstate small",
        "destroy small",
        "undefine small",
    )
    assert 0 == done.returncode, done.stderr
    assert f'"return":{str(expected).lower()}' in done.stdout
    assert "running" in done.stdout
    log = (libvirt.folder / "root" / "log" / "qemu" / "small.log").read_text()
    assert f"-platform {platform}" in log
    assert "terminating on signal 15" in log


def test_what_the_host_lacks_is_libvirts_error(libvirt: _Libvirt, older: dict[str, str]) -> None:
    """A refusal reaches whoever starts the domain: feature, device, evidence; nothing runs."""
    libvirt.on(older)
    lock = libvirt.folder / "vm.lock"
    done = libvirt.virsh(
        libvirt.define("small", f"linux-6.9,lock={lock}"),
        "start small",
        "domstate small",
        "undefine small",
    )
    assert "virtio-net-device.guest_uso4=on of net0 needs tun.uso" in done.stderr
    assert "linux-6.1@2026.2" in done.stderr
    assert "shut off" in done.stdout
    assert not lock.exists()


def test_in_a_dev_of_its_own_a_report_stands_for_the_host(
    libvirt: _Libvirt, older: dict[str, str]
) -> None:
    """Where libvirt shows QEMU no /dev/net/tun, the refusal says who has to ask instead."""
    del older
    define = libvirt.define("small", "linux-6.1")
    libvirt.emulate()
    done = libvirt.virsh(define, "start small")
    assert "/dev/net/tun: ENOENT" in done.stderr
    assert "platform-abi host -o FILE, and name that with --host" in done.stderr
    libvirt.emulate("--host", str(libvirt.report))
    done = libvirt.virsh("start small", "destroy small", "undefine small")
    assert 0 == done.returncode, done.stderr


def test_a_domain_that_is_restored_stays_what_it_was(
    libvirt: _Libvirt, older: dict[str, str], tmp_path: Path
) -> None:
    """Saved on the older kernel and restored on the newer, by the lockfile; without one refused."""
    lock, image = tmp_path / "vm.lock", tmp_path / "image"
    define = libvirt.define("small", f"lock={lock}")
    libvirt.on(older)
    get = f"qemu-monitor-command small '{_GET}'"
    done = libvirt.virsh(define, "start small", get, f"save small {image}", "domstate small")
    assert 0 == done.returncode, done.stderr
    assert '"return":false' in done.stdout
    assert "tun.uso" not in {
        entry.capability for entry in pa.read_lock(lock.read_text(), "vm.lock").preconditions
    }
    libvirt.on({})
    done = libvirt.virsh(f"restore {image}", get, "domstate small", "destroy small")
    assert 0 == done.returncode, done.stderr
    assert '"return":false' in done.stdout
    assert re.search(r"^running$", done.stdout, re.MULTILINE)
    lock.unlink()
    done = libvirt.virsh(f"restore {image}", "undefine small")
    assert "error[lock-not-found]" in done.stderr


@pytest.mark.parametrize(
    "models",
    [
        ("Skylake-Server", "Haswell"),
        ("Cascadelake-Server", "Broadwell-IBRS"),
        ("Cooperlake", "Icelake-Server"),
        ("Icelake-Server", "Skylake-Client-IBRS"),
        ("IvyBridge", "SandyBridge-IBRS"),
        ("Westmere", "Nehalem"),
        ("EPYC-Rome", "EPYC"),
        ("EPYC-Milan", "EPYC-IBPB"),
    ],
    ids="+".join,
)
def test_libvirt_names_the_same_model_for_two_hosts(
    libvirt: _Libvirt, models: tuple[str, str]
) -> None:
    """Side by side with ``virsh cpu-baseline``, of hosts that have the flags of a model each."""
    file = libvirt.folder / "hosts.xml"
    cpu = "<cpu><arch>x86_64</arch><model>{}</model></cpu>\n"
    file.write_text("".join(map(cpu.format, models)))
    theirs = re.search(r"<model[^>]*>([^<]+)", libvirt.virsh(f"cpu-baseline {file}").stdout)
    assert theirs is not None

    hosts = [FleetHost(report=exactly(model)) for model in models]
    ours = common_cpu(CATALOGUE, hosts, Scope(), allow_unknown=False)
    assert ours is not None
    assert ours.model is not None
    # libvirt leaves the version out.
    for told in (TABLE.flags_of, lambda model: TABLE.models[model].vendor):
        assert told(theirs[1]) == told(ours.model)
