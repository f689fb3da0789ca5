"""A lockfile is input: what of it may be said to a QEMU, and what only a command line may say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.emit.lockfile import lockfile
from platform_abi.model.abi import GuestAbi, Setting
from platform_abi.resolver.admission import portable, refusals
from platform_abi.resolver.choice import parse_platform
from platform_abi.resolver.digest import platform_digest
from platform_abi.testing import Scenario, scenarios
from tests.resolver.shipped import machine_with_nics

_NIC = "virtio-net-pci"
_DEVICE = pa.Device(driver=_NIC, id="a", backend="tap", properties=(("netdev", "n"),))


@pytest.fixture
def abi(catalogue: pa.FileCatalogue) -> GuestAbi:
    """Return the ABI of a machine with a NIC, two of its CPU's properties written explicitly."""
    vm = machine_with_nics(catalogue, "pc-q35-9.1", "tap", cpu="qemu64,vendor=AuthenticAMD,+aes")
    return pa.resolve(catalogue, vm, "linux-6.9")


def _setting(driver: str, name: str, value: str, layer: Any, device: str | None = None) -> Setting:
    return Setting(
        driver=driver, property=name, value=value, layer=layer, source="x", device=device
    )


def _with(abi: GuestAbi, *settings: Setting) -> GuestAbi:
    return evolve(abi, settings=(*abi.settings, *settings))


def _vm(abi: GuestAbi, **changed: Any) -> GuestAbi:
    return evolve(abi, vm=evolve(abi.vm, **changed))


def _global(driver: str, name: str, value: str) -> pa.GlobalProperty:
    return pa.GlobalProperty(driver=driver, property=name, value=value)


#: What an attacker would have a lockfile say, by what is said of it.
ATTACKS: dict[str, Callable[[GuestAbi], GuestAbi]] = {
    "-machine kernel=/etc/hostname": lambda a: _vm(
        a, machine_options=(("kernel", "/etc/hostname"),)
    ),
    "-machine dumpdtb=/etc/passwd": lambda a: _vm(a, machine_options=(("dumpdtb", "/etc/passwd"),)),
    "-machine boot.splash=/etc/shadow": lambda a: _vm(
        a, machine_options=(("boot.splash", "/etc/shadow"),)
    ),
    "-machine smm,kernel=x": lambda a: _vm(a, machine_options=(("smm,kernel", "x"),)),
    "machine.kernel=/etc/hostname": lambda a: _with(
        a, _setting("machine", "kernel", "/etc/hostname", "platform")
    ),
    "machine.smm=on,kernel=/etc/shadow": lambda a: _with(
        a, _setting("machine", "smm", "on,kernel=/etc/shadow", "platform")
    ),
    "virtio-net-pci.romfile=/etc/shadow": lambda a: _with(
        a, _setting(_NIC, "romfile", "/etc/shadow", "platform")
    ),
    "pci-device.romfile=/etc/shadow": lambda a: _with(
        a, _setting("pci-device", "romfile", "/etc/shadow", "machine")
    ),
    "virtio-net-pci.romfile=/etc/gshadow": lambda a: _with(
        a, _setting(_NIC, "romfile", "/etc/gshadow", "platform", "nic0")
    ),
    "loader.file=/etc/shadow": lambda a: _with(
        a, _setting("loader", "file", "/etc/shadow", "global")
    ),
    "virtio-net-device.host_uso=/x": lambda a: _with(
        a, _setting("virtio-net-device", "host_uso", "/x", "no-such-layer")
    ),
    "-global virtio-net-pci.romfile=/etc/shadow": lambda a: _vm(
        a, globals=(_global(_NIC, "romfile", "/etc/shadow"),)
    ),
    "-global device.romfile=/etc/shadow": lambda a: _vm(
        a, globals=(_global("device", "romfile", "/etc/shadow"),)
    ),
    "-device loader,file=/etc/shadow": lambda a: _vm(
        a, devices=(pa.Device(driver="loader", properties=(("file", "/etc/shadow"),)),)
    ),
    "-device virtio-net-pci,romfile=/etc/shadow": lambda a: _vm(
        a, devices=(evolve(_DEVICE, properties=(("romfile", "/etc/shadow"),)),)
    ),
    "-device vfio-pci,sysfsdev=/sys/x": lambda a: _vm(
        a, devices=(pa.Device(driver="vfio-pci", properties=(("sysfsdev", "/sys/x"),)),)
    ),
    "-device usb-host,hostdevice=/dev/sda": lambda a: _vm(
        a, devices=(pa.Device(driver="usb-host", properties=(("hostdevice", "/dev/sda"),)),)
    ),
    "-device help": lambda a: _vm(a, devices=(pa.Device(driver="help"),)),
    "-device file=/etc/shadow": lambda a: _vm(a, devices=(pa.Device(driver="file=/etc/shadow"),)),
    "-machine 'kernel=/etc/shadow'": lambda a: _vm(a, machine="kernel=/etc/shadow"),
    "-accel 'kvm,device=/dev/sda'": lambda a: _vm(a, accelerator="kvm,device=/dev/sda"),
    "the architecture '/../../tmp/evil'": lambda a: _vm(a, arch="/../../tmp/evil"),
    "the build '../../../tmp/evil'": lambda a: _vm(a, build="../../../tmp/evil"),
    "-cpu 'qemu64,x=y'": lambda a: _vm(a, cpu=pa.Cpu(model="qemu64,x=y")),
}


def forged(catalogue: pa.FileCatalogue, abi: GuestAbi) -> str:
    """Return a lockfile with a right seal and digest, as anybody can make one."""
    digest = platform_digest(catalogue, parse_platform("linux-6.9").name, abi.edition)
    return pa.lock_text(abi, definitions=digest)


@pytest.mark.parametrize("said", ATTACKS)
def test_a_forged_lockfile_is_refused_by_name(
    catalogue: pa.FileCatalogue, abi: GuestAbi, said: str
) -> None:
    """Whoever computes the seal anew still cannot have a file, a device or a program reached."""
    text = forged(catalogue, ATTACKS[said](abi))
    with pytest.raises(pa.LockError) as caught:
        pa.read_lock(text, "vm.lock", catalogue=catalogue)
    assert "lock-refused" == caught.value.code
    assert said in caught.value.message
    with pytest.raises(pa.LockError, match="no lockfile may say"):
        pa.read_lock(text, "vm.lock")


def test_what_a_user_wrote_may_be_stored(catalogue: pa.FileCatalogue) -> None:
    """Switches, numbers, addresses and names of what QEMU itself has travel with the machine."""
    vm = pa.virtual_machine(
        catalogue.devices(),
        "pc-q35-9.1,smm=off,hpet=off,x-oem-id=ABCDEF",
        cpu="Skylake-Client-v4,vendor=GenuineIntel,+vmx,hv_relaxed,model-id=Some CPU",
        devices=[
            "virtio-net-pci,netdev=n0,id=net0,mac=52:54:00:12:34:56,addr=0x3.0,romfile=,tx=bh",
            "virtio-blk,drive=d,serial=AB C/1,iothread=t",
            "virtconsole,chardev=c,name=org.qemu.0",
        ],
        netdevs=["tap,id=n0"],
        globals_=["virtio-blk-pci.num-queues=4", "ICH9-LPC.disable_s3=1", "virtio-pci.ats=off"],
    )
    abi = pa.resolve(catalogue, vm, "linux-6.9")
    assert [] == list(refusals(catalogue, abi))
    assert vm == portable(catalogue, vm)
    assert abi == evolve(
        pa.read_lock(lockfile(catalogue, abi), "vm.lock", catalogue=catalogue), content=None
    )


def test_what_names_something_of_this_host_is_not_stored(catalogue: pa.FileCatalogue) -> None:
    """A lockfile that this package writes is one that it reads; a note says what it lacks."""
    vm = pa.virtual_machine(
        catalogue.devices(),
        "pc-q35-9.1,kernel=/boot/vmlinuz,smm=off",
        devices=["vfio-pci,host=01:00.0,id=gpu", f"{_NIC},netdev=n,romfile=/rom,mq=on"],
        netdevs=["tap,id=n"],
        globals_=["e1000.romfile=/rom"],
    )
    abi = pa.resolve(catalogue, vm, "linux-6.9")
    assert list(refusals(catalogue, abi))
    stored = pa.read_lock(lockfile(catalogue, abi), "vm.lock", catalogue=catalogue)
    assert (("smm", "off"),) == stored.vm.machine_options
    assert ((), (("netdev", "n"), ("mq", "on"))) == tuple(d.properties for d in stored.vm.devices)
    assert () == stored.vm.globals
    assert (
        "not in the lockfile, as it may name something of this host: -machine kernel, "
        "-global e1000.romfile, host of -device vfio-pci, romfile of -device virtio-net-pci"
    ) == stored.notes[-1]
    assert not any("/rom" in word or "vmlinuz" in word for word in pa.arguments(stored))


@given(scenarios())
def test_what_is_resolved_without_explicit_values_is_admitted(scenario: Scenario) -> None:
    """Nothing that a platform sets is refused, whatever the definitions."""
    vm = evolve(
        scenario.vm,
        globals=(),
        machine_options=(),
        cpu=None,
        devices=tuple(evolve(device, properties=()) for device in scenario.vm.devices),
    )
    abi = pa.resolve(scenario.catalogue, vm, scenario.platform)
    assert [] == list(refusals(scenario.catalogue, abi))


@given(st.text(max_size=20), st.text(max_size=20))
def test_no_unknown_property_is_admitted(
    catalogue: pa.FileCatalogue, name: str, value: str
) -> None:
    """What no build has is refused, whatever it is called and set to."""
    device = pa.Device(driver=_NIC, properties=(("x" + name, value),))
    vm = pa.VirtualMachine(machine="pc-q35-9.1", devices=(device,))
    abi = GuestAbi(
        vm=vm, platform="p", edition="e", settings=(), preconditions=(), unpinned=(), beyond=()
    )
    known = catalogue.types("qemu-11.1.3", "x86_64").properties(_NIC)
    if "x" + name not in known:
        assert [f"-device {_NIC},x{name}={value}"] == list(refusals(catalogue, abi))
