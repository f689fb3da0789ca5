"""Same name, other content: what another build makes of a virtual machine's machine type."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.compat.machine_content import MachineVerdict, compare_machine
from platform_abi.compat.machine_findings import machine_findings
from platform_abi.emit.lock_reading import read_lock
from platform_abi.emit.lockfile import lock_text, lockfile
from platform_abi.model.abi import MachineContent
from platform_abi.resolver.fingerprint import machine_content
from platform_abi.resolver.machine_table import driver_row
from tests.definitions.site import DEFINITIONS, write

UPSTREAM = "qemu-11.1.3"
VENDOR = "vendor-11.1.3"
MACHINE = "pc-q35-9.1"
SAID: dict[str, Any] = {
    "devices": [
        "virtio-net-pci,netdev=n0,id=net0",
        "virtio-scsi,id=scsi0",
        "scsi-hd,drive=d",
        "e1000,id=old",
    ],
    "netdevs": ["tap,id=n0"],
    "cpu": "EPYC-v4,vendor=AuthenticAMD",
}


def _rebuilt(
    root: Path, *rows: str, cut: str = "", version: str = "", added: str = ""
) -> pa.FileCatalogue:
    """Return a catalogue with a vendor's rebuild that adds *rows* to a released machine type.

    *version* is the upstream version that it says it is of, and *added* what it says of further
    properties of virtio-net-device.
    """
    for file in sorted((DEFINITIONS / "machines" / UPSTREAM).glob("x86_64*.toml")):
        text = file.read_text(encoding="utf-8").replace(UPSTREAM, VENDOR)
        if file.name == "x86_64-properties.toml" and added:
            head = '[type."virtio-net-device"]\n'
            assert head in text
            text = text.replace(head, f"{head}{added}\n")
        if file.name == "x86_64.toml":
            text = text.replace('version = "11.1.3"', f'version = "{version or "11.1.3"}"', 1)
            start = text.index(f'name = "{MACHINE}"')
            own = text.index("compat = [", start) + len("compat = [")
            text = text[:own] + "".join(f"\n    {row}," for row in rows) + text[own:]
            assert cut in text[own:]
            text = text[:own] + text[own:].replace(cut, "", 1)
        write(root, f"machines/{VENDOR}/{file.name}", text)
    return pa.FileCatalogue([DEFINITIONS, root])


def _locked(catalogue: pa.FileCatalogue, build: str = UPSTREAM, **said: Any) -> pa.GuestAbi:
    """Return what a lockfile gives back of a virtual machine that was resolved for *build*."""
    vm = pa.virtual_machine(catalogue.devices(), MACHINE, build=build, **{**SAID, **said})
    abi = pa.resolve(catalogue, vm, "linux-6.9")
    abi = evolve(abi, content=machine_content(catalogue, abi))
    return read_lock(lock_text(abi, definitions="sha256:0"), "vm.lock")


def _named(verdict: MachineVerdict) -> dict[str, tuple[str | None, str | None]]:
    return {
        f"{d.driver}.{d.property}": (d.before, d.after) for d in verdict.differences if d.matters
    }


def test_a_machine_type_is_itself(catalogue: pa.FileCatalogue) -> None:
    """The build of the lockfile has what the lockfile has the fingerprints of."""
    verdict = compare_machine(catalogue, _locked(catalogue), UPSTREAM)
    assert ("ok", (), (), ()) == (
        verdict.status,
        verdict.differences,
        verdict.unlocated,
        verdict.arguments,
    )


def test_a_rebuild_that_changes_nothing_is_the_same(tmp_path: Path) -> None:
    """A build's name is no content, and neither is how a value is spelled."""
    catalogue = _rebuilt(tmp_path, '["virtio-net-device", "mrg_rxbuf", "true"]')
    assert "ok" == compare_machine(catalogue, _locked(catalogue), VENDOR).status


def test_what_a_vendor_changed_is_named_with_both_values(tmp_path: Path) -> None:
    """Driver, property, what it was, what it is, who can tell, and what pins the old value."""
    catalogue = _rebuilt(
        tmp_path,
        '["virtio-net-device", "ctrl_rx", "off"]',
        '["scsi-hd", "migrate-emulated-scsi-request", "off"]',
        '["e1000", "init-vet", "off"]',
        '["nvme", "msix-exclusive-bar", "on"]',
    )
    verdict = compare_machine(catalogue, _locked(catalogue), VENDOR)
    assert ("differs", UPSTREAM, VENDOR) == (verdict.status, verdict.locked, verdict.build)
    assert {
        "virtio-net-pci.ctrl_rx": ("on", "off"),
        "scsi-hd.migrate-emulated-scsi-request": ("on", "off"),
        "e1000.init-vet": ("on", "off"),
    } == _named(verdict)
    findings = machine_findings(verdict)
    assert {("machine-content", "blocked")} == {(f.code, f.severity) for f in findings}
    assert {f.property for f in findings} == _named(verdict).keys()
    assert all(f"-global {f.property}=" in f.help for f in findings)
    seen = {d.property: d.seen for d in verdict.differences}
    assert {
        "ctrl_rx": "guest",
        "init-vet": "guest",
        "migrate-emulated-scsi-request": "migration",
    } == seen
    assert "-global e1000.init-vet=on" in shlex.join(verdict.arguments)


def test_the_arguments_give_back_what_was(tmp_path: Path) -> None:
    """With them, the virtual machine has no difference left in the other build."""
    catalogue = _rebuilt(
        tmp_path, '["virtio-device", "queue_reset", "false"]', '["pci-device", "rombar", "0"]'
    )
    abi = _locked(catalogue)
    verdict = compare_machine(catalogue, abi, VENDOR)
    assert verdict.status == "differs"
    pins = verdict.arguments[1::2]
    assert ("-global",) * len(pins) == verdict.arguments[::2]
    again = _locked(catalogue, globals_=list(pins))
    assert "ok" == compare_machine(catalogue, again, VENDOR).status


def test_what_the_virtual_machine_sets_itself_does_not_differ(tmp_path: Path) -> None:
    """An explicit property, a -global and what the platform pins win over any machine type."""
    catalogue = _rebuilt(
        tmp_path,
        '["virtio-net-device", "mrg_rxbuf", "off"]',
        '["virtio-net-device", "host_uso", "off"]',
        '["e1000", "init-vet", "off"]',
        '["x86_64-cpu", "pmu", "on"]',
    )
    abi = _locked(
        catalogue,
        devices=["virtio-net-pci,netdev=n0,id=net0,mrg_rxbuf=on", "e1000,id=old"],
        globals_=["e1000.init-vet=on"],
        cpu="EPYC-v4,vendor=AuthenticAMD,pmu=off",
    )
    assert {} == _named(compare_machine(catalogue, abi, VENDOR))


def test_what_is_set_on_an_inner_device_loses_to_its_proxys_compat_property(
    tmp_path: Path,
) -> None:
    """QEMU makes the proxy last: the platform's -global on the inner device is no help then."""
    catalogue = _rebuilt(tmp_path, '["virtio-net-pci-base", "mrg_rxbuf", "off"]')
    verdict = compare_machine(catalogue, _locked(catalogue), VENDOR)
    assert {"virtio-net-pci.mrg_rxbuf": ("on", "off")} == _named(verdict)


def test_one_of_two_devices_may_still_differ(tmp_path: Path) -> None:
    """A property that only one device sets is another's difference."""
    catalogue = _rebuilt(tmp_path, '["e1000", "init-vet", "off"]')
    abi = _locked(catalogue, devices=["e1000,id=a,init-vet=on", "e1000,id=b"])
    assert {"e1000.init-vet": ("on", "off")} == _named(compare_machine(catalogue, abi, VENDOR))


def test_the_board_and_the_cpu_belong_to_the_virtual_machine(tmp_path: Path) -> None:
    """What no -device names can change as well."""
    catalogue = _rebuilt(
        tmp_path,
        '["ICH9-LPC", "noreboot", "false"]',
        '["mch", "extended-tseg-mbytes", "8"]',
        '["x86_64-cpu", "l3-cache", "off"]',
        '["PIIX4_PM", "smm-compat", "on"]',
    )
    found = _named(compare_machine(catalogue, _locked(catalogue), VENDOR))
    assert {"mch.extended-tseg-mbytes", "EPYC-v4-x86_64-cpu.l3-cache"} <= found.keys()
    assert not [name for name in found if name.startswith("PIIX4")]


def test_a_property_that_only_one_build_has_is_told_and_blocks_nothing(
    catalogue: pa.FileCatalogue,
) -> None:
    """What an older QEMU does in its place nobody can say; compat properties are there for it."""
    verdict = compare_machine(catalogue, _locked(catalogue), "qemu-10.0.2")
    assert "host_tunnel" in {d.property for d in verdict.differences if d.change == "removed"}
    assert {} == _named(verdict)
    assert "ok" == verdict.status
    (finding,) = machine_findings(verdict)
    assert ("machine-content-one-sided", "warn") == (finding.code, finding.severity)
    assert "=on" in finding.message


@pytest.mark.parametrize(
    ("value", "severity"), [("on", "warn"), ("7", "warn"), ("off", "info"), ("0", "info")]
)
def test_what_a_release_brought_is_a_warning_where_it_is_on(
    tmp_path: Path, value: str, severity: str
) -> None:
    """Hundreds of properties come with a release; those that a guest sees switched on are named."""
    catalogue = _rebuilt(tmp_path, version="11.2.0", added=f'ours = ["bool", "{value}"]')
    verdict = compare_machine(catalogue, _locked(catalogue), VENDOR)
    assert "ok" == verdict.status
    (finding,) = machine_findings(verdict)
    assert severity == finding.severity
    assert (f"ours={value}" in finding.message) == (severity == "warn")


def test_of_many_properties_a_few_are_named(tmp_path: Path) -> None:
    """A property that a device and what is inside of it have is one, and the rest is counted."""
    added = "\n".join(f'ours{n} = ["bool", "on"]' for n in range(5))
    catalogue = _rebuilt(tmp_path, version="11.2.0", added=added)
    (finding,) = machine_findings(compare_machine(catalogue, _locked(catalogue), VENDOR))
    assert 3 == finding.message.count("ours")
    assert finding.message.endswith("and 2 more")


@pytest.mark.parametrize("value", ["on", "off"])
def test_what_a_vendor_added_to_a_release_is_no_release(tmp_path: Path, value: str) -> None:
    """No upstream change explains a property that one of two builds of 11.1.3 has alone."""
    catalogue = _rebuilt(tmp_path, added=f'ours = ["bool", "{value}"]')
    for build, of, words in (
        (VENDOR, UPSTREAM, "there was no such property"),
        (UPSTREAM, VENDOR, "does not exist"),
    ):
        abi = _locked(catalogue, of)
        verdict = compare_machine(catalogue, abi, build)
        assert "differs" == verdict.status
        (finding,) = machine_findings(verdict)
        assert ("machine-content", "blocked") == (finding.code, finding.severity)
        assert words in finding.message
        assert finding.help


def test_a_vendors_property_that_says_nothing_blocks_nothing(tmp_path: Path) -> None:
    """Without a value there is nothing that a guest could tell."""
    catalogue = _rebuilt(tmp_path, added='ours = ["str"]')
    verdict = compare_machine(catalogue, _locked(catalogue), VENDOR)
    assert "ok" == verdict.status
    assert ["info"] == [f.severity for f in machine_findings(verdict)]


def test_a_build_that_nobody_named_is_said_to_be_the_newest(tmp_path: Path) -> None:
    """Without --build a lockfile vouches for a QEMU that the VM may never have run on."""
    catalogue = _rebuilt(tmp_path, '["e1000", "init-vet", "off"]')
    shipped = pa.FileCatalogue([DEFINITIONS])
    for build, said in ((None, True), (UPSTREAM, False)):
        vm = pa.virtual_machine(catalogue.devices(), MACHINE, build=build, **SAID)
        text = lockfile(shipped, pa.resolve(shipped, vm, "linux-6.9"))
        verdict = compare_machine(catalogue, read_lock(text, "vm.lock"), VENDOR)
        assert (UPSTREAM, said) == (verdict.locked, verdict.assumed)
        (finding,) = machine_findings(verdict)
        assert said == (f"{UPSTREAM}, the newest known when it was locked" in finding.message)


def test_a_complete_lockfile_has_fingerprints(catalogue: pa.FileCatalogue) -> None:
    """One call writes what resolving leaves out, and the same as both parts by hand."""
    vm = pa.virtual_machine(catalogue.devices(), MACHINE, **SAID)
    abi = pa.resolve(catalogue, vm, "linux-6.9")
    content = machine_content(catalogue, abi, "qemu-10.0.2")
    assert abi.content is None
    assert read_lock(lockfile(catalogue, abi, build="qemu-10.0.2"), "vm.lock").content == content
    text = lockfile(catalogue, abi)
    digest = pa.platform_digest(catalogue, "linux-6.9", abi.edition)
    by_hand = evolve(abi, content=machine_content(catalogue, abi))
    assert lock_text(by_hand, definitions=digest) == text


def test_an_option_rom_that_is_written_otherwise_does_not_differ(
    catalogue: pa.FileCatalogue,
) -> None:
    """A VM of 7.2 has its ROMs in 11.1 too, whose word for that is another."""
    vm = pa.virtual_machine(
        catalogue.devices(), "pc-q35-7.2", build="qemu-7.2.22", devices=["e1000,id=n"]
    )
    text = lockfile(catalogue, pa.resolve(catalogue, vm, "linux-6.1"))
    verdict = compare_machine(catalogue, read_lock(text, "vm.lock"), UPSTREAM)
    assert ("ok", {}) == (verdict.status, _named(verdict))


def test_a_driver_that_a_build_lacks_is_missing(tmp_path: Path) -> None:
    """Whatever its properties were: that build cannot start the virtual machine."""
    catalogue = _rebuilt(tmp_path)
    types = tmp_path / "machines" / VENDOR / "x86_64-types.toml"
    text = types.read_text(encoding="utf-8")
    types.write_text(text.replace('[type."e1000"]', '[type."e1000-of-ours"]'), encoding="utf-8")
    verdict = compare_machine(catalogue, _locked(catalogue), VENDOR)
    assert ("differs", ("e1000",)) == (verdict.status, verdict.missing)
    assert ["driver-missing"] == [f.code for f in machine_findings(verdict)]


def test_what_no_definition_remembers_is_unknown_and_not_alike(tmp_path: Path) -> None:
    """A lockfile of a build that is gone says that something differs, though not what."""
    abi = _locked(_rebuilt(tmp_path / "then", '["e1000", "init-vet", "off"]'), VENDOR)
    now = pa.FileCatalogue([DEFINITIONS])
    verdict = compare_machine(now, abi, UPSTREAM)
    assert ("unknown", ("e1000",), ()) == (verdict.status, verdict.unlocated, verdict.differences)
    for allowed, severity in ((False, "blocked"), (True, "warn")):
        (finding,) = machine_findings(verdict, allow_unknown=allowed)
        assert ("machine-content-unknown", severity) == (finding.code, finding.severity)
    changed = _rebuilt(tmp_path / "now")
    assert ("e1000",) == compare_machine(changed, abi, VENDOR).unlocated


def test_an_older_lockfile_is_compared_by_its_build(tmp_path: Path) -> None:
    """Without fingerprints the definitions of the build that it was resolved for count."""
    catalogue = _rebuilt(tmp_path, '["e1000", "init-vet", "off"]')
    abi = evolve(_locked(catalogue), content=None)
    assert {"e1000.init-vet": ("on", "off")} == _named(compare_machine(catalogue, abi, VENDOR))


def test_a_build_without_the_machine_type_is_an_error(catalogue: pa.FileCatalogue) -> None:
    """A name that the build does not know is no other content."""
    with pytest.raises(pa.UnknownNameError) as caught:
        compare_machine(catalogue, _locked(catalogue), "qemu-7.2.22")
    assert "unknown-machine" == caught.value.code


@settings(max_examples=10)
@given(st.sets(st.sampled_from(["host_uso", "mrg_rxbuf", "ctrl_vq", "ctrl_rx", "mq", "csum"])))
def test_ok_is_equal_values(tmp_path_factory: pytest.TempPathFactory, turned: set[str]) -> None:
    """The verdict is ok exactly where every property that arguments leave alone has its value."""
    catalogue = _rebuilt(
        tmp_path_factory.mktemp("site"),
        *(f'["virtio-net-device", "{name}", "off"]' for name in sorted(turned)),
    )
    abi = _locked(catalogue)
    verdict = compare_machine(catalogue, abi, VENDOR)
    rows = [
        driver_row(catalogue, b, MACHINE, "x86_64", "virtio-net-pci") for b in (UPSTREAM, VENDOR)
    ]
    given_ = {s.property for s in abi.settings if s.layer != "default"}
    differing = {n for n in rows[0] if rows[0][n][0] != rows[1][n][0]} - given_
    assert (verdict.status == "ok") == (not differing)
    assert {f"virtio-net-pci.{name}" for name in differing} == _named(verdict).keys()


def test_fingerprints_come_back_from_a_lockfile_and_are_no_part_of_the_digest(
    catalogue: pa.FileCatalogue,
) -> None:
    """Another build may change them; the guest ABI that was resolved stays the same one."""
    abi = _locked(catalogue)
    assert isinstance(abi.content, MachineContent)
    assert {"ICH9-LPC", "virtio-net-device", "virtio-scsi-pci"} <= dict(abi.content.drivers).keys()
    assert pa.abi_digest(abi) == pa.abi_digest(evolve(abi, content=None))


@pytest.mark.parametrize("machine", ["pc-q35-5.2", "pc-i440fx-5.2"])
def test_what_a_board_had_by_another_name_is_not_missing(
    catalogue: pa.FileCatalogue, machine: str
) -> None:
    """QEMU 5.2 has the board, so it has what is on it: renamed since, or no type of its own."""
    vm = pa.virtual_machine(catalogue.devices(), machine, build="qemu-7.2.22", accelerator="tcg")
    text = lockfile(catalogue, pa.resolve(catalogue, vm, "linux-5.10"))
    verdict = compare_machine(catalogue, read_lock(text, "vm.lock"), "qemu-5.2.0")
    assert verdict.missing == ()
    assert "driver-missing" not in {f.code for f in machine_findings(verdict)}


def test_of_what_no_definition_knows_the_former_name_it_is_missing(tmp_path: Path) -> None:
    """Any other device of the board's that a build has not may be one that the guest loses."""
    catalogue = _rebuilt(tmp_path)
    types = tmp_path / "machines" / VENDOR / "x86_64-types.toml"
    text = types.read_text(encoding="utf-8")
    types.write_text(text.replace('[type."i8257"]', '[type."dma"]'), encoding="utf-8")
    assert compare_machine(catalogue, _locked(catalogue), VENDOR).missing == ("i8257",)
    text = types.read_text(encoding="utf-8").replace('[type."ICH9-SMB"]', '[type."smbus"]')
    types.write_text(text, encoding="utf-8")
    verdict = compare_machine(pa.FileCatalogue(catalogue.roots), _locked(catalogue), VENDOR)
    assert verdict.missing == ("ICH9-SMB", "i8257")


def test_what_was_renamed_is_compared_by_its_properties(tmp_path: Path) -> None:
    """By the older name, which is the same device: a value of it that differs is told."""
    catalogue = _rebuilt(tmp_path, '["ICH9 SMB", "multifunction", "on"]')
    types = tmp_path / "machines" / VENDOR / "x86_64-types.toml"
    text = types.read_text(encoding="utf-8")
    types.write_text(text.replace('"ICH9-SMB"', '"ICH9 SMB"'), encoding="utf-8")
    verdict = compare_machine(catalogue, _locked(catalogue), VENDOR)
    assert verdict.missing == ()
    assert "ICH9-SMB.multifunction" in {f"{d.driver}.{d.property}" for d in verdict.differences}
