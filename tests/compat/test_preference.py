"""Which lineage a host is of, and which platform it is told to be: by os-release and uname."""

from __future__ import annotations

import re

import pytest
from hypothesis import given

import platform_abi as pa
from platform_abi.compat.preference import Recognition, preference, recognitions
from platform_abi.compat.supported import newest_supported
from platform_abi.definitions.levels import EVERY, reached
from platform_abi.model.host import Fact
from platform_abi.model.lineage import Lineage
from platform_abi.testing import Scenario, host_reports, scenarios


@given(scenarios(), host_reports())
def test_upstream_is_what_is_left(scenario: Scenario, report: pa.HostReport) -> None:
    """The operating system's own lineage is there once, after all that are preferred to it."""
    found = preference(report, recognitions(scenario.catalogue))
    assert len(found) == len(set(found))
    if report.system and report.distribution != report.system:
        assert report.system == found[-1]


def test_what_runs_counts_more_than_what_os_release_says() -> None:
    """A kernel that is named like a lineage's is of it, and one that is not is of none that is."""
    known = (
        Recognition(lineage=Lineage(name="acme", kernels=(r"-acme$",))),
        Recognition(lineage=Lineage(name="base", clones=("copy",)), lines=frozenset({(6, 1)})),
    )
    for release, distribution, like, expected in (
        ("6.1.3-acme", "base", "", ("acme", "base", "linux")),
        ("6.5.3-acme", "base", "", ("acme", "linux")),
        ("6.1.3", "acme", "copy", ("base", "linux")),
        ("6.1.3", "copy", "", ("base", "linux")),
        ("6.2.0", "copy", "other", ("other", "linux")),
        ("", "acme", "copy", ("acme", "base", "linux")),
    ):
        report = pa.HostReport(
            system="linux",
            release=release,
            distribution=distribution,
            distribution_like=tuple(like.split()),
        )
        assert expected == preference(report, known), release


#: What hosts say of themselves: uname -r; ID, VERSION_ID and ID_LIKE of os-release; the platform.
_HOSTS = (
    ("6.1.0-47-amd64", "debian", "12", "", "linux-debian-12"),
    ("6.12.94+deb13-amd64", "debian", "13", "", "linux-debian-13"),
    ("7.3.4+deb13-amd64", "debian", "13", "", "linux-7.3"),  # of backports
    ("7.2.12+deb14-amd64", "debian", "14", "", "linux-debian-14"),
    ("6.18.3-zabbly+", "debian", "13", "", "linux-6.18"),  # Incus OS
    ("6.5.13-6-pve", "debian", "12", "", "linux-proxmox-8-6.5"),
    ("6.8.12-43-pve", "debian", "12", "", "linux-proxmox-8-6.8"),
    ("6.11.11-2-pve", "debian", "12", "", "linux-proxmox-8-6.11"),
    ("6.14.11-9-bpo12-pve", "debian", "12", "", "linux-proxmox-9"),
    ("6.14.11-9-pve", "debian", "13", "", "linux-proxmox-9"),
    ("6.17.13-21-pve", "debian", "13", "", "linux-proxmox-9-6.17"),
    ("7.0.14-14-pve", "debian", "13", "", "linux-proxmox-9-7.0"),
    ("5.15.0-25-generic", "ubuntu", "22.04", "debian", "linux-ubuntu-22.04"),
    ("6.5.0-35-generic", "ubuntu", "22.04", "debian", "linux-ubuntu-23.10"),
    ("6.8.0-60-generic", "ubuntu", "24.04", "debian", "linux-ubuntu-24.04"),
    ("6.8.0-1021-aws", "ubuntu", "24.04", "debian", "linux-ubuntu-24.04"),
    ("6.11.0-26-generic", "ubuntu", "24.04", "debian", "linux-ubuntu-24.10"),
    ("6.14.0-29-generic", "ubuntu", "24.04", "debian", "linux-ubuntu-25.04"),
    ("6.17.0-1005-azure", "ubuntu", "24.04", "debian", "linux-ubuntu-25.10"),
    ("7.0.0-14-generic", "ubuntu", "26.04", "debian", "linux-ubuntu-26.04"),
    ("6.8.0-50-generic", "linuxmint", "22", "ubuntu debian", "linux-ubuntu-24.04"),
    ("6.9.3-76060903-generic", "pop", "22.04", "ubuntu debian", "linux-6.9"),
    ("5.14.0-427.13.1.el9_4.x86_64", "rhel", "9.4", "fedora", "linux-rhel-9.4"),
    ("5.14.0-690.1.1.el9_8.x86_64", "rhel", "9.8", "fedora", "linux-rhel-9.8"),
    ("6.12.0-124.8.1.el10_1.x86_64", "rhel", "10.1", "centos fedora", "linux-rhel-10.1"),
    ("5.14.0-427.13.1.el9_4.x86_64", "rocky", "9.4", "rhel centos fedora", "linux-rhel-9.4"),
    ("5.14.0-427.13.1.el9_4.x86_64", "almalinux", "9.4", "rhel centos fedora", "linux-rhel-9.4"),
    ("6.16.1-1.el9.elrepo.x86_64", "almalinux", "9.6", "rhel centos fedora", "linux-6.16"),
    ("5.14.0-503.el9.x86_64", "centos", "9", "rhel fedora", "linux-rhel-9.5"),
    ("5.14.0-640.el9.x86_64", "centos", "9", "rhel fedora", "linux-rhel-9.7"),
    ("6.12.0-130.el10.x86_64", "centos", "10", "rhel fedora", "linux-rhel-10.1"),
    ("5.14.0-427.13.1.el9_4.x86_64", "rhcos", "4.16", "rhel fedora", "linux-rhel-9.4"),
    ("5.14.0-570.12.1.el9_6.x86_64", "rhel", "9.6", "fedora", "linux-rhel-9.6"),
    ("5.14.0-427.13.1.el9_4.x86_64", "ol", "9.4", "fedora", "linux-rhel-9.4"),
    ("5.15.0-300.163.18.7.el9uek.x86_64", "ol", "9.4", "fedora", "linux-uek-7"),
    ("6.12.0-100.28.2.el10uek.x86_64", "ol", "10.0", "fedora", "linux-uek-8"),
    ("6.4.0-150600.23.65-default", "sles", "15.6", "suse", "linux-sles-15.6"),
    ("6.4.0-150700.53.3-default", "sles", "15.7", "suse", "linux-sles-15.7"),
    ("6.4.0-150600.23.65-default", "opensuse-leap", "15.6", "suse opensuse", "linux-sles-15.6"),
    ("6.4.0-24-default", "sl-micro", "6.0", "suse", "linux-sles-15.6"),
    ("6.12.0-160000.5-default", "sles", "16.0", "suse", "linux-sles-16.0"),
    ("6.12.0-160000.5-default", "opensuse-leap", "16.0", "suse opensuse", "linux-sles-16.0"),
    ("6.17.1-1-default", "opensuse-tumbleweed", "20251010", "opensuse suse", "linux-6.17"),
    ("6.1.141-155.222.amzn2023.x86_64", "amzn", "2023", "fedora", "linux-amzn-2023"),
    ("6.12.40-64.114.amzn2023.x86_64", "amzn", "2023", "fedora", "linux-amzn-2023-6.12"),
    ("6.18.5-10.1.amzn2023.x86_64", "amzn", "2023", "fedora", "linux-amzn-2023-6.18"),
    ("5.15.186.1-1.cm2", "mariner", "2.0", "", "linux-azurelinux-2"),
    ("6.6.96.1-1.azl3", "azurelinux", "3.0", "", "linux-azurelinux-3"),
    ("6.12.57.1-1.azl3", "azurelinux", "3.0", "", "linux-azurelinux-3-6.12"),
    ("6.17.4-300.fc43.x86_64", "fedora", "43", "", "linux-6.17"),
    ("6.12.60", "nixos", "25.11", "", "linux-6.12"),
    ("6.18.2-arch2-1", "arch", "", "", "linux-6.18"),
    ("6.12.50-0-lts", "alpine", "3.22.1", "", "linux-6.12"),
)


@pytest.mark.parametrize("host", _HOSTS, ids=[f"{host[1]}-{host[0]}" for host in _HOSTS])
def test_a_host_is_told_the_platform_of_its_kernel(
    catalogue: pa.FileCatalogue, host: tuple[str, str, str, str, str]
) -> None:
    """Where it has all that upstream's kernel of that line has, it is told what it is called."""
    release, distribution, version, like, expected = host
    line = re.match(r"[0-9]+\.[0-9]+", release)
    assert line is not None
    facts = {
        name: Fact(
            state="present"
            if known.since is None or reached(known.since, known.subsystem, {EVERY: line[0]})
            else "absent",
            source="ioctl",
        )
        for name, known in catalogue.capabilities().items()
    }
    report = pa.HostReport(
        facts=facts,
        system="linux",
        release=release,
        arch="x86_64",
        distribution=distribution,
        distribution_version=version,
        distribution_like=tuple(like.split()),
    )
    chosen = newest_supported(catalogue, report)
    assert chosen is not None
    assert expected == chosen.name


def test_patterns_of_kernels_tell_lineages_apart(catalogue: pa.FileCatalogue) -> None:
    """No kernel is named like those of two lineages."""
    lineages = catalogue.lineages().values()
    for release, *_ in _HOSTS:
        assert len([each for each in lineages if each.built(release)]) <= 1, release


def test_a_lineage_that_is_described_has_platforms(catalogue: pa.FileCatalogue) -> None:
    """And no distribution is of two."""
    known = {catalogue.platform(name).lineage for name in catalogue.platform_names()}
    every = [
        word
        for each in catalogue.lineages().values()
        for word in (each.name, *each.clones, *each.distributions)
    ]
    assert set(catalogue.lineages()) <= known
    assert len(every) == len(set(every))
