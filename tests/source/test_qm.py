"""A virtual machine of Proxmox VE's: its configuration is what ``qm`` makes of it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.resolver.identified import identified
from platform_abi.source.reading import unread_of
from platform_abi.source.text import _Configurations
from tests.conftest import DEFINITIONS

CATALOGUE = pa.FileCatalogue([DEFINITIONS])

CONFIGURATION = """#a guest of mine, -machine nothing
boot: order=scsi0
cores: 2
cpu: x86-64-v2-AES
machine: pc-q35-9.0+pve0
memory: 2048
name: small
net0: virtio=BC:24:11:00:00:01,bridge=vmbr0,queues=2
net1: nobody=BC:24:11:00:00:02,bridge=vmbr0
onboot: 1
cipassword: hush-hush
scsi0: local:vm-100-disk-0,size=8G
usb0: host=1234:5678
smbios1: uuid=8a5a7b4e-2a2d-4a07-9a4c-6a4f3c1d0b11
sockets: 2
args: -global virtio-net-pci.host_uso=off

[before]
machine: pc-q35-7.2
"""


def _read(text: str) -> pa.VmReading:
    return pa.from_qm(CATALOGUE, text, name="100.conf", arch="x86_64")


def test_what_qm_would_start_is_read_whole() -> None:
    """It is a command line like any other."""
    line = "/usr/bin/kvm -id 100 -nodefaults -machine 'type=pc-q35-9.0+pve0' -m 768"
    assert _read(line) == pa.from_command_line(CATALOGUE, line, arch="x86_64")
    assert () == _read(line).unread


#: Of each: a configuration, and what qemu-server makes of it, but for files, sockets and names.
PAIRS = {
    "linux": (
        """\
agent: 1
balloon: 256
boot: order=scsi0;net0
cores: 2
cpu: x86-64-v2-AES
ide2: none,media=cdrom
machine: pc-i440fx-9.2+pve1
memory: 2048
net0: virtio=BC:24:11:00:00:01,bridge=vmbr0,queues=2,mtu=9000
numa: 0
ostype: l26
rng0: source=/dev/urandom
scsi0: local:vm-100-disk-0,size=8G,ssd=1,iothread=1
scsihw: virtio-scsi-single
serial0: socket
virtio7: local:vm-100-disk-1
vmgenid: 8a5a7b4e-2a2d-4a07-9a4c-6a4f3c1d0b12
""",
        (
            "/usr/bin/kvm -id 100 -nodefaults -smp 2,sockets=1,cores=2,maxcpus=2 -m 2048"
            " -boot menu=on,strict=on,reboot-timeout=1000,splash=/usr/share/s.jpg -vnc unix:/run/a"
            " -cpu qemu64,+aes,enforce,+kvm_pv_eoi,+kvm_pv_unhalt,+pni,+popcnt,+sse4.1,+sse4.2,"
            "+ssse3"
            " -object iothread,id=iothread-virtioscsi0"
            " -global PIIX4_PM.disable_s3=1 -global PIIX4_PM.disable_s4=1"
            " -device pci-bridge,id=pci.1,chassis_nr=1,bus=pci.0,addr=0x1e"
            " -device pci-bridge,id=pci.2,chassis_nr=2,bus=pci.0,addr=0x1f"
            " -device pci-bridge,id=pci.3,chassis_nr=3,bus=pci.0,addr=0x5"
            " -device vmgenid,guid=8a5a7b4e-2a2d-4a07-9a4c-6a4f3c1d0b12"
            " -device piix3-usb-uhci,id=uhci,bus=pci.0,addr=0x1.0x2"
            " -device usb-tablet,id=tablet,bus=uhci.0,port=1"
            " -chardev socket,id=serial0,path=/run/s0,server=on,wait=off"
            " -device isa-serial,chardev=serial0 -device VGA,id=vga,bus=pci.0,addr=0x2"
            " -chardev socket,path=/run/qga,server=on,wait=off,id=qga0"
            " -device virtio-serial,id=qga0,bus=pci.0,addr=0x8"
            " -device virtserialport,chardev=qga0,name=org.qemu.guest_agent.0"
            " -object rng-random,filename=/dev/urandom,id=rng0"
            " -device virtio-rng-pci,rng=rng0,max-bytes=1024,period=1000,bus=pci.1,addr=0x1d"
            " -device virtio-balloon-pci,id=balloon0,bus=pci.0,addr=0x3,free-page-reporting=on"
            " -drive if=none,id=drive-ide2,media=cdrom"
            " -device ide-cd,bus=ide.1,unit=0,drive=drive-ide2,id=ide2"
            " -device virtio-scsi-pci,id=virtioscsi0,bus=pci.3,addr=0x1,"
            "iothread=iothread-virtioscsi0"
            " -drive if=none,file=/dev/pve/a,id=drive-scsi0,format=raw"
            " -device scsi-hd,bus=virtioscsi0.0,channel=0,scsi-id=0,lun=0,drive=drive-scsi0,"
            "id=scsi0,rotation_rate=1,bootindex=100"
            " -drive if=none,file=/dev/pve/b,id=drive-virtio7,format=raw"
            " -device virtio-blk-pci,drive=drive-virtio7,id=virtio7,bus=pci.2,addr=0x2"
            " -netdev type=tap,id=net0,ifname=tap100i0,vhost=on,queues=2"
            " -device virtio-net-pci,mac=BC:24:11:00:00:01,netdev=net0,bus=pci.0,addr=0x12,id=net0,"
            "vectors=6,mq=on,packed=on,rx_queue_size=1024,tx_queue_size=256,bootindex=101,host_mtu=9000"
            " -machine type=pc-i440fx-9.2+pve1"
        ),
    ),
    "windows": (
        """\
audio0: device=ich9-intel-hda,driver=none
bios: ovmf
cores: 4
cpu: Haswell,flags=+pcid
efidisk0: local:vm-101-disk-0,efitype=4m
machine: pc-q35-10.1,viommu=virtio
meta: creation-qemu=10.1.2,ctime=1
net6: e1000e=BC:24:11:00:00:02,bridge=vmbr0,link_down=1
ostype: win10
sata0: local:vm-101-disk-1,cache=writethrough,serial-less=1
tablet: 0
tpmstate0: local:vm-101-disk-2,version=v2.0
vga: virtio,memory=64
""".replace(",serial-less=1", ""),
        (
            "/usr/bin/kvm -id 101 -nodefaults -smp 4,sockets=1,cores=4,maxcpus=4 -m 512"
            " -boot menu=on,strict=on,reboot-timeout=1000"
            " -blockdev driver=raw,node-name=pflash0,file.driver=file,file.filename=/a,read-only=on"
            " -blockdev driver=raw,node-name=drive-efidisk0,file.driver=file,file.filename=/b"
            " -global kvm-pit.lost_tick_policy=discard -rtc driftfix=slew,base=localtime"
            " -global ICH9-LPC.disable_s3=1 -global ICH9-LPC.disable_s4=1"
            " -cpu Haswell,enforce,hv_ipi,hv_relaxed,hv_reset,hv_runtime,hv_spinlocks=0x1fff,"
            "hv_stimer,hv_synic,hv_time,hv_vapic,hv_vpindex,+kvm_pv_eoi,+kvm_pv_unhalt,+pcid,vendor=GenuineIntel"
            " -readconfig /usr/share/qemu-server/pve-q35-4.0.cfg"
            " -device ich9-intel-hda,id=audiodev0,bus=pci.2,addr=0xc"
            " -device hda-micro,id=audiodev0-codec0,bus=audiodev0.0,cad=0,audiodev=none-backend0"
            " -device hda-duplex,id=audiodev0-codec1,bus=audiodev0.0,cad=1,audiodev=none-backend0"
            " -audiodev none,id=none-backend0 -chardev socket,id=tpmchar,path=/run/t"
            " -tpmdev emulator,id=tpmdev,chardev=tpmchar -device tpm-tis,tpmdev=tpmdev"
            " -device virtio-vga,id=vga,max_hostmem=67108864,bus=pcie.0,addr=0x1"
            " -chardev spicevmc,id=vdagent,name=vdagent"
            " -device virtio-serial,id=spice,bus=pci.0,addr=0x9"
            " -device virtserialport,chardev=vdagent,name=com.redhat.spice.0"
            " -device virtio-balloon-pci,id=balloon0,bus=pci.0,addr=0x3,free-page-reporting=on"
            " -device ahci,id=ahci0,multifunction=on,bus=pci.0,addr=0x7"
            " -blockdev driver=raw,node-name=drive-sata0,file.driver=file,file.filename=/c"
            " -device ide-hd,bus=ahci0.0,drive=drive-sata0,id=sata0,write-cache=off"
            " -netdev type=tap,id=net6,ifname=tap101i6"
            " -device e1000e,mac=BC:24:11:00:00:02,netdev=net6,bus=pci.1,addr=0x1,id=net6,"
            "bootindex=300"
            " -device virtio-iommu-pci"
            " -machine hpet=off,pflash0=pflash0,pflash1=drive-efidisk0,type=pc-q35-10.1+pve0"
        ),
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_a_configuration_is_the_machine_that_qm_starts(name: str) -> None:
    """Nothing of it is unread, and nothing of the two is otherwise."""
    configuration, line = PAIRS[name]
    read = _read(configuration)
    started = pa.from_qm(CATALOGUE, line, arch="x86_64", read_file=_Configurations(CATALOGUE).read)
    assert () == read.unread == started.unread
    assert dict(started.vm.hardware or ()) == dict(read.vm.hardware or ())
    assert started.vm.cpu == read.vm.cpu
    assert sorted(started.vm.machine_options) == sorted(read.vm.machine_options)
    assert sorted(map(repr, started.vm.globals)) == sorted(map(repr, read.vm.globals))


def test_a_configuration_says_what_it_says_and_no_more() -> None:
    """What only a host knows, and what is not understood, is unread, by its line."""
    read = _read(CONFIGURATION)
    assert ("pc-q35-9.0", "kvm") == (read.vm.machine, read.vm.accelerator)
    facts = dict(read.vm.hardware or ())
    assert ("4", "2", "2") == tuple(facts[f"smp.{key}"] for key in ("cpus", "sockets", "cores"))
    assert str(2 << 30) == facts["memory.size"]
    (nic,) = (device for device in read.vm.devices if device.id == "net0")
    assert ("net0", "tap+vhost") == (nic.id, nic.backend)
    assert {"mac": "BC:24:11:00:00:01", "mq": "on", "vectors": "6"}.items() <= dict(
        nic.properties
    ).items()
    assert ["host_uso"] == [each.property for each in read.vm.globals]
    left = {f"qm/{key}" for key in ("net0/mtu", "net1", "usb0")}
    assert left == {each.what for each in read.unread} == set(unread_of(read.vm))
    assert all(identified(CATALOGUE, what) for what in left)
    assert "line 13" == next(each.place for each in read.unread if each.what == "qm/usb0")
    assert "hush" not in repr(read)


@pytest.mark.parametrize(
    ("said", "smp"),
    [
        ("cores: 4", "4 4 1 4"),
        ("sockets: 2", "2 2 2 1"),
        ("sockets: 3\ncores: 2", "6 6 3 2"),
        ("cores: 2\nvcpus: 3\nsockets: 3", "3 6 3 2"),
        ("cores: 4\n\n# a remark: 1\ncores: 2", "2 2 1 2"),
        ("memory: 512", "1 1 1 1"),
    ],
)
def test_a_machine_has_as_many_vcpus_as_pve_gives_it(said: str, smp: str) -> None:
    """Cores times sockets, each one where it is not said, and fewer of them at the start."""
    read = _read(f"machine: pc-q35-9.0\n{said}")
    facts = dict(read.vm.hardware or ())
    keys = ("cpus", "maxcpus", "sockets", "cores")
    assert smp == " ".join(facts[f"smp.{key}"] for key in keys)
    assert () == read.unread


@pytest.mark.parametrize(
    ("said", "unread"),
    [
        ("cores: 2\nsockets: two", {"cores", "sockets"}),
        ("memory: 2G", {"memory"}),
        ("smbios1: nobody=mine", {"smbios1"}),
        ("hostpci0: 01:00.0", {"hostpci0"}),
        ("scsi0: local:a,nobody=1", {"scsi0"}),
        ("net32: e1000=BC:24:11:00:00:01,bridge=b", {"net32"}),
        ("scsi0: /dev/sdg,size=32G", {"scsi0"}),
        ("cpu: custom-mine", {"cpu"}),
        ("cpu: host", {"cpu"}),
        ("vga: std,clipboard=vnc", {"vga"}),
        ("template: 1", {"template"}),
        ("hotplug: disk,memory", {"hotplug"}),
        ("amd-sev: type=es", {"amd-sev"}),
        ("net: virtio=BC:24:11:00:00:01", {"net"}),
        ("netx: virtio=BC:24:11:00:00:01", {"netx"}),
        ("net0: virtio=BC:24:11:00:00:01,queues=many", {"net0"}),
        ("net0: virtio=BC:24:11:00:00:01,bridge=b", {"net0/mtu"}),
        ("net0: virtio=BC:24:11:00:00:01,bridge=b,mtu=1400", set()),
        ("net0: virtio=BC:24:11:00:00:01", set()),
        ("net0: e1000=BC:24:11:00:00:01,bridge=vmbr0,firewall=1,tag=7", set()),
        ("name: cores\nunused12: local:vm-1\nipconfig0: ip=dhcp", set()),
    ],
)
def test_what_is_not_understood_is_unread(said: str, unread: set[str]) -> None:
    """And what no guest can tell is nothing."""
    read = _read(f"machine: pc-q35-9.0\n{said}\n")
    named = {f"qm/{key}" for key in unread}
    assert named == {each.what for each in read.unread}
    lines = {each.place for each in read.unread if each.what in named}
    assert lines == {f"line {number}" for number in range(2, 2 + len(unread))}


_DISKS = "scsi0: local:a,size=8G\nscsi1: local:b,size=8G\nide2: none,media=cdrom"
_NET = "net0: virtio=BC:24:11:00:00:01,bridge=vmbr0"


def _shown(more: str, *, release: str = "9.0", ostype: str = "l26") -> dict[str, str]:
    """Return what the devices and the board are told of a small guest, by ``device.property``."""
    vm = _read(f"machine: pc-i440fx-{release}\nmemory: 512\nostype: {ostype}\n{more}\n").vm
    found = {f"{d.id or d.driver}.{name}": v for d in vm.devices for name, v in d.properties}
    found |= {d.id or d.driver: d.driver for d in vm.devices}
    found |= {f"{g.driver}.{g.property}": g.value for g in vm.globals}
    cpu = "" if vm.cpu is None else vm.cpu.model
    return found | dict(vm.hardware or ()) | {"accelerator": vm.accelerator, "cpu": cpu}


@pytest.mark.parametrize(
    ("more", "how", "expected"),
    [
        # SPICE's displays: one device with several outputs, and of a Windows one device for each.
        ("vga: qxl", {}, {"vga.max_outputs": "4", "qxl-vga.ram_size": None, "vga1": None}),
        ("vga: qxl2", {}, {"qxl-vga.ram_size": str(128 << 20), "qxl-vga.vram_size": str(64 << 20)}),
        ("vga: qxl3,memory=32", {}, {"qxl-vga.ram_size": str(384 << 20), "vga.vgamem_mb": "32"}),
        (
            "vga: qxl2",
            {"ostype": "win11"},
            {
                "vga.max_outputs": None,
                "qxl-vga.ram_size": None,
                "vga2": None,
                "vga1": "qxl",
                "vga1.ram_size": str(64 << 20),
                "vga1.vram_size": str(32 << 20),
            },
        ),
        ("vga: qxl3,memory=32", {"ostype": "win11"}, {"vga2": "qxl", "vga2.ram_size_mb": "128"}),
        ("vga: none", {}, {"vga.0": "none", "machine.graphics": "off", "tablet": "usb-tablet"}),
        (
            "vga: serial0\nserial0: socket",
            {},
            {"vga.0": None, "machine.graphics": "off", "machine.smm": "off", "tablet": None},
        ),
        ("", {}, {"vga": "VGA", "vga.edid": None, "machine.graphics": None, "machine.smm": None}),
        ("", {"ostype": "win11"}, {"vga.edid": "off", "rtc.0": "base=localtime,driftfix=slew"}),
        ("bios: ovmf", {"ostype": "win11"}, {"vga.edid": None}),
        ("acpi: 0", {"ostype": "win11"}, {"machine.acpi": "off", "rtc.0": "base=localtime"}),
        # Which disk, disc and card is booted from, as it was said before there was an order.
        (
            f"boot: cdn\nbootdisk: scsi1\n{_DISKS}\n{_NET}\nnet1: e1000=BC:24:11:00:00:02",
            {},
            {
                "scsi0.bootindex": None,
                "scsi1.bootindex": "101",
                "ide2.bootindex": "200",
                "net0.bootindex": "300",
                "net1.bootindex": "301",
            },
        ),
        (
            "boot: d\nide0: local:cloudinit,media=cdrom\nide2: none,media=cdrom\n" + _NET,
            {},
            {"ide0.bootindex": None, "ide2.bootindex": "100", "net0.bootindex": None},
        ),
        (
            f"boot: order=net0;scsi0\nscsi0: local:a,size=8G\n{_NET}",
            {},
            {"net0.bootindex": "100", "scsi0.bootindex": "101"},
        ),
        # What came with a release of QEMU, or of Proxmox VE's board.
        ("rng0: source=/dev/urandom", {"release": "4.1"}, {"virtio-rng-pci": None}),
        (
            "rng0: source=/dev/urandom",
            {},
            {"virtio-rng-pci.max-bytes": "1024", "virtio-rng-pci.period": "1000"},
        ),
        (
            "rng0: source=/dev/hwrng,max_bytes=0",
            {},
            {"virtio-rng-pci": "virtio-rng-pci", "virtio-rng-pci.period": None},
        ),
        (f"{_NET},mtu=1500", {}, {"net0.host_mtu": None}),
        (f"{_NET},mtu=1400", {}, {"net0.host_mtu": "1400", "net0.mq": None}),
        (f"{_NET},mtu=1500", {"release": "10.1+pve0"}, {"net0.host_mtu": "1500"}),
        (f"{_NET},mtu=1500,host-tunnel=0", {}, {"net0.host_tunnel": None}),
        (f"{_NET},mtu=1500,host-tunnel=0", {"release": "10.2"}, {"net0.host_tunnel": "off"}),
        (f"{_NET},mtu=1500", {"release": "10.2"}, {"net0.host_tunnel": None}),
        (f"{_NET},mtu=1500", {"release": "11.1"}, {"net0.host_tunnel": "off"}),
        (f"{_NET},mtu=1500,host-tunnel=1", {"release": "11.1"}, {"net0.host_tunnel": None}),
        (f"{_NET},queues=4", {}, {"net0.vectors": "10", "net0.mq": "on", "net0.packed": "on"}),
        # A node for each socket.
        (
            "sockets: 2\ncores: 2\nnuma: 1",
            {},
            {
                "numa.node0.cpus": "0-1",
                "numa.node1.cpus": "2-3",
                "object.ram-node1": "memory-backend-ram,share=off,size=268435456",
            },
        ),
        ("sockets: 2\ncores: 1\nnuma: 1", {}, {"numa.node0.cpus": "0", "numa.node1.cpus": "1"}),
        (
            "sockets: 3\ncores: 1\nnuma: 1",
            {},
            {"numa.node0.cpus": None, "unread.qm/numa": "unknown"},
        ),
        ("kvm: 0", {}, {"accelerator": "tcg", "cpu": "qemu64"}),
        ("", {}, {"accelerator": "kvm", "cpu": "kvm64"}),
    ],
)
def test_a_configuration_becomes_what_qemu_server_makes_of_it(
    more: str, how: dict[str, str], expected: dict[str, str | None]
) -> None:
    """Line for line; what is not there is None. Sources: PVE/QemuServer.pm and its modules."""
    shown = _shown(more, **how)
    assert {name: shown.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("more", "unread"),
    [
        ("vga: std,clipboard=vnc", "qm/vga"),
        (f"{_NET},mtu=many", "qm/net0/mtu"),
        (f"{_NET},mtu=1", "qm/net0/mtu"),
        ("cpu: custom-mine", "qm/cpu"),
    ],
)
def test_what_only_that_host_knows_is_named(more: str, unread: str) -> None:
    """An MTU that is none or is the bridge's, a CPU that is in another file."""
    read = _read(f"machine: pc-i440fx-9.0\nmemory: 512\nostype: l26\n{more}\n")
    assert unread in {each.what for each in read.unread}


def test_an_iommu_of_intels_splits_the_interrupt_controller() -> None:
    """Which virtio's does not; a setting of the board that nobody knows is unread."""
    for kind, split in (("intel", "split"), ("virtio", None)):
        read = _read(f"machine: pc-q35-9.0+pve0,viommu={kind}\nmemory: 512\nostype: l26\n")
        assert dict(read.vm.hardware or ()).get("accel.kernel-irqchip") == split
        assert () == read.unread
    odd = _read("machine: pc-q35-9.0+pve0,odd=1\nmemory: 512\nostype: l26\n")
    assert ["qm/machine"] == [each.what for each in odd.unread]


def test_a_nic_is_what_its_model_is() -> None:
    """One of virtio has vhost behind it, and its queues; another has neither."""
    said = (
        "net0: e1000=AA,bridge=b\nnet12: virtio=BB,queues=4,bridge=b,mtu=1500\nnet1: rtl8139=CC\n"
    )
    read = _read(f"machine: pc-q35-6.2\n{said}")
    made = {d.id: (d.driver, d.backend) for d in read.vm.devices if d.backend}
    assert made == {
        "net0": ("e1000", "tap"),
        "net1": ("rtl8139", "user"),
        "net12": ("virtio-net-pci", "tap+vhost"),
    }
    (many,) = (dict(d.properties) for d in read.vm.devices if d.id == "net12")
    assert ("on", "10") == (many["mq"], many["vectors"])
    assert not many.keys() & {"packed", "rx_queue_size", "host_mtu"}
    facts = dict(read.vm.hardware or ())
    assert "queues 4" in facts["behind.net12"]
    assert () == read.unread


def test_what_the_host_knows_is_asked_where_the_configuration_is_that_hosts() -> None:
    """The MTU of a bridge counts for a NIC where the file is this host's own, and nowhere else."""
    text = "machine: pc-q35-10.0+pve1\nnet0: virtio=AA,bridge=vmbr7\n"
    for name, unread in (("/etc/pve/qemu-server/100.conf", ()), ("100.conf", ("qm/net0/mtu",))):
        asked: list[str] = []

        def tell(path: str, asked: list[str] = asked) -> str:
            asked.append(path)
            return "9000\n"

        read = pa.from_qm(CATALOGUE, text, name=name, arch="x86_64", read_file=tell)
        assert unread == tuple(each.what for each in read.unread)
        (nic,) = (dict(d.properties) for d in read.vm.devices if d.id == "net0")
        assert nic.get("host_mtu") == (None if unread else "9000")
        assert asked == ([] if unread else ["/sys/class/net/vmbr7/mtu"])


@pytest.mark.parametrize(
    ("said", "machine"),
    [
        ("machine: q35\nostype: win10\nmeta: creation-qemu=9.2.0,ctime=1", "pc-q35-9.2"),
        ("ostype: win8\nmeta: creation-qemu=9.1.0", "pc-i440fx-9.1"),
        ("machine: pc-i440fx-8.1+pve0.pxe", "pc-i440fx-8.1"),
    ],
)
def test_a_windows_keeps_the_machine_type_that_it_was_made_on(said: str, machine: str) -> None:
    """One that is pinned is that one."""
    assert machine == _read(f"{said}\ncpu: kvm64\n").vm.machine


def test_what_follows_from_the_qemu_that_runs_it_is_unread_where_nobody_names_that() -> None:
    """Flags of Windows 11 are of the release of the QEMU, not of the machine type."""
    text = "machine: pc-q35-9.2\nostype: win11\n"
    assert ["qm/cpu"] == [each.what for each in _read(text).unread]
    for build, flags in (("qemu-10.0.2", {}), ("qemu-11.1.3", {"cet-ibt": "off", "cet-ss": "off"})):
        read = pa.from_qm(CATALOGUE, text, arch="x86_64", build=build)
        assert () == read.unread
        assert flags == {k: v for k, v in read.vm.cpu_properties if k.startswith("cet")}


def test_a_board_without_a_release_is_the_newest_of_its_qemu() -> None:
    """Which only that QEMU says: with its build, or with what it calls the board."""
    text = "cores: 2\nostype: l26\n"
    read = pa.from_qm(CATALOGUE, text, arch="x86_64", build="qemu-10.0.2")
    assert ("pc-i440fx-10.0", ()) == (read.vm.machine, read.unread)
    named = pa.from_qm(CATALOGUE, text, arch="x86_64", aliases={"pc": "pc-i440fx-10.0"})
    assert dict(named.vm.hardware or ()) == dict(read.vm.hardware or ())


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("cores: 2\nnonsense\n", "qm-invalid", "100.conf:2: expected KEY: VALUE"),
        ("cores: 2\n", "machine-alias", "'pc' is an alias"),
        ("machine: q35\n", "machine-alias", "'q35' is an alias"),
        ("args: -global 'a\nmachine: pc-q35-9.0\n", "command-line-syntax", "a shell could not"),
        ("hello", "source-unknown", "100.conf"),
    ],
)
def test_what_cannot_be_read_is_said(text: str, code: str, said: str) -> None:
    """By the code of what is wrong with it."""
    with pytest.raises(pa.UsageError) as caught:
        _read(text)
    assert code == caught.value.code
    assert said in caught.value.message


_WORDS = """machine cpu vga net0 net31 scsi0 scsi40 sata9 ide3 virtio15 numa boot ostype meta memory
sockets cores audio0 rng0 scsihw agent watchdog smbios1 bios net99 serial0 args"""
_TEXTS = """1 0 , = none qxl4 virtio=AA,bridge=b,queues=2 win11 l26 q35 pc-q35-9.2+pve1 pc-i440fx-
type=1 local:a,media=cdrom virtio-scsi-single order=scsi0 host custom-x creation-qemu=9.. {at}"""
_KEYS = st.sampled_from(_WORDS.split()) | st.just(f"net{'9' * 5000}")
_DIGITS = st.sampled_from(
    [
        "9" * 5000,
        f"pc-q35-9.2+pve{'9' * 5000}",
        f"pc-q35-{'9' * 5000}.1",
        "\N{ARABIC-INDIC DIGIT THREE}",
    ]
)
_VALUES = st.sampled_from(_TEXTS.split()) | _DIGITS | st.text(max_size=12)


@given(keys=st.lists(st.tuples(_KEYS, _VALUES), max_size=8))
@settings(max_examples=60)
def test_whatever_stands_in_a_configuration_is_read_or_refused(keys: list[tuple[str, str]]) -> None:
    """By an error of ours, in a moment; what is not understood is unread and can be asked about."""
    text = "".join(f"{key}: {' '.join(value.split())}\n" for key, value in keys)
    try:
        read = _read(f"cores: 1\nmachine: pc-q35-10.0\n{text}")
    except pa.PlatformAbiError:
        return
    assert all(identified(CATALOGUE, each.what) for each in read.unread if len(each.what) < 100)
