"""One family settled: one value where its devices agree, the weakest where nobody knows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.model.abi import Unpinned
from platform_abi.model.device import DeviceFamily, DeviceTable
from platform_abi.model.feature import Feature, Kind
from platform_abi.model.machine import CompatProperty, MachineType, TypeTable
from platform_abi.model.platform import Platform
from platform_abi.resolver.basis import family_plan
from platform_abi.resolver.explicit import Instance
from platform_abi.resolver.layers import device_types
from platform_abi.resolver.plan import Plan, decisions, plan_for
from platform_abi.resolver.settle import FamilyResult, resolve_family
from platform_abi.testing import BACKENDS, NAMES, MemoryCatalogue, Scenario, scenarios

_SOME = st.lists(st.sampled_from(BACKENDS), min_size=1, max_size=3, unique=True)


def _plan(scenario: Scenario) -> Plan:
    return plan_for(scenario.catalogue, evolve(scenario.vm, devices=()), scenario.platform)


def _settled(plan: Plan, *instances: Instance) -> FamilyResult:
    return resolve_family(plan, family_plan(plan.basis, "net"), instances, ())


def _instance(plan: Plan, label: str | None, *backends: str, **given: str) -> Instance:
    return Instance(
        label=label,
        driver="net-pci",
        backends=backends,
        properties=tuple(given.items()),
        types=device_types(plan.basis.types, "net-pci"),
    )


@settings(max_examples=60)
@given(scenarios(), _SOME)
def test_behind_several_backends_the_weakest_holds(scenario: Scenario, behind: list[str]) -> None:
    """What all decide alike, else the fallback, and that is said."""
    plan = _plan(scenario)
    found = _settled(plan, _instance(plan, "a", *behind))
    weakened, needs = [], set()
    values = {s.property: s.value for s in found.settings if s.driver == "net-device"}
    for row in family_plan(plan.basis, "net").rows:
        feature = row.feature
        decided = [decisions(plan, "net")[backend, feature.id] for backend in behind]
        agreed = {decision.value for decision in decided}
        if len(agreed) > 1:
            weakened.append(feature.id)
        value = agreed.pop() if len(agreed) == 1 else feature.fallback
        assert value == values[row.property]
        if feature.demands(value):
            needs |= {(name, feature.id) for name in decided[0].needs or ()}
        beyond = [b for b in found.beyond if b.feature == feature.id]
        guaranteed = all(decision.guaranteed for decision in decided)
        assert (value != feature.fallback and not guaranteed) is bool(beyond)
    assert tuple(weakened) == found.weakened
    assert needs == set(found.needs)


@settings(max_examples=60)
@given(scenarios(), st.lists(st.sampled_from(BACKENDS), min_size=1, max_size=3))
def test_devices_that_agree_share_a_value(scenario: Scenario, behind: list[str]) -> None:
    """Else each has its own; nothing is set twice for one device, and nothing is left out."""
    plan = _plan(scenario)
    instances = [_instance(plan, f"d{at}", name) for at, name in enumerate(behind)]
    found = _settled(plan, *instances)
    for row in family_plan(plan.basis, "net").rows:
        values = [decisions(plan, "net")[name, row.feature.id].value for name in behind]
        said = [s for s in found.settings if s.property == row.property]
        if len(set(values)) == 1:
            assert [(d, None, values[0]) for d in row.drivers] == [
                (s.driver, s.device, s.value) for s in said
            ]
        else:
            assert [("net-pci", f"d{at}", value) for at, value in enumerate(values)] == [
                (s.driver, s.device, s.value) for s in said
            ]


# --- what no constant pins -----------------------------------------------------------------------


def _only(
    kind: Kind,
    *overrides: tuple[str, str],
    compat: Sequence[tuple[str, str, str]] = (),
    **how: Any,
) -> Plan:
    """Return a plan with one family of network devices that has one feature."""
    catalogue = MemoryCatalogue(
        devices=DeviceTable(
            families=(DeviceFamily(name="net", driver="net-device", proxies=("net-pci",)),),
            accelerators=("kvm",),
        ),
        features=[
            Feature(id="net.open", title="", edition="2026.1", kind=kind, pin="write it", **how)
        ],
        platforms=[Platform(name="test-1", lineage="test", source="")],
        machines=[
            MachineType(
                name="pc-q35-9.1",
                family="pc-q35",
                arch="x86_64",
                generation="9.1",
                compat=tuple(CompatProperty(driver=d, property=p, value=v) for d, p, v in compat),
            )
        ],
        types=TypeTable(
            parents={"device": "", "net-device": "device", "net-pci": "device"},
            own_properties={"net-device": NAMES, "net-pci": NAMES},
        ),
    )
    vm = pa.VirtualMachine(machine="pc-q35-9.1")
    return plan_for(catalogue, vm, pa.PlatformReference(name="test-1", overrides=overrides))


def _open(kind: Kind, given_: dict[str, str], *backends: str, **how: Any) -> FamilyResult:
    """Return what a network device comes to that has one feature, which no constant pins."""
    plan = _only(kind, **how)
    return _settled(plan, _instance(plan, "a", *backends, **given_))


@pytest.mark.parametrize(
    ("how", "given_", "left_open"),
    [
        ({}, {}, True),
        ({"drivers": ("net-pci",)}, {}, True),
        ({"drivers": ("net-ccw",)}, {}, False),
        ({"requires": {"tap": ("tun.a",)}}, {}, True),
        ({"requires": {"user": ()}}, {}, False),
        ({"when": ("alpha",)}, {}, False),
        ({"when": ("alpha",)}, {"alpha": "off"}, True),
        ({"when": ("alpha=on",)}, {"alpha": "off"}, False),
        ({"when": ("alpha=on",)}, {"alpha": "yes"}, True),
        ({"when": ("beta-2=on", "alpha=on")}, {"alpha": "true"}, True),
        ({"properties": ("net-device.alpha",)}, {}, True),
        ({"properties": ("net-device.alpha",)}, {"alpha": "auto"}, True),
        ({"properties": ("net-device.alpha",)}, {"alpha": "on"}, False),
        ({"properties": ("net-device.alpha", "net-device.beta-2")}, {"alpha": "on"}, True),
        (
            {"properties": ("net-device.alpha", "net-device.beta-2")},
            {"alpha": "on", "beta-2": "off"},
            False,
        ),
    ],
    ids=str,
)
def test_what_is_left_to_the_host_is_said(
    how: dict[str, Any], given_: dict[str, str], *, left_open: bool
) -> None:
    """Of a device that has it and brought it about, whose backend carries it, unless pinned."""
    found = _open("unpinnable", given_, "tap", **how)
    expected = (Unpinned(what="net.open (a)", pin="write it", migration="breaks"),)
    assert (expected if left_open else ()) == found.unpinned
    assert ((), ()) == (found.needs, found.settings)


@pytest.mark.parametrize(
    ("how", "given_", "needs"),
    [
        ({"requires": {"tap": ("tun.a", "tun.b")}}, {}, {"tun.a", "tun.b"}),
        ({"requires": {"user": ("tun.a",)}}, {}, set()),
        ({"requires": {"*": ("tun.a",)}, "drivers": ("net-ccw",)}, {}, set()),
        ({"requires": {"*": ("tun.a",)}, "when": ("alpha=on",)}, {}, set()),
        ({"requires": {"*": ("tun.a",)}, "when": ("alpha=on",)}, {"alpha": "on"}, {"tun.a"}),
    ],
)
def test_a_precondition_is_needed_whatever_is_set(
    how: dict[str, Any], given_: dict[str, str], needs: set[str]
) -> None:
    """Of a device that has it, by what stands behind that."""
    found = _open("precondition", given_, "tap", **how)
    assert {(name, "net.open") for name in needs} == set(found.needs)
    assert ((), ()) == (found.unpinned, found.settings)


def test_what_one_of_several_backends_carries_is_left_open() -> None:
    """A device that may be behind one that does has to be pinned all the same."""
    for behind in (("tap", "user"), ("user", "tap")):
        assert _open("unpinnable", {}, *behind, requires={"tap": ()}).unpinned


# --- what a platform does not vouch for ----------------------------------------------------------

_ALPHA: dict[str, Any] = {"properties": ("net-device.alpha",), "when_supported": "on"}


@pytest.mark.parametrize("behind", [("tap", "user"), ("user", "tap")])
def test_what_only_one_backend_guarantees_is_beyond(behind: tuple[str, ...]) -> None:
    """Who turns something on for devices behind several has nobody's word for all of them."""
    plan = _only("setting", ("net.open", "on"), requires={"tap": (), "user": ("tun.a",)}, **_ALPHA)
    (beyond,) = _settled(plan, _instance(plan, None, *behind)).beyond
    assert ("net.open", "on") == (beyond.feature, beyond.value)
    assert () == _settled(plan, _instance(plan, None, "tap")).beyond


def test_what_everybody_falls_back_to_is_never_beyond() -> None:
    """Whoever writes it, and whatever it asks of a host: other values ask for more."""
    plan = _only("setting", requires={"*": ("tun.a",)}, fallback="on", **_ALPHA)
    found = _settled(plan, _instance(plan, "a", "tap", alpha="on"))
    assert ((), (("tun.a", "net.open"),)) == (found.beyond, found.needs)
    assert ("on", "device") == (found.settings[0].value, found.settings[0].layer)


def test_what_two_devices_say_alike_stands_once() -> None:
    """A property that both leave to the host is said of their driver, and so once."""
    plan = _only("setting", **_ALPHA)
    pair = [_instance(plan, label, "tap", alpha="auto") for label in ("a", "b")]
    (unpinned,) = _settled(plan, *pair).unpinned
    assert "net-pci.alpha=auto" == unpinned.what


def test_what_is_written_inside_is_repeated_on_a_proxy_once() -> None:
    """Where a compat property of the machine type is on the proxy, it would win over the user's.

    It is for all devices of the proxy. What the user writes on the proxy itself needs no help.
    """
    plan = _only("setting", compat=[("net-pci", "alpha", "off")], **_ALPHA)
    types = device_types(plan.basis.types, "net-pci", "net-device")
    pair = [evolve(_instance(plan, label, "tap"), types=types) for label in ("a", "b")]
    for driver, repeated in (("net-device", [("net-pci", "on", None)]), ("net-pci", [])):
        everybody = (pa.GlobalProperty(driver=driver, property="alpha", value="on"),)
        found = resolve_family(plan, family_plan(plan.basis, "net"), pair, everybody)
        assert repeated == [(s.driver, s.value, s.device) for s in found.settings]
