"""What would help: the choices that resolving every platform one by one would find."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given

import platform_abi as pa
from platform_abi.compat import remedy as subject
from platform_abi.compat.met import unmet
from platform_abi.compat.preference import CONSERVATIVE
from platform_abi.compat.remedy import needed, remedy
from platform_abi.model.capability import Capability, Probe
from platform_abi.model.device import DeviceTable
from platform_abi.model.machine import TypeTable
from platform_abi.model.platform import Platform, PlatformReference
from platform_abi.testing import MemoryCatalogue, Scenario, host_reports, scenarios


def _naive(catalogue: pa.Catalogue, abi: pa.GuestAbi, report: pa.HostReport) -> str | None:
    """Return the newest platform that works, found by resolving all of them."""
    incurable = _incurable(catalogue, abi, report)
    for choice in subject._candidates(catalogue, abi, report):
        other = pa.resolve(catalogue, abi.vm, choice.spelled)
        if unmet(catalogue, other, report) <= incurable:
            return other.platform
    return None


def _incurable(catalogue: pa.Catalogue, abi: pa.GuestAbi, report: pa.HostReport) -> frozenset[str]:
    """Return what even the least platform needs, at the edition of *abi* and at the newest."""
    bases = [
        pa.resolve(catalogue, abi.vm, PlatformReference(name=CONSERVATIVE, edition=edition))
        for edition in (abi.edition, catalogue.newest_edition())
    ]
    return frozenset.intersection(*(unmet(catalogue, base, report) for base in bases))


@given(scenarios(), host_reports())
def test_a_candidate_is_passed_over_only_where_resolving_it_would_show_the_same(
    scenario: Scenario, report: pa.HostReport
) -> None:
    """And what is cured is exactly what a platform is to blame for."""
    abi = pa.resolve(scenario.catalogue, scenario.vm, scenario.platform)
    found = remedy(scenario.catalogue, abi, report)
    assert found.incurable == _incurable(scenario.catalogue, abi, report)
    if unmet(scenario.catalogue, abi, report) <= found.incurable:
        assert found.choices == ()
    else:
        assert found.choices[-1:] == (_naive(scenario.catalogue, abi, report),)
    for choice in found.choices:
        other = pa.resolve(scenario.catalogue, scenario.vm, choice)
        assert unmet(scenario.catalogue, other, report) <= found.incurable


@pytest.mark.parametrize(("extra", "offered"), [(0, True), (1, False)])
def test_few_exceptions_are_four(catalogue: pa.FileCatalogue, extra: int, *, offered: bool) -> None:
    """With more than that it is another platform, and not the same one with exceptions."""
    vm = pa.virtual_machine(
        catalogue.devices(),
        "pc-q35-9.1",
        devices=["virtio-net-pci,netdev=n0,id=net0"],
        netdevs=["tap,id=n0"],
    )
    abi = pa.resolve(catalogue, vm, "linux-6.9")
    by_need = {entry.capability: set(entry.because) for entry in abi.preconditions}
    base = pa.resolve(catalogue, vm, "conservative")
    # An exception is a property; what travels in the stream by itself has none.
    excepted = {
        name
        for name, because in by_need.items()
        if all(
            (feature := catalogue.feature(f)) is not None and feature.properties for f in because
        )
    }
    curable = excepted - {entry.capability for entry in base.preconditions}
    gone = next(
        names
        for size in range(1, 5)
        for names in combinations(sorted(curable), size)
        if len(set().union(*(by_need[name] for name in names))) == 4 + extra
    )
    facts = {
        name: pa.Fact(state="absent" if name in gone else "present", source="ioctl")
        for name in catalogue.capabilities()
    }
    choices = remedy(catalogue, abi, pa.HostReport(facts=facts, system="linux")).choices
    assert any("," in choice for choice in choices) is offered


def _without(catalogue: pa.Catalogue, *gone: str, **said: Any) -> pa.HostReport:
    """Return a host that has all but *gone*."""
    facts = {
        name: pa.Fact(state="absent" if name in gone else "present", source="ioctl")
        for name in catalogue.capabilities()
    }
    return pa.HostReport(facts=facts, system="linux", **said)


def _nic(catalogue: pa.FileCatalogue) -> pa.VirtualMachine:
    return pa.virtual_machine(
        catalogue.devices(),
        "pc-q35-9.1",
        devices=["virtio-net-pci,netdev=n0,id=net0"],
        netdevs=["tap,id=n0"],
    )


def test_what_asks_for_it_is_not_resolved(
    catalogue: pa.FileCatalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a hundred platforms only those that may work are: the one without it, and the newest."""
    resolved: list[str] = []

    def counted(
        of: pa.Catalogue, vm: pa.VirtualMachine, platform: PlatformReference, **how: Any
    ) -> pa.GuestAbi:
        resolved.append(str(platform))
        return pa.resolve(of, vm, platform, **how)

    abi = pa.resolve(catalogue, _nic(catalogue), "linux-6.9")
    monkeypatch.setattr(subject, "resolve", counted)
    found = remedy(catalogue, abi, _without(catalogue, "tun.uso"))
    newest = catalogue.newest_edition()
    assert f"linux-6.1@{newest}" == found.choices[-1]
    assert [f"{CONSERVATIVE}@{newest}", found.choices[0], f"linux-6.1@{newest}"] == resolved


def test_what_may_be_chosen_instead_is_of_the_edition_that_was_chosen(
    catalogue: pa.FileCatalogue,
) -> None:
    """A newer one changes more than what is lacking, and is offered where nothing else helps."""
    abi = pa.resolve(catalogue, _nic(catalogue), "linux-6.9@2026.1")
    found = remedy(catalogue, abi, _without(catalogue, "tun.uso"))
    assert all("@2026.1" in choice for choice in found.choices)
    names = [*subject._candidates(catalogue, abi, _without(catalogue))]
    of = [name.edition for name in names]
    assert of == ["2026.1"] * (len(of) // 2) + [catalogue.newest_edition()] * (len(of) // 2)


@pytest.mark.parametrize("distribution", ["", "rhel", "no-such"])
def test_candidates_are_those_of_the_lineage_then_of_the_host(
    catalogue: pa.FileCatalogue, distribution: str
) -> None:
    """Newest first in each, none twice; at last the conservative one, where there is one."""
    abi = pa.resolve(catalogue, _nic(catalogue), "linux-ubuntu-24.04")
    report = _without(catalogue, distribution=distribution)
    *names, last = (choice.platform.name for choice in subject._candidates(catalogue, abi, report))
    assert CONSERVATIVE == last
    lineages = [catalogue.platform(name).lineage for name in names]
    expected = ["ubuntu", *(["rhel"] if distribution == "rhel" else []), "linux"]
    assert expected == [name for name in dict.fromkeys(lineages) if name != CONSERVATIVE]
    assert len(set(names)) == len(names)
    for lineage in expected:
        mine = [name for name in names if catalogue.platform(name).lineage == lineage]
        # Not those for a size of pages: none is better than the one that it is of.
        every = [
            platform.name
            for platform in map(catalogue.platform, catalogue.platform_names())
            if platform.lineage == lineage
            and not platform.page_size
            # Nor what newer editions have alone: the guest's is the one that is asked.
            and platform.is_at(abi.edition)
        ]
        assert every[::-1] == mine


def _known(*capabilities: Capability, platforms: Sequence[str] = ()) -> MemoryCatalogue:
    return MemoryCatalogue(
        devices=DeviceTable(),
        features=(),
        platforms=[Platform(name=name, lineage="test", source="") for name in platforms],
        machines=(),
        types=TypeTable(),
        capabilities={capability.id: capability for capability in capabilities},
    )


@pytest.mark.parametrize("platforms", [["test-1"], ["test-1", CONSERVATIVE]])
def test_a_site_may_have_no_conservative_platform(platforms: list[str]) -> None:
    """Then it is no candidate; a platform that is gone has no lineage to look in."""
    abi = pa.GuestAbi(
        vm=pa.VirtualMachine(machine="m"),
        platform="gone-1@2026.1",
        edition="2026.1",
        settings=(),
        preconditions=(),
        unpinned=(),
    )
    found = list(subject._candidates(_known(platforms=platforms), abi, pa.HostReport()))
    assert platforms[1:] * 2 == [choice.platform.name for choice in found]


_PROBE = "probe the host as the user that runs QEMU, and with a QEMU to ask"


_ABSENT = pa.Fact(state="absent", source="ioctl")


@pytest.mark.parametrize(
    ("since", "config", "fact", "instead", "ways"),
    [
        ("6.2", ("TUN",), _ABSENT, (), ["a host with: X (since Linux 6.2), CONFIG_TUN"]),
        ("6.2", (), pa.Fact(state="unknown"), (), [_PROBE, "a host with: X (since Linux 6.2)"]),
        (
            "6.2", (), pa.Fact(state="present", source="inferred"), (),
            [_PROBE, "a host with: X (since Linux 6.2)"],
        ),
        (None, ("A", "B"), _ABSENT, (), ["a host with: X, CONFIG_A, CONFIG_B"]),
        ("never", ("A",), _ABSENT, (), ["no kernel so far has it: X"]),
        (
            None, (), _ABSENT, ("p", "q"),
            ["a host with: X", "a platform that works here: p or q"],
        ),
    ],
)  # fmt: skip
def test_what_to_do_is_all_that_would_help(
    since: str | None,
    config: tuple[str, ...],
    fact: pa.Fact,
    instead: tuple[str, ...],
    ways: list[str],
) -> None:
    """A better probe, another host, another platform: each where it could."""
    probe = Probe(method="device-node")
    known = _known(
        Capability(id="x", title="X", subsystem="tun", since=since, config=config, probe=probe)
    )
    assert "; or ".join(ways) == needed(known, "x", fact, instead, works=True)
    if instead:
        told = needed(known, "x", fact, instead, works=False)
        assert told.endswith("; or a platform that does not need it: p or q")


def test_what_nobody_can_ask_beforehand_is_let_pass_or_done_without() -> None:
    """What another process does, no probe tells and no kernel brings."""
    known = _known(Capability(id="x", title="X", subsystem="backend"))
    told = needed(known, "x", pa.Fact(state="unknown"), ("p",), works=False)
    assert told.startswith("allow-unknown=on or --allow-unknown lets it pass")
    assert told.endswith("; or a platform that does not need it: p")
    assert "" == needed(known, "x", _ABSENT, (), works=True)


def test_of_a_capability_that_nobody_knows_only_a_probe_helps() -> None:
    """A lockfile of other definitions can name one."""
    assert "" == needed(_known(), "x", _ABSENT, (), works=True)
    assert _PROBE == needed(_known(), "x", pa.Fact(state="unknown"), (), works=True)
