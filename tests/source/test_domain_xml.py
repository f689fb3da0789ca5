"""A virtual machine from libvirt's domain XML: the one that its command line describes."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.model.xml_tree import Element, read_xml
from platform_abi.resolver.identified import identified
from platform_abi.source.reading import unread_of
from tests.conftest import DEFINITIONS

CATALOGUE = pa.FileCatalogue([DEFINITIONS])
UUID = "8a5a7b4e-2a2d-4a07-9a4c-6a4f3c1d0b11"

#: A domain as libvirt has it when it is defined, and what it starts QEMU with.
DOMAIN = f"""<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>small</name>
  <uuid>{UUID}</uuid>
  <memory unit='MiB'>2048</memory>
  <currentMemory unit='MiB'>1024</currentMemory>
  <vcpu placement='static'>4</vcpu>
  <os>
    <type arch='x86_64' machine='pc-q35-9.1'>hvm</type>
    <boot dev='hd'/>
  </os>
  <features><acpi/><apic/><hyperv mode='custom'><relaxed state='on'/>
    <spinlocks state='on' retries='8191'/></hyperv><smm state='on'/></features>
  <cpu mode='custom' match='exact' check='full'>
    <model fallback='forbid'>EPYC-Rome-v4</model>
    <topology sockets='1' dies='1' cores='2' threads='2'/>
    <feature policy='disable' name='svm'/><feature policy='require' name='xsaves'/>
  </cpu>
  <clock offset='utc'><timer name='hpet' present='no'/><timer name='rtc' tickpolicy='catchup'/>
    <timer name='hypervclock' present='yes'/></clock>
  <on_crash>destroy</on_crash>
  <pm><suspend-to-mem enabled='no'/><suspend-to-disk enabled='no'/></pm>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2' cache='none' queues='4'/>
      <source file='/images/small.qcow2'/><target dev='vda' bus='virtio'/>
      <address type='pci' domain='0x0000' bus='0x02' slot='0x00' function='0x0'/>
    </disk>
    <disk type='file' device='cdrom'>
      <driver name='qemu'/><source file='/images/small.iso'/>
      <target dev='sda' bus='sata'/><readonly/>
      <address type='drive' controller='0' bus='0' target='0' unit='0'/>
    </disk>
    <controller type='pci' index='0' model='pcie-root'/>
    <controller type='sata' index='0'>
      <address type='pci' domain='0x0000' bus='0x00' slot='0x1f' function='0x2'/>
    </controller>
    <controller type='pci' index='1' model='pcie-root-port'><model name='pcie-root-port'/>
      <target chassis='1' port='0x10'/>
      <address type='pci' bus='0x00' slot='0x02' function='0x0' multifunction='on'/></controller>
    <controller type='pci' index='2' model='pcie-root-port'><model name='pcie-root-port'/>
      <target chassis='2' port='0x11'/>
      <address type='pci' bus='0x00' slot='0x02' function='0x1'/></controller>
    <controller type='usb' index='0' model='qemu-xhci' ports='15'>
      <address type='pci' bus='0x00' slot='0x03' function='0x0'/></controller>
    <interface type='user'>
      <mac address='52:54:00:12:34:56'/><model type='virtio'/>
      <driver queues='2' packed='on'><host csum='off'/></driver>
      <address type='pci' domain='0x0000' bus='0x01' slot='0x00' function='0x0'/>
    </interface>
    <serial type='pty'><target type='isa-serial' port='0'><model name='isa-serial'/></target>
    </serial>
    <console type='pty'><target type='serial' port='0'/></console>
    <input type='tablet' bus='usb'><address type='usb' bus='0' port='1'/></input>
    <input type='mouse' bus='ps2'/>
    <graphics type='vnc' port='-1' autoport='yes' passwd='hush'/>
    <audio id='1' type='none'/>
    <video><model type='virtio' heads='1' primary='yes'/>
      <address type='pci' bus='0x00' slot='0x01' function='0x0'/></video>
    <abacus model='virtio' type='qemu'/>
    <memballoon model='none'/>
  </devices>
</domain>
"""

_LINE = f"""qemu-system-x86_64 -machine pc-q35-9.1,usb=off,smm=on,hpet=off,acpi=on
-machine memory-backend=pc.ram -accel kvm
-cpu EPYC-Rome-v4,svm=off,xsaves=on,hv-time=on,hv-relaxed=on,hv-spinlocks=0x1fff
-m size=2097152k -object memory-backend-ram,id=pc.ram,size=2147483648 -uuid {UUID}
-smp 4,sockets=1,dies=1,cores=2,threads=2 -nodefaults -rtc base=utc,driftfix=slew -no-shutdown
-global ICH9-LPC.disable_s3=1 -global ICH9-LPC.disable_s4=1 -boot strict=on
-device pcie-root-port,port=16,chassis=1,id=pci.1,bus=pcie.0,multifunction=on,addr=0x2
-device pcie-root-port,port=17,chassis=2,id=pci.2,bus=pcie.0,addr=0x2.0x1
-device qemu-xhci,p2=15,p3=15,id=usb,bus=pcie.0,addr=0x3
-blockdev driver=qcow2,node-name=d0,read-only=off -blockdev driver=raw,node-name=d1,read-only=on
-device virtio-blk-pci,num-queues=4,bus=pci.2,addr=0x0,drive=d0,bootindex=1,write-cache=on
-device ide-cd,bus=ide.0,drive=d1,id=sata0-0-0 -netdev user,id=hostnet0,queues=2
-device virtio-net-pci,csum=off,packed=on,mq=on,vectors=6,netdev=hostnet0,id=net0,bus=pci.1
-set device.net0.addr=0x0
-set device.net0.mac=52:54:00:12:34:56
-chardev pty,id=charserial0 -device isa-serial,chardev=charserial0,id=serial0,index=0
-device usb-tablet,id=input0,bus=usb.0,port=1
-device virtio-vga,id=video0,max_outputs=1,bus=pcie.0,addr=0x1"""

#: The same without what no rule is about.
_KNOWN = DOMAIN.replace("<abacus model='virtio' type='qemu'/>", "")


def _read(text: str | bytes) -> pa.VmReading:
    return pa.from_domain_xml(CATALOGUE, text, name="vm.xml")


def _digest(read: pa.VmReading) -> str:
    return pa.abi_digest(pa.resolve(CATALOGUE, read.vm, "linux-6.9"))


def test_it_is_the_machine_of_its_command_line() -> None:
    """One digest, from devices to the last flag; nothing is left unread."""
    read = _read(_KNOWN)
    assert () == read.unread
    line = pa.from_command_line(CATALOGUE, _LINE)
    assert _digest(line) == _digest(read)


@pytest.mark.parametrize(
    "more",
    [
        "<title>a</title>",
        "<description>a</description>",
        "<metadata><x:y xmlns:x='http://x/'>a</x:y></metadata>",
        "<seclabel type='dynamic' model='dac'/>",
        "<cputune><shares>2</shares></cputune>",
        "<!-- a comment -->",
    ],
)
def test_what_only_the_host_can_tell_is_nothing(more: str) -> None:
    """It is the same machine, however much is said of the host's own affairs."""
    assert _read(_KNOWN) == _read(_KNOWN.replace("<on_crash>", f"{more}<on_crash>"))


#: Elements of which all that is inside counts, and those of them that a board has by itself.
_COUNTS = {
    "domain", "os", "features", "hyperv", "cpu", "topology", "clock", "pm", "devices", "disk",
    "interface", "host", "serial", "video", "controller", "model", "address",
}  # fmt: skip


def _ends(element: Element) -> Iterator[int]:
    """Yield where elements end inside of those that count, as offsets of the text."""
    inside = element.name == "controller" and element.first("model") is None
    for child in element.children if element.name in _COUNTS and not inside else ():
        yield child.end
        yield from _ends(child)


_KNOWN_DIGEST = _digest(_read(_KNOWN))
_PLACES = [*_ends(read_xml(_KNOWN, "vm.xml"))]


@given(at=st.sampled_from(_PLACES), name=st.sampled_from(["nobody", "abacus", "x-new"]))
def test_an_element_that_nobody_knows_is_never_dropped(at: int, name: str) -> None:
    """Wherever it stands, it is unread by its path and line, and the machine is another one."""
    text = f"{_KNOWN[:at]}<{name} model='a'>secret-7</{name}>{_KNOWN[at:]}"
    read = _read(text)
    found = [each for each in read.unread if each.what.endswith(name)]
    assert len(found) == 1
    assert f"line {1 + text[:at].count(chr(10))}" == found[0].place
    assert {each.what for each in read.unread} == set(unread_of(read.vm))
    assert all(identified(CATALOGUE, what) for what in unread_of(read.vm))
    assert _digest(read) != _KNOWN_DIGEST
    assert "secret-7" not in repr(read)


def test_an_attribute_and_a_value_that_nobody_knows_are_unread() -> None:
    """By their path, and without the value, which might be anybody's secret."""
    text = DOMAIN.replace("heads='1'", "heads='1' shade='hush-hush'").replace(
        "cache='none'", "cache='hush-hush'"
    )
    read = _read(text)
    assert {"devices/video/model/@shade", "devices/abacus"} <= {u.what for u in read.unread}
    assert "hush" not in repr(read)


_AT = "<address type='pci' bus='0x00' slot='0x05' function='0x0'/>"

#: What a domain may have besides, below <devices>, and what QEMU is told of that.
_MORE = {
    "console": ("<console type='pty'><target type='virtio'/></console>", "-device virtconsole"),
    "hub": (
        "<hub type='usb'><address type='usb' bus='0' port='2'/></hub>",
        "-device usb-hub,bus=usb.0,port=2",
    ),
    "scsi of the host": (
        (
            f"<controller type='scsi' index='0' model='virtio-scsi'>{_AT}</controller>"
            "<hostdev mode='subsystem' type='scsi'><source><adapter name='scsi_host0'/></source>"
            "<readonly/><address type='drive' bus='0' target='3' unit='1'/></hostdev>"
        ),
        (
            "-device virtio-scsi-pci,id=scsi0,bus=pcie.0,addr=5 -blockdev driver=raw,node-name=h,"
            "read-only=on -device scsi-generic,bus=scsi0.0,channel=0,scsi-id=3,lun=1,drive=h"
        ),
    ),
    "vhost-scsi": (
        (
            "<hostdev mode='subsystem' type='scsi_host'><source protocol='vhost' wwpn='naa.5'/>"
            f"{_AT}</hostdev>"
        ),
        "-device vhost-scsi-pci,wwpn=naa.5,bus=pcie.0,addr=5",
    ),
    "mdev": (
        (
            "<hostdev mode='subsystem' type='mdev' model='vfio-pci' display='off'>"
            f"<driver iommufd='yes'/><source><address uuid='b1dc'/></source>{_AT}</hostdev>"
        ),
        "-device vfio-pci,display=off,bus=pcie.0,addr=5",
    ),
    "shmem": (
        (
            "<shmem name='a' role='peer'><model type='ivshmem-plain'/><size unit='M'>8</size>"
            f"{_AT}</shmem>"
        ),
        (
            "-object memory-backend-file,id=shmmem-shmem0,mem-path=/dev/shm/a,size=8M,share=on "
            "-device ivshmem-plain,id=shmem0,master=off,memdev=shmmem-shmem0,bus=pcie.0,addr=5"
        ),
    ),
    "crypto": (
        f"<crypto model='virtio' type='qemu'><backend model='builtin' queues='2'/>{_AT}</crypto>",
        (
            "-object cryptodev-backend-builtin,id=c,queues=2 "
            "-device virtio-crypto-pci,cryptodev=c,bus=pcie.0,addr=5"
        ),
    ),
    "sound": (
        f"<sound model='virtio' streams='4'>{_AT}</sound>",
        "-device virtio-sound-pci,streams=4,bus=pcie.0,addr=5",
    ),
    "vsock": (
        f"<vsock model='virtio'><cid auto='yes' address='7'/>{_AT}</vsock>",
        "-device vhost-vsock-pci,guest-cid=7,bus=pcie.0,addr=5",
    ),
    "port of spice's": (
        (
            f"<controller type='virtio-serial' index='0'>{_AT}</controller>"
            "<channel type='spicevmc'><target type='virtio'/>"
            "<address type='virtio-serial' controller='0' bus='0' port='1'/></channel>"
        ),
        (
            "-device virtio-serial-pci,id=virtio-serial0,bus=pcie.0,addr=5 "
            "-device virtserialport,name=com.redhat.spice.0,bus=virtio-serial0.0,nr=1"
        ),
    ),
    "companion": (
        (
            "<controller type='usb' index='1' model='ich9-ehci1'><address type='pci' slot='5' "
            "function='7'/></controller><controller type='usb' index='1' model='ich9-uhci1'>"
            f"<master startport='0'/>{_AT}</controller>"
        ),
        (
            "-device ich9-usb-ehci1,id=usb1,bus=pcie.0,addr=5.7 "
            "-device ich9-usb-uhci1,masterbus=usb1.0,firstport=0,bus=pcie.0,addr=5.0"
        ),
    ),
    "shared disk": (
        (
            "<disk type='file' device='disk'><source file='/a'/><target dev='sdb' bus='sata'/>"
            "<shareable/><product>A</product>"
            "<address type='drive' controller='0' bus='0' target='0' unit='1'/></disk>"
        ),
        (
            "-blockdev driver=raw,node-name=d2,read-only=off -device ide-hd,model=A,bus=ide.1,"
            "drive=d2,share-rw=on,write-cache=on"
        ),
    ),
    "tpm": (
        "<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>",
        "-tpmdev emulator,id=t,chardev=c -device tpm-crb,tpmdev=t",
    ),
    "panic": (
        f"<panic model='pvpanic'>{_AT}</panic>",
        "-device pvpanic-pci,bus=pcie.0,addr=5",
    ),
}

#: The same outside of <devices>, by what it stands in the place of.
_ELSEWHERE = {
    "hole": (
        "<controller type='pci' index='0' model='pcie-root'/>",
        (
            "<controller type='pci' index='0' model='pcie-root'><alias name='ua-a'/>"
            "<pcihole64 unit='MiB'>1</pcihole64></controller>"
        ),
        "-global q35-pcihost.pci-hole64-size=1024K",
    ),
    "genid": (
        "<os>",
        "<genid>e9392370-2917-565e-692b-d057f46512d6</genid><os>",
        "-device vmgenid,guid=e9392370-2917-565e-692b-d057f46512d6",
    ),
    "memfd of huge pages": (
        "<os>",
        (
            "<memoryBacking><hugepages><page size='2' unit='MiB'/></hugepages>"
            "<source type='memfd'/></memoryBacking><os>"
        ),
        (
            "-object memory-backend-memfd,id=pc.ram,size=2147483648,hugetlb=on,hugetlbsize=2M"
            ",x-use-canonical-path-for-ramblock-id=off"
        ),
    ),
    "file": (
        "<os>",
        "<memoryBacking><access mode='shared'/></memoryBacking><os>",
        (
            "-object memory-backend-file,id=pc.ram,size=2147483648,share=on,mem-path=/m,"
            "x-use-canonical-path-for-ramblock-id=off"
        ),
    ),
    "firmware's own files": (
        "<cpu ",
        "<sysinfo type='fwcfg'><entry name='opt/a'>b</entry></sysinfo><cpu ",
        "-fw_cfg name=opt/a,string=b",
    ),
}


@pytest.mark.parametrize("name", [*_MORE, *_ELSEWHERE])
def test_what_a_domain_has_besides_is_what_qemu_is_told(name: str) -> None:
    """One digest with the command line that has that too, and nothing unread."""
    if name in _MORE:
        more, words = _MORE[name]
        text = _KNOWN.replace("<memballoon", f"{more}<memballoon")
    else:
        instead, more, words = _ELSEWHERE[name]
        text = _KNOWN.replace(instead, more)
    line = _LINE
    if "id=pc.ram" in words:
        line = line.replace("-object memory-backend-ram,id=pc.ram,size=2147483648", "")
    read = _read(text)
    assert () == read.unread
    told = pa.from_command_line(CATALOGUE, f"{line} {words}")
    assert _digest(told) == _digest(read), (told.vm.hardware, read.vm.hardware)


def test_huge_pages_are_as_large_as_they_are_said_to_be() -> None:
    """Of a node as of all: a stream of pages of one size is not read into those of another."""
    pages = (
        "<memoryBacking><hugepages><page size='1' unit='GiB' nodeset='1-2,^1'/>"
        "<page size='2' unit='MiB'/></hugepages></memoryBacking><os>"
    )
    nodes = (
        "<numa><cell id='1' cpus='0' memory='1' unit='GiB'/>"
        "<cell id='2' cpus='1-3' memory='1' unit='GiB'/></numa></cpu>"
    )
    read = _read(_KNOWN.replace("<os>", pages).replace("</cpu>", nodes))
    facts = dict(read.vm.hardware or ())
    sizes = {node: str(2 << 20 if node == "1" else 1 << 30) for node in ("1", "2")}
    for node, size in sizes.items():
        assert f"page-size={size}" in facts[f"object.ram-node{node}"]


@pytest.mark.parametrize(
    ("instead", "more", "what"),
    [
        ("<os>", "<os firmware='efi'>", "os/@firmware"),
        ("match='exact'", "match='minimum'", "cpu/@match"),
        ("offset='utc'", "offset='variable' adjustment='9'", "clock/@offset"),
        ("<source file='/images/small.qcow2'/>", "<source file='/a' startupPolicy='optional'/>",
         "devices/disk/source/@startupPolicy"),
        ("<os>", ("<vcpus><vcpu id='0' enabled='yes' hotpluggable='no'/><vcpu id='1' enabled='yes' "
         "hotpluggable='yes'/></vcpus><os>"), "vcpus/vcpu/@enabled"),
        ("<memballoon", "<hub type='usb'/><memballoon", "devices/hub hub0"),
        ("<memballoon", f"<vsock model='virtio'><cid auto='yes'/>{_AT}</vsock><memballoon",
         "devices/vsock/cid/@auto"),
        ("</devices>", f"<interface type='user'>{_AT}</interface></devices>", "devices/interface"),
        ("<memballoon", f"<shmem name='a'><model type='ivshmem-plain'/>{_AT}</shmem><memballoon",
         "devices/shmem"),
        ("index='0' model='pcie-root'/>", "index='0' model='pcie-root'><new/></controller>",
         "devices/controller/new"),
    ],
)  # fmt: skip
def test_what_only_libvirt_can_tell_when_it_starts_a_domain_is_unread(
    instead: str, more: str, what: str
) -> None:
    """Firmware, what a CPU has besides, the time, whether a disk is there, a place, a number."""
    assert [what] == [each.what for each in _read(_KNOWN.replace(instead, more)).unread]


def test_a_domain_without_a_nic_has_none() -> None:
    """It is read like any other, and resolves."""
    text = re.sub(r"<interface.*</interface>", "", _KNOWN, flags=re.DOTALL)
    read = _read(text)
    assert () == read.unread
    assert all(device.backend == "" for device in read.vm.devices)
    assert pa.resolve(CATALOGUE, read.vm, "linux-6.9").vm == read.vm


@pytest.mark.parametrize(
    ("kind", "backend"),
    [
        ("network", "tap+vhost"),
        ("bridge", "tap+vhost"),
        ("direct", "macvtap+vhost"),
        ("vhostuser", "vhost-user"),
        ("user", "user"),
    ],
)
def test_a_nic_is_in_front_of_what_its_type_says(kind: str, backend: str) -> None:
    """A macvtap too, which no command line tells; that vhost is used is remarked."""
    read = _read(_KNOWN.replace("<interface type='user'>", f"<interface type='{kind}'>"))
    (nic,) = [device for device in read.vm.devices if device.id == "net0"]
    assert backend == nic.backend
    assert ("+vhost" in backend) == any("vhost is taken" in text for text in read.remarks)
    plain = _KNOWN.replace("<driver queues", "<driver name='qemu' queues")
    read = _read(plain.replace("<interface type='user'>", f"<interface type='{kind}'>"))
    assert backend.removesuffix("+vhost") in {device.backend for device in read.vm.devices}


def test_what_is_handed_to_qemu_as_it_is_counts() -> None:
    """Overrides, words of its command line, and a platform among them; an alias of a user's."""
    own = (
        "<qemu:override><qemu:device alias='ua-nic'><qemu:frontend>"
        "<qemu:property name='host_uso' type='bool' value='false'/>"
        "</qemu:frontend></qemu:device></qemu:override><qemu:commandline>"
        "<qemu:arg value='-platform'/><qemu:arg value='linux-6.1'/>"
        "<qemu:arg value='-global'/><qemu:arg value='virtio-net-pci.rss=on'/>"
        "<qemu:env name='A' value='B'/></qemu:commandline></domain>"
    )
    text = _KNOWN.replace("</domain>", own)
    read = _read(text.replace("<mac ", "<alias name='ua-nic'/><mac "))
    assert () == read.unread
    assert "linux-6.1" == read.platform
    (nic,) = [device for device in read.vm.devices if device.id == "ua-nic"]
    assert ("host_uso", "off") in nic.properties
    assert ["rss"] == [each.property for each in read.vm.globals if each.value == "on"]


def test_what_libvirt_chooses_is_not_known_before() -> None:
    """A place that nobody said, and a CPU that is worked out of the host when it starts."""
    text = re.sub(r"<address type='pci'[^>]*bus='0x01'[^>]*/>", "", _KNOWN)
    (unread,) = _read(text).unread
    assert "devices/interface net0" == unread.what
    text = re.sub(r"<cpu mode.*</cpu>", "<cpu mode='host-model'/>", _KNOWN, flags=re.DOTALL)
    read = _read(text)
    assert ["cpu/@mode"] == [each.what for each in read.unread]
    assert read.vm.cpu is not None
    assert "host" == read.vm.cpu.model


def test_the_state_of_a_live_domain_has_one_inside() -> None:
    """As libvirt keeps it in /run, and as a snapshot has it."""
    assert _read(f"<domstatus state='running'><x/>{_KNOWN}</domstatus>").vm == _read(_KNOWN).vm


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("<domain type='xen'/>", "domain-foreign", "type 'xen' runs in no QEMU"),
        ("<domain/>", "domain-foreign", "vm.xml:1"),
        ("<network/>", "domain-invalid", "expected <domain>, found <network>"),
        ("<domain type='kvm'/>", "no-machine", "no machine type"),
        (DOMAIN.replace("2048", "-1"), "domain-invalid", "vm.xml:4: expected a size, found '-1"),
        (DOMAIN.replace("MiB'>2", "XiB'>2"), "domain-invalid", "found '2048 XiB'"),
        (DOMAIN.replace("9.1", "9.01"), "unknown-machine", "did you mean 'pc-q35-9.1'"),
        (DOMAIN.replace("pc-q35-9.1", "q35"), "machine-alias", "'q35' is an alias"),
        ("<domain", "xml-syntax", "vm.xml:1:"),
        ("<!DOCTYPE a []><domain/>", "xml-refused", "document type"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_place(text: str, code: str, said: str) -> None:
    """By the code of what is wrong with it; the file and line where there is one."""
    with pytest.raises(pa.UsageError) as caught:
        _read(text)
    assert code == caught.value.code
    assert said in caught.value.message


@given(data=st.data())
def test_whatever_is_changed_nothing_but_our_errors_is_raised(data: st.DataObject) -> None:
    """A domain with a value or an element that is anything is read, or refused by us."""
    values = [*re.finditer(r"'([^']*)'", DOMAIN)]
    match = data.draw(st.sampled_from(values))
    other = data.draw(st.text("0x-17abc:. ", max_size=6) | st.just("18446744073709551616"))
    text = DOMAIN[: match.start(1)] + other + DOMAIN[match.end(1) :]
    try:
        read = _read(text)
    except pa.PlatformAbiError:
        return
    assert read.vm.hardware is not None


def test_every_rule_leads_to_something(catalogue: pa.FileCatalogue) -> None:
    """Every driver that a rule names whole is one of a QEMU's, and every path is one."""
    table = catalogue.domains()
    every = [catalogue.types("qemu-11.1.3", a) for a in ("x86_64", "aarch64", "ppc64", "s390x")]
    for rule in table.device:
        if "{" in rule.driver or not rule.driver:
            continue
        named = rule.whole or not rule.virtio
        name = rule.driver if named else f"{rule.driver}-pci"
        assert any(name in each or name in each.aliases for each in every), name
    root = read_xml(DOMAIN, "a")
    assert root.first("devices") is not None
    for path in table.unseen:
        assert not path.startswith("/"), path
