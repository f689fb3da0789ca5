"""Which platforms a host supports: set inclusion, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.compat.needs import Scope, platform_needs
from platform_abi.compat.supported import (
    PlatformVerdict,
    judge,
    newest,
    newest_supported,
    query_platforms,
)
from platform_abi.host.document import read_report
from platform_abi.model.host import Fact
from platform_abi.testing import BACKENDS, Scenario, host_reports, scenarios

CAPTURES = Path(__file__).parent.parent / "captures"
FULL = Fact(state="present", source="ioctl")
UPSTREAM = "linux"


def _host(catalogue: pa.FileCatalogue, *without: str, **said: str) -> pa.HostReport:
    """Return a host that has everything but *without*."""
    facts = dict.fromkeys(catalogue.capabilities(), FULL)
    absent = Fact(state="absent", source="ioctl", detail="EINVAL")
    facts |= dict.fromkeys(without, absent)
    known = {"system": "linux", "arch": "x86_64", "distribution": "arch"} | said
    return pa.HostReport(facts=facts, **known)  # type: ignore[arg-type]


def _one(verdicts: tuple[PlatformVerdict, ...], name: str) -> PlatformVerdict:
    return next(verdict for verdict in verdicts if verdict.name == name)


# --- laws ----------------------------------------------------------------------------------------


@given(scenarios(), host_reports())
def test_supported_is_set_inclusion(scenario: Scenario, report: pa.HostReport) -> None:
    """A platform is supported where all that it guarantees is proven, behind one backend at least.

    Where backends are named, behind each of them.
    """
    order = ("yes", "unknown", "no")
    for named in ((), BACKENDS[:2]):
        scope = Scope(backends=named)
        for verdict in query_platforms(scenario.catalogue, report, scope=scope):
            answers = []
            for backend in verdict.behind or ("",):
                needs = [n for n in verdict.needs.defaults if n.backend not in verdict.behind]
                needs += [n for n in verdict.needs.defaults if n.backend == backend]
                states = {report.state(need.capability) for need in needs}
                answers.append(
                    "no" if "absent" in states else "unknown" if "unknown" in states else "yes"
                )
            assert answers == list(verdict.behind.values()) or not verdict.behind
            worst = max if named else min
            assert worst(answers, key=order.index) == verdict.supported
            assert verdict.everywhere == (set(answers) == {"yes"})


@given(scenarios(), host_reports())
def test_what_is_missing_is_what_is_not_proven(scenario: Scenario, report: pa.HostReport) -> None:
    """Whether or not it is supported behind something else."""
    for verdict in query_platforms(scenario.catalogue, report):
        assert {m.capability for m in verdict.missing} == {
            name for name in verdict.needs.guarantees if report.state(name) != "present"
        }


@given(scenarios(), host_reports())
def test_who_supports_more_supports_less(scenario: Scenario, report: pa.HostReport) -> None:
    """A host that supports a platform supports every one whose guarantees are a subset."""
    found = query_platforms(scenario.catalogue, report)
    for verdict in found:
        for other in found:
            asked = {(need.backend, need.capability) for need in other.needs.defaults}
            had = {(need.backend, need.capability) for need in verdict.needs.defaults}
            if asked <= had and verdict.supported == "yes":
                assert other.supported == "yes"


@given(scenarios(), host_reports(), st.data())
def test_adding_a_capability_takes_no_platform_away(
    scenario: Scenario, report: pa.HostReport, data: st.DataObject
) -> None:
    """More capabilities never turn yes into anything else, nor unknown into no."""
    names = sorted(scenario.catalogue.capabilities())
    gained = data.draw(st.sampled_from(names))
    better = evolve(report, facts={**report.facts, gained: FULL})
    order = ("no", "unknown", "yes")
    before = query_platforms(scenario.catalogue, report)
    after = query_platforms(scenario.catalogue, better)
    for old, new in zip(before, after, strict=True):
        assert order.index(new.supported) >= order.index(old.supported)


@given(scenarios(), host_reports())
def test_what_is_not_known_is_not_there(scenario: Scenario, report: pa.HostReport) -> None:
    """Turning unknown facts into absent ones makes no platform supported, and none of them less."""
    absent = Fact(state="absent", source="ioctl")
    worse = evolve(
        report,
        facts={
            name: report.fact(name) if report.state(name) != "unknown" else absent
            for name in scenario.catalogue.capabilities()
        },
    )
    pairs = zip(
        query_platforms(scenario.catalogue, report),
        query_platforms(scenario.catalogue, worse),
        strict=True,
    )
    for old, new in pairs:
        assert (old.supported == "yes") == (new.supported == "yes")


@given(scenarios(), host_reports())
def test_missing_and_limits_share_nothing(scenario: Scenario, report: pa.HostReport) -> None:
    """What a platform turns on and what it only promises are two lists, and each need is in one."""
    for verdict in query_platforms(scenario.catalogue, report):
        needs = verdict.needs
        assert set(needs.defaults).isdisjoint(needs.promises)
        assert len(set(needs.defaults)) == len(needs.defaults)
        assert len(set(needs.promises)) == len(needs.promises)


@given(scenarios(), host_reports(), st.sampled_from(["newest", "conservative"]))
def test_only_what_is_supported_is_chosen(
    scenario: Scenario, report: pa.HostReport, policy: str
) -> None:
    """Whatever the policy, the choice is a supported platform, and conservative means just that."""
    found = query_platforms(scenario.catalogue, report)
    chosen = newest(found, report, policy)
    if chosen is None:
        assert "conservative" not in {v.name for v in found if v.supported == "yes"}
    else:
        assert chosen.supported == "yes"
        assert policy == "newest" or chosen.name == "conservative"


@given(scenarios(), host_reports())
def test_asking_twice_gives_the_same(scenario: Scenario, report: pa.HostReport) -> None:
    """Verdicts, their order and the choice are functions of catalogue and report."""
    first = query_platforms(scenario.catalogue, report)
    scenario.catalogue.memo.clear()
    assert first == query_platforms(scenario.catalogue, report)


# --- examples ------------------------------------------------------------------------------------


def test_a_host_without_uso_supports_what_came_before_it(catalogue: pa.FileCatalogue) -> None:
    """USO came with Linux 6.2: without it the newest upstream platform is 6.1."""
    report = _host(catalogue, "tun.uso", release="6.9.3")
    found = query_platforms(catalogue, report)
    assert "yes" == _one(found, "linux-6.1").supported
    wanting = _one(found, "linux-6.2")
    assert "no" == wanting.supported
    assert {"virtio-net.host-uso", "virtio-net.guest-uso4", "virtio-net.guest-uso6"} == {
        entry.feature for entry in wanting.missing
    }
    assert {"EINVAL"} == {entry.fact.detail for entry in wanting.missing}
    chosen = newest(found, report)
    assert chosen is not None
    assert "linux-6.1@2026.2" == chosen.platform


def test_a_backported_feature_makes_the_platform(catalogue: pa.FileCatalogue) -> None:
    """The release says 5.14, the probe says USO: the probe is believed."""
    report = _host(catalogue, "tun.udp-tunnel-gso", release="5.14.0-999")
    assert "yes" == _one(query_platforms(catalogue, report), "linux-6.9").supported


def test_a_kernel_is_not_called_by_the_name_of_a_later_one(catalogue: pa.FileCatalogue) -> None:
    """Where several platforms turn on the same, the one that fits the host's release is chosen."""
    for release, expected in (
        ("6.18.44-generic", "linux-6.18"),
        ("6.17.0", "linux-6.17"),
        ("7.1.2", "linux-7.1"),
        ("nonsense", "linux-7.3"),
    ):
        report = _host(catalogue, release=release)
        chosen = newest(query_platforms(catalogue, report), report)
        assert chosen is not None
        assert expected == chosen.name


def test_the_distributions_own_line_comes_first(catalogue: pa.FileCatalogue) -> None:
    """ID, then ID_LIKE, then the system's upstream: by os-release, and by nothing in code."""
    for said, lineage in (
        ({"distribution": "debian", "distribution_version": "13"}, "debian"),
        ({"distribution": "ubuntu", "distribution_version": "24.04"}, "ubuntu"),
        ({"distribution": "arch"}, UPSTREAM),
    ):
        report = _host(catalogue, **said)
        found = query_platforms(catalogue, report)
        chosen = newest(found, report)
        assert chosen is not None
        assert lineage == chosen.lineage == found[0].lineage
    like = evolve(_host(catalogue, distribution="rocky"), distribution_like=("rhel", "fedora"))
    assert "rhel" == query_platforms(catalogue, like)[0].lineage


def test_a_rebuild_gets_the_name_of_what_it_rebuilds(catalogue: pa.FileCatalogue) -> None:
    """Rocky by its version, CentOS Stream 9 and Mint by their kernels."""
    rhel = read_report((CAPTURES / "constructed-rhel-9.5.json").read_bytes(), "rhel")
    ubuntu = read_report((CAPTURES / "constructed-ubuntu-22.04.json").read_bytes(), "ubuntu")
    for report, distribution, version, like, expected in (
        (rhel, "rocky", "9.5", ("rhel", "centos", "fedora"), "linux-rhel-9.5"),
        (rhel, "almalinux", "9.3", ("rhel", "centos", "fedora"), "linux-rhel-9.3"),
        (rhel, "centos", "9", ("rhel", "fedora"), "linux-rhel-9.5"),
        (ubuntu, "linuxmint", "21.3", ("ubuntu", "debian"), "linux-ubuntu-22.04"),
    ):
        host = evolve(
            report,
            distribution=distribution,
            distribution_version=version,
            distribution_like=like,
        )
        chosen = newest(query_platforms(catalogue, host), host)
        assert chosen is not None
        assert expected == chosen.name, distribution


@given(scenarios(), host_reports(), st.sampled_from(["newest", "conservative"]))
def test_the_newest_is_chosen_without_judging_all(
    scenario: Scenario, report: pa.HostReport, policy: str
) -> None:
    """Judging only what may be chosen chooses what judging everything does."""
    every = query_platforms(scenario.catalogue, report)
    assert newest(every, report, policy) == newest_supported(
        scenario.catalogue, report, policy=policy
    )


def test_newest_first_within_a_lineage(catalogue: pa.FileCatalogue) -> None:
    """Versions are ordered as numbers: 6.10 is newer than 6.9."""
    found = query_platforms(catalogue, _host(catalogue))
    names = [v.name for v in found if v.lineage == UPSTREAM]
    assert names.index("linux-6.10") < names.index("linux-6.9") < names.index("linux-5.19")
    assert "conservative" == found[-1].name


def test_an_opt_in_that_a_host_lacks_is_a_limit_and_no_refusal(catalogue: pa.FileCatalogue) -> None:
    """A kernel without Hyper-V emulation is a host of the platform all the same, and says so."""
    hyperv = [name for name in catalogue.capabilities() if name.startswith("kvm.hv.")]
    verdict = _one(query_platforms(catalogue, _host(catalogue, *hyperv)), "linux-6.9")
    assert "yes" == verdict.supported
    assert "hyperv.time" in {entry.feature for entry in verdict.limits}


def test_a_scope_narrows_the_question(catalogue: pa.FileCatalogue) -> None:
    """A host without vhost is asked about taps alone, and one without KVM about emulation."""
    vhost = [name for name in catalogue.capabilities() if name.startswith("vhost")]
    kvm = [name for name in catalogue.capabilities() if name.startswith("kvm.")]
    report = _host(catalogue, *vhost, *kvm)
    assert "no" == judge(catalogue, "linux-6.9", report, Scope()).supported
    assert "no" == judge(catalogue, "linux-6.9", report, Scope(backends=("tap",))).supported
    tap = Scope(backends=("tap",), accelerator="tcg")
    assert "yes" == judge(catalogue, "linux-6.9", report, tap).supported


def test_a_scope_of_unknown_words_is_an_error(catalogue: pa.FileCatalogue) -> None:
    """Neither a backend nor an accelerator nor a policy is guessed."""
    for scope, near in ((Scope(backends=("tapp",)), "tap"), (Scope(accelerator="kvn"), "kvm")):
        with pytest.raises(pa.UnknownNameError, match=f"did you mean '{near}'"):
            platform_needs(catalogue, "linux-6.9", scope)
    report = _host(catalogue)
    with pytest.raises(pa.UnknownNameError, match="unknown policy"):
        newest(query_platforms(catalogue, report), report, "latest")


def test_the_configuration_that_a_name_assumes_is_named_where_it_is_missing(
    catalogue: pa.FileCatalogue,
) -> None:
    """A kernel built without KVM_SMM is no linux-6.9 whatever its version; a note says why."""
    report = evolve(_host(catalogue, "kvm.smm"), config={"VHOST_NET": "n"})
    verdict = _one(query_platforms(catalogue, report), "linux-6.9")
    assert "no" == verdict.supported
    assert "this kernel is built without CONFIG_VHOST_NET" in verdict.notes


@pytest.mark.parametrize("size", [4096, 16384, 65536])
def test_a_platform_of_a_size_of_pages_is_that_of_kernels_with_such(
    catalogue: pa.FileCatalogue, size: int
) -> None:
    """Any other is none of it, and a note says why; what has no size is of every kernel."""
    report = evolve(_host(catalogue, arch="aarch64"), numbers={"page-size": size})
    sizes = set()
    for verdict in query_platforms(catalogue, report):
        own = catalogue.platform(verdict.name).page_size
        assert verdict.supported == ("yes" if own in (0, size) else "no"), verdict.name
        said = f"this kernel has pages of {size} bytes, not of {own}"
        assert (said in verdict.notes) == (verdict.supported == "no")
        sizes.add(own)
    assert sizes == {0, 16384, 65536}


def test_every_shipped_platform_is_supported_by_a_host_that_has_all(
    catalogue: pa.FileCatalogue,
) -> None:
    """Nothing is promised that no probe could find, and of an empty host nothing is known."""
    for verdict in query_platforms(catalogue, _host(catalogue)):
        size = catalogue.platform(verdict.name).page_size
        assert verdict.supported == ("unknown" if size else "yes"), verdict.name
        assert () == verdict.missing
    for verdict in query_platforms(catalogue, pa.HostReport(arch="x86_64")):
        assert "unknown" == verdict.supported, verdict.name
