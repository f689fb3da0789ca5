"""What a platform asks of a host: what its virtual machines need, and what it only promises."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.compat import needs as subject
from platform_abi.compat.needs import PlatformNeeds, Scope, platform_needs
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.platform import PlatformReference, edition_key
from platform_abi.model.vm import Device, VirtualMachine
from platform_abi.resolver.choice import choose, decide
from platform_abi.testing import BACKENDS, EDITIONS, Scenario, scenarios
from tests.conftest import DEFINITIONS

_SCOPES = st.builds(
    Scope,
    accelerator=st.sampled_from(["kvm", "tcg"]),
    backends=st.lists(st.sampled_from(BACKENDS[:3]), unique=True, max_size=2).map(tuple),
)
_PLATFORMS = ("test-1", "test-2", "conservative")


def _vm(scenario: Scenario, scope: Scope) -> VirtualMachine:
    """Return a virtual machine that has a device behind each backend of *scope*."""
    return VirtualMachine(
        machine=scenario.vm.machine,
        accelerator=scope.accelerator,
        devices=tuple(Device(driver="net-pci", backend=name) for name in scope.backends),
    )


def _has_all(catalogue: Catalogue, machine: str) -> bool:
    """Return whether a machine type has every feature, as the newest ones have."""
    generation = edition_key(machine.removeprefix("pc-q35-"))
    return all(
        feature.generation is None or edition_key(feature.generation) <= generation
        for feature in catalogue.every_feature()
    )


# --- laws ----------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(scenarios(), _SCOPES, st.sampled_from(_PLATFORMS))
def test_a_platform_asks_what_its_virtual_machines_need(
    scenario: Scenario, scope: Scope, name: str
) -> None:
    """Its guarantees are the preconditions of one of the newest type that asks for no more.

    Without devices only what holds behind every usual backend is set.
    """
    found = platform_needs(scenario.catalogue, name, scope)
    abi = pa.resolve(scenario.catalogue, _vm(scenario, scope), name)
    needed = {entry.capability for entry in abi.preconditions}
    assert needed <= found.guarantees
    if scope.backends and _has_all(scenario.catalogue, scenario.vm.machine):
        assert needed == found.guarantees
        because = {(n, entry.capability) for entry in abi.preconditions for n in entry.because}
        assert because == {(need.feature, need.capability) for need in found.defaults}


@settings(max_examples=40)
@given(scenarios(), _SCOPES, st.sampled_from(_PLATFORMS), st.sampled_from(EDITIONS))
def test_what_is_promised_is_vouched_for_and_not_turned_on(
    scenario: Scenario, scope: Scope, name: str, edition: str
) -> None:
    """Every promise is of a feature that the platform guarantees there, and each stands once."""
    catalogue = scenario.catalogue
    reference = PlatformReference(name=name, edition=edition)
    found, choice = platform_needs(catalogue, reference, scope), choose(catalogue, reference)
    assert (name, "test", f"{name}@{edition}") == (found.name, found.lineage, found.platform)
    for needs in (found.defaults, found.promises):
        order = [(need.feature, need.backend, need.capability) for need in needs]
        assert sorted(set(order)) == order
    assert set(found.defaults).isdisjoint(found.promises)
    promised = set()
    for family in catalogue.devices().families:
        for feature in catalogue.features(family.name):
            usual = scope.backends or family.assumed_backends
            behind = {scope.accelerator} if family.name == "cpu" else {*usual, *feature.requires}
            for backend in behind if edition_key(feature.edition) <= edition_key(edition) else ():
                decision = decide(catalogue, choice, feature, backend)
                if decision.guaranteed:
                    promised |= {(feature.id, backend, name) for name in decision.needs or ()}
    turned_on = {(n.feature, n.backend, n.capability) for n in found.defaults}
    assert {(n.feature, n.backend, n.capability) for n in found.promises} == promised - turned_on


@settings(max_examples=30)
@given(scenarios(), st.lists(_SCOPES, min_size=1, max_size=2), st.permutations(_PLATFORMS))
def test_what_was_asked_before_changes_nothing(
    scenario: Scenario, scopes: list[Scope], order: list[str]
) -> None:
    """Platforms share what is worked out of one place: each gives what it gives alone."""
    catalogue = scenario.catalogue
    asked = [
        (scope, PlatformReference(name=name, edition=edition, overrides=overrides))
        for scope in scopes
        for name in order
        for edition in EDITIONS
        for feature in list(catalogue.every_feature())[:1]
        for overrides in ((), ((feature.id, "on"),), ((feature.id, "off"),))
    ]
    together = [platform_needs(catalogue, reference, scope) for scope, reference in asked]
    for (scope, reference), found in zip(asked, together, strict=True):
        catalogue.memo.clear()
        assert platform_needs(catalogue, reference, scope) == found


@settings(max_examples=40)
@given(scenarios(), _SCOPES, st.sampled_from(_PLATFORMS))
def test_what_is_switched_off_asks_nothing(scenario: Scenario, scope: Scope, name: str) -> None:
    """An override of every feature leaves no guarantee; one that turns it on asks for it."""
    for value in ("off", "on"):
        for feature in scenario.catalogue.every_feature():
            reference = PlatformReference(name=name, overrides=((feature.id, value),))
            found = platform_needs(scenario.catalogue, reference, scope)
            of = {need.capability for need in found.defaults if need.feature == feature.id}
            if value == "off":
                assert set() == of
            elif edition_key(feature.edition) <= edition_key(EDITIONS[-1]):
                family = feature.id.partition(".")[0]
                behind = scope.backends or ("tap", "tap+vhost")
                core = (scope.accelerator,) if family == "cpu" else behind
                assert of == {name for b in core for name in feature.needs(b) or ()}


# --- the shipped definitions ---------------------------------------------------------------------


def _needs(catalogue: pa.FileCatalogue, name: str, **scope: object) -> PlatformNeeds:
    return platform_needs(catalogue, name, Scope(**scope))  # type: ignore[arg-type]


def test_a_scope_is_what_is_asked_for(catalogue: pa.FileCatalogue) -> None:
    """Backends, accelerator and architecture each bring their own needs, and nothing of others."""
    usual = _needs(catalogue, "linux-6.9").guarantees
    assert {"tun.uso", "vhost-net", "kvm.smm"} <= usual
    assert "vhost-net" not in _needs(catalogue, "linux-6.9", backends=("tap",)).guarantees
    assert not {
        n for n in _needs(catalogue, "linux-6.9", backends=("user",)).guarantees if "tun" in n
    }
    assert not {
        n for n in _needs(catalogue, "linux-6.9", accelerator="tcg").guarantees if "kvm" in n
    }
    arm = _needs(catalogue, "linux-6.9", arch="aarch64")
    assert "kvm.smm" not in arm.guarantees
    assert "tun.uso" in arm.guarantees


def test_a_newer_kernel_asks_for_more(catalogue: pa.FileCatalogue) -> None:
    """And what it only could do is promised, not asked for."""
    before, after = _needs(catalogue, "linux-6.1"), _needs(catalogue, "linux-6.2")
    assert {"tun.uso"} == after.guarantees - before.guarantees
    assert set() == before.guarantees - after.guarantees
    rss = {need for need in after.promises if need.feature == "virtio-net.rss"}
    assert rss
    assert all(
        catalogue.capabilities()[need.capability].since is not None for need in after.promises
    )


@pytest.mark.parametrize(
    ("scope", "code", "nearest"),
    [
        (Scope(accelerator="kwm"), "unknown-accelerator", "kvm"),
        (Scope(backends=("tap", "tapp")), "unknown-backend", "tap"),
    ],
)
def test_a_scope_that_nothing_defines_is_an_error(
    catalogue: pa.FileCatalogue, scope: Scope, code: str, nearest: str
) -> None:
    """With the nearest that there is; so is a platform."""
    with pytest.raises(pa.UnknownNameError, match=f"'{nearest}'") as caught:
        platform_needs(catalogue, "linux-6.9", scope)
    assert code == caught.value.code
    with pytest.raises(pa.UnknownNameError) as caught:
        platform_needs(catalogue, "linux-6.99", Scope())
    assert "unknown-platform" == caught.value.code


def test_platforms_that_say_the_same_are_worked_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most kernels bring nothing: a hundred platforms cost as much as those that differ."""
    catalogue, asked = pa.FileCatalogue([DEFINITIONS]), []
    once = subject._asked

    def counted(*of: Any) -> Any:
        asked.append(of)
        return once(*of)

    monkeypatch.setattr(subject, "_asked", counted)
    found = {name: platform_needs(catalogue, name, Scope()) for name in catalogue.platform_names()}
    assert len(asked) < len(found)
    differing = {(needs.defaults, needs.promises) for needs in found.values()}
    assert len(differing) <= len(asked)
