"""Which platform a host is told to choose: that of the kernel which it runs, and no later one.

The hosts here have what the definitions say of one kernel, and nothing besides.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.compat.needs import Scope, platform_needs
from platform_abi.compat.preference import CONSERVATIVE
from platform_abi.compat.supported import newest, newest_supported, next_newer, query_platforms
from platform_abi.definitions.levels import EVERY, reached
from platform_abi.model.capability import Capability
from platform_abi.model.host import Fact
from platform_abi.model.platform import Platform, version_key
from platform_abi.testing import Scenario, host_reports, scenarios
from tests.definitions.site import DEFINITIONS

UPSTREAM = "linux"
PRESENT, ABSENT = (Fact(state=state, source="ioctl") for state in ("present", "absent"))
ARCHES = ("x86_64", "aarch64", "s390x", "ppc64", "riscv64", "loongarch64")

_CATALOGUE = pa.FileCatalogue([DEFINITIONS])
_RELEASES = [p for p in _CATALOGUE.every_platform() if p.lineage == UPSTREAM]
_VENDORS = [p for p in _CATALOGUE.every_platform() if p.system == UPSTREAM and p.kernel]
#: What a kernel's release ends in where that alone tells whose it is.
_ENDINGS = {"proxmox": "-pve", "rhel": ".el9_4.x86_64", "uek": ".el9uek.x86_64"}


def _levels(platform: Platform) -> dict[str, str]:
    """Return the upstream level by subsystem: the platform's own, or its upstream's release."""
    every = (_CATALOGUE.platform(name) for name in (platform.name, *platform.extends))
    upstream = next((each.version for each in every if each.lineage == UPSTREAM), "")
    return dict(platform.levels) or {EVERY: upstream}


def _has(capability: Capability, levels: dict[str, str], *, hardware: bool) -> bool:
    since = capability.since
    return hardware if since is None else reached(since, capability.subsystem, levels)


def _host(
    platform: Platform, arch: str, *, without: frozenset[str] = frozenset(), hardware: bool = True
) -> pa.HostReport:
    """Return a host of *platform*'s kernel, *without* some of what that has."""
    levels = _levels(platform)
    needs = platform_needs(_CATALOGUE, platform.name, Scope(arch=arch))
    own = {need.capability for need in (*needs.defaults, *needs.promises)}
    facts = {
        name: PRESENT
        if name not in without and (name in own or _has(capability, levels, hardware=hardware))
        else ABSENT
        for name, capability in _CATALOGUE.capabilities().items()
    }
    upstream = platform.lineage == UPSTREAM
    return pa.HostReport(
        facts=facts,
        system=UPSTREAM,
        arch=arch,
        release=(platform.version if upstream else platform.kernel)
        + _ENDINGS.get(platform.lineage, ""),
        distribution="arch" if upstream else platform.lineage,
        distribution_version="" if upstream else platform.version,
        numbers={"page-size": platform.page_size or 4096},
    )


def _chosen(report: pa.HostReport) -> str:
    found = newest_supported(_CATALOGUE, report)
    assert found is not None
    return found.name


_VHOST = frozenset(name for name in _CATALOGUE.capabilities() if name.startswith("vhost-net"))


@given(
    st.sampled_from(_RELEASES),
    st.sampled_from(ARCHES),
    st.booleans(),
    st.sampled_from([frozenset[str](), _VHOST]),
)
def test_a_host_of_one_upstream_release_is_called_by_it(
    release: Platform, arch: str, hardware: bool, without: frozenset[str]
) -> None:
    """With vhost and without, whatever the hardware: never by the name of a later kernel."""
    report = _host(release, arch, without=without, hardware=hardware)
    assert release.name == _chosen(report)


@given(
    st.sampled_from(_RELEASES),
    st.sampled_from(ARCHES),
    st.frozensets(st.sampled_from(sorted(_CATALOGUE.kernel_dates())), max_size=12),
)
def test_what_a_host_lacks_never_makes_its_kernel_newer(
    release: Platform, arch: str, without: frozenset[str]
) -> None:
    """A kernel built or confined to less than its release has is that release, or an older one."""
    found = newest_supported(_CATALOGUE, _host(release, arch, without=without))
    if found is not None and found.lineage == UPSTREAM:
        assert version_key(found.version) <= version_key(release.version)


@pytest.mark.parametrize("arch", ["x86_64", "aarch64"])
@pytest.mark.parametrize("platform", _VENDORS, ids=lambda platform: platform.name)
def test_a_host_of_a_distributions_kernel_is_called_by_it(platform: Platform, arch: str) -> None:
    """Each kernel of each distribution by its own platform, and never by that of another one."""
    assert platform.name == _chosen(_host(platform, arch))


@given(scenarios(), host_reports())
def test_nothing_that_works_behind_more_is_passed_over(
    scenario: Scenario, report: pa.HostReport
) -> None:
    """What is chosen of a lineage is supported behind as many backends as anything of it is."""
    found = query_platforms(scenario.catalogue, report)
    chosen = newest(found, report)
    if chosen is None or chosen.name == CONSERVATIVE:  # that is for want of all others
        return
    others = [v for v in found if v.lineage == chosen.lineage and v.supported == "yes"]
    assert max(len(v.works_behind) for v in others) == len(chosen.works_behind)


def test_a_kernel_that_brings_something_to_vhost_alone() -> None:
    """Linux 6.3 is one: behind a plain tap a host of 6.2 supports it, and is told what it lacks."""
    report = _host(_CATALOGUE.platform("linux-6.2"), "x86_64")
    later = next(v for v in query_platforms(_CATALOGUE, report) if v.name == "linux-6.3")
    assert "yes" == later.supported
    assert {"tap"} == later.works_behind
    assert "linux-6.2" == _chosen(report)
    beyond = next_newer(_CATALOGUE, report, newest_supported(_CATALOGUE, report))
    assert beyond is not None
    assert "linux-6.3" == beyond.name
    assert {"vhost-net.ring-reset"} == {entry.capability for entry in beyond.missing}


def test_a_host_without_vhost_is_asked_for_none() -> None:
    """What no platform has there behind vhost decides nothing: the newest behind a tap is it."""
    report = _host(_CATALOGUE.platform("linux-6.9"), "x86_64", without=_VHOST)
    found = newest_supported(_CATALOGUE, report)
    assert found is not None
    assert {"tap"} == found.works_behind
    assert "linux-6.9" == found.name
