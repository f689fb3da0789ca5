"""The laws that every resolution obeys, over generated catalogues and machines."""

from __future__ import annotations

import json
import random

import pytest
from attrs import evolve
from hypothesis import assume, given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.model.feature import UNDECIDED, Feature
from platform_abi.model.platform import edition_key, version_key
from platform_abi.model.vm import GlobalProperty
from platform_abi.resolver.explicit import Instance, explicit
from platform_abi.resolver.layers import device_types
from platform_abi.resolver.plan import plan_for
from platform_abi.testing import BUILD, EDITIONS, MemoryCatalogue, Scenario, scenarios


def _resolve(scenario: Scenario) -> pa.GuestAbi:
    return pa.resolve(scenario.catalogue, scenario.vm, scenario.platform)


def _features(scenario: Scenario) -> list[Feature]:
    catalogue = scenario.catalogue
    return [f for stem in catalogue.feature_stems() for f in catalogue.features(stem)]


def _label(vm: pa.VirtualMachine, index: int) -> str:
    return vm.devices[index].id or f"device[{index}]"


def _effective(scenario: Scenario, abi: pa.GuestAbi, index: int, name: str) -> str | None:
    """Return what QEMU would make of the arguments for one NIC.

    A device property wins, then what reaches the outer object, then the inner device; compat
    properties stand before the -global entries.
    """
    device = scenario.vm.devices[index]
    label = _label(scenario.vm, index)
    own = [s.value for s in abi.settings if s.device == label and s.property == name]
    if own:
        return own[-1]
    types = scenario.catalogue.types(BUILD, "x86_64")
    reached_types = device_types(types, device.driver, "net-device")
    machine = scenario.catalogue.machine(BUILD, scenario.vm.machine, "x86_64")
    compat = [(c.driver, c.value) for c in machine.compat if c.property == name]
    wide = [(s.driver, s.value) for s in abi.settings if s.device is None and s.property == name]
    for reached in (reached_types.outer, reached_types.inner):
        values = [value for driver, value in (*compat, *wide) if driver in reached]
        if values:
            return values[-1]
    return None


def _normal(value: str) -> str:
    return {"true": "on", "no": "off"}.get(value, value)


@given(scenarios(), st.integers())
def test_resolution_is_deterministic(scenario: Scenario, seed: int) -> None:
    """The order of definitions and the state of the catalogue change nothing, to the byte."""
    catalogue = scenario.catalogue
    assert isinstance(catalogue, MemoryCatalogue)
    shuffled = _features(scenario)
    random.Random(seed).shuffle(shuffled)
    again = MemoryCatalogue(
        devices=evolve(catalogue.devices(), families=catalogue.devices().families[::-1]),
        features=shuffled,
        platforms=[catalogue.platform("test-1")],
        machines=[catalogue.machine(BUILD, scenario.vm.machine, "x86_64")],
        types=catalogue.types(BUILD, "x86_64"),
        capabilities=catalogue.capabilities(),
    )

    first = _resolve(scenario)
    second = pa.resolve(again, scenario.vm, scenario.platform)
    third = _resolve(scenario)

    expected = json.dumps(pa.abi_document(first))
    assert expected == json.dumps(pa.abi_document(second))
    assert expected == json.dumps(pa.abi_document(third))


@given(scenarios())
def test_explicit_values_win_by_qemus_own_precedence(scenario: Scenario) -> None:
    """Device property beats -global, outer object beats inner device, the last of equals wins."""
    abi = _resolve(scenario)
    types = scenario.catalogue.types(BUILD, "x86_64")
    for index, device in enumerate(scenario.vm.devices):
        instance = Instance(
            label=None,
            driver=device.driver,
            backends=(device.backend,),
            properties=device.properties,
            types=device_types(types, device.driver, "net-device"),
        )
        for feature in scenario.catalogue.features("net"):
            name = feature.id.partition(".")[2]
            given_ = explicit(instance, name, scenario.vm.globals)
            if given_ is not None and _applies(scenario, feature):
                assert _normal(given_.value) == _effective(scenario, abi, index, name)


def _applies(scenario: Scenario, feature: Feature) -> bool:
    return plan_for(scenario.catalogue, scenario.vm, scenario.platform).basis.applies(feature)


@given(scenarios())
def test_emitted_values_are_concrete(scenario: Scenario) -> None:
    """Nothing undecided is emitted; an explicit ``auto`` makes the ABI not migratable by name."""
    abi = _resolve(scenario)
    for setting in abi.settings:
        if setting.layer in ("default", "platform"):
            assert setting.value not in UNDECIDED
        elif setting.value in UNDECIDED:
            assert not abi.migratable
            place = f"{setting.driver}.{setting.property}"
            assert any(entry.what.startswith(place) for entry in abi.unpinned)


@given(scenarios())
def test_the_world_is_closed(scenario: Scenario) -> None:
    """Every feature that applies has a value on every device; what is absent means off."""
    abi = _resolve(scenario)
    plan = plan_for(scenario.catalogue, scenario.vm, scenario.platform)
    for feature in scenario.catalogue.features("net"):
        name = feature.id.partition(".")[2]
        for index, device in enumerate(scenario.vm.devices):
            value = _effective(scenario, abi, index, name)
            if not _applies(scenario, feature):
                continue
            assert value is not None
            listing = plan.choice.platform.listings.get(feature.id)
            listed = listing is not None and listing.at(edition_key(abi.edition)) is not None
            asked = dict(device.properties).get(name) or [
                g for g in scenario.vm.globals if g.property == name
            ]
            if not listed and not asked and feature.needs(device.backend) != ():
                assert value == feature.fallback


@given(scenarios())
def test_machine_generation_gates_features(scenario: Scenario) -> None:
    """A feature newer than the machine type leaves no trace of its own in the arguments."""
    abi = _resolve(scenario)
    generation = version_key(scenario.vm.machine.rpartition("-")[2])
    newer = {
        text
        for feature in _features(scenario)
        if feature.generation is not None and version_key(feature.generation) > generation
        for text in feature.properties
    }
    own = [s for s in abi.settings if s.layer in ("default", "platform")]
    assert not {f"{s.driver}.{s.property}" for s in own} & newer


@given(scenarios())
def test_beyond_the_platform_is_reported_and_strict_refuses_it(scenario: Scenario) -> None:
    """What the platform does not vouch for resolves, is named, and is refused in strict mode."""
    abi = _resolve(scenario)
    for entry in abi.beyond:
        assert entry.value not in ("off", *UNDECIDED)
    if abi.beyond:
        with pytest.raises(pa.BeyondPlatformError):
            pa.resolve(scenario.catalogue, scenario.vm, scenario.platform, strict=True)
    else:
        strict = pa.resolve(scenario.catalogue, scenario.vm, scenario.platform, strict=True)
        assert strict == abi


@given(scenarios(), st.data())
def test_a_released_name_never_changes(scenario: Scenario, data: st.DataObject) -> None:
    """Features and values that a later edition brings leave an earlier edition's digests alone."""
    catalogue = scenario.catalogue
    assert isinstance(catalogue, MemoryCatalogue)
    platform = catalogue.platform("test-1")
    grown = {
        name: evolve(
            listing, values={**listing.values, "2027.1": data.draw(st.sampled_from(["on", "off"]))}
        )
        for name, listing in platform.listings.items()
    }
    newer = Feature(id="net.zeta", title="zeta", edition="2027.1", properties=("net-device.zeta",))
    later = MemoryCatalogue(
        devices=catalogue.devices(),
        features=[*_features(scenario), newer],
        platforms=[evolve(platform, listings=grown)],
        machines=[catalogue.machine(BUILD, scenario.vm.machine, "x86_64")],
        types=catalogue.types(BUILD, "x86_64"),
        editions=(*EDITIONS, "2027.1"),
    )
    for edition in EDITIONS:
        reference = evolve(scenario.platform, edition=edition)
        before = pa.resolve(catalogue, scenario.vm, reference)
        after = pa.resolve(later, scenario.vm, reference)
        assert pa.abi_digest(before) == pa.abi_digest(after)
        assert pa.platform_digest(catalogue, "test-1", edition) == pa.platform_digest(
            later, "test-1", edition
        )


@given(scenarios())
def test_whatever_is_asked_of_a_host_is_a_precondition(scenario: Scenario) -> None:
    """Every capability that a value needs is listed, so that nothing can be flipped quietly."""
    abi = _resolve(scenario)
    listed = {entry.capability for entry in abi.preconditions}
    for feature in scenario.catalogue.features("net"):
        if not _applies(scenario, feature):
            continue
        name = feature.id.partition(".")[2]
        for index, device in enumerate(scenario.vm.devices):
            if _effective(scenario, abi, index, name) == "on":
                assert set(feature.needs(device.backend) or ()) <= listed


@given(scenarios())
def test_what_is_not_known_of_a_host_is_unknown(scenario: Scenario) -> None:
    """A capability that nobody asked about is neither present nor absent."""
    abi = _resolve(scenario)
    report = pa.HostReport()
    assert all(report.state(entry.capability) == "unknown" for entry in abi.preconditions)


@given(scenarios())
def test_migratable_means_nothing_is_left_that_a_migration_can_notice(scenario: Scenario) -> None:
    """``migratable`` and the list of what is unpinned say the same."""
    abi = _resolve(scenario)
    kinds = {entry.migration for entry in abi.unpinned}
    assert abi.migratable == (kinds <= {"safe", "between-pools"})
    for entry in abi.unpinned:
        assert entry.pin


@given(scenarios(), scenarios())
def test_one_comparison_equal_digests_mean_no_difference(a: Scenario, b: Scenario) -> None:
    """Two ABIs have one digest exactly where a comparison finds nothing between them."""
    first, second = _resolve(a), _resolve(b)
    assert pa.diff_abis(first, first) == []
    if pa.abi_digest(first) == pa.abi_digest(second):
        assert [d for d in pa.diff_abis(first, second) if d.what != "machine type content"] == []


@given(scenarios())
def test_resolving_is_idempotent(scenario: Scenario) -> None:
    """A resolved ABI's own settings, given explicitly, resolve to the same values."""
    assume(not any(value == "auto" for d in scenario.vm.devices for _, value in d.properties))
    abi = _resolve(scenario)
    pinned = tuple(
        GlobalProperty(driver=s.driver, property=s.property, value=s.value)
        for s in abi.settings
        if s.device is None and s.layer != "global"
    )
    vm = evolve(scenario.vm, globals=(*pinned, *scenario.vm.globals))
    again = evolve(scenario, vm=vm)
    repeated = _resolve(again)
    for index in range(len(vm.devices)):
        for feature in scenario.catalogue.features("net"):
            name = feature.id.partition(".")[2]
            if _applies(scenario, feature):
                before = _effective(scenario, abi, index, name)
                assert before == _effective(again, repeated, index, name)
