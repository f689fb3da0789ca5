"""Which QEMU of a host runs a virtual machine, and what it makes of it."""

from __future__ import annotations

import json
from itertools import pairwise, product
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.compat.check import check
from platform_abi.compat.finding import CheckVerdict
from platform_abi.compat.host_qemu import choose_qemu, with_qemus
from platform_abi.compat.migration import check_migration
from platform_abi.emit.held import held_text
from platform_abi.host.document import read_report, report_document, report_line
from tests.compat.reported import ARCH, host, locked, qemu
from tests.definitions.site import DEFINITIONS, write

OLD, MIDDLE, NEW = "qemu-7.2.22", "qemu-10.0.2", "qemu-11.1.3"
CATALOGUE = pa.FileCatalogue([DEFINITIONS])
NIC = {"devices": ["virtio-net-pci,netdev=n0,id=net0"], "netdevs": ["user,id=n0"]}


def _codes(verdict: CheckVerdict) -> set[str]:
    return {finding.code for finding in verdict.findings if finding.severity != "info"}


# --- which one -----------------------------------------------------------------------------------


def test_the_only_one_with_the_machine_type_is_meant() -> None:
    """A QEMU without it cannot run the virtual machine, whichever the host would use."""
    report = host(qemu(CATALOGUE, OLD, usual=True), qemu(CATALOGUE, NEW))
    found = choose_qemu(report, locked(CATALOGUE, "pc-q35-9.1").vm)
    assert NEW == (found.qemu and found.qemu.build)
    assert not found.findings


def test_of_several_the_one_that_the_host_would_use_is_meant() -> None:
    """And where it would use none of them, nothing is chosen: a verdict says so."""
    vm = locked(CATALOGUE, "pc-q35-7.2").vm
    both = [qemu(CATALOGUE, build) for build in (MIDDLE, NEW)]
    usual = [both[0], evolve(both[1], usual=True)]
    found = choose_qemu(host(*usual), vm)
    assert NEW == (found.qemu and found.qemu.build)
    neither = choose_qemu(host(*both), vm)
    assert neither.qemu is None
    (finding,) = neither.findings
    assert ("qemu-ambiguous", "blocked") == (finding.code, finding.severity)
    assert "--to-qemu" in finding.help
    allowed = choose_qemu(host(*both), vm, allow_unknown=True).findings
    assert ["warn"] == [finding.severity for finding in allowed]


def test_two_paths_of_one_qemu_are_one() -> None:
    """What it is, its identity says."""
    first = qemu(CATALOGUE, NEW)
    report = host(first, evolve(first, path="/opt/qemu/bin/qemu-system-x86_64"))
    assert choose_qemu(report, locked(CATALOGUE, "pc-q35-9.1").vm).qemu == first


@pytest.mark.parametrize(
    "name", ["/usr/bin/qemu-10.0.2", "qemu-10.0.2", "10.0.2", "build-id:71656d752d31302e302e32"]
)
def test_one_is_named_by_its_path_version_or_identity(name: str) -> None:
    """Whatever tells it from the others."""
    report = host(qemu(CATALOGUE, NEW, usual=True), qemu(CATALOGUE, MIDDLE))
    found = choose_qemu(report, locked(CATALOGUE, "pc-q35-7.2").vm, name)
    assert MIDDLE == (found.qemu and found.qemu.build)


@pytest.mark.parametrize("name", ["qemu-9.9", "7165", ""])
def test_a_name_of_none_or_of_several_is_refused(name: str) -> None:
    """With the QEMUs that there are."""
    report = host(qemu(CATALOGUE, NEW), qemu(CATALOGUE, MIDDLE))
    with pytest.raises(pa.UsageError) as caught:
        choose_qemu(report, locked(CATALOGUE, "pc-q35-7.2").vm, name)
    assert "unknown-qemu" == caught.value.code
    assert "/usr/bin/qemu-11.1.3 (11.1.3)" in caught.value.help


def test_what_a_report_does_not_hold_is_said_once_and_is_not_ok() -> None:
    """A report that was written before reports held QEMUs is still of use: nothing is blocked."""
    abi = locked(CATALOGUE, "pc-q35-9.1", NEW)
    verdict = check(CATALOGUE, abi, host())
    assert ("warn", ["qemu-unknown"]) == (verdict.status, [f.code for f in verdict.findings])
    both = check_migration(CATALOGUE, abi, host(), host())
    assert [["qemu-unknown"]] * 2 == [sorted(_codes(v)) for v in (both.forward, both.back)]
    other = host(qemu(CATALOGUE, NEW, arch="aarch64"))
    (finding,) = check(CATALOGUE, abi, other).findings
    assert "no QEMU of the report is for x86_64" in finding.message


# --- what it makes of it -------------------------------------------------------------------------


@pytest.mark.parametrize("build", [MIDDLE, NEW])
def test_the_qemu_it_ran_in_keeps_it_as_it_was(build: str) -> None:
    """Nothing to be said, there and back."""
    abi = locked(CATALOGUE, "pc-q35-9.1", build, **NIC)
    here = host(qemu(CATALOGUE, build))
    assert "ok" == check(CATALOGUE, abi, here).status
    assert "ok" == check_migration(CATALOGUE, abi, here, here).status


def test_a_qemu_without_the_machine_type_is_refused() -> None:
    """Known here or not: the report lists what it has."""
    abi = locked(CATALOGUE, "pc-q35-9.1", NEW)
    old = qemu(CATALOGUE, OLD)
    for each in (old, evolve(old, build="", identity="", content="")):
        assert {"machine-missing"} == _codes(check(CATALOGUE, abi, host(each)))


def test_a_property_that_a_qemu_does_not_have_is_refused_by_name() -> None:
    """QEMU would end with it, and no argument gives what it does not know."""
    nic = {**NIC, "devices": ["virtio-net-pci,netdev=n0,id=net0,host_tunnel=on"]}
    abi = locked(CATALOGUE, "pc-q35-7.2", NEW, **nic)
    verdict = check_migration(
        CATALOGUE, abi, host(qemu(CATALOGUE, NEW)), host(qemu(CATALOGUE, OLD))
    )
    (finding,) = [f for f in verdict.forward.findings if f.severity == "blocked"]
    assert "property-missing" == finding.code
    assert ("virtio-net-pci.host_tunnel", "on", "net0") == (
        finding.property,
        finding.value,
        finding.device,
    )
    assert "no argument" in finding.help
    assert "qemu-11.1.3 has it" in finding.help
    assert "blocked" not in {f.severity for f in verdict.back.findings}


def test_a_cpu_model_that_a_qemu_does_not_have_is_refused_by_name() -> None:
    """It is told once: its type is no device that could be taken out."""
    abi = locked(CATALOGUE, "pc-q35-7.2", NEW, cpu="SapphireRapids")
    verdict = check(CATALOGUE, abi, host(qemu(CATALOGUE, OLD)))
    assert ["cpu-model-missing"] == [f.code for f in verdict.findings if f.severity == "blocked"]


# --- builds that only a report knows -------------------------------------------------------------


def _vendors(root: Path, *rows: str) -> pa.FileCatalogue:
    """Return a catalogue that has a vendor's rebuild of the newest QEMU as well.

    *rows* are what it adds to a released machine type.
    """
    name = "qemu-11.1.3-vendor"
    for file in sorted((DEFINITIONS / "machines" / NEW).glob("x86_64*.toml")):
        text = file.read_text(encoding="utf-8").replace(f'"{NEW}"', f'"{name}"')
        if file.name == "x86_64.toml":
            start = text.index('name = "pc-q35-9.1"')
            own = text.index("compat = [", start) + len("compat = [")
            text = text[:own] + "".join(f"\n    {row}," for row in rows) + text[own:]
        write(root, f"machines/{name}/{file.name}", text)
    return pa.FileCatalogue([DEFINITIONS, root])


ROW = '["virtio-net-pci", "vectors", "7"]'


def test_a_report_brings_along_what_only_its_host_knows(tmp_path: Path) -> None:
    """The property, both values, and the argument that keeps the old one, on any other host."""
    there = qemu(_vendors(tmp_path, ROW), "qemu-11.1.3-vendor")
    abi = locked(CATALOGUE, "pc-q35-9.1", NEW, **NIC)
    line = read_report(report_line(host(there)), "a line of b.json")
    assert {"machine-content-unknown"} == _codes(check(CATALOGUE, abi, line))
    report = read_report(json.dumps(report_document(host(there))), "b.json")
    (finding,) = [f for f in check(CATALOGUE, abi, report).findings if f.severity == "blocked"]
    assert ("machine-content", "virtio-net-pci.vectors", "7") == (
        finding.code,
        finding.property,
        finding.value,
    )
    assert "was 3" in finding.message or "was 4294967295" in finding.message
    assert "-global virtio-net-pci.vectors=" in finding.help


def test_a_name_proves_nothing(tmp_path: Path) -> None:
    """A QEMU that its report calls as one that is known here is another where its content is."""
    vendors = _vendors(tmp_path, ROW)
    other = qemu(vendors, "qemu-11.1.3-vendor")
    text = held_text(vendors, "qemu-11.1.3-vendor", ARCH)
    abi = locked(CATALOGUE, "pc-q35-9.1", NEW, **NIC)
    assert "machine-content" in _codes(check(CATALOGUE, abi, host(evolve(other, content=text))))
    unknown = evolve(other, build=NEW, content="")
    verdict = check(CATALOGUE, abi, host(unknown))
    assert {"machine-content-unknown"} == _codes(verdict)
    assert "blocked" == verdict.status
    assert "warn" == check(CATALOGUE, abi, host(unknown), allow_unknown=True).status


def test_one_unknown_qemu_at_both_ends_is_one(tmp_path: Path) -> None:
    """By its identity; by the fingerprint of the machine type alone its devices are not known."""
    known = qemu(_vendors(tmp_path, ROW), "qemu-11.1.3-vendor", content="")
    vm = pa.virtual_machine(CATALOGUE.devices(), "pc-q35-9.1", accelerator="tcg")
    abi = pa.resolve(CATALOGUE, vm, "conservative")
    for other, status in ((known, "ok"), (evolve(known, identity="build-id:00ff"), "warn")):
        verdict = check_migration(CATALOGUE, abi, host(known), host(other))
        assert status == verdict.status
    changed = tuple(evolve(m, fingerprint="0") for m in known.machines)
    other = evolve(known, identity="build-id:00ff", machines=changed, fingerprint="0")
    verdict = check_migration(CATALOGUE, abi, host(known), host(other))
    assert "blocked" == verdict.status


def test_what_a_report_brings_along_is_believed_only_if_it_is_a_definition(tmp_path: Path) -> None:
    """Whoever wrote it: anything else is a report that is wrong."""
    there = qemu(_vendors(tmp_path), "qemu-11.1.3-vendor")
    abi = locked(CATALOGUE, "pc-q35-9.1", NEW)
    for content in ("AAAA", there.content[:-40], "é", held_text(CATALOGUE, OLD, ARCH)):
        with pytest.raises(pa.ReportError) as caught:
            check(CATALOGUE, abi, host(evolve(there, content=content)))
        assert "report-invalid" == caught.value.code


def test_a_lockfile_that_never_ran_is_only_assumed_to_have(tmp_path: Path) -> None:
    """What differs from the newest that was known is a warning; from where it runs, it blocks."""
    vendor = qemu(_vendors(tmp_path, ROW), "qemu-11.1.3-vendor")
    abi = locked(CATALOGUE, "pc-q35-9.1", None, **NIC)
    assert "warn" == check(CATALOGUE, abi, host(vendor)).status
    verdict = check_migration(CATALOGUE, abi, host(qemu(CATALOGUE, NEW)), host(vendor))
    assert "blocked" == verdict.status
    assert "ok" == check_migration(CATALOGUE, abi, host(vendor), host(vendor)).status


@given(st.permutations([OLD, MIDDLE, NEW]))
def test_what_each_is_called_does_not_depend_on_the_others(order: list[str]) -> None:
    """QEMUs whose definitions are here are called as they are here, in any order."""
    catalogue, names = with_qemus(CATALOGUE, [qemu(CATALOGUE, build) for build in order])
    assert (catalogue, names) == (CATALOGUE, order)
    assert [None] == with_qemus(CATALOGUE, [None])[1]


def test_migration_between_builds_is_a_preorder() -> None:
    """What may go from one to the next, and on from there, may go at once."""
    abi = locked(CATALOGUE, "pc-q35-7.2", NEW, **NIC)
    hosts = {build: host(qemu(CATALOGUE, build)) for build in (OLD, MIDDLE, NEW)}
    goes = {
        (a, b): "blocked" != check_migration(CATALOGUE, abi, hosts[a], hosts[b]).forward.status
        for a, b in product(hosts, hosts)
    }
    assert all(goes[a, a] for a in hosts)
    for way in product(hosts, repeat=3):
        if all(goes[step] for step in pairwise(way)):
            assert goes[way[0], way[2]]


def test_what_a_guest_finds_of_its_devices_counts_without_a_build_being_named() -> None:
    """Two builds of one release that agree in every property have queues of other sizes."""
    patched = "qemu-10.0.13"
    for build, queues in ((MIDDLE, "1024 and was 256"), (patched, "256 and was 1024")):
        other = patched if build == MIDDLE else MIDDLE
        for ran in (build, None):
            abi = locked(CATALOGUE, "pc-q35-9.1", ran, **NIC)
            ends = (host(qemu(CATALOGUE, build)), host(qemu(CATALOGUE, other)))
            found = check_migration(CATALOGUE, abi, *ends).forward
            views = [f.message for f in found.findings if f.code == "guest-view"]
            assert any(queues in message for message in views)
            assert "blocked" == found.status
