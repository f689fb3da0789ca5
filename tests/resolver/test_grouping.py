"""Devices in families: what is worked out once for all that are alike is what each would get."""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.resolver import grouping
from platform_abi.resolver.grouping import Resolution, resolve_families
from platform_abi.resolver.plan import plan_for
from platform_abi.testing import BACKENDS, Scenario, scenarios
from platform_abi.testing.scenario import NAMES

_DRIVERS = ("net-pci", "net-ccw", "net-device")


def _resolution(scenario: Scenario, vm: pa.VirtualMachine, *, hotplug: bool = False) -> Resolution:
    plan = plan_for(scenario.catalogue, vm, scenario.platform)
    return resolve_families(plan, vm, hotplug=hotplug)


@settings(max_examples=60)
@given(scenarios(), st.booleans())
def test_devices_that_are_alike_get_what_each_would_get(scenario: Scenario, hotplug: bool) -> None:
    """Whether single devices are looked at or only their kinds changes nothing."""
    quick = _resolution(scenario, scenario.vm, hotplug=hotplug)
    scenario.catalogue.memo.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grouping, "_alike", lambda *_: None)
        patch.setattr(grouping, "_anonymous", lambda *_: False)
        assert quick == _resolution(scenario, scenario.vm, hotplug=hotplug)


@settings(max_examples=60)
@given(scenarios(), st.permutations(BACKENDS), st.booleans())
def test_devices_behind_different_backends_are_named(
    scenario: Scenario, behind: list[str], hotplug: bool
) -> None:
    """Two of one kind are no kind where what is behind one decides otherwise than the other's."""
    devices = tuple(pa.Device(driver="net-pci", backend=name) for name in behind[:2])
    vm = evolve(scenario.vm, devices=devices, globals=())
    found = _resolution(scenario, vm, hotplug=hotplug)
    apart = {s.property for s in found.settings if s.device is not None}
    for name in apart:
        own = [s for s in found.settings if s.property == name and s.device is not None]
        assert vm.labels() == [s.device for s in own]
        assert len({s.value for s in own}) > 1
    wide = [(s.driver, s.property) for s in found.settings if s.device is None]
    assert len(set(wide)) == len(wide)


@settings(max_examples=60)
@given(scenarios(), st.randoms(use_true_random=False))
def test_the_order_of_devices_changes_no_value(scenario: Scenario, random: object) -> None:
    """Each has its values by its name, wherever it stands."""
    named = [evolve(d, id=f"d{at}") for at, d in enumerate(scenario.vm.devices)]
    before = _resolution(scenario, evolve(scenario.vm, devices=tuple(named)))
    random.shuffle(named)  # type: ignore[attr-defined]
    after = _resolution(scenario, evolve(scenario.vm, devices=tuple(named)))
    assert set(before.settings) == set(after.settings)
    assert set(before.beyond) == set(after.beyond)
    assert {(p.capability, frozenset(p.because)) for p in before.preconditions} == {
        (p.capability, frozenset(p.because)) for p in after.preconditions
    }


@settings(max_examples=60)
@given(scenarios(), st.sampled_from(_DRIVERS), st.sampled_from(BACKENDS))
def test_one_more_of_a_kind_changes_nothing(scenario: Scenario, driver: str, backend: str) -> None:
    """Two devices that say nothing of their own are as one, in all but who is beyond."""
    one = evolve(scenario.vm, devices=(pa.Device(driver=driver, backend=backend),))
    two = evolve(one, devices=one.devices * 2)
    first, second = _resolution(scenario, one), _resolution(scenario, two)
    assert first.settings == second.settings
    assert first.preconditions == second.preconditions
    assert first.notes == second.notes


@settings(max_examples=60)
@given(scenarios(), st.sampled_from(BACKENDS))
def test_what_may_yet_come_gets_values_and_needs_nothing(scenario: Scenario, backend: str) -> None:
    """A device that is there already leaves nothing to come of its family."""
    vm = evolve(scenario.vm, devices=())
    without, awaiting = _resolution(scenario, vm), _resolution(scenario, vm, hotplug=True)
    assert without.settings == awaiting.settings
    assert () == awaiting.notes
    assert without.notes[:1] == ("no devices given: values for net hold behind tap and tap+vhost",)
    assert {p.capability for p in awaiting.preconditions} <= {
        p.capability for p in without.preconditions
    }
    of_net = [n for p in awaiting.preconditions for n in p.because if n.startswith("net.")]
    assert [] == of_net
    full = evolve(vm, devices=(pa.Device(driver="net-pci", backend=backend),))
    assert _resolution(scenario, full) == _resolution(scenario, full, hotplug=True)


@settings(max_examples=60)
@given(
    scenarios(),
    st.permutations(BACKENDS),
    st.lists(st.booleans(), min_size=2, max_size=2),
    st.sampled_from(NAMES),
)
def test_a_device_that_comes_later_is_left_to_no_host(
    scenario: Scenario, behind: list[str], written: list[bool], name: str
) -> None:
    """It has what it would have on a machine without any, where those there have their own.

    They do where they disagree, and where their user wrote a value for each. What one value for all
    says it has anyway, and nothing else changes.
    """
    vm = evolve(
        scenario.vm,
        devices=tuple(
            pa.Device(driver="net-pci", backend=backend, properties=((name, "on"),) if own else ())
            for backend, own in zip(behind, written, strict=False)
        ),
        globals=(),
    )
    awaited = _of_net(_resolution(scenario, evolve(vm, devices=()), hotplug=True))
    try:
        now = _resolution(scenario, vm)
    except pa.UsageError:  # of another type than the feature that drives it
        return
    later = _resolution(scenario, vm, hotplug=True)
    wide = {s.property for s in _of_net(now) if s.device is None}
    apart = {s.property for s in _of_net(now) if s.device is not None} - wide
    added = [s for s in awaited if s.property in apart]
    assert [s for s in _of_net(later) if s not in now.settings] == added
    assert [s for s in later.settings if s not in added] == list(now.settings)
    assert {s.property for s in awaited} <= {s.property for s in _of_net(later) if not s.device}
    # QEMU takes what is said last; a device's own is said by itself.
    assert _of_net(later)[: len(added)] == added
    assert now.preconditions == later.preconditions


def _of_net(found: Resolution) -> list[pa.Setting]:
    return [s for s in found.settings if s.driver.startswith("net-")]


@settings(max_examples=60)
@given(scenarios())
def test_a_precondition_stands_once_with_every_reason(scenario: Scenario) -> None:
    """Sorted by its name; a feature that needs it on two devices is one reason."""
    found = _resolution(scenario, scenario.vm).preconditions
    names = [entry.capability for entry in found]
    assert sorted(set(names)) == names
    for entry in found:
        assert entry.because
        assert len(set(entry.because)) == len(entry.because)
