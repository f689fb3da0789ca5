"""The virtual machine that options describe: the same that a program would ask for."""

from __future__ import annotations

import pytest

import platform_abi as pa
from platform_abi.cli.options import VmOptions
from platform_abi.cli.vm import platform_of, vm_of

_NIC = {"device": ["virtio-net-pci,netdev=n0,id=a"], "netdev": ["tap,id=n0"]}


def _vm(catalogue: pa.FileCatalogue, **said: object) -> pa.VirtualMachine:
    return vm_of(catalogue, VmOptions(**{"machine": "pc-q35-9.1", **_NIC, **said}))


def test_what_is_said_is_what_is_meant(catalogue: pa.FileCatalogue) -> None:
    """Every option is an argument of ``virtual_machine``; what is not said is as usual there."""
    assert pa.virtual_machine(
        catalogue.devices(), "pc-q35-9.1", devices=_NIC["device"], netdevs=_NIC["netdev"]
    ) == _vm(catalogue)
    assert pa.virtual_machine(
        catalogue.devices(),
        "virt-9.1",
        arch="aarch64",
        accelerator="tcg",
        cpu="max,pmu=off",
        build="qemu-10.0.2",
        devices=_NIC["device"],
        netdevs=_NIC["netdev"],
        globals_=["virtio-net-pci.csum=off"],
        backends={"n0": "macvtap"},
    ) == _vm(
        catalogue,
        machine="virt-9.1",
        arch="aarch64",
        accel="tcg",
        cpu="max,pmu=off",
        build="qemu-10.0.2",
        globals=["virtio-net-pci.csum=off"],
        backend=["n0=macvtap"],
    )


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"machine": None}, "--machine is missing"),
        ({"backend": ["n0"]}, "expected NETDEV=KIND, found 'n0'"),
    ],
)
def test_what_is_missing_is_named(
    catalogue: pa.FileCatalogue, said: dict[str, object], words: str
) -> None:
    """With what to write."""
    with pytest.raises(pa.UsageError) as caught:
        _vm(catalogue, **said)
    assert ("usage", words) == (caught.value.code, caught.value.message)
    assert caught.value.help


def test_a_platform_has_to_be_named() -> None:
    """Nobody chooses one for what is only described."""
    assert "linux-6.9" == platform_of(VmOptions(platform="linux-6.9"))
    with pytest.raises(pa.UsageError, match="--platform is missing"):
        platform_of(VmOptions())
