"""What a guest finds in real QEMUs, and that an audit tells a binary that shows it something else.

A *lying* binary is a real QEMU behind a script that changes what devices offer: it has the machine
types, compat properties and defaults of the real one, so only its guests can tell.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

import platform_abi as pa
from platform_abi.author.audited import ask
from platform_abi.cli import audit_qemu
from platform_abi.cli.options import AuditOptions
from platform_abi.guest.document import read_view, recorded_view
from platform_abi.guest.look import guest_view
from platform_abi.guest.view import GuestView
from platform_abi.qemu.qtest import QUIET, Qtest
from platform_abi.qemu.starting import containment
from platform_abi.qemu.stdio_qmp import Qmp
from tests.conftest import DEFINITIONS
from tests.live.conftest import BUILD_OF
from tests.live.pci_bus import PciBus

pytestmark = pytest.mark.live

ARCH = "x86_64"

#: Of every version that a binary has; each release changed something in between.
MACHINES = {
    "7.2": ["q35", "pc-q35-6.0", "pc-q35-2.6", "pc-i440fx-4.2", "pc-i440fx-1.4", "microvm"],
    "10.0": ["q35", "pc-q35-8.1", "pc-q35-2.4", "pc-i440fx-9.1", "pc-i440fx-2.4"],
    "11.1": ["q35", "pc-q35-8.1", "pc-q35-5.2", "pc-i440fx-9.1", "pc-i440fx-5.2"],
}


def _audit(binary: Path, **given: Any) -> int:
    options = {"timeout": 120.0, **given}
    return audit_qemu.run(AuditOptions(binary=str(binary), json=True, **options))


@contextlib.contextmanager
def _nothing_left() -> Iterator[None]:
    """Hold the block to leaving no process behind, whoever is its parent by then.

    All that is started in the block has a mark of its own in its environment.
    """
    mark = f"_PLATFORM_ABI_TEST={secrets.token_hex(8)}"

    def marked() -> list[str]:
        found = []
        for file in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                if mark.encode() in file.read_bytes().split(b"\0"):
                    found.append(file.with_name("cmdline").read_text().replace("\0", " "))
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(*mark.split("="))
        yield
    deadline = time.monotonic() + 2
    while left := marked():
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


@pytest.fixture
def package(qemu: Path, qemu_version: str, catalogue: pa.FileCatalogue) -> str:
    """Return the package that a QEMU is of, and skip where its views are not what is recorded."""
    known = catalogue.build(BUILD_OF[qemu_version], ARCH)
    with Qmp(str(qemu), ["-machine", "none"], timeout=60) as qmp:
        found = qmp.execute("query-version")["package"]
    if known.package not in found:
        pytest.skip(f"recorded is {known.package}, this is {found}")
    return known.package


def _drivers(qemu: Path) -> frozenset[str]:
    with Qmp(str(qemu), ["-machine", "none"], timeout=60) as qmp:
        return frozenset(t["name"] for t in qmp.execute("qom-list-types", implements="device"))


def _view(qemu: Path, machine: str) -> GuestView:
    looked_at = pa.FileCatalogue([DEFINITIONS]).guest_devices(ARCH)
    return guest_view(
        str(qemu),
        machine,
        arch=ARCH,
        drivers=_drivers(qemu),
        looked_at=looked_at,
        timeout=120,
    )


# --- what a guest finds --------------------------------------------------------------------------


@pytest.mark.parametrize("machine", ["pc-q35-7.2", "pc-i440fx-7.2"])
def test_a_view_says_what_the_bus_says(qemu: Path, machine: str) -> None:
    """The same features and queues as by addresses that were given out, the way of a driver."""
    view = _view(qemu, machine)
    for driver in ("virtio-net-pci", "virtio-rng-pci", "virtio-balloon-pci", "virtio-scsi-pci"):
        arguments = ["-machine", machine, *QUIET, "-device", f"{driver},addr=5"]
        with Qtest(qemu, arguments, timeout=120) as qtest:
            offered = PciBus(qtest).offered(slot=5)
        facts = view.devices[driver]
        assert facts["identity"] == f"{offered.vendor:04x}:{offered.device:04x}"
        assert int(facts["features"], 16) == offered.features
        sizes = [
            int(size)
            for word in facts["queues"].split()
            for size, _, count in [word.partition("*")]
            for _ in range(int(count or 1))
        ]
        assert tuple(sizes) == offered.queue_sizes


def test_a_view_has_what_is_asked_of_it(qemu: Path) -> None:
    """Identity, MSI-X, BARs, ROM, both interfaces of virtio; express capabilities behind a port."""
    view = _view(qemu, "pc-q35-7.2")
    nic = view.devices["virtio-net-pci"]
    assert nic["identity"] == "1af4:1000"
    assert nic["rom"] == "256K"
    assert nic["bar4"] == "memory 64 bits prefetchable, 16K"
    assert "4 vectors" in nic["capability msix"]
    assert len(nic["legacy-features"]) == len("0x") + 8
    behind = view.devices["virtio-net-pci behind port"]
    assert behind["identity"] == "1af4:1041"
    assert "legacy-features" not in behind
    assert any(key.startswith("capability express") for key in behind)
    assert "extended aer" in view.devices["e1000e behind port"]
    assert view.devices["board 1f.0"]["class"] == "060100"
    old = _view(qemu, "pc-i440fx-7.2")
    assert old.devices["board 01.0"]["class"] == "060100"
    assert not any("port" in label for label in old.devices)
    assert "extended aer" not in old.devices["e1000e"]


def test_looking_twice_shows_the_same(qemu: Path, tmp_path: Path) -> None:
    """The document is the same to the byte, and nothing is left running."""
    texts = []
    with _nothing_left():
        for name in ("one", "two"):
            file = tmp_path / name
            assert _audit(qemu, machine=["q35", "pc"], view=str(file)) == 0
            texts.append(file.read_bytes())
    assert texts[0] == texts[1]
    assert len(read_view(texts[0], "it").machines) == 2


def test_a_board_without_a_bus_is_refused_or_said(
    qemu: Path, package: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the library with an error, by an audit among what was not compared."""
    del package
    with pytest.raises(pa.UsageError) as caught:
        _view(qemu, "isapc")
    assert caught.value.code == "no-guest-view"
    assert _audit(qemu, machine=["isapc"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert "guest view of isapc" in said["not_compared"]
    assert said["differences"] == []
    assert said["kept"] is None
    assert said["compared"] == {"properties": 1, "guest_views": 0}


def test_a_machine_type_that_is_not_there_is_an_error(qemu: Path) -> None:
    """With the nearest names, before anything takes long."""
    with pytest.raises(pa.UnknownNameError, match=r"pc-q35-7\.2") as caught:
        _audit(qemu, machine=["pc-q35-7.22"])
    assert caught.value.code == "unknown-machine"


def test_a_qemu_that_stops_answering_leaves_nothing(qemu: Path, tmp_path: Path) -> None:
    """One that says all it is asked of itself, and then hangs when a machine is started."""
    binary = _wrapper(
        tmp_path, qemu, 'case "$*" in *"-machine none"*) ;; *) sleep 1000 & sleep 1000;; esac'
    )
    with _nothing_left(), pytest.raises(pa.HostError) as caught:
        _audit(binary, machine=["q35"], timeout=8.0, view=str(tmp_path / "view"))
    assert caught.value.code == "qemu-timeout"
    assert not (tmp_path / "view").exists()


def test_what_a_wrapper_leaves_running_ends_with_it(qemu: Path, tmp_path: Path) -> None:
    """Even in a session of its own: it is in no process group that could be killed."""
    if "processes" not in containment():
        pytest.skip("this process may make no process namespace")
    binary = _wrapper(tmp_path, qemu, "setsid sleep 1000 </dev/null >/dev/null 2>&1 &")
    with _nothing_left():
        assert _audit(binary, machine=["q35"], view=str(tmp_path / "view")) == 0


# --- audits --------------------------------------------------------------------------------------


def test_a_binary_keeps_its_own_promises(
    qemu: Path, qemu_version: str, package: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Compat properties, defaults and what a guest finds are what is shipped of that build."""
    del package
    with _nothing_left():
        code = _audit(qemu, machine=MACHINES[qemu_version])
    found = json.loads(capsys.readouterr().out)
    assert found["differences"] == []
    assert (code, found["kept"], found["expected"]) == (0, True, BUILD_OF[qemu_version])
    machines = MACHINES[qemu_version]
    assert len(found["machines"]) == len(machines)
    assert found["compared"] == {"properties": len(machines), "guest_views": len(machines)}


def test_a_binary_is_as_it_is_itself(qemu: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Compared with itself on one host nothing differs, whatever the host has."""
    assert _audit(qemu, machine=["q35"], against_binary=str(qemu)) == 0
    assert json.loads(capsys.readouterr().out)["differences"] == []


def test_what_two_releases_make_of_one_name_is_found(
    qemu_binaries: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of pc-q35-9.1 in 10.0, compared with 11.1; the same by its data as by the binary itself.

    And the same in the document for CI systems.
    """
    binary = qemu_binaries["10.0"]
    said = []
    for against in (
        {"against": BUILD_OF["11.1"]},
        {"against": BUILD_OF["11.1"]},
        {"against_binary": str(qemu_binaries["11.1"])},
    ):
        junit = tmp_path / "junit.xml"
        assert _audit(binary, machine=["pc-q35-9.1"], junit=str(junit), **against) == 1
        said.append(json.loads(capsys.readouterr().out)["differences"])
        failures = [each.text or "" for each in ET.parse(junit).iter("failure")]
        lines = [line for text in failures for line in text.splitlines()]
        assert len(lines) == len(said[-1])
        for d in said[-1]:
            assert any(line.startswith(f"{d['device']}: {d['what']}: ") for line in lines)
    assert said[0] == said[1]
    known = {(d["device"], d["what"]): (d["expected"], d["found"], d["pin"]) for d in said[0]}
    # Since 10.1 an IGD needs no option for its OpRegion (hw/vfio/pci.c).
    assert known["vfio-pci", "x-igd-opregion"] == (
        "on",
        "off",
        "-global vfio-pci.x-igd-opregion=on",
    )
    assert any(
        device == "virtio-crypto-pci" and what.startswith("configuration byte")
        for device, what in known
    )
    assert {(d["device"], d["what"]) for d in said[2]} == known.keys()


def test_a_compat_property_that_a_vendor_changed_is_found(
    qemu_binaries: dict[str, Path],
    catalogue: pa.FileCatalogue,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With the argument that pins it, for each machine type; what is not recorded is said."""
    version, name = "11.1", BUILD_OF["11.1"]
    folder = tmp_path / "machines" / "vendor"
    folder.mkdir(parents=True)
    for suffix in ("", "-types", "-properties"):
        path = catalogue.locate(f"machines/{name}/{ARCH}{suffix}.toml")
        assert path is not None
        text = Path(path).read_text().replace(f'name = "{name}"', 'name = "vendor"')
        old = '["virtio-net-device", "host_uso", "off"]'
        assert (old in text) == (suffix == "")
        text = text.replace(old, '["virtio-net-device", "host_uso", "on"]')
        (folder / f"{ARCH}{suffix}.toml").write_text(text)
    monkeypatch.setenv("PLATFORM_ABI_PATH", str(tmp_path))
    machines = ["pc-q35-8.2", "pc-q35-8.1", "pc-i440fx-8.1"]
    assert _audit(qemu_binaries[version], machine=machines, against="vendor") == 1
    said = json.loads(capsys.readouterr().out)
    found = {d["device"]: d for d in said["differences"]}
    assert {d["what"] for d in said["differences"]} == {"host_uso"}
    assert found["virtio-net-device"] == {
        "machines": machines[1:],
        "device": "virtio-net-device",
        "what": "host_uso",
        "expected": "on",
        "found": "off",
        "pin": "-global virtio-net-device.host_uso=on",
    }
    assert said["not_compared"]["guest view"] == f"none is recorded of vendor for {ARCH}"


def test_a_view_of_nothing_is_not_written(qemu: Path, tmp_path: Path) -> None:
    """Of a machine type without a bus that can be looked at there is no document."""
    with pytest.raises(pa.UsageError, match="isapc") as caught:
        _audit(qemu, machine=["isapc"], view=str(tmp_path / "view"))
    assert caught.value.code == "no-guest-view"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("how", ["against", "against_binary"])
def test_where_no_machine_type_is_common_nothing_is_kept(
    qemu_binaries: dict[str, Path], how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor is it broken: nobody knows, and the exit code is no yes."""
    given = {"against": BUILD_OF["7.2"], "against_binary": str(qemu_binaries["7.2"])}
    assert _audit(qemu_binaries["11.1"], machine=["pc-q35-9.1"], **{how: given[how]}) == 1
    said = json.loads(capsys.readouterr().out)
    assert (said["kept"], said["machines"], said["differences"]) == (None, [], [])
    assert said["compared"] == {"properties": 0, "guest_views": 0}


def _starts(folder: Path, qemu: Path) -> tuple[Path, Callable[[], list[str]]]:
    """Return a QEMU behind a script, and what says with which arguments it was started so far."""
    # A pipe: a throw-away process may be able to write to no file.
    log = folder / "log"
    os.mkfifo(log)
    reader = os.open(log, os.O_RDWR | os.O_NONBLOCK)
    binary = _wrapper(folder, qemu, f'echo "$*" > "{log}"')
    said: list[str] = []

    def started() -> list[str]:
        with contextlib.suppress(BlockingIOError):
            said.extend(os.read(reader, 1 << 16).decode().splitlines())
        return said

    return binary, started


def test_what_is_wrong_is_said_before_a_machine_is_started(
    qemu: Path, qemu_version: str, tmp_path: Path
) -> None:
    """A view without a folder, a binary of another architecture: with a help."""
    binary, started = _starts(tmp_path, qemu)
    other = qemu.with_name(f"qemu-system-aarch64-{qemu_version}")
    cases = [
        ({"view": str(tmp_path / "no" / "view")}, "write-failed"),
        ({"view": str(tmp_path)}, "write-failed"),
    ]
    if other.exists():
        cases.append(({"against_binary": str(other)}, "qemu-architecture"))
    for given, code in cases:
        with pytest.raises(pa.HostError) as caught:
            _audit(binary, machine=["q35"], **given)
        assert caught.value.code == code
        assert caught.value.help
    assert started()
    assert not [words for words in started() if "-qtest" in words]


def test_a_binary_says_which_drivers_no_user_can_create(
    qemu: Path, catalogue: pa.FileCatalogue
) -> None:
    """A host bridge is one of them; a disk controller that boards have as well is none."""
    said = ask(catalogue, str(qemu), "audited", timeout=120)
    assert {"mch", "i440FX", "hpet", "fw_cfg_io"} <= said.no_user
    assert not {"ich9-ahci", "piix3-ide", "isa-fdc", "virtio-net-pci"} & said.no_user


# --- binaries that lie ---------------------------------------------------------------------------


def _wrapper(folder: Path, qemu: Path, before: str = "", after: str = "") -> Path:
    path = folder / "qemu-system-x86_64"
    path.write_text(f'#!/bin/sh\n{before}\nexec "{qemu}" "$@" {after}\n')
    path.chmod(0o755)
    return path


def _lies(binary: Path, capsys: pytest.CaptureFixture[str], **given: Any) -> list[dict[str, Any]]:
    """Return the differences that an audit of a lying *binary* finds; the code says it lies."""
    assert _audit(binary, machine=["pc-q35-9.1", "pc-i440fx-9.1"], **given) == 1
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["differences"]
    return found


@pytest.fixture(params=["10.0", "11.1"])
def truth(request: pytest.FixtureRequest, qemu_binaries: dict[str, Path]) -> Path:
    """Return a QEMU that knows machine types of 9.1."""
    return qemu_binaries[request.param]


@pytest.mark.parametrize("how", ["arguments", "readconfig"])
def test_a_feature_that_is_switched_off_is_found(
    truth: Path,
    tmp_path: Path,
    how: str,
    can_tap: None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """All its properties agree; behind a tap its NIC offers a bit less, which is named."""
    del can_tap
    if "network" not in containment():
        pytest.skip("this process may make no network namespace")
    config = tmp_path / "lie.cfg"
    config.write_text(
        '[global]\n  driver = "virtio-net-device"\n  property = "host_uso"\n  value = "off"\n'
    )
    after = {
        "arguments": "-global virtio-net-device.host_uso=off",
        "readconfig": f"-readconfig {config}",
    }
    binary = _wrapper(tmp_path, truth, after=after[how])
    for given in ({}, {"against_binary": str(truth)}):
        (found,) = _lies(binary, capsys, **given)
        assert found == {
            "machines": ["pc-q35-9.1", "pc-i440fx-9.1"],
            "device": "virtio-net-pci with tap",
            "what": "feature 56 VIRTIO_NET_F_HOST_USO",
            "expected": "on",
            "found": "off",
            "pin": "-global virtio-net-device.host_uso=on",
        }


def test_another_option_rom_is_found(
    truth: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A package with a larger ROM: no property says so, and a migration would fail."""
    roms = tmp_path / "roms"
    roms.mkdir()
    for name in ("efi-virtio.rom", "efi-e1000.rom"):
        (roms / name).write_bytes(b"\x55\xaa" + bytes(300_000))
    plain = truth.read_text()
    assert '-L "$root' in plain, "not a wrapper of tests/live/install-qemu"
    script = plain.replace("self=$0\n", f"self='{truth}'\n")
    script = script.replace('-L "$root', f"-L '{roms}' -L \"$root", 1)
    binary = tmp_path / "qemu-system-x86_64"
    binary.write_text(script)
    binary.chmod(0o755)
    found = _lies(binary, capsys)
    assert {(d["what"], d["expected"], d["found"]) for d in found} == {
        ("option ROM size", "256K", "512K")
    }
    devices = {d["device"] for d in found}
    assert {"virtio-net-pci", "virtio-net-pci behind port", "e1000"} <= devices


def test_a_queue_of_another_size_is_found(
    truth: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And so is the configuration that follows from it."""
    binary = _wrapper(tmp_path, truth, after="-global virtio-blk-device.queue-size=128")
    found = _lies(binary, capsys)
    assert {d["device"] for d in found} == {"virtio-blk-pci", "virtio-blk-pci behind port"}
    assert {"queue 0 size", "legacy queue 0 size"} <= {d["what"] for d in found}


def test_another_configuration_is_found(
    truth: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Behind a word of ones too: an IOMMU of fewer address bits has its ranges after the pages."""
    lie = 'for word; do shift; case "$word" in virtio-iommu-pci*) word="$word,aw-bits=32";; esac; '
    binary = _wrapper(tmp_path, truth, lie + 'set -- "$@" "$word"; done')
    for given in ({}, {"against_binary": str(truth)}):
        found = _lies(binary, capsys, **given)
        assert {d["device"] for d in found} == {"virtio-iommu-pci"}
        assert all(d["what"].startswith("configuration") for d in found)


def test_a_function_that_a_board_should_not_have_is_found(
    truth: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And one that it should have, looked at from the other side."""
    lie = 'case "$*" in *"-machine none"*) ;; *) set -- "$@" -device pci-testdev,addr=1f.5;; esac'
    binary = _wrapper(tmp_path, truth, lie)
    difference = {"device": "board 1f.5", "what": "device", "pin": None}
    machines = ["pc-q35-9.1", "pc-i440fx-9.1"]
    for given in ({}, {"against_binary": str(truth)}):
        assert _lies(binary, capsys, **given) == [
            {**difference, "machines": machines, "expected": None, "found": "there"}
        ]
    assert _lies(truth, capsys, against_binary=str(binary)) == [
        {**difference, "machines": machines, "expected": "there", "found": None}
    ]


def test_another_cpu_model_is_found(
    truth: Path, tmp_path: Path, can_kvm: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """A flag that a build leaves out of a model is named, with the option that brings it back."""
    del can_kvm
    binary = _wrapper(tmp_path, truth, after="-global Nehalem-x86_64-cpu.sse4.2=off")
    found = _lies(binary, capsys)
    assert [(d["device"], d["expected"], d["found"]) for d in found] == [
        ("-cpu Nehalem", "on", "off")
    ]


def test_recorded_views_have_everything_that_a_capable_host_shows(
    catalogue: pa.FileCatalogue,
) -> None:
    """Who recorded them had a tap with every offload, and KVM; a tap is behind a NIC on PCI."""
    for build in BUILD_OF.values():
        recorded = recorded_view(catalogue.locate, build, ARCH)
        assert recorded is not None
        for machine in recorded.machines.values():
            on_pci = "virtio-net-pci" in machine.devices
            assert on_pci is ("virtio-net-pci with tap" in machine.devices)
            assert machine.cpus
            assert on_pci or machine.machine == "microvm"


def test_what_this_user_cannot_open_is_said(
    truth: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a tap and without KVM the rest is compared, and what is left out has its reason."""
    monkeypatch.setattr(os, "access", lambda path, _mode: not str(path).startswith("/dev/"))
    assert _audit(truth, machine=["pc-q35-9.1"], against_binary=str(truth)) == 0
    said = json.loads(capsys.readouterr().out)["not_compared"]
    assert said["virtio-net-pci with tap"] == "this user cannot open /dev/net/tun"
    assert said["CPU models"] == "this user cannot open /dev/kvm"
