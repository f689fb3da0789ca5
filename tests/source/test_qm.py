"""A virtual machine of Proxmox VE's: by its command line whole, by its configuration in part."""

from __future__ import annotations

import pytest

import platform_abi as pa
from platform_abi.resolver.identified import identified
from platform_abi.source.reading import unread_of
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


def test_a_configuration_says_what_it_says_and_no_more() -> None:
    """The board, vCPUs, memory, NICs and args are read; all else is unread, line by line."""
    read = _read(CONFIGURATION)
    assert ("pc-q35-9.0", "kvm") == (read.vm.machine, read.vm.accelerator)
    facts = dict(read.vm.hardware or ())
    assert ("4", "2", "2") == tuple(facts[f"smp.{key}"] for key in ("cpus", "sockets", "cores"))
    assert str(2 << 30) == facts["memory.size"]
    (nic,) = read.vm.devices
    assert ("net0", "tap+vhost") == (nic.id, nic.backend)
    assert {"mac": "BC:24:11:00:00:01", "mq": "on", "vectors": "6"}.items() <= dict(
        nic.properties
    ).items()
    assert ["host_uso"] == [each.property for each in read.vm.globals]
    left = {f"qm/{key}" for key in ("boot", "cpu", "net1", "scsi0", "devices")}
    assert left == {each.what for each in read.unread} == set(unread_of(read.vm))
    assert all(identified(CATALOGUE, what) for what in left)
    assert "line 12" == next(each.place for each in read.unread if each.what == "qm/scsi0")
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
    assert 1 == len(read.unread)


@pytest.mark.parametrize(
    ("said", "unread"),
    [
        ("cores: 2\nsockets: two", {"cores", "sockets"}),
        ("memory: 2G", {"memory"}),
        ("smbios1: family=mine", {"smbios1"}),
        ("net: virtio=BC:24:11:00:00:01", {"net"}),
        ("netx: virtio=BC:24:11:00:00:01", {"netx"}),
        ("net0: virtio=BC:24:11:00:00:01,queues=many", {"net0"}),
        ("net0: virtio=BC:24:11:00:00:01,mtu=1400", {"net0"}),
        ("net0: e1000=BC:24:11:00:00:01,bridge=vmbr0,firewall=1,tag=7", set()),
        ("name: cores\nunused12: local:vm-1\nipconfig0: ip=dhcp", set()),
    ],
)
def test_what_is_not_understood_is_unread(said: str, unread: set[str]) -> None:
    """And what no guest can tell is nothing."""
    read = _read(f"machine: pc-q35-9.0\n{said}\n")
    named = {f"qm/{key}" for key in unread}
    assert named | {"qm/devices"} == {each.what for each in read.unread}
    lines = {each.place for each in read.unread if each.what in named}
    assert lines == {f"line {number}" for number in range(2, 2 + len(unread))}


def test_a_nic_is_what_its_model_is() -> None:
    """One of virtio has vhost behind it, and its queues; another has neither."""
    read = _read("machine: pc-q35-9.0\nnet0: e1000=AA,bridge=b\nnet12: virtio=BB,queues=4\n")
    made = [(d.driver, d.id, d.backend, d.properties) for d in read.vm.devices]
    many = (("mq", "on"), ("vectors", "10"))
    assert made == [
        ("e1000", "net0", "tap", (("mac", "AA"), ("netdev", "net0"))),
        ("virtio-net-pci", "net12", "tap+vhost", (("mac", "BB"), ("netdev", "net12"), *many)),
    ]
    facts = dict(read.vm.hardware or ())
    assert "queues 4" in facts["behind.net12"]
    assert 1 == len(read.unread)


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("cores: 2\nnonsense\n", "qm-invalid", "100.conf:2: expected KEY: VALUE"),
        ("cores: 2\n", "no-machine", "no -machine"),
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
