"""What is written out is what a real QEMU takes: arguments, -readconfig, KVM."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.qemu.qtest import QUIET, Qtest
from tests.live.conftest import BUILD_OF
from tests.live.pci_bus import PciBus

pytestmark = pytest.mark.live


def _newest(catalogue: pa.FileCatalogue, version: str, family: str = "pc-q35") -> str:
    build = BUILD_OF[version]
    return next(m for m in catalogue.build(build, "x86_64").machines if m.startswith(family))


def _vm(catalogue: pa.FileCatalogue, machine: str, **more: str) -> pa.VirtualMachine:
    return pa.virtual_machine(
        catalogue.devices(),
        machine,
        accelerator="tcg",
        devices=["virtio-net-pci,id=net,netdev=n0,addr=0x4"],
        netdevs=["user,id=n0"],
        **more,  # type: ignore[arg-type]
    )


def test_a_readconfig_file_is_the_same_as_the_arguments(
    catalogue: pa.FileCatalogue, qemu_version: str, qemu: Path, tmp_path: Path
) -> None:
    """QEMU started from the -readconfig file offers what it offers with the arguments."""
    abi = pa.resolve(catalogue, _vm(catalogue, _newest(catalogue, qemu_version)), "linux-6.1")
    file = tmp_path / "abi.cfg"
    file.write_text(pa.readconfig(abi))
    nic = ["-netdev", "user,id=n0", "-device", "virtio-net-pci,id=net,netdev=n0,addr=0x4"]
    bits = []
    for words in (pa.arguments(abi), ["-readconfig", str(file), "-accel", "tcg"]):
        with Qtest(qemu, [*words, *QUIET, *nic]) as qtest:
            bits.append(PciBus(qtest).offered(4).features)
    assert bits[0] == bits[1] == pa.offered_bits(catalogue, abi, "net")


def test_the_shell_lines_can_be_pasted(
    catalogue: pa.FileCatalogue, qemu_version: str, qemu: Path
) -> None:
    """What ``resolve`` prints starts a QEMU as it stands, without a warning about our globals."""
    abi = pa.resolve(catalogue, _vm(catalogue, _newest(catalogue, qemu_version)), "linux-6.9")
    words = shlex.split(pa.shell_lines(abi))
    nic = ["-netdev", "user,id=n0", "-device", "virtio-net-pci,id=net,netdev=n0,addr=0x4"]
    with Qtest(qemu, [*words, *QUIET, *nic]) as qtest:
        assert PciBus(qtest).offered(4).features == pa.offered_bits(catalogue, abi, "net")
        complaints = [line for line in qtest.stderr.splitlines() if "global" in line]
    assert complaints == []


@pytest.mark.parametrize("family", ["pc-q35", "pc-i440fx"])
def test_no_devices_given_starts_on_every_machine_type(
    catalogue: pa.FileCatalogue, qemu_version: str, qemu: Path, family: str
) -> None:
    """Arguments made without naming a device are accepted by every board of the family."""
    build = BUILD_OF[qemu_version]
    machines = [m for m in catalogue.build(build, "x86_64").machines if m.startswith(family)]
    for machine in machines[::4]:
        vm = pa.VirtualMachine(machine=machine, accelerator="tcg")
        words = pa.arguments(pa.resolve(catalogue, vm, "linux-6.17"))
        with Qtest(qemu, [*words, *QUIET]) as qtest:
            assert "unknown" not in qtest.stderr


@pytest.mark.parametrize("model", ["qemu64", "host"])
def test_under_kvm_every_board_takes_the_arguments(
    catalogue: pa.FileCatalogue, qemu_version: str, qemu: Path, can_kvm: None, model: str
) -> None:
    """QEMU starts under KVM with every paravirtual flag, the guard and guest-phys-bits pinned.

    SMM is overridden, and the CPU features that this KVM lacks are taken off, because a nested KVM
    has fewer; the guard refuses to start otherwise, which the test after this one checks.
    """
    del can_kvm
    build = BUILD_OF[qemu_version]
    machines = [m for m in catalogue.build(build, "x86_64").machines if m.startswith("pc-")]
    for machine in machines[::2]:
        # What is lacking depends on the machine type: it says which version qemu64 is.
        lacking = _filtered(qemu, machine) if model == "qemu64" else ["arch-capabilities"]
        cpu = pa.Cpu(model=model, properties=tuple((name, "off") for name in lacking))
        vm = pa.VirtualMachine(machine=machine, cpu=cpu)
        words = pa.arguments(_without_smm(catalogue, vm))
        with Qtest(qemu, [*words, *QUIET]) as qtest:
            assert qtest.pid > 0


def _without_smm(catalogue: pa.FileCatalogue, vm: pa.VirtualMachine) -> pa.GuestAbi:
    try:
        return pa.resolve(catalogue, vm, "linux-6.9,pc.smm=off")
    except pa.UsageError as error:
        if error.code != "override-impossible":  # a board older than the option
            raise
    return pa.resolve(catalogue, vm, "linux-6.9")


def test_under_kvm_the_guard_refuses_what_the_host_lacks(
    catalogue: pa.FileCatalogue, qemu_version: str, qemu: Path, can_kvm: None
) -> None:
    """A CPU feature that this KVM lacks stops QEMU at start instead of vanishing."""
    del can_kvm
    machine = _newest(catalogue, qemu_version)
    filtered = _filtered(qemu, machine)
    if not filtered:
        pytest.skip("this KVM has every feature of qemu64")
    vm = pa.VirtualMachine(machine=machine, cpu=pa.Cpu(model="qemu64"))
    words = pa.arguments(pa.resolve(catalogue, vm, "linux-6.9,pc.smm=off"))
    process = _run(qemu, [*words, *QUIET])
    assert process.returncode != 0
    assert "Host doesn't support requested features" in process.stderr


def _filtered(qemu: Path, machine: str) -> list[str]:
    """Return the features of qemu64 that QEMU would drop on this host."""
    process = _run(
        qemu, ["-machine", machine, "-accel", "kvm", "-cpu", "qemu64,enforce=on", *QUIET]
    )
    return re.findall(
        r"requested features?: \S*?\.?(?:EAX|EBX|ECX|EDX)\.?(\w[\w-]*)", process.stderr
    )


def _run(qemu: Path, words: list[str]) -> subprocess.CompletedProcess[str]:
    monitor = ["-display", "none", "-S", "-monitor", "stdio"]
    return subprocess.run(
        [str(qemu), *words, *monitor],
        input="quit\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
