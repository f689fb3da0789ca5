"""Which device makes a virtual machine need what: every one that does, and no other."""

from __future__ import annotations

from attrs import evolve
from hypothesis import given, settings

import platform_abi as pa
from platform_abi.compat.carriers import Carrier, Carriers, open_feature
from platform_abi.compat.check import check
from platform_abi.model.host import Fact
from platform_abi.testing import Scenario, host_reports, scenarios


def _effective(abi: pa.GuestAbi, label: str, name: str) -> str | None:
    """Return the value that property *name* of a network device was resolved to."""
    own = [s.value for s in abi.settings if s.device == label and s.property == name]
    wide = [
        s.value
        for s in abi.settings
        if s.device is None and s.driver == "net-device" and s.property == name
    ]
    values = own or wide
    return values[0] if values else None


@settings(max_examples=60)
@given(scenarios())
def test_every_device_that_needs_it_is_named(scenario: Scenario) -> None:
    """For each reason of each precondition: just the devices whose value asks for it there."""
    catalogue = scenario.catalogue
    abi = pa.resolve(catalogue, scenario.vm, scenario.platform)
    carriers = Carriers(catalogue, abi)
    for entry in abi.preconditions:
        for name in entry.because:
            feature = catalogue.feature(name)
            assert feature is not None
            found = carriers.of(name, entry.capability)
            assert {name} == {carrier.feature for carrier in found}
            if name.startswith("cpu."):
                assert [(None, abi.vm.accelerator)] == [(c.device, c.backend) for c in found]
                continue
            property_ = feature.drives[0][1]
            expected = {
                label
                for label, device in abi.vm.labelled()
                if entry.capability in (feature.needs(device.backend) or ())
                for value in [_effective(abi, label, property_)]
                if value is None or feature.demands(value)
            }
            assert expected == {c.device for c in found if c.device is not None}
            backends = {label: device.backend for label, device in abi.vm.labelled()}
            assert all(c.backend == backends[c.device] for c in found if c.device is not None)


@settings(max_examples=60)
@given(scenarios())
def test_there_is_always_somebody(scenario: Scenario) -> None:
    """A lockfile can name features and capabilities that these definitions do not have."""
    abi = pa.resolve(scenario.catalogue, scenario.vm, scenario.platform)
    carriers = Carriers(scenario.catalogue, abi)
    assert [Carrier(feature="no.such")] == carriers.of("no.such", "tun.a")
    for feature in scenario.catalogue.every_feature():
        (found,) = carriers.of(feature.id, "no.such")
        assert (feature.id, None, "") == (found.feature, found.device, found.backend)
        if found.property:
            assert found.property in feature.properties
            assert feature.demands(found.value)


@settings(max_examples=60)
@given(scenarios(), host_reports())
def test_equal_hosts_gain_nothing(scenario: Scenario, report: pa.HostReport) -> None:
    """Nor does a host that has nothing that is not there already."""
    abi = pa.resolve(scenario.catalogue, scenario.vm, scenario.platform)
    carriers = Carriers(scenario.catalogue, abi)
    assert [] == carriers.gained(report, report)
    none = evolve(report, facts={})
    assert [] == carriers.gained(report, none)
    assert [] == carriers.gained(none, report)


@settings(max_examples=60)
@given(scenarios())
def test_what_qemu_would_turn_on_is_gained_where_nobody_wrote_it(scenario: Scenario) -> None:
    """From a host that has nothing to one that has all: what asks for anything, and is not said."""
    catalogue = scenario.catalogue
    abi = pa.resolve(catalogue, scenario.vm, scenario.platform)
    facts = {n: pa.Fact(state="absent", source="ioctl") for n in catalogue.capabilities()}
    poor = pa.HostReport(facts=facts)
    rich = pa.HostReport(facts={n: evolve(f, state="present") for n, f in facts.items()})
    written = {(s.device, s.property) for s in abi.settings if s.layer in ("global", "device")}
    for gained in Carriers(catalogue, abi).gained(poor, rich):
        feature = catalogue.feature(gained.feature)
        assert feature is not None
        assert not feature.opt_in
        assert feature.when_supported == gained.value == "on"
        assert feature.needs(gained.backend)
        name = gained.property.partition(".")[2]
        assert not {(gained.device, name), (None, name)} & written


def test_what_is_left_open_is_a_feature_or_a_value_of_one(catalogue: pa.FileCatalogue) -> None:
    """By its id, with or without the device, or by the property that was left to the host."""
    uso = catalogue.feature("virtio-net.host-uso")
    assert uso is not None
    for what in (
        "virtio-net.host-uso",
        "virtio-net.host-uso (net0)",
        "virtio-net-device.host_uso=auto",
        "virtio-net-pci.host_uso=auto",
    ):
        assert open_feature(catalogue, what) == uso
    assert open_feature(catalogue, "no.such=auto") is None
    assert open_feature(catalogue, "no.such") is None


def test_a_host_is_not_asked_for_what_no_guest_can_see(catalogue: pa.FileCatalogue) -> None:
    """UDP tunnels are bits 65 to 68, and a channel driver reads 64: by PCI they are asked for."""
    absent = Fact(state="absent", source="ioctl", detail="EINVAL from TUNSETOFFLOAD")
    facts = dict.fromkeys(catalogue.capabilities(), Fact(state="present", source="ioctl"))
    facts |= {name: absent for name in facts if "tunnel" in name}
    host = pa.HostReport(facts=facts, system="linux", arch="s390x")
    for nic, asked in (("virtio-net-ccw", False), ("virtio-net-pci", True)):
        vm = pa.virtual_machine(
            catalogue.devices(),
            "s390-ccw-virtio-11.1",
            arch="s390x",
            accelerator="tcg",
            devices=[f"{nic},netdev=n0,id=net0"],
            netdevs=["tap,id=n0"],
        )
        abi = pa.resolve(catalogue, vm, "linux-6.17")
        lacking = {f.capability for f in check(catalogue, abi, host).findings if f.capability}
        assert asked == bool(lacking), (nic, lacking)
