"""A verdict knows what later editions have learned of hosts; a lockfile stays what it is."""

from __future__ import annotations

from hypothesis import given

import platform_abi as pa
from platform_abi.compat.newer_needs import with_newer_needs
from platform_abi.testing import Scenario, scenarios

NEWER = "pc-q35-10.0"


def _resolved(catalogue: pa.FileCatalogue, cpu: str, netdev: str, edition: str) -> pa.GuestAbi:
    vm = pa.virtual_machine(
        catalogue.devices(),
        NEWER,
        cpu=cpu,
        devices=["virtio-net-pci,netdev=n0,id=net0"],
        netdevs=[netdev],
    )
    return pa.resolve(catalogue, vm, f"linux-6.9@{edition}")


def test_what_is_left_to_the_host_is_said_whatever_the_edition(
    catalogue: pa.FileCatalogue,
) -> None:
    """Caches of the host's were no feature of the first edition, and change with the host."""
    cpu = "EPYC-v4,vendor=AuthenticAMD,host-cache-info=on"
    old = _resolved(catalogue, cpu, "tap,id=n0", "2026.1")
    assert not any("host-cache-info" in entry.what for entry in old.unpinned)
    found = with_newer_needs(catalogue, old)
    assert [e.what for e in found.unpinned if e not in old.unpinned] == ["x86-cpu.host-cache-info"]
    assert (found.settings, found.vm) == (old.settings, old.vm)
    assert pa.arguments(found) == pa.arguments(old)


def test_what_a_host_must_have_is_asked_whatever_the_edition(catalogue: pa.FileCatalogue) -> None:
    """A vhost without virtio 1 gives a guest of the first edition another BAR too."""
    old = _resolved(catalogue, "EPYC-v4,vendor=AuthenticAMD", "tap,id=n0,vhost=on", "2026.1")
    new = with_newer_needs(catalogue, old)
    (entry,) = (e for e in new.preconditions if e not in old.preconditions)
    assert ("vhost-net.version-1", ("virtio-net.version-1",)) == (entry.capability, entry.because)
    facts = {
        name: pa.Fact(state="present", source="ioctl") for name in catalogue.capabilities()
    } | {"vhost-net.version-1": pa.Fact(state="absent", source="ioctl")}
    verdict = pa.check(catalogue, old, pa.HostReport(system="linux", arch="x86_64", facts=facts))
    assert "virtio-net.version-1" in {finding.feature for finding in verdict.findings}


@given(scenarios())
def test_nothing_is_added_to_the_newest_edition(scenario: Scenario) -> None:
    """And nothing is taken away from any."""
    abi = pa.resolve(scenario.catalogue, scenario.vm, scenario.platform)
    found = with_newer_needs(scenario.catalogue, abi)
    if abi.edition == scenario.catalogue.newest_edition():
        assert found == abi
    assert set(abi.preconditions) <= set(found.preconditions)
    assert set(abi.unpinned) <= set(found.unpinned)
    assert found.settings == abi.settings
