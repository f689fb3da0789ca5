"""Many hosts: one comparison for all of them, and what each costs the others."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.compat.needs import Scope, platform_needs
from platform_abi.compat.supported import newest, query_platforms, scope_for
from platform_abi.fleet.baseline import baseline
from platform_abi.fleet.common import Baseline
from platform_abi.fleet.merge import merge_reports
from platform_abi.model.host import FleetHost, HostReport, State
from tests.compat.strategies import full_report, variants, without
from tests.conftest import DEFINITIONS

#: What some platform rests on: what a fleet can differ in.
GUARANTEES = [
    "kvm.pv.pv-eoi", "kvm.smm", "tun.tso4", "tun.udp-tunnel-gso", "tun.ufo", "tun.uso", "vhost-net",
    "vhost-net.ring-reset",
]  # fmt: skip
_STATES: tuple[State, ...] = ("absent", "unknown")


def _fleets(at_least: int = 1) -> st.SearchStrategy[list[list[tuple[str, State]]]]:
    """Return what each host of a fleet lacks, or is not known to have."""
    lost = st.tuples(st.sampled_from(GUARANTEES), st.sampled_from(_STATES))
    return st.lists(st.lists(lost, max_size=2), min_size=at_least, max_size=5)


def _hosts(
    catalogue: pa.FileCatalogue, fleet: Sequence[Sequence[tuple[str, State]]]
) -> list[FleetHost]:
    hosts = []
    for number, lost in enumerate(fleet):
        report = full_report(catalogue)
        for name, state in lost:
            report = without(report, name, state=state)
        hosts.append(FleetHost(report=report, count=number + 1, names=(f"host-{number}",)))
    return hosts


def _verdicts(catalogue: pa.FileCatalogue, report: HostReport) -> tuple[pa.PlatformVerdict, ...]:
    """Return what a host supports behind all of the usual backends: a fleet's VMs may have any."""
    scope = evolve(scope_for(catalogue, report), backends=_BACKENDS)
    return query_platforms(catalogue, report, scope=scope)


_BACKENDS = ("tap", "tap+vhost")


def _supported(catalogue: pa.FileCatalogue, report: HostReport, *answers: str) -> set[str]:
    return {v.name for v in _verdicts(catalogue, report) if v.supported in answers}


def _newest_of(found: Baseline, lineage: str) -> str | None:
    return next((c.platform for c in found.common if c.lineage == lineage), None)


# --- laws ----------------------------------------------------------------------------------------


def test_the_fleets_here_differ_in_what_platforms_rest_on(catalogue: pa.FileCatalogue) -> None:
    """Otherwise the laws below would say nothing."""
    asked: set[str] = set()
    for name in catalogue.platform_names():
        asked |= platform_needs(catalogue, name, Scope()).guarantees
    assert set(GUARANTEES) <= asked


@settings(max_examples=40)
@given(fleet=_fleets(), allow_unknown=st.booleans())
def test_one_comparison(
    catalogue: pa.FileCatalogue, fleet: list[list[tuple[str, State]]], allow_unknown: bool
) -> None:
    """Common is what every host supports by itself, which is what their merged report supports."""
    hosts = _hosts(catalogue, fleet)
    answers = ("yes", "unknown") if allow_unknown else ("yes",)
    each = [_supported(catalogue, host.report, *answers) for host in hosts]
    merged = merge_reports(host.report for host in hosts)
    found = baseline(catalogue, hosts, allow_unknown=allow_unknown)

    common = set.intersection(*each)
    assert common == _supported(catalogue, merged, *answers)
    assert {c.name for c in found.common} <= common
    lineages = {catalogue.platform(name).lineage for name in common}
    assert lineages == {c.lineage for c in found.common}
    if not allow_unknown:
        chosen = newest(_verdicts(catalogue, merged), merged)
        assert (chosen and chosen.platform) == (found.newest and found.newest.platform)


@settings(max_examples=40)
@given(fleet=_fleets(at_least=2), seed=st.integers())
def test_the_order_of_hosts_changes_nothing(
    catalogue: pa.FileCatalogue, fleet: list[list[tuple[str, State]]], seed: int
) -> None:
    """Nor does it matter how often a report stands in a fleet."""
    hosts = _hosts(catalogue, fleet)
    shuffled = [*hosts, hosts[0]]
    random.Random(seed).shuffle(shuffled)
    first, second = baseline(catalogue, hosts), baseline(catalogue, shuffled)

    assert (first.newest, first.common) == (second.newest, second.common)
    assert {g.supported for g in first.groups} == {g.supported for g in second.groups}
    assert {o.platform for o in first.obstacles} == {o.platform for o in second.obstacles}


@settings(max_examples=40)
@given(fleet=_fleets(at_least=2), allow_unknown=st.booleans())
def test_a_cost_is_what_the_others_could_have(
    catalogue: pa.FileCatalogue, fleet: list[list[tuple[str, State]]], allow_unknown: bool
) -> None:
    """Taking the host out gives what its cost says, and taking out one without a cost nothing."""
    hosts = _hosts(catalogue, fleet)
    whole = baseline(catalogue, hosts, allow_unknown=allow_unknown)
    for index, entry in enumerate(whole.hosts):
        others = baseline(
            catalogue, hosts[:index] + hosts[index + 1 :], allow_unknown=allow_unknown
        )
        costs = {cost.lineage: cost for cost in entry.costs}
        assert set(costs) <= {"linux"}
        before, after = (_newest_of(found, "linux") for found in (whole, others))
        if "linux" not in costs:
            assert before == after
            continue
        assert (costs["linux"].common, costs["linux"].without) == (before, after)
        lacked = {missing.capability for missing in costs["linux"].missing}
        asked = platform_needs(catalogue, costs["linux"].without, whole.scope).guarantees
        good = {"present", "unknown"} if allow_unknown else {"present"}
        assert lacked
        assert lacked == {name for name in asked if hosts[index].report.state(name) not in good}


@settings(max_examples=40)
@given(fleet=_fleets(), allow_unknown=st.booleans())
def test_groups_are_hosts_that_support_the_same(
    catalogue: pa.FileCatalogue, fleet: list[list[tuple[str, State]]], allow_unknown: bool
) -> None:
    """Every host is in one group, the groups differ, and each has a baseline of its own."""
    hosts = _hosts(catalogue, fleet)
    answers = ("yes", "unknown") if allow_unknown else ("yes",)
    found = baseline(catalogue, hosts, allow_unknown=allow_unknown)

    assert found.count == sum(group.count for group in found.groups)
    counts = [group.count for group in found.groups]
    assert counts == sorted(counts, reverse=True)
    assert len(found.groups) == len({group.supported for group in found.groups})
    for group in found.groups:
        for host in group.hosts:
            assert set(group.supported) == _supported(catalogue, host.report, *answers)
        alone = baseline(catalogue, group.hosts, allow_unknown=allow_unknown)
        assert alone.newest == group.newest


@settings(max_examples=40)
@given(fleet=_fleets())
def test_obstacles_count_the_hosts_in_the_way(
    catalogue: pa.FileCatalogue, fleet: list[list[tuple[str, State]]]
) -> None:
    """Each is newer than what is common, and names how many hosts lack what."""
    hosts = _hosts(catalogue, fleet)
    found = baseline(catalogue, hosts)
    newest_first = [v.platform for v in _verdicts(catalogue, hosts[0].report)]
    for obstacle in found.obstacles:
        most = [(-count, name) for name, count in obstacle.lacking.items()]
        assert most == sorted(most)
        common = _newest_of(found, obstacle.lineage)
        at = newest_first.index(obstacle.platform)
        assert common is None or at < newest_first.index(common)
        name = obstacle.platform.partition("@")[0]
        asked = platform_needs(catalogue, name, Scope()).guarantees
        standing = [h for h in hosts if name not in _supported(catalogue, h.report, "yes")]
        assert obstacle.count == sum(host.count for host in standing) > 0
        assert obstacle.lacking == {
            capability: sum(h.count for h in hosts if h.report.state(capability) != "present")
            for capability in asked
            if any(h.report.state(capability) != "present" for h in hosts)
        }
    for lineage in {obstacle.lineage for obstacle in found.obstacles}:
        places = [newest_first.index(o.platform) for o in found.obstacles if o.lineage == lineage]
        assert places == sorted(places, reverse=True)


@settings(max_examples=40)
@given(fleet=_fleets(), more=_fleets())
def test_more_hosts_have_less_in_common(
    catalogue: pa.FileCatalogue,
    fleet: list[list[tuple[str, State]]],
    more: list[list[tuple[str, State]]],
) -> None:
    """A host that joins never brings a platform; allowing what is unknown never takes one."""
    few = baseline(catalogue, _hosts(catalogue, fleet))
    many = baseline(catalogue, _hosts(catalogue, [*fleet, *more]))
    bold = baseline(catalogue, _hosts(catalogue, fleet), allow_unknown=True)

    assert {c.lineage for c in many.common} <= {c.lineage for c in few.common}
    assert {c.lineage for c in few.common} <= {c.lineage for c in bold.common}
    assert (few.allowed_unknown, bold.allowed_unknown) == (False, True)


# --- which lineage -------------------------------------------------------------------------------


def _of(
    report: HostReport,
    distribution: str,
    *like: str,
    version: str = "",
    release: str = "6.12.0-55.el10_0.x86_64",
) -> FleetHost:
    """Return a host of *distribution* that has what *report* says, with a kernel of its own."""
    return FleetHost(
        report=evolve(
            report,
            release=release,
            distribution=distribution,
            distribution_like=like,
            distribution_version=version,
        )
    )


def test_hosts_of_one_distribution_take_its_own_platforms(catalogue: pa.FileCatalogue) -> None:
    """What all agree on decides: their distribution, what they are like, the system."""
    full = full_report(catalogue)
    rhel = [_of(full, "rhel"), _of(without(full, "tun.uso"), "rhel")]
    alma = [_of(full, "almalinux", "rhel", "fedora")]
    debian = [_of(full, "debian", release="6.12.38+deb13-amd64")]

    for fleet, lineage in ((rhel, "rhel"), (alma, "rhel"), (rhel + debian, "linux")):
        found = baseline(catalogue, fleet)
        assert found.newest is not None
        assert lineage == found.newest.lineage == found.common[0].lineage


def test_the_name_fits_the_oldest_kernel(catalogue: pa.FileCatalogue) -> None:
    """Where platforms turn on the same, a fleet is not called after a kernel newer than its own."""
    full = full_report(catalogue)
    fleet = [FleetHost(report=evolve(full, release=r)) for r in ("6.18.1", "6.17.4", "7.0.1")]
    found = baseline(catalogue, fleet)

    assert found.newest is not None
    assert "linux-6.17" == found.newest.name


@pytest.mark.parametrize(
    ("releases", "name"),
    [
        (("6.10.1", "6.9.3"), "linux-6.9"),
        (("6.9.12-generic", "6.10"), "linux-6.9"),
        (("", "6.9.3", ""), "linux-6.9"),
    ],
)
def test_a_release_is_a_number_and_not_a_word(
    catalogue: pa.FileCatalogue, releases: tuple[str, ...], name: str
) -> None:
    """6.9 is before 6.10; a host that does not say is no older than any."""
    full = without(full_report(catalogue), "tun.udp-tunnel-gso")
    fleet = [FleetHost(report=evolve(full, release=release)) for release in releases]
    newest_here = baseline(catalogue, fleet).newest
    assert newest_here is not None
    assert name == newest_here.name


@pytest.mark.parametrize(
    ("versions", "kernel", "lost", "name"),
    [
        (("9.10", "9.6"), "5.14.0-570.el9_6.x86_64", "tun.uso", "linux-rhel-9.6"),
        (("9.4", "9.10", ""), "5.14.0-427.el9_4.x86_64", "tun.uso", "linux-rhel-9.4"),
        (("10.0", "10.1"), "6.12.0-55.el10_0.x86_64", "tun.udp-tunnel-gso", "linux-rhel-10.0"),
    ],
)
def test_the_name_fits_the_oldest_release_of_a_distribution(
    catalogue: pa.FileCatalogue, versions: tuple[str, ...], kernel: str, lost: str, name: str
) -> None:
    """As it fits the oldest kernel."""
    full = without(full_report(catalogue), lost)
    fleet = [_of(full, "rhel", version=v, release=kernel) for v in versions]
    newest_here = baseline(catalogue, fleet).newest
    assert newest_here is not None
    assert name == newest_here.name


def test_the_conservative_platform_is_last(catalogue: pa.FileCatalogue) -> None:
    """Hosts that support nothing of their own lineages are named; less than that is None."""
    full = full_report(catalogue)
    poor = FleetHost(report=without(full, "tun.vnet-hdr"), names=("poor",))
    none = FleetHost(report=HostReport(system="linux"), names=("none",))
    rich = FleetHost(report=full, names=("rich",))

    some = baseline(catalogue, [rich, poor])
    assert some.newest is not None
    assert "conservative" == some.newest.name
    assert (poor,) == some.unsupported
    nothing = baseline(catalogue, [rich, none])
    assert nothing.newest is None
    assert () == nothing.common
    assert (none,) == nothing.unsupported
    assert [rich] == [g.hosts[0] for g in nothing.groups if g.newest is not None]


# --- errors and sites ----------------------------------------------------------------------------


def test_hosts_of_two_architectures_have_no_baseline(catalogue: pa.FileCatalogue) -> None:
    """A guest of one does not run on another; a report that does not say goes with any."""
    full = full_report(catalogue)
    unsaid = FleetHost(report=evolve(full, arch=""))
    with pytest.raises(pa.UsageError) as caught:
        baseline(
            catalogue,
            [FleetHost(report=full), FleetHost(report=evolve(full, arch="aarch64"))],
        )

    assert "mixed-architectures" == caught.value.code
    assert "x86_64" == baseline(catalogue, [unsaid, FleetHost(report=full)]).scope.arch


def test_no_hosts_have_no_baseline(catalogue: pa.FileCatalogue) -> None:
    """An empty fleet supports everything, which helps nobody."""
    with pytest.raises(pa.UsageError) as caught:
        baseline(catalogue, [])
    assert "no-reports" == caught.value.code


def test_a_mask_makes_a_host_support_the_platform(tmp_path: Path) -> None:
    """What a site withdraws is not asked of its hosts, and the mask is named."""
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks" / "site.toml").write_text(
        "schema = 1\n"
        + "".join(
            f'[[mask]]\nplatform = "*"\nfeature = "virtio-net.{name}"\n'
            'reason = "no such hosts yet"\ndate = 2026-11-23\n'
            for name in ("host-uso", "guest-uso4", "guest-uso6")
        )
    )
    plain = pa.FileCatalogue([DEFINITIONS])
    masked = pa.FileCatalogue([DEFINITIONS, tmp_path])
    full = full_report(plain)
    lost = ("tun.uso", "tun.udp-tunnel-gso")
    fleet = [FleetHost(report=full), FleetHost(report=without(full, *lost))]

    before, after = baseline(plain, fleet), baseline(masked, fleet)

    assert before.newest is not None
    assert after.newest is not None
    assert "linux-6.1" == before.newest.name
    assert "linux-6.16" == after.newest.name
    assert ["tun.uso"] == [
        name
        for name, count in before.obstacles[0].lacking.items()
        if count == 1 and before.obstacles[0].platform.startswith("linux-6.2@")
    ]
    assert () == before.masks
    assert {"virtio-net.host-uso", "virtio-net.guest-uso4", "virtio-net.guest-uso6"} == {
        mask.feature for mask in after.masks
    }


@pytest.mark.parametrize(
    ("pages", "common", "groups"),
    [
        ((65536, 65536), "linux-6.1-64k", {"linux-6.1-64k"}),
        ((4096, 4096), "linux-6.1", {"linux-6.1"}),
        ((4096, 65536), "linux-6.1", {"linux-6.1", "linux-6.1-64k"}),
        ((0, 65536), "linux-6.1", {"linux-6.1", "linux-6.1-64k"}),
    ],
)
@pytest.mark.parametrize("lost", [(), ("tun.ufo",)])
def test_a_platform_of_a_size_of_pages_is_common_to_hosts_with_such(
    tmp_path: Path, pages: tuple[int, int], common: str, groups: set[str], lost: tuple[str, ...]
) -> None:
    """Any other host is no obstacle to it, and it is none in the way of others."""
    folder = tmp_path / "platforms" / "linux"
    folder.mkdir(parents=True)
    (folder / "linux-6.1-64k.toml").write_text(
        'schema = 1\n[platform]\nname = "linux-6.1-64k"\nlineage = "linux"\nversion = "6.1"\n'
        'extends = "linux-6.1"\npage-size = 65536\n'
    )
    here = pa.FileCatalogue([DEFINITIONS, tmp_path])
    fleet = []
    for number, size in enumerate(pages):
        report = without(full_report(here), "tun.uso", "vhost-net.ring-reset")
        for name in lost if number else ():
            report = without(report, name)
        numbers = {"page-size": size} if size else {}
        fleet.append(FleetHost(report=evolve(report, numbers=numbers), names=(f"host-{number}",)))
    found = baseline(here, fleet)
    if not lost:
        assert found.newest is not None
        assert found.newest.name == common
        assert {group.newest.name for group in found.groups if group.newest} == groups
        assert not any(host.costs for host in found.hosts)
    told = [o.platform for o in found.obstacles if o.count == 0 or not o.lacking]
    told += [cost.without for host in found.hosts for cost in host.costs if not cost.missing]
    assert told == []
    lenient = baseline(here, fleet, allow_unknown=True)
    if 0 in pages and not lost:
        assert lenient.newest is not None
        assert lenient.newest.name == "linux-6.1-64k"


def test_backends_and_accelerators_narrow_the_question(catalogue: pa.FileCatalogue) -> None:
    """A host without vhost supports a platform for those who do not ask for vhost."""
    lost = FleetHost(report=without(full_report(catalogue), "vhost-net"))
    every = baseline(catalogue, [lost])
    taps = baseline(catalogue, [lost], scope=Scope(backends=("tap",)))

    assert _newest_of(every, "linux") is None
    assert taps.newest is not None
    assert "linux" == taps.newest.lineage
    with pytest.raises(pa.UnknownNameError):
        baseline(catalogue, [lost], scope=Scope(accelerator="kwm"))
    with pytest.raises(pa.UnknownNameError):
        baseline(catalogue, [lost], edition="2020.1")


def test_two_hundred_kinds_of_host(catalogue: pa.FileCatalogue) -> None:
    """A fleet as fleets are: every host is in a group, and each obstacle has its hosts."""
    fleet = [FleetHost(report=r, count=50) for r in variants(full_report(catalogue), 200)]
    found = baseline(catalogue, fleet)

    assert 10_000 == found.count == sum(group.count for group in found.groups)
    assert 200 == len(found.hosts)
    assert found.groups[0].newest is not None
    assert found.groups[0].count == max(group.count for group in found.groups)
    assert all(0 < obstacle.count < 10_000 for obstacle in found.obstacles)
