"""What a throw-away QEMU is started with: a lockfile's arguments, or harmless words of a user's."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.verifier.harmless import harmless
from platform_abi.verifier.stand_in import StandIn

#: Options that reach nobody else, and how they come out.
_OWN: tuple[tuple[list[str], list[str]], ...] = (
    (["-machine", "pc-q35-9.1,smm=off"], ["-machine", "type=pc-q35-9.1,smm=off"]),
    (["-cpu", "qemu64,+aes"], ["-cpu", "qemu64,+aes"]),
    (["-nodefaults"], ["-nodefaults"]),
    (["-m", "1G,slots=2"], ["-m", "size=1G,slots=2"]),
    (["-enable-kvm"], ["-accel", "accel=kvm"]),
    (["-global", "virtio-net-device.csum=off"], ["-global", "virtio-net-device.csum=off"]),
    (["-object", "can-bus,id=c0"], ["-object", "can-bus,id=c0"]),
)
#: Options that would take or change something of a QEMU that runs, what becomes of each, and what
#: is said of it.
_OTHERS: tuple[tuple[list[str], list[str], str], ...] = (
    (["-qmp", "unix:/run/vm.qmp,server=on"], [], "-qmp"),
    (["--qmp", "unix:/run/vm.qmp,server=on"], [], "-qmp"),
    (["-mon", "chardev=m"], [], "-mon"),
    (["-daemonize"], [], "-daemonize"),
    (["-pidfile", "/run/vm.pid"], [], "-pidfile"),
    (["-D", "/var/log/vm.log"], [], "-D"),
    (["-trace", "file=/var/log/vm.trace"], [], "-trace"),
    (["-plugin", "/evil.so"], [], "-plugin"),
    (["-vnc", ":1"], [], "-vnc"),
    (["-incoming", "defer"], [], "-incoming"),
    (["-mem-path", "/dev/shm/vm"], [], "-mem-path"),
    (["-set", "drive.d0.file=/vm.img"], [], "-set"),
    (["-virtfs", "local,path=/srv,mount_tag=t,security_model=none"], [], "-virtfs"),
    (["-no-such-option", "x"], [], "-no-such-option"),
    (["-fw_cfg", "name=opt/x,file=/etc/shadow"], [], "-fw_cfg"),
    (["-object", "filter-dump,id=f,netdev=n0,file=/x.pcap"], [], "-object filter-dump"),
    (["-object", "input-linux,id=i,evdev=/dev/input/event0"], [], "-object input-linux"),
    (["-tpmdev", "emulator,id=t,chardev=c"], [], "-tpmdev"),
    (["-drive", "if=pflash,file=/vm.fd,unit=1"], [], "-drive"),
    (["-machine", "kernel=/boot/vmlinuz,dumpdtb=/x,smm=off"], ["-machine", "smm=off"], ""),
    (["-smbios", "type=1,serial=A,file=/x"], ["-smbios", "type=1,serial=A"], "-smbios file"),
    (["-global", "e1000.romfile=/etc/shadow"], [], "-global e1000.romfile"),
    (["-serial", "unix:/run/console,server=on"], ["-serial", "null"], ""),
    (["-chardev", "socket,id=c0,path=/run/c,server=on"], ["-chardev", "null,id=c0"], ""),
    (["-audiodev", "wav,id=a0,path=/x.wav"], ["-audiodev", "none,id=a0"], ""),
    (["-fsdev", "local,id=f0,path=/srv,security_model=none"], ["-fsdev", "synth,id=f0"], ""),
    (["vm.img"], ["null-co://"], ""),
    (["-hda", "vm.img"], ["-hda", "null-co://"], ""),
    (
        ["-drive", "file=a,,b.img,id=d,if=none,cache=none"],
        ["-drive", "id=d,if=none,file=null-co://,format=raw"],
        "",
    ),
    (
        ["-blockdev", '{"driver": "file", "node-name": "d1", "filename": "a", "read-only": true}'],
        ["-blockdev", "null-co,node-name=d1,read-only=on,size=1048576,read-zeroes=on"],
        "",
    ),
    (
        ["-object", "rng-egd,id=r1,chardev=c0"],
        ["-object", "rng-builtin,id=r1"],
        "",
    ),
    (
        ["-object", "memory-backend-file,id=m0,size=64M,mem-path=/dev/shm/vm,share=on"],
        ["-object", "memory-backend-ram,id=m0,size=64M"],
        "",
    ),
    (
        ["-object", '{"qom-type": "memory-backend-file", "id": "m1", "size": 67108864}'],
        ["-object", "memory-backend-ram,id=m1,size=67108864"],
        "",
    ),
)

_VM = pa.VirtualMachine(machine="pc-q35-9.1", accelerator="tcg")


def _made(catalogue: pa.FileCatalogue, words: list[str], text: str = "") -> StandIn:
    return harmless(catalogue, words, _VM, lambda _: text)


@given(
    options=st.lists(
        st.sampled_from([*((option, left, "") for option, left in _OWN), *_OTHERS]), max_size=12
    )
)
def test_what_is_not_known_to_be_harmless_is_left_out_and_named(
    catalogue: pa.FileCatalogue, options: list[tuple[list[str], list[str], str]]
) -> None:
    """Sockets, files and memory of another QEMU are not touched; the order stays."""
    words = [word for option, _, _ in options for word in option]
    made = _made(catalogue, words)
    assert made.words({}) == [word for _, left, _ in options for word in left]
    assert {said for _, _, said in options if said} <= set(made.omitted)
    again = _made(catalogue, made.words({}))
    assert (again.words({}), again.omitted) == (made.words({}), ())


def test_devices_stand_before_nothing_or_are_left_out(catalogue: pa.FileCatalogue) -> None:
    """What needs a file, a socket or a device of the host is left out with what stands on it."""
    words = [
        *("-netdev", "tap,id=n0,ifname=vnet0,script=/evil,vhost=on"),
        *("-netdev", "stream,id=n1,server=off,addr.type=unix,addr.path=/run/net"),
        *("-netdev", "vhost-user,id=n2,chardev=c0"),
        *("-tpmdev", "passthrough,id=t0"),
        *("-device", "virtio-net-pci,netdev=n0,id=a,romfile=/etc/shadow"),
        *("-device", "virtio-net-pci,netdev=n1,id=b"),
        *("-device", "virtio-net-pci,netdev=n2,id=c"),
        *("-device", "tpm-crb,tpmdev=t0,id=d"),
        *("-device", "vfio-pci,host=01:00.0,id=e"),
        *("-device", "usb-host,hostbus=1,hostaddr=2"),
        *("-device", "x-pci-proxy-dev,id=port,fd=3"),
        *("-device", '{"driver": "virtio-blk-pci", "drive": "z", "id": "f", "bus": "port.0"}'),
        *("-device", '{"driver": "virtio-rng-pci", "id": "g", "romfile": "/etc/shadow"}'),
    ]
    made = _made(catalogue, words)
    assert made.words({}) == [
        *("-netdev", "tap,id=n0,vhost=on,script=no,downscript=no"),
        *("-device", "driver=virtio-net-pci,netdev=n0,id=a"),
        *("-netdev", "hubport,id=n1,hubid=0"),
        *("-device", "driver=virtio-net-pci,netdev=n1,id=b"),
        *("-device", '{"driver": "virtio-rng-pci", "id": "g"}'),
    ]
    assert [part.device for part in made.parts if part.why] == [
        *("c", "d", "e", "device[5]", "port", "f")
    ]
    assert {"-device virtio-net-pci,romfile", "-device virtio-rng-pci,romfile"} <= {*made.omitted}


def test_a_configuration_file_is_options_like_others(catalogue: pa.FileCatalogue) -> None:
    """The monitor of a running QEMU in a file of -readconfig is not opened by another."""
    text = """
[chardev "m"]
  backend = "socket"
  path = "/run/vm.qmp"
  server = "on"
[mon "m"]
  chardev = "m"
  mode = "control"
[machine]
  type = "pc-q35-9.1"
  dumpdtb = "/etc/passwd"
[device "net0"]
  driver = "virtio-rng-pci"
"""
    made = _made(catalogue, ["-readconfig", "vm.cfg"], text)
    assert made.words({}) == [
        *("-chardev", "null,id=m", "-machine", "type=pc-q35-9.1"),
        *("-device", "id=net0,driver=virtio-rng-pci"),
    ]
    assert made.omitted == ("-mon", "-machine dumpdtb")
