"""What a guest finds in another QEMU: laws of the comparison, and what is said of two builds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.compat.finding import Finding
from platform_abi.compat.views import compare_views, look_findings, view_findings
from platform_abi.emit.lock_reading import read_lock
from platform_abi.emit.lockfile import lock_text
from platform_abi.guest.recorded import recorded_machine, with_recorded
from platform_abi.model.guest import DeviceView, MachineView
from platform_abi.resolver.fingerprint import machine_content
from tests.definitions.site import DEFINITIONS, write

OLDER, NEWER, VENDOR = "qemu-10.0.2", "qemu-11.1.3", "vendor-10.0.9"
MACHINE = "pc-q35-9.1"
CATALOGUE = pa.FileCatalogue([DEFINITIONS])

FACTS = st.dictionaries(
    st.sampled_from(["identity", "queues", "rom", "bar0"]), st.sampled_from(["1", "2"])
)
UNTOLD = st.sets(st.sampled_from(["queues", "bar*", "*"]), max_size=2).map(
    lambda names: tuple(sorted(names))
)
DEVICES = st.builds(DeviceView, driver=st.just("virtio-rng-pci"), facts=FACTS, untold=UNTOLD)
VIEWS = st.builds(
    MachineView,
    qemu=st.sampled_from(["a", "b"]),
    devices=st.dictionaries(st.sampled_from(["rng0", "rng1"]), DEVICES),
)


# --- laws ----------------------------------------------------------------------------------------


@given(VIEWS)
def test_a_machine_is_as_it_is_itself(view: MachineView) -> None:
    """Nothing differs from itself."""
    assert compare_views(CATALOGUE, view, view).differences == {}


@given(VIEWS, VIEWS)
def test_what_differs_does_so_either_way(first: MachineView, second: MachineView) -> None:
    """With the sides exchanged; and the same is not told."""
    there = compare_views(CATALOGUE, first, second)
    back = compare_views(CATALOGUE, second, first)
    assert there.untold == back.untold
    assert there.differences.keys() == back.differences.keys()
    for label, found in there.differences.items():
        exchanged = [(d.fact, d.what, d.after, d.before) for d in back.differences[label]]
        assert [(d.fact, d.what, d.before, d.after) for d in found] == exchanged


@given(VIEWS, VIEWS)
def test_a_fact_that_differs_is_told_or_named_as_untold(
    first: MachineView, second: MachineView
) -> None:
    """Of every device that both have."""
    found = compare_views(CATALOGUE, first, second)
    for label in first.devices.keys() & second.devices.keys():
        one, other = first.devices[label], second.devices[label]
        told = {d.fact for d in found.differences.get(label, ())}
        for fact in one.facts.keys() | other.facts.keys():
            known = one.tells(fact) and other.tells(fact)
            assert (fact in told) == (known and one.facts.get(fact) != other.facts.get(fact))
            if not known:
                assert label in found.untold


# --- two builds ----------------------------------------------------------------------------------


def _queues(views: dict[str, Any]) -> None:
    """Let a vendor's views have queues of 1024, of whatever size they were."""
    for machine in views["machines"]:
        for facts in machine["devices"].values():
            if facts is not None and "queues" in facts:
                facts["queues"] = "1024"


def _vendor(
    root: Path, change: Callable[[dict[str, Any]], None], default: str = ""
) -> pa.FileCatalogue:
    """Return a catalogue with a vendor's rebuild whose guests find what *change* makes of it.

    *default* is what it has for the queue size of a disk.
    """
    for file in sorted((DEFINITIONS / "machines" / OLDER).glob("x86_64*")):
        text = file.read_text(encoding="utf-8").replace(OLDER, VENDOR)
        if file.name == "x86_64.toml":
            text = text.replace('version = "10.0.2"', 'version = "10.0.9"', 1)
        if file.name == "x86_64-view.json":
            views = json.loads(text)
            change(views)
            text = json.dumps(views)
        if file.name == "x86_64-properties.toml" and default:
            old = 'queue-size = ["uint16", "256"]'
            assert old in text
            text = text.replace(old, f'queue-size = ["uint16", "{default}"]')
        write(root, f"machines/{VENDOR}/{file.name}", text)
    return pa.FileCatalogue([DEFINITIONS, root])


def _locked(catalogue: pa.FileCatalogue, *devices: str, build: str = OLDER) -> pa.GuestAbi:
    """Return what a lockfile gives back of a virtual machine that *build* was started with."""
    vm = pa.virtual_machine(
        catalogue.devices(), MACHINE, accelerator="tcg", build=build, devices=devices
    )
    abi = pa.resolve(catalogue, vm, "linux-6.9")
    abi = evolve(abi, content=evolve(machine_content(catalogue, abi), ran=True))
    return read_lock(lock_text(abi, definitions="sha256:0"), "vm.lock")


def _blocked(findings: list[Finding]) -> dict[str | None, list[str]]:
    found: dict[str | None, list[str]] = {}
    for each in findings:
        if each.severity == "blocked":
            assert each.code == "guest-view"
            found.setdefault(each.device, []).append(each.message)
    return found


DISK = "virtio-blk-pci,drive=d0,id=disk"


@pytest.mark.parametrize("build", [OLDER, NEWER])
def test_a_build_shows_what_it_shows(build: str) -> None:
    """Nothing is said of a virtual machine that stays on its build."""
    abi = _locked(CATALOGUE, DISK, "virtio-gpu-pci,id=gpu", build=build)
    assert view_findings(CATALOGUE, abi, build) == []
    recorded = with_recorded(CATALOGUE, abi, build)
    assert recorded.view is not None
    assert _blocked(look_findings(CATALOGUE, recorded, recorded.view)) == {}


def test_what_another_release_shows_otherwise_is_named() -> None:
    """QEMU 11 gave a GPU's configuration four bytes more, whatever its machine type."""
    abi = _locked(CATALOGUE, "virtio-gpu-pci,id=gpu", "virtio-rng-pci,id=rng")
    (finding,) = (f for f in view_findings(CATALOGUE, abi, NEWER) if f.severity == "blocked")
    assert finding.device == "gpu"
    assert (finding.expected, finding.found) == ("16", "20")
    assert finding.message.startswith("gpu: configuration length is 20 and was 16 in qemu-11.1.3")
    assert "no property" in finding.help


@pytest.mark.parametrize("own", ["", ",num-queues=4", ",serial=x,physical_block_size=4096"])
def test_what_a_build_shows_by_itself_is_told_of_devices_with_other_properties(
    tmp_path: Path, own: str
) -> None:
    """The queue of a disk is of another size though its property is not: so are four of them."""
    catalogue = _vendor(tmp_path, _queues)
    found = _blocked(view_findings(catalogue, _locked(catalogue, DISK + own), VENDOR))
    assert found["disk"] == [
        f"disk: queue 0 size is 1024 and was 256 in {VENDOR}, not as in {OLDER}"
    ]


def _keyboards(views: dict[str, Any]) -> None:
    """Let a vendor's keyboards have other queues, and nothing else."""
    for machine in views["machines"]:
        for name, facts in machine["devices"].items():
            if name.startswith("virtio-keyboard") and facts is not None and "queues" in facts:
                facts["queues"] = "16*2"


def test_a_driver_that_nobody_looked_at_is_held_to_those_that_it_is_like(tmp_path: Path) -> None:
    """A NIC without the legacy interface to a NIC, a mouse to keyboard and tablet where both do."""
    devices = "virtio-net-pci-non-transitional,id=nic", "virtio-mouse-pci,id=mouse"
    catalogue = _vendor(tmp_path / "all", _queues)
    found = _blocked(view_findings(catalogue, _locked(catalogue, *devices), VENDOR))
    assert set(found) == {"nic", "mouse"}
    assert "of virtio-net-pci, which it is like" in found["nic"][0]
    catalogue = _vendor(tmp_path / "one", _keyboards)
    locked = _locked(catalogue, *devices, "virtio-keyboard-pci,id=keys")
    assert set(_blocked(view_findings(catalogue, locked, VENDOR))) == {"keys"}


def test_what_a_property_decides_is_kept_by_it(tmp_path: Path) -> None:
    """Where its default is another, the argument for it; where it is given, nothing differs."""
    catalogue = _vendor(tmp_path, _queues, default="1024")
    (finding,) = (
        f
        for f in view_findings(catalogue, _locked(catalogue, DISK), VENDOR)
        if f.severity == "blocked"
    )
    assert finding.help == "start it with -global virtio-blk-pci.queue-size=256"
    given = _locked(catalogue, f"{DISK},queue-size=128")
    assert _blocked(view_findings(catalogue, given, VENDOR)) == {}


def test_what_nobody_recorded_is_no_ok_and_blocks_nothing() -> None:
    """Of a QEMU of no build; but a lockfile that names no build was promised nothing."""
    abi = _locked(CATALOGUE, DISK)
    for case, build, severity in (
        (abi, None, "warn"),
        (evolve(abi, vm=evolve(abi.vm, build=None), content=None), NEWER, "info"),
    ):
        (finding,) = view_findings(CATALOGUE, case, build)
        assert (finding.code, finding.severity) == ("view-unknown", severity)


@pytest.mark.parametrize("recorded", [True, False])
def test_what_cannot_be_told_of_a_guest_of_a_qemu_that_nobody_recorded_is_warned_of(
    recorded: bool,
) -> None:
    """Between builds that are recorded, what they show otherwise by themselves was compared."""
    abi = _locked(CATALOGUE, f"{DISK},num-queues=4")
    there = recorded_machine(CATALOGUE, abi, OLDER)
    assert there is not None
    facts = {**there.view.devices["disk"].facts, "queues": "1024*4"}
    seen = DeviceView(driver="virtio-blk-pci", facts=facts)
    abi = evolve(abi, view=MachineView(qemu="a", looked=True, devices={"disk": seen}))
    if not recorded:
        abi = evolve(abi, vm=evolve(abi.vm, build=None), content=None)
    unknown = [f for f in view_findings(CATALOGUE, abi, NEWER) if f.code == "view-unknown"]
    assert [each.severity for each in unknown] == ["info" if recorded else "warn"]


def test_what_was_looked_at_counts_before_what_was_recorded() -> None:
    """A lockfile that says what its guest found holds any QEMU to that, its own build's too."""
    abi = _locked(CATALOGUE, DISK, "virtio-rng-pci,id=rng")
    recorded = recorded_machine(CATALOGUE, abi, OLDER)
    assert recorded is not None
    rng = recorded.view.devices["rng"]
    seen = evolve(rng, facts={**rng.facts, "queues": "16"})
    looked = MachineView(qemu="QEMU 10.0.2", looked=True, devices={"rng": seen})
    found = _blocked(view_findings(CATALOGUE, evolve(abi, view=looked), OLDER))
    assert found == {
        "rng": [f"rng: queue 0 size is 8 and was 16 in {OLDER}, not as in QEMU 10.0.2"]
    }
    assert _blocked(look_findings(CATALOGUE, evolve(abi, view=looked), looked)) == {}


@pytest.mark.parametrize(
    ("device", "told"),
    [
        ("virtio-rng-pci,id=d", True),
        ("virtio-balloon-pci,deflate-on-oom=on,id=d", False),
        ("virtio-scsi-pci-transitional,id=d", False),
        ("e1000,id=d", True),
    ],
)
def test_queues_of_which_nobody_knows_what_they_were_are_no_ok(device: str, told: bool) -> None:
    """The other QEMU was looked at, and what it shows may be smaller than what was promised."""
    abi = _locked(CATALOGUE, device)
    recorded = recorded_machine(CATALOGUE, abi, OLDER)
    assert recorded is not None
    seen = recorded.view.devices["d"]
    sizes = {} if device.startswith("e1000") else {"queues": "64", **seen.facts}
    looked = MachineView(
        qemu="QEMU 99", looked=True, devices={"d": evolve(seen, facts=sizes, untold=())}
    )
    found = look_findings(CATALOGUE, abi, looked)
    assert ("warn" in {f.severity for f in found if f.code == "view-unknown"}) is not told
    # Where the lockfile itself says what the guest had, nothing is left to be known.
    again = look_findings(CATALOGUE, evolve(abi, view=looked), looked)
    assert "warn" not in {f.severity for f in again}


def test_a_guest_that_was_seen_to_find_it_does_so_again(tmp_path: Path) -> None:
    """Whatever is recorded of the build that its lockfile names."""
    catalogue = _vendor(tmp_path, _queues)
    abi = _locked(catalogue, "virtio-rng-pci,id=rng")
    there = recorded_machine(catalogue, abi, VENDOR)
    assert there is not None
    looked = evolve(there.view, looked=True)
    assert _blocked(view_findings(catalogue, evolve(abi, view=looked), VENDOR)) == {}
    assert set(_blocked(view_findings(catalogue, evolve(abi, view=looked), OLDER))) == {"rng"}


@pytest.mark.parametrize(
    ("arch", "machine", "device", "builds", "fact"),
    [
        # A place of virtio-mmio had queues of 1024 for every device once.
        ("x86_64", "microvm", "virtio-rng-device", ("qemu-5.2.0", "qemu-11.1.3"), "queues"),
        (
            "s390x",
            "s390-ccw-virtio-9.1",
            "virtio-gpu-ccw",
            ("qemu-10.0.2", "qemu-11.1.3"),
            "config",
        ),
    ],
)
def test_devices_on_a_bus_of_the_board_are_compared(
    arch: str, machine: str, device: str, builds: tuple[str, str], fact: str
) -> None:
    """And one on a bus where none are looked at is named as not compared."""
    before, after = builds
    vm = pa.virtual_machine(
        CATALOGUE.devices(),
        machine,
        arch=arch,
        accelerator="tcg",
        build=before,
        devices=[
            f"{device},id=dev0",
            f"virtio-scsi-{device.rpartition('-')[2]},id=s",
            "scsi-cd,id=cd",
        ],
    )
    abi = with_recorded(CATALOGUE, pa.resolve(CATALOGUE, vm, "conservative"), before)
    found = view_findings(CATALOGUE, abi, after)
    (differs,) = [each for each in found if each.device == "dev0"]
    assert ("guest-view", "blocked", fact) == (differs.code, differs.severity, differs.value)
    (untold,) = [each for each in found if each.code == "view-unknown"]
    assert "cd" in untold.message.partition("but for")[2]
    assert view_findings(CATALOGUE, abi, before) == []


def test_registers_that_were_set_otherwise_are_not_those_that_were_looked_at() -> None:
    """What is set of a place shows in every device of it: nobody knows what."""
    vm = pa.virtual_machine(
        CATALOGUE.devices(),
        "microvm",
        accelerator="tcg",
        build=NEWER,
        devices=["virtio-rng-device,id=rng0"],
        globals_=["virtio-mmio.force-legacy=off"],
    )
    found = recorded_machine(CATALOGUE, pa.resolve(CATALOGUE, vm, "conservative"), NEWER)
    assert found is not None
    assert found.view.devices["rng0"].untold == ("*",)
