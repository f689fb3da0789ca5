"""What reports hold of real QEMUs, and what is said of them, is what these QEMUs do."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

import platform_abi as pa
from platform_abi.cli import main
from platform_abi.cli.looked import with_views
from platform_abi.cli.qemus import with_reported_qemus
from platform_abi.compat.check import check
from platform_abi.compat.migration import check_migration
from platform_abi.emit.lock_reading import read_lock
from platform_abi.emit.lockfile import lockfile
from platform_abi.host.document import read_report, report_document
from platform_abi.model.host import Fact
from platform_abi.qemu.here import ask_qemu_here
from platform_abi.qemu.stdio_qmp import Qmp, QmpError
from tests.live.conftest import BUILD_OF

pytestmark = pytest.mark.live

DEFINITIONS = Path(__file__).parents[2] / "definitions"
BARE = ("-nodefaults", "-no-user-config", "-display", "none", "-S")


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep nothing of what is asked, and believe nothing that was."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("PLATFORM_ABI_STATE", str(tmp_path / "system"))


def _host(catalogue: pa.FileCatalogue, *binaries: Path, models: bool = False) -> pa.HostReport:
    """Return the report of a host that lacks nothing and has *binaries*, as another reads it."""
    facts = dict.fromkeys(catalogue.capabilities(), Fact(state="present", source="ioctl"))
    sets = ask_qemu_here(str(binaries[0]), models=models).sets
    here = pa.HostReport(system="linux", arch="x86_64", facts=facts, sets=sets)
    report = with_reported_qemus(catalogue, here, [str(path) for path in binaries])
    return read_report(json.dumps(report_document(report)), "report")


def _without(root: Path, *builds: str) -> pa.FileCatalogue:
    """Return the definitions as somebody has them who has none of *builds*."""
    shutil.copytree(DEFINITIONS, root, ignore=shutil.ignore_patterns(*builds))
    return pa.FileCatalogue([root])


def _locked(catalogue: pa.FileCatalogue, build: str, machine: str, **said: Any) -> pa.GuestAbi:
    vm = pa.virtual_machine(catalogue.devices(), machine, accelerator="tcg", **said)
    text = lockfile(catalogue, pa.resolve(catalogue, vm, "conservative"), build=build, ran=True)
    return read_lock(text, "vm.lock", catalogue=catalogue)


def test_a_report_holds_what_a_qemu_says_of_its_machine_types(
    catalogue: pa.FileCatalogue, qemu_version: str, qemu: Path
) -> None:
    """Each by its name, with its aliases, and whether it is the default or deprecated."""
    (held,) = _host(catalogue, qemu).qemus
    assert BUILD_OF[qemu_version] == held.build
    assert held.identity.startswith(("build-id:", "sha256:"))
    with Qmp(str(qemu), ["-machine", "none", *BARE], timeout=60) as qmp:
        said = [each for each in qmp.execute("query-machines") if each["name"] != "none"]
    assert {each["name"] for each in said} == {machine.name for machine in held.machines}
    for each in said:
        machine = held.machine(each["name"])
        assert machine is not None
        assert each["deprecated"] == machine.deprecated
        assert each.get("is-default", False) == machine.default
        if "alias" in each:
            of = held.machine(each["alias"])
            assert of is not None
            assert each["alias"] in of.aliases


def _dies(binary: Path, *words: str) -> bool:
    try:
        with Qmp(str(binary), [*BARE, "-machine", "pc-q35-7.2,accel=tcg", *words], timeout=60):
            return False
    except QmpError:
        return True


@pytest.mark.parametrize(
    "said",
    [
        {"devices": ["virtio-net-pci,host_tunnel=on,id=x"]},
        {"devices": ["virtio-net-pci,id=x"], "globals_": ["virtio-net-device.host_tunnel=on"]},
        {"devices": ["virtio-net-pci,id=x,csum=off"]},
        {"devices": ["virtio-scsi-pci"], "globals_": ["nvme.atomic.dn=on"]},
        {"devices": ["virtio-balloon-pci,id=x", "e1000,id=y"]},
        {"cpu": "SapphireRapids"},
        {"cpu": "Skylake-Server-v4,fred=off"},
        {"cpu": "Skylake-Server-v4,avx512f=off"},
    ],
)
def test_a_qemu_ends_with_what_it_lacks_and_a_verdict_says_so_before(
    catalogue: pa.FileCatalogue, qemu: Path, said: dict[str, Any]
) -> None:
    """Blocked exactly where the real one would not start, whether its host has the definitions."""
    abi = _locked(catalogue, "qemu-11.1.3", "pc-q35-7.2", **said)
    words = [w for d in said.get("devices", ()) for w in ("-device", d)]
    words += [w for g in said.get("globals_", ()) for w in ("-global", g)]
    words += ["-cpu", said["cpu"]] if "cpu" in said else []
    lacking = {"driver-missing", "property-missing", "cpu-model-missing", "machine-missing"}
    findings = check(catalogue, abi, _host(catalogue, qemu)).findings
    blocked = {f.code for f in findings if f.severity == "blocked" and f.code in lacking}
    assert _dies(qemu, *words) == bool(blocked)


_MODULAR = ("virtio-gpu-pci", "virtio-vga", "usb-redir", "usb-host", "qxl", "e1000")


def _lacks(binary: Path, *drivers: str) -> set[str]:
    """Return those of *drivers* that are none to a real QEMU."""
    with Qmp(str(binary), ["-machine", "none", *BARE], timeout=60) as qmp:
        types = {each["name"] for each in qmp.execute("qom-list-types", implements="device")}
    return set(drivers) - types


def test_a_driver_is_there_where_its_module_is(
    catalogue: pa.FileCatalogue, qemu: Path, qemu_version: str, tmp_path: Path
) -> None:
    """As the distribution packs it, and with one module taken away: the build stays what it is."""
    binaries = {"as it is": qemu}
    wrapper = qemu.read_text()
    folder = re.search(r'^export QEMU_MODULE_DIR="(?P<it>.*)"$', wrapper, re.MULTILINE)
    assert folder is not None
    shown = wrapper.partition("exec ")[0] + 'echo "$QEMU_MODULE_DIR"'
    own = ["sh", "-c", shown.replace("self=$0", f"self={qemu}")]
    modules = Path(subprocess.run(own, capture_output=True, text=True, check=True).stdout.strip())
    if (modules / "hw-display-virtio-gpu-pci.so").exists():
        less = tmp_path / "modules"
        shutil.copytree(modules, less)
        (less / "hw-display-virtio-gpu-pci.so").unlink()
        script = tmp_path / qemu.name
        taken = f"export QEMU_MODULE_DIR={less}"
        script.write_text(wrapper.replace(folder[0], taken).replace("self=$0", f"self={qemu}"))
        script.chmod(0o755)
        binaries["without"] = script
        assert "virtio-gpu-pci" in _lacks(script, *_MODULAR)
    for binary in binaries.values():
        report = _host(catalogue, binary)
        (held,) = report.qemus
        assert BUILD_OF[qemu_version] == held.build
        gone = _lacks(binary, *_MODULAR)
        known = catalogue.types(held.build, held.arch)
        assert gone & known.parents.keys() == set(held.lacking or ()) & set(_MODULAR)
        for driver in _MODULAR:
            abi = _locked(catalogue, "qemu-7.2.22", "pc-q35-5.2", devices=[f"{driver},id=x"])
            findings = check(catalogue, abi, report).findings
            told = {f.value for f in findings if f.code == "driver-missing"}
            assert (driver in gone) == (driver in told)


def test_a_global_on_a_nic_ends_a_qemu_without_one(
    catalogue: pa.FileCatalogue, qemu_binaries: Mapping[str, Path]
) -> None:
    """A release that looks at every NIC ends with it; an older one is refused with it too."""
    given = ["virtio-net-device.host_tunnel=on"]
    abi = _locked(catalogue, "qemu-11.1.3", "pc-q35-7.2", globals_=given)
    assert _dies(qemu_binaries["10.0"], "-global", *given)
    for version in ("7.2", "10.0"):
        findings = check(catalogue, abi, _host(catalogue, qemu_binaries[version])).findings
        assert "property-missing" in {f.code for f in findings if f.severity == "blocked"}


def test_what_nobody_has_the_definitions_of_its_report_brings_along(
    qemu_binaries: Mapping[str, Path], tmp_path: Path
) -> None:
    """A vendor's QEMU is asked on its host once, and judged like any other where it is unknown."""
    there = _without(tmp_path / "there", "qemu-10.0.13", "qemu-10.0.2")
    here = _without(tmp_path / "here", "qemu-10.0.13", "qemu-10.0.2")
    vendors = _host(there, qemu_binaries["10.0"])
    known = _host(here, qemu_binaries["11.1"])
    (held,) = vendors.qemus
    assert held.content
    assert held.build not in here.builds("x86_64")
    abi = _locked(here, "qemu-11.1.3", "pc-q35-9.1", devices=["virtio-net-pci,id=x"])
    verdict = check_migration(here, abi, known, vendors)
    codes = {f.code for f in verdict.forward.findings if f.severity == "blocked"}
    assert codes <= {"guest-view"}
    assert "machine-content-unknown" not in {f.code for f in verdict.forward.findings}
    newer = _locked(here, "qemu-11.1.3", "pc-q35-11.1")
    findings = check_migration(here, newer, known, vendors).forward.findings
    assert "machine-missing" in {f.code for f in findings}
    tunnel = ["virtio-net-pci,id=x,host_tunnel=on"]
    abi = _locked(here, "qemu-11.1.3", "pc-q35-9.1", devices=tunnel)
    blocked = [f for f in check(here, abi, vendors).findings if f.code == "property-missing"]
    assert ["virtio-net-pci.host_tunnel"] == [f.property for f in blocked]


def test_two_qemus_that_nobody_knows_are_compared_by_what_was_looked_at(
    catalogue: pa.FileCatalogue, qemu_binaries: Mapping[str, Path], tmp_path: Path
) -> None:
    """Debian's 10.0.13 shows other queues than 10.0.2, which no property of either tells."""
    ends = [qemu_binaries[version] for version in ("10.0", "10.0.13")]
    hosts = [with_views(catalogue, _host(catalogue, end), ["q35"]) for end in ends]
    machine = "pc-q35-10.0"
    assert [[*each.qemus[0].views] for each in hosts] == [[machine]] * 2
    here = _without(tmp_path / "here", "qemu-10.0.13", "qemu-10.0.2")
    strangers = [
        evolve(each, qemus=tuple(evolve(q, build=f"{q.build}-own") for q in each.qemus))
        for each in hosts
    ]
    devices = ["virtio-rng-pci,id=rng0", "nvme,serial=s,id=nvme0"]
    abi = _locked(here, "qemu-11.1.3", machine, devices=devices)
    found = check_migration(here, abi, *strangers).forward.findings
    assert {"rng0"} == {f.device for f in found if f.code == "guest-view"}


@pytest.mark.parametrize(
    ("words", "said"),
    [(["--look", "pc-q35-99"], "pc-q35-99"), (["--look", "isapc"], "no bus that can be looked at")],
)
def test_what_cannot_be_looked_at_is_an_error(
    qemu_binaries: Mapping[str, Path],
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    said: str,
) -> None:
    """A name that no reported QEMU has, and a board whose devices nobody can reach."""
    assert main(["host", "--qemu", str(qemu_binaries["10.0"]), *words]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.usefixtures("can_cpu_host")
@pytest.mark.parametrize("pair", [("7.2", "10.0"), ("10.0", "11.1")])
def test_the_hosts_cpu_is_what_both_show_with_what_the_finding_says(
    catalogue: pa.FileCatalogue, qemu_binaries: Mapping[str, Path], pair: tuple[str, str]
) -> None:
    """Two releases that show another CPU show the same one by the -cpu that a finding names."""
    binaries = [qemu_binaries[version] for version in pair]
    reports = [_host(catalogue, binary, models=True) for binary in binaries]
    known = {flag for report in reports for flag in report.qemus[0].cpus["host"]}
    cpu = "host"
    for _ in range(2):
        vm = pa.virtual_machine(catalogue.devices(), "pc-q35-7.2", cpu=cpu)
        abi = pa.resolve(catalogue, vm, "conservative")
        found = check_migration(catalogue, abi, *reports).forward.findings
        builds = [f for f in found if f.code == "cpu-build"]
        first, second = (_flags(binary, cpu, known) for binary in binaries)
        assert bool(builds) == (first != second)
        for finding in builds:
            assert all(
                each in finding.message or " more" in finding.message for each in first ^ second
            )
            if finding.help.startswith("from"):
                cpu = finding.help.partition("-cpu ")[2]


def _flags(binary: Path, cpu: str, known: set[str]) -> set[str]:
    """Return those of the *known* flags that a CPU under KVM has."""
    machine = ["-machine", "pc-q35-7.2,accel=kvm", "-cpu", cpu]
    with Qmp(str(binary), [*machine, *BARE], timeout=60) as qmp:
        (first,) = qmp.execute("query-cpus-fast")
        path = first["qom-path"]
        has = {each["name"] for each in qmp.execute("qom-list", path=path)} & known
        return {name for name in has if qmp.execute("qom-get", path=path, property=name) is True}


def test_a_binary_is_the_build_that_it_is(
    qemu_binaries: Mapping[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """What differs between two binaries is what differs between their builds."""
    said = []
    for ends in (
        ("qemu-10.0.2", "qemu-11.1.3"),
        (str(qemu_binaries["10.0"]), str(qemu_binaries["11.1"])),
    ):
        code = main(
            ["diff", "build", *ends, "-M", "pc-q35-9.1", "--driver", "virtio-net-pci", "--all"]
        )
        said.append((code, capsys.readouterr().out))
    assert said[0] == said[1]
    assert 1 == said[0][0]
