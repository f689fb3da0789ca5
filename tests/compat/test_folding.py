"""What follows from another finding is folded under it."""

from __future__ import annotations

import re
from typing import Any

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.compat.finding import Finding
from platform_abi.compat.folding import folded, node_cause, subject
from platform_abi.model.host import CPU_MODELS, NOT_ASKED, Fact
from platform_abi.testing import Scenario, host_reports, scenarios
from tests.compat.without_qemu import check

_DETAILS = ("/dev/kvm: ENOENT", "/dev/net/tun: EACCES", "EINVAL from TUNSETOFFLOAD 0x61", "")
_CAPABILITIES = ("kvm.irqchip", "kvm.smm", "tun.uso", "tun.vnet-hdr", "backend")


@st.composite
def findings(draw: st.DrawFn) -> Finding:
    """Return what a host lacks, for one of a few causes."""
    fact = Fact(state="absent", source="file", detail=draw(st.sampled_from(_DETAILS)))
    return Finding(
        code=draw(st.sampled_from(["capability-missing", "capability-unknown"])),
        severity="blocked",
        message="m",
        help=draw(st.sampled_from(["", "a; or a platform that works here: x"])),
        feature="pc.smm",
        device=draw(st.sampled_from([None, "net0"])),
        capability=draw(st.sampled_from(_CAPABILITIES)),
        fact=draw(st.sampled_from([fact, NOT_ASKED])),
    )


def _plain(finding: Finding) -> Finding:
    return evolve(finding, message="", help="", follows_from="")


@given(st.lists(findings(), max_size=8))
def test_nothing_is_lost_and_every_cause_stands(
    catalogue: pa.FileCatalogue, given_: list[Finding]
) -> None:
    """All findings are there, each behind one that stands for itself, and that has its code."""
    after = [*folded(catalogue, given_)]
    assert sorted(map(repr, map(_plain, given_))) == sorted(map(repr, map(_plain, after)))
    heads: list[Finding] = []
    for finding in after:
        if finding.follows_from:
            head = next(h for h in reversed(heads) if h.capability == finding.follows_from)
            assert head.code == finding.code
        else:
            heads.append(finding)


@given(st.lists(findings(), min_size=1, max_size=8))
def test_a_node_is_one_line(catalogue: pa.FileCatalogue, given_: list[Finding]) -> None:
    """Of all that one device node decides there is one finding of each code, which names it."""
    after = [*folded(catalogue, given_)]
    heads = [(node_cause(catalogue, f), f.code) for f in after if not f.follows_from]
    told = [head for head in heads if head[0]]
    assert len(told) == len(set(told))


@given(scenarios(), host_reports())
def test_folding_changes_no_verdict(scenario: Scenario, report: pa.HostReport) -> None:
    """A start is blocked exactly where a finding that stands for itself blocks it."""
    abi = pa.resolve(scenario.catalogue, scenario.vm, scenario.platform)
    verdict = check(scenario.catalogue, abi, report)
    heads = [f for f in verdict.findings if not f.follows_from]
    assert (verdict.status == "blocked") == any(f.severity == "blocked" for f in heads)


def _host(catalogue: pa.FileCatalogue, fact: Fact, *names: str) -> pa.HostReport:
    known = Fact(state="present", source="ioctl")
    facts = dict.fromkeys(catalogue.capabilities(), known)
    facts |= {name: fact for name in facts if name.startswith(names)}
    return pa.HostReport(facts=facts, system="linux", arch="x86_64", distribution="debian")


def _abi(catalogue: pa.FileCatalogue, accelerator: str = "kvm", **said: list[str]) -> pa.GuestAbi:
    vm = pa.virtual_machine(
        catalogue.devices(),
        "pc-q35-9.1",
        accelerator=accelerator,
        cpu="Skylake-Server-v4,vendor=GenuineIntel",
        devices=said.get("devices", []),
        netdevs=said.get("netdevs", []),
    )
    return pa.resolve(catalogue, vm, "linux-6.1", hotplug=True)


def test_no_kvm_is_one_finding(catalogue: pa.FileCatalogue) -> None:
    """Flags, interrupt controllers and the CPU model follow from the node that is not there."""
    absent = Fact(state="absent", source="file", detail="/dev/kvm: ENOENT")
    verdict = check(catalogue, _abi(catalogue), _host(catalogue, absent, "kvm."))
    (head,) = [f for f in verdict.findings if not f.follows_from]
    assert head.message.startswith("/dev/kvm: ENOENT")
    assert "may open /dev/kvm" in head.help
    assert {f.follows_from for f in verdict.findings if f is not head} == {head.capability}
    assert "cpu-unchecked" in {f.code for f in verdict.findings}


def test_one_capability_is_one_finding_a_device(catalogue: pa.FileCatalogue) -> None:
    """Three properties of each of two NICs rest on one bit of the tap driver."""
    absent = Fact(state="absent", source="ioctl", detail="EINVAL from TUNSETOFFLOAD 0x61")
    nics = ["virtio-net-pci,netdev=n0,id=net0", "virtio-net-pci,netdev=n1,id=net1"]
    abi = _abi(catalogue, "tcg", devices=nics, netdevs=["tap,id=n0", "tap,id=n1"])
    abi = pa.resolve(catalogue, abi.vm, "linux-6.9")
    verdict = check(catalogue, abi, _host(catalogue, absent, "tun.uso"))
    blocking = [f for f in verdict.findings if f.severity == "blocked"]
    assert [f.device for f in blocking if not f.follows_from] == ["net0", "net1"]
    assert len(blocking) == 6
    assert all(subject(f) in str(f) or f.property for f in blocking)


# --- help that can work --------------------------------------------------------------------------


@given(scenarios(), host_reports(), st.booleans())
def test_a_platform_that_works_here_was_checked_to(
    scenario: Scenario, report: pa.HostReport, named: bool
) -> None:
    """Whatever help names one, the same virtual machine starts there on it."""
    catalogue = scenario.catalogue
    abi = pa.resolve(catalogue, scenario.vm, scenario.platform, hotplug=True)
    here = evolve(report, arch=scenario.vm.arch) if named else report
    for finding in check(catalogue, abi, here).findings:
        for names in re.findall(r"works here: (\S+(?: or \S+)*)", finding.help):
            for name in names.split(" or "):
                other = pa.resolve(catalogue, scenario.vm, name, hotplug=True)
                assert check(catalogue, other, here).status != "blocked"


def test_no_platform_works_on_another_architecture(catalogue: pa.FileCatalogue) -> None:
    """Nor with a CPU model that the host has not: then help names what a platform can do only."""
    absent = Fact(state="absent", source="ioctl")
    host = _host(catalogue, absent, "tun.uso")
    nic: Any = {"devices": ["virtio-net-pci,netdev=n0"], "netdevs": ["tap,id=n0"]}
    abi = pa.resolve(catalogue, _abi(catalogue, **nic).vm, "linux-6.9")
    for report in (evolve(host, arch="aarch64"), evolve(host, sets={CPU_MODELS: ("qemu64",)})):
        found = check(catalogue, abi, report).findings
        assert not [f for f in found if "works here" in f.help]
        assert [f for f in found if "a platform that does not need it" in f.help]


def test_what_no_probe_asks_is_not_to_be_probed(catalogue: pa.FileCatalogue) -> None:
    """Another user knows no more of a vhost-user process: what can work is to let it pass."""
    abi = _abi(
        catalogue,
        "tcg",
        devices=["virtio-net-pci,netdev=n0"],
        netdevs=["vhost-user,id=n0,chardev=c"],
    )
    host = _host(catalogue, NOT_ASKED, "backend")
    heads = [f for f in check(catalogue, abi, host).findings if not f.follows_from]
    (one,) = [f for f in heads if f.capability == "backend"]
    assert one.help.startswith("allow-unknown=on")
    assert "probe the host" not in one.help
