"""What a guest can tell of a command line besides its devices, and what only the host can."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import example, given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.definitions.catalogue import FileCatalogue, load_catalogue
from platform_abi.launch.command_line import read_command_line
from platform_abi.launch.compared import compared
from platform_abi.launch.described import described
from platform_abi.launch.host_files import ThisHostFiles
from platform_abi.model.vm import DEVICE, UNKNOWN, VirtualMachine
from platform_abi.resolver.digest import abi_digest
from platform_abi.resolver.resolve import resolve

BASE = "-M pc-q35-9.1 -accel kvm -cpu qemu64,vendor=AuthenticAMD -nodefaults"


@cache
def _catalogue() -> FileCatalogue:
    return load_catalogue()


class _Files:
    """Images of which each is as large as its name says."""

    def size(self, name: str) -> int | None:
        return int(name) if name.isdecimal() else None

    def page_size(self, name: str) -> int | None:
        return 2097152 if name == "/huge" else 0

    def is_tun(self, descriptor: str) -> bool | None:
        del descriptor
        return None

    def tap_option(self, option: str, descriptor: str) -> bool | None:
        del option, descriptor
        return None


def _vm(text: str, base: str = BASE, arch: str = "x86_64") -> VirtualMachine:
    catalogue = _catalogue()
    line = read_command_line(catalogue.options(), shlex.split(f"{base} {text}"))
    return described(catalogue, line, arch=arch, files=_Files()).vm


def _facts(text: str, base: str = BASE) -> Mapping[str, str]:
    return dict(_vm(text, base).hardware or ())


def _digest(text: str, base: str = BASE) -> str:
    return abi_digest(resolve(_catalogue(), _vm(text, base), "linux-6.9", hotplug=True))


def _paragraphs(name: str) -> list[list[str]]:
    """Return the command lines of each paragraph of a file beside this one."""
    text = (Path(__file__).parent / name).read_text(encoding="utf-8")
    paragraphs = [
        [line.removeprefix(".") for line in paragraph.splitlines() if not line.startswith("#")]
        for paragraph in text.split("\n\n")
    ]
    return [lines for lines in paragraphs if lines]


@pytest.mark.parametrize("spellings", _paragraphs("equal.txt"), ids=lambda lines: lines[-1])
def test_equal_machines_have_one_digest(spellings: list[str]) -> None:
    """However they are written, whatever the host calls things, and a lockfile takes each."""
    assert 1 == len({_digest(text) for text in spellings})
    catalogue, first = _catalogue(), _vm(spellings[0])
    for text in spellings[1:]:
        found = compared(catalogue, first, _vm(text), lambda *_: False)
        assert () == found.different, text


@pytest.mark.parametrize(("one", "other"), _paragraphs("unequal.txt"))
def test_other_machines_have_other_digests(one: str, other: str) -> None:
    """And a lockfile of the one does not take the other."""
    assert _digest(one) != _digest(other)
    different = compared(_catalogue(), _vm(one), _vm(other), lambda *_: False).different
    assert different


def test_the_generation_decides_what_a_number_of_vcpus_is() -> None:
    """Sockets before 6.2, cores since, and cores on boards without versions."""
    for machine, level in (
        ("pc-q35-6.1", "sockets"),
        ("pc-q35-6.2", "cores"),
        ("microvm", "cores"),
    ):
        assert "3" == _facts("-smp 3", f"-M {machine} -accel tcg")[f"smp.{level}"]


def test_what_nobody_can_read_is_unknown_and_no_difference() -> None:
    """A firmware image that is not there may be the same: it is said, and nothing is refused."""
    catalogue, known, unknown = _catalogue(), _vm("-bios 65536"), _vm("-bios gone")
    assert UNKNOWN == dict(unknown.hardware or ())["machine.firmware"]
    found = compared(catalogue, known, unknown, lambda *_: False)
    assert () == found.different
    assert any("firmware" in text and UNKNOWN in text for text in found.untold)


def test_an_old_lockfile_says_what_it_does_not_say() -> None:
    """Once, and it is never refused for that."""
    vm = _vm("-smp 4 -m 2G")
    found = compared(_catalogue(), evolve(vm, hardware=None), vm, lambda *_: False)
    assert () == found.different
    assert 1 == len(found.untold)
    assert "writes it anew" in found.untold[0]


def test_a_lockfile_of_before_queues_were_told_is_still_taken() -> None:
    """It says nothing of them, which is said once, and refused is nothing."""
    text = "-netdev tap,id=n,queues=2 -device virtio-net-pci,netdev=n,id=net0"
    vm = _vm(text)
    kept = tuple(pair for pair in vm.hardware or () if pair[0] != "behind.net0")
    assert kept != vm.hardware
    found = compared(_catalogue(), evolve(vm, hardware=kept), vm, lambda *_: False)
    assert () == found.different
    assert ["was made with behind device net0 nothing, here queues 2"] == list(found.untold)


def test_a_renamed_device_keeps_its_own_values() -> None:
    """Two NICs of two kinds, called otherwise: each still has what it had."""
    text = (
        "-netdev tap,id=n0 -device virtio-net-pci,netdev=n0,id={} "
        "-netdev user,id=n1 -device virtio-net-pci,netdev=n1,id={}"
    )
    catalogue, before, after = (
        _catalogue(),
        _vm(text.format("a", "b")),
        _vm(text.format("x", "y")),
    )
    assert {"a": "x", "b": "y"} == dict(
        compared(catalogue, before, after, lambda *_: False).renamed
    )
    assert _digest(text.format("a", "b")) == _digest(text.format("x", "y"))


_NUMBER = "9" * 5000


@given(
    st.sampled_from(["-m", "-smp", "-numa", "-rtc", "-boot"]),
    st.text(max_size=12),
)
@example("-smp", _NUMBER)
@example("-m", _NUMBER)
@example("-m", f"1.{_NUMBER}G")
@example("-numa", f"node,mem={_NUMBER}")
@example("-numa", f"node,nodeid={_NUMBER}")
@example("-drive", f"if=ide,file=x,index={_NUMBER}")
@example("-drive", "if=ide,file=x,index=\u00b2")
def test_what_qemu_would_refuse_is_left_to_qemu(option: str, value: str) -> None:
    """Nothing raises, whatever an option is given, and one that has no meaning is kept as it is."""
    catalogue = _catalogue()
    line = read_command_line(catalogue.options(), ["-M", "pc-q35-9.1", option, value])
    assert described(catalogue, line, arch="x86_64").vm.hardware is not None


@given(st.text('{}[]"\\:,0', max_size=12).map("{{{}".format))
@example("{bad")
@example('{"file":' * 5000)
@example('{"filename":1}')
def test_a_node_that_nobody_can_read_has_an_unknown_size(below: str) -> None:
    """It is QEMU's to refuse."""
    catalogue = _catalogue()
    node = f"raw,node-name=p,file={below.replace(',', ',,')}"
    words = ["-M", "pc-q35-9.1,pflash0=p", "-blockdev", node]
    found = described(catalogue, read_command_line(catalogue.options(), words), arch="x86_64")
    assert dict(found.vm.hardware or ())["firmware.pflash0"] == UNKNOWN


def test_every_device_is_described() -> None:
    """Those as well that no -device names."""
    vm = _vm("-nic user,model=e1000 -drive if=virtio,file=x -device virtio-rng-pci,id=r")
    told = {key.removeprefix(DEVICE) for key, _ in vm.hardware or () if key.startswith(DEVICE)}
    assert set(vm.labels()) == told


def test_every_option_of_the_table_is_one_of_qemus() -> None:
    """No rule is about a name that no command line has."""
    table = _catalogue().options()
    known = {*table.argument, *table.plain, *table.alias}
    for names in (table.unseen, table.seen_on, table.machine_option, table.files, table.drive):
        assert set() == names.keys() - known


def test_the_lockfile_says_it_all() -> None:
    """What was recorded comes back from a lockfile, and its digest with it."""
    catalogue = _catalogue()
    abi = resolve(catalogue, _vm("-smp 2,maxcpus=4 -m 1G -device virtio-rng-pci"), "linux-6.9")
    text = pa.lock_text(abi, definitions="sha256:" + "0" * 64)
    assert 'smp.maxcpus" = "4"' in text.replace("'", '"')
    assert abi == pa.read_lock(text, "vm.lock", catalogue=catalogue)


def test_a_machine_has_as_many_disks_as_its_options_say() -> None:
    """Each at the first place that is free, however many there are."""
    disks = " ".join(f"-drive if=scsi,driver=null-co,id=d{number}" for number in range(1500))
    facts = _facts(f"-drive if=scsi,index=2,driver=null-co {disks}")
    places = {name for name in facts if name.startswith("drive.scsi.")}
    assert {f"drive.scsi.{number}" for number in range(1501)} == places


def test_flash_memory_is_as_large_as_the_file_below_its_nodes(tmp_path: Path) -> None:
    """By name, by node, and where one node is written inside of another."""
    image = tmp_path / "code.fd"
    image.write_bytes(bytes(4096))
    below = f'{{"driver":"raw","file":{{"driver":"file","filename":"{image}"}}}}'
    doubled = below.replace(",", ",,")
    for blockdev in (
        f"-blockdev file,node-name=p,filename={image}",
        f"-blockdev raw,node-name=p,file=f -blockdev file,node-name=f,filename={image}",
        f"-blockdev 'raw,node-name=p,file={doubled}'",
    ):
        words = shlex.split(f"-M pc-q35-9.1,pflash0=p {blockdev}")
        line = read_command_line(_catalogue().options(), words)
        found = described(_catalogue(), line, arch="x86_64", files=ThisHostFiles())
        assert dict(found.vm.hardware or ())["firmware.pflash0"] == "4096", blockdev


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("format=raw", ""),
        ("read-only=on", "read-only"),
        ("readonly=on", "read-only"),
        ("read-only=yes,cache=none", "read-only"),
        ("read-only=off", ""),
        ("cache=writethrough", "write-through"),
        ("cache=directsync", "write-through"),
        ("cache=writeback", ""),
        ("cache=unsafe", ""),
        ("cache.writeback=off", "write-through"),
        ("cache.writeback=on,cache.direct=on", ""),
        ("cache=directsync,readonly=on", "read-only,write-through"),
    ],
)
def test_a_guest_can_tell_how_its_disk_was_opened(said: str, told: str) -> None:
    """That it cannot write, and that it has no cache to flush; and nothing else of its modes."""
    facts = _facts(f"-drive if=none,id=d,{said} -device virtio-blk-pci,drive=d,id=disk")
    assert facts.get("behind.disk", "") == told
    alone = dict(_facts(f"-drive if=pflash,file=4096,{said}"))
    assert alone["firmware.pflash0"] == ",".join(filter(None, ("4096", told)))
