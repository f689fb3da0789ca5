"""What the probe says of this very host, against what the host says when it is asked directly."""

from __future__ import annotations

import fcntl
import gzip
import json
import os
import platform
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.host import kvm
from platform_abi.host.cpuid import FEATURE_REGISTERS, mask_name
from platform_abi.host.document import read_report, report_line
from platform_abi.host.probe import probe
from platform_abi.model.host import HostReport
from tests.host.probing import (
    capability,
    catalogued,
    eventually,
    names,
    needs_kvm,
    needs_root,
    needs_tun,
)


@pytest.fixture(scope="module")
def report(catalogue: pa.FileCatalogue) -> HostReport:
    """Return what the probe finds here."""
    return probe(catalogue.capabilities())


@contextmanager
def _opened(node: str) -> Iterator[int]:
    descriptor = os.open(node, os.O_RDWR | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def test_every_capability_with_a_probe_has_a_fact(
    catalogue: pa.FileCatalogue, report: HostReport
) -> None:
    """None of the host's architecture is left out, none is made up; what is unknown says why."""
    probed = {n: c for n, c in catalogue.capabilities().items() if c.probe is not None}
    here = {n for n, c in probed.items() if not c.arch or report.arch in c.arch}
    assert set(report.facts) == here
    assert here < probed.keys()
    for name, fact in report.facts.items():
        assert fact.detail, name
        assert (fact.source == "none") == (fact.state == "unknown"), name


def test_the_same_host_gives_the_same_report(
    catalogue: pa.FileCatalogue, report: HostReport
) -> None:
    """A fleet's reports are compared to the byte: nothing in them counts, times or numbers runs."""
    assert report_line(probe(catalogue.capabilities())) == report_line(report)


def test_a_report_is_small_and_can_be_read_back(report: HostReport) -> None:
    """One line of at most 20 KiB, which reads back as the same report."""
    line = report_line(report)
    assert len(line) < 20 * 1024
    assert read_report(line, "it") == report


def test_nobody_can_tell_whose_host_it_is(report: HostReport) -> None:
    """No name of the host or its user, no address and no serial number is in a report."""
    line = report_line(report)
    secrets = [platform.node(), *_read_all("/sys/class/net/*/address"), Path.home().name]
    secrets += _read_all("/sys/class/dmi/id/*serial") + _read_all("/etc/machine-id")
    for secret in secrets:
        # A word that is part of what everybody has, such as "linux", tells nothing.
        if len(secret) > 5 and secret != "00:00:00:00:00:00":
            assert secret not in line


def _read_all(pattern: str) -> list[str]:
    found = []
    for path in Path("/").glob(pattern.removeprefix("/")):
        try:
            found.append(path.read_text().strip())
        except OSError:
            continue
    return found


def test_the_host_is_named_as_the_field_names_it(report: HostReport) -> None:
    """System, release and architecture are uname's, in QEMU's spelling."""
    known = os.uname()
    assert (report.system, report.release, report.name) == ("linux", known.release, "")
    assert report.arch == {"arm64": "aarch64", "amd64": "x86_64"}.get(known.machine, known.machine)
    assert report.numbers["page-size"] == os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not os.access("/proc/config.gz", os.R_OK), reason="no /proc/config.gz")
def test_the_configuration_is_the_kernels(catalogue: pa.FileCatalogue, report: HostReport) -> None:
    """What it sets or says is not set is reported, and of what it does not mention nothing."""
    text = gzip.decompress(Path("/proc/config.gz").read_bytes()).decode()
    wanted = {option for c in catalogue.capabilities().values() for option in c.config}
    assert set(report.config) <= wanted
    for option in wanted:
        said = re.search(f"^CONFIG_{option}=(.*)$", text, re.MULTILINE)
        denied = re.search(f"^# CONFIG_{option} is not set$", text, re.MULTILINE)
        expected = said[1].strip('"') if said else "n" if denied else None
        assert expected == report.config.get(option), option


# --- tun ------------------------------------------------------------------------------------------


@needs_tun
def test_tun_features_are_the_drivers(catalogue: pa.FileCatalogue, report: HostReport) -> None:
    """A feature is present where TUNGETFEATURES, asked here, has all its bits."""
    with _opened("/dev/net/tun") as tun:
        word: int = struct.unpack("=I", fcntl.ioctl(tun, 0x800454CF, bytes(4)))[0]
    for name, known in catalogue.capabilities().items():
        if known.probe and known.probe.method == "tun-features" and name.startswith("tun."):
            expected = word & known.probe.argument == known.probe.argument
            assert report.state(name) == ("present" if expected else "absent"), name


@needs_tun
def test_tun_offloads_are_the_drivers(catalogue: pa.FileCatalogue, report: HostReport) -> None:
    """An offload is present where TUNSETOFFLOAD, tried here on a tap of our own, takes it."""
    with _opened("/dev/net/tun") as tun:
        fcntl.ioctl(tun, 0x400454CA, struct.pack("16sH22x", b"pa%d", 0x5002))
        for name, known in catalogue.capabilities().items():
            if not (known.probe and known.probe.method == "tun-offload" and "macvtap" not in name):
                continue
            try:
                fcntl.ioctl(tun, known.probe.request, known.probe.argument)
            except OSError:
                assert (
                    report.fact(name).detail
                    == f"EINVAL from TUNSETOFFLOAD {known.probe.argument:#x}"
                )
                assert report.state(name) == "absent"
            else:
                assert report.state(name) == "present", name


@needs_tun
def test_a_macvtap_is_another_driver_than_a_tap(report: HostReport) -> None:
    """Where one can be made, it carries UDP segmentation as a tap does, and never eBPF."""
    if report.state("macvtap.vnet-hdr") == "unknown":
        pytest.skip(report.fact("macvtap.vnet-hdr").detail)
    assert report.state("macvtap.vnet-hdr") == "present"
    assert report.state("macvtap.csum") == "present"
    assert report.state("macvtap.uso") == report.state("tun.uso")
    assert report.fact("macvtap.steering-ebpf").detail == "EINVAL from TUNSETSTEERINGEBPF -1"


@needs_root
def test_nothing_stays(catalogue: pa.FileCatalogue) -> None:
    """After a probe there is no interface, device node or mount that was not there before."""
    before = _traces()
    probe(catalogue.capabilities())
    assert eventually(lambda: _traces() == before)


def _traces() -> tuple[set[str], set[str], str]:
    return (
        names("/sys/class/net", "abiprobe"),
        names("/dev", "tap"),
        Path("/proc/self/mounts").read_text(),
    )


@needs_tun
def test_a_tap_is_named_for_what_it_is(tmp_path: Path) -> None:
    """A node that takes no TUNSETIFF answers nothing about offloads, and nothing else is harmed."""
    found = probe(
        catalogued(
            capability("null", "tun-offload", "/dev/null", 0x400454D0, 1),
            capability("file", "tun-offload", str(tmp_path / "none"), 0x400454D0, 1),
            capability("tun", "tun-offload", "/dev/net/tun", 0x400454D0, 1),
            capability("no-bit", "tun-offload", "/dev/net/tun", 0x400454D0, 0x8000),
            capability("no-request", "tun-ioctl", "/dev/net/tun", 0x400454FF, 1),
        )
    )
    assert {name: (fact.state, fact.detail) for name, fact in found.facts.items()} == {
        "null": ("unknown", "ENOTTY from TUNSETIFF"),
        "file": ("absent", f"{tmp_path / 'none'}: ENOENT"),
        "tun": ("present", "TUNSETOFFLOAD 0x1"),
        "no-bit": ("absent", "EINVAL from TUNSETOFFLOAD 0x8000"),
        "no-request": ("absent", "EINVAL from REQUEST 0x1"),
    }


# --- KVM ------------------------------------------------------------------------------------------


@needs_kvm
def test_extensions_are_those_of_a_virtual_machine(
    catalogue: pa.FileCatalogue, report: HostReport
) -> None:
    """Each extension is what KVM_CHECK_EXTENSION says of a VM made here, whose set is the same."""
    with _opened("/dev/kvm") as system:
        machine = fcntl.ioctl(system, 0xAE01, 0)
        try:
            said = {number: fcntl.ioctl(machine, 0xAE03, number) for number in range(300)}
        finally:
            os.close(machine)
    assert set(report.sets["kvm.extensions"]) == {str(n) for n, value in said.items() if value > 0}
    assert report.numbers["kvm.max-vcpus"] == said[66]
    for name, known in catalogue.capabilities().items():
        here = not known.arch or report.arch in known.arch
        if here and known.probe and known.probe.method == "kvm-extension":
            value, mask = said[known.probe.argument & 0xFFFF], known.probe.argument >> 16
            expected = value & mask == mask if mask else value != 0
            assert report.state(name) == ("present" if expected else "absent"), name


@needs_kvm
def test_a_virtual_machine_may_say_something_else_than_the_node() -> None:
    """Where KVM_CHECK_EXTENSION differs between /dev/kvm and a VM, the bits are the VM's."""
    with _opened("/dev/kvm") as system:
        machine = fcntl.ioctl(system, 0xAE01, 0)
        try:
            both = [
                (fcntl.ioctl(system, 0xAE03, n), fcntl.ioctl(machine, 0xAE03, n))
                for n in range(300)
            ]
        finally:
            os.close(machine)
    differ = {n: pair for n, pair in enumerate(both) if pair[0] ^ pair[1]}
    if not differ:
        pytest.skip("both say the same here")
    found = probe(
        catalogued(
            *(
                capability(str(n), "kvm-extension", "/dev/kvm", 0xAE03, (node ^ vm) << 16 | n)
                for n, (node, vm) in differ.items()
            )
        )
    )
    for n, (node, vm) in differ.items():
        expected = vm & (node ^ vm) == node ^ vm
        assert found.state(str(n)) == ("present" if expected else "absent")


@needs_kvm
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="CPUID is x86's")
def test_cpuid_bits_and_masks_are_kvms(catalogue: pa.FileCatalogue, report: HostReport) -> None:
    """Bits and masks are what KVM_GET_SUPPORTED_CPUID, asked here, has in each register."""
    leaves = _supported_cpuid()
    for register in FEATURE_REGISTERS:
        leaf, subleaf, place = register
        found = leaves.get((leaf, subleaf), (0, 0, 0, 0))[place]
        mask = report.masks[mask_name(register)]
        # What a process may have after arch_prctl(2) comes on top, in leaf 0xD only.
        assert mask & found == found
        assert mask == found or (leaf, subleaf) == (0xD, 0)
    for name, known in catalogue.capabilities().items():
        if known.probe and known.probe.method == "kvm-cpuid":
            digits = f"{known.probe.argument:013x}"
            place, bit = int(digits[10], 16), int(digits[11:], 16)
            key = int(digits[:8], 16), int(digits[8:10], 16)
            expected = leaves.get(key, (0, 0, 0, 0))[place] >> bit & 1
            assert report.state(name) == ("present" if expected else "absent"), name


def _supported_cpuid() -> dict[tuple[int, int], tuple[int, ...]]:
    buffer = bytearray(8 + 40 * 256)
    struct.pack_into("=I", buffer, 0, 256)
    with _opened("/dev/kvm") as system:
        fcntl.ioctl(system, 0xC008AE05, buffer)
    entries = [
        struct.unpack_from("=IIIIIII", buffer, 8 + 40 * index)
        for index in range(struct.unpack_from("=I", buffer)[0])
    ]
    return {(entry[0], entry[1]): entry[3:] for entry in entries}


@needs_kvm
def test_no_mask_tells_which_cpu_was_asked(report: HostReport) -> None:
    """No register of APIC ids, topology, signature or address widths is in a report."""
    for leaf in ("00000004", "0000000b", "0000001f", "8000001e", "80000008.00.eax"):
        assert not any(leaf in name for name in report.masks)
    assert not {"kvm.cpuid.00000001.00.eax", "kvm.cpuid.00000001.00.ebx"} & set(report.masks)


@needs_kvm
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="Hyper-V's CPUID is x86's")
def test_hyperv_is_absent_where_kvm_was_built_without(report: HostReport) -> None:
    """Every enlightenment is absent without KVM_CAP_HYPERV, by name; none is unknown with it."""
    states = {name: f.state for name, f in report.facts.items() if name.startswith("kvm.hv.")}
    if "44" in report.sets["kvm.extensions"]:
        assert "unknown" not in states.values()
    else:
        assert set(states.values()) == {"absent"}
        assert report.fact("kvm.hv.ipi").detail == "no KVM_CAP_HYPERV"


@needs_kvm
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="CPUID is x86's")
def test_the_list_of_leaves_is_asked_again_until_it_fits() -> None:
    """KVM says E2BIG to a list that is too short: what comes after its end is not lost."""
    # Two leaves have the number of the processor that answers.
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        with _opened("/dev/kvm") as descriptor:
            short, long = (kvm._cpuid(descriptor, 0xC008AE05, count) for count in (1, 512))
        assert short == long == _supported_cpuid()
    finally:
        os.sched_setaffinity(0, allowed)


def test_a_node_that_is_no_kvm_leaves_everything_unknown() -> None:
    """A character device without KVM's API version proves neither presence nor absence."""
    asked = {"method": "kvm-extension", "node": "/dev/null", "request": 0xAE03}
    found = probe(catalogued(capability("k", **asked)))  # type: ignore[arg-type]
    assert found.fact("k").detail == "ENOTTY from KVM_GET_API_VERSION"
    assert found.state("k") == "unknown"


# --- files and processes --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "argument", "state"),
    [
        ("Y\n", 0, "present"),
        ("N\n", 0, "absent"),
        ("1", 0, "present"),
        ("0", 0, "absent"),
        ("40\n", 39, "present"),
        ("39\n", 39, "present"),
        ("38\n", 39, "absent"),
        ("-1\n", 0, "absent"),
        ("auto\n", 0, "unknown"),
        ("", 0, "unknown"),
        ("9" * 5000, 0, "unknown"),
    ],
)
def test_a_file_says_yes_no_or_a_number(
    tmp_path: Path, text: str, argument: int, state: str
) -> None:
    """Y, or a number that is large enough; what is neither is unknown."""
    node = tmp_path / "parameter"
    node.write_text(text)
    found = probe(catalogued(capability("f", "file", str(node), argument=argument)))
    assert found.state("f") == state


def test_a_file_that_is_not_there_proves_nothing(tmp_path: Path) -> None:
    """A module that is not loaded has no parameters, and a folder says nothing."""
    found = probe(
        catalogued(
            capability("missing", "file", f"{tmp_path}/missing"),
            capability("folder", "file", str(tmp_path)),
        )
    )
    assert found.fact("missing").detail == f"{tmp_path}/missing: ENOENT"
    assert {fact.state for fact in found.facts.values()} == {"unknown"}


def test_privileges_are_those_of_this_process(report: HostReport) -> None:
    """A privilege is present where CapEff has it, in the first user namespace."""
    status = Path("/proc/self/status").read_text()
    held = int(re.findall(r"^CapEff:\s*(\w+)$", status, re.MULTILINE)[0], 16)
    first = Path("/proc/self/uid_map").read_text().split() == ["0", "0", "4294967295"]
    expected = "absent" if not held >> 12 & 1 else "present" if first else "unknown"
    assert report.state("privilege.net-admin") == expected


@pytest.mark.parametrize(("switch", "needless"), [("0", True), ("1", False), ("2", False)])
def test_a_switch_may_make_a_privilege_needless(
    tmp_path: Path, switch: str, needless: bool
) -> None:
    """Where the file says 0 nobody needs the capability; else the process has to have it."""
    node = tmp_path / "unprivileged_bpf_disabled"
    node.write_text(switch)
    # No kernel has capability number 63, and nothing below 38 comes with another.
    found = probe(catalogued(capability("p", "process-capability", str(node), argument=37)))
    plain = probe(
        catalogued(capability("p", "process-capability", "/proc/self/status", argument=37))
    )
    assert found.state("p") == ("present" if needless else plain.state("p"))
    assert (found.fact("p").source == "file") == needless


def test_zones_of_any_block_device_leave_it_open(tmp_path: Path) -> None:
    """All conventional is present; one zoned is unknown, as nobody knows whose disk it will be."""
    for disk, zoned in {"vda": "none", "vdb": "none", "sdc": "host-managed"}.items():
        (tmp_path / disk).mkdir()
        (tmp_path / disk / "zoned").write_text(f"{zoned}\n")
    found = probe(
        catalogued(
            capability("all", "zoned-model", f"{tmp_path}/*/zoned"),
            capability("two", "zoned-model", f"{tmp_path}/v*/zoned"),
            capability("no-file", "zoned-model", f"{tmp_path}/*/nothing"),
            capability("no-folder", "zoned-model", f"{tmp_path}/nowhere/*/zoned"),
        )
    )
    assert {name: (fact.state, fact.detail) for name, fact in found.facts.items()} == {
        "all": ("unknown", "1 zoned block device"),
        "two": ("present", f"{tmp_path}/v*/zoned: none"),
        "no-file": ("present", f"{tmp_path}/*/nothing: none"),
        "no-folder": ("unknown", f"{tmp_path}/nowhere: not there"),
    }


# --- other hosts ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("system", "machine", "arch"),
    [
        ("Darwin", "arm64", "aarch64"),
        ("FreeBSD", "amd64", "x86_64"),
        ("Windows", "AMD64", "x86_64"),
    ],
)
def test_another_system_is_named_and_all_else_is_unknown(
    catalogue: pa.FileCatalogue,
    monkeypatch: pytest.MonkeyPatch,
    system: str,
    machine: str,
    arch: str,
) -> None:
    """Elsewhere than on Linux nothing is asked, and nothing is raised."""
    words = (system, "node", "24.1.0", "#1", machine)
    if system == "Windows":
        monkeypatch.delattr(os, "uname")
        monkeypatch.setattr(platform, "uname", lambda: platform.uname_result(*words))
    else:
        monkeypatch.setattr(os, "uname", lambda: os.uname_result(words))
    found = probe(catalogue.capabilities(), python="/nonexistent")
    assert (found.system, found.release, found.arch) == (system.lower(), "24.1.0", arch)
    assert {fact.detail for fact in found.facts.values()} == {"this probe asks Linux"}
    assert {fact.state for fact in found.facts.values()} == {"unknown"}
    assert json.loads(report_line(found))["masks"] == {}
