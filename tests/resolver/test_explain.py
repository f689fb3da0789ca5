"""Every explanation names the layers in their order, with the file and line of each."""

from __future__ import annotations

import pytest
from hypothesis import given

import platform_abi as pa
from platform_abi.cli.explain import _place
from platform_abi.model.abi import LAYERS
from platform_abi.resolver.full import full_properties
from platform_abi.testing import NAMES, Scenario, scenarios
from tests.conftest import DEFINITIONS
from tests.resolver.shipped import machine_with_nics


def _line(place: str) -> str:
    """Return the line of the definition file that *place* points to."""
    source, _, number = place.rpartition(":")
    return (DEFINITIONS / source).read_text(encoding="utf-8").splitlines()[int(number) - 1]


def _said(explanation: pa.Explanation) -> list[tuple[str, str]]:
    return [(step.layer, step.value) for step in explanation.steps]


@pytest.mark.parametrize(
    ("name", "platform", "source"),
    [
        ("virtio-net-device.host_uso", "linux-6.9", "platforms/linux/linux-6.2.toml"),
        ("virtio-net-pci.host_uso", "linux-6.9", "platforms/linux/linux-6.2.toml"),
        ("virtio-net.host_uso", "linux-6.9", "platforms/linux/linux-6.2.toml"),
        ("virtio-net-device.host_uso", "linux-6.1", "features/virtio-net.toml"),
        ("virtio-net-device.rss", "linux-6.9", "features/virtio-net.toml"),
        ("x86_64-cpu.kvm-pv-ipi", "linux-6.9", "platforms/linux/linux-4.20.toml"),
        ("qemu64-x86_64-cpu.kvm-pv-ipi", "linux-6.9", "platforms/linux/linux-4.20.toml"),
        ("machine.smm", "linux-6.9", "platforms/linux/linux-4.18.toml"),
    ],
)
def test_the_line_reported_is_the_line_that_says_it(
    catalogue: pa.FileCatalogue, name: str, platform: str, source: str
) -> None:
    """File and line of the winning layer lead to the feature's own name and value."""
    found = pa.explain(catalogue, name, machine_with_nics(catalogue, "pc-q35-9.1", "tap"), platform)

    assert found.feature is not None
    step = found.steps[-1]
    place = _place(catalogue, step)
    assert source == place.rpartition(":")[0]
    assert f'"{found.feature.id}"' in _line(place)
    if source.startswith("platforms"):
        assert _line(place).endswith(f'= "{step.value}"')


def test_every_platform_setting_leads_to_its_line(catalogue: pa.FileCatalogue) -> None:
    """No setting of a whole ABI points to a line that says something else."""
    vm = machine_with_nics(catalogue, "pc-q35-11.1", "tap", "tap,vhost=on", "user")
    for platform in ("linux-6.9", "linux-rhel-9.5"):
        abi = pa.resolve(catalogue, vm, platform)
        for name in {f"{s.driver}.{s.property}" for s in abi.settings}:
            found = pa.explain(catalogue, name, vm, platform)
            assert found.feature is not None
            for step in found.steps:
                place = _place(catalogue, step)
                if step.layer in ("platform", "default") and step.key[0] != "platform":
                    assert f'"{found.feature.id}"' in _line(place)


def test_a_platform_of_levels_leads_to_its_levels(catalogue: pa.FileCatalogue) -> None:
    """What follows from a subsystem's upstream level points to the platform's levels."""
    vm = machine_with_nics(catalogue, "pc-q35-9.1", "tap")
    found = pa.explain(catalogue, "x86_64-cpu.kvm-asyncpf-int", vm, "linux-rhel-9.5")

    assert "[platform.levels]" == _line(_place(catalogue, found.steps[-1]))


@pytest.mark.parametrize("machine", ["pc-q35-8.1", "pc-q35-7.2", "pc-i440fx-8.0"])
def test_a_compat_property_leads_to_its_entry(catalogue: pa.FileCatalogue, machine: str) -> None:
    """An entry that a machine type inherits is shown where it stands; the platform is silent."""
    vm = machine_with_nics(catalogue, machine, "tap")
    found = pa.explain(catalogue, "virtio-net-pci.host_uso", vm, "linux-6.9")

    assert [("machine", "off")] == _said(found)
    line = _line(_place(catalogue, found.steps[0]))
    assert '["virtio-net-device", "host_uso", "off"],' == line.strip()
    assert "since machine types of 8.2" in found.silent
    assert machine in found.silent


def test_what_is_overridden_is_shown_beneath_what_overrides_it(
    catalogue: pa.FileCatalogue,
) -> None:
    """Platform, -global and device property all have their word, the last one counts."""
    vm = machine_with_nics(
        catalogue,
        "pc-q35-9.1",
        "tap",
        nic="virtio-net-pci,host_uso=off",
        globals_=["virtio-net-pci.host_uso=on", "virtio-net-device.host_uso=off"],
    )
    found = pa.explain(catalogue, "virtio-net-pci.host_uso", vm, "linux-6.9")

    assert [
        ("platform", "on"),
        ("global", "off"),
        ("global", "on"),
        ("device", "off"),
    ] == _said(found)
    assert ["argument"] * 3 == [_place(catalogue, step) for step in found.steps[1:]]
    assert "nic0" == found.steps[-1].device


def test_devices_that_disagree_are_told_apart(catalogue: pa.FileCatalogue) -> None:
    """Each device's own value names the device."""
    vm = machine_with_nics(catalogue, "pc-q35-9.1", "tap", "user")
    found = pa.explain(catalogue, "virtio-net-pci.host_uso", vm, "linux-6.9")

    assert {("nic0", "on"), ("nic1", "off")} == {(step.device, step.value) for step in found.steps}


def test_a_property_that_nothing_touches_is_qemus_own(catalogue: pa.FileCatalogue) -> None:
    """A known property without a feature or a compat entry has no layers and is no error."""
    vm = machine_with_nics(catalogue, "pc-q35-9.1", "tap")
    found = pa.explain(catalogue, "virtio-net-pci.speed", vm, "linux-6.9")

    assert () == found.steps
    assert found.feature is None


def test_a_feature_of_another_accelerator_says_why_it_is_silent(
    catalogue: pa.FileCatalogue,
) -> None:
    """Under TCG a KVM flag does not apply, and the explanation says so."""
    vm = machine_with_nics(catalogue, "pc-q35-9.1", accelerator="tcg")
    found = pa.explain(catalogue, "x86_64-cpu.kvm-pv-ipi", vm, "linux-6.9")

    assert () == found.steps
    assert "does not apply to pc-q35-9.1 with accelerator tcg" in found.silent


@pytest.mark.parametrize(
    "name", ["virtio-net-pci.host_uzo", "nonsense", "", ".", "virtio-net-pci."]
)
def test_an_unknown_property_is_refused(catalogue: pa.FileCatalogue, name: str) -> None:
    """What neither a feature nor the build knows is an error, with the nearest name."""
    with pytest.raises(pa.UnknownNameError) as caught:
        pa.explain(catalogue, name, machine_with_nics(catalogue, "pc-q35-9.1"), "linux-6.9")
    assert "unknown-property" == caught.value.code
    if name == "virtio-net-pci.host_uzo":
        assert "'virtio-net-pci.host_uso'" in caught.value.message


@given(scenarios())
def test_the_last_step_counts(scenario: Scenario) -> None:
    """Whatever the catalogue and the machine: what the last word on a device is, that it has."""
    abi = pa.resolve(scenario.catalogue, scenario.vm, scenario.platform)
    full = full_properties(scenario.catalogue, abi)
    for label, device in full.items():
        for name, value in device.properties.items():
            said = pa.explain(
                scenario.catalogue, f"{device.driver}.{name}", scenario.vm, scenario.platform
            )
            own = [step for step in said.steps if step.device in (None, label)]
            if own and device.driver != "net-device" and value.layer not in ("default", "device"):
                spelled = {"true": "on", "no": "off"}.get(own[-1].value, own[-1].value)
                assert (own[-1].layer, spelled) == (value.layer, value.value)


@given(scenarios())
def test_on_one_object_layers_come_lowest_first(scenario: Scenario) -> None:
    """No layer stands beneath a higher one where a device has no other inside."""
    for name in NAMES:
        found = pa.explain(scenario.catalogue, f"x86_64-cpu.{name}", scenario.vm, scenario.platform)
        order = [LAYERS.index(step.layer) for step in found.steps]
        assert sorted(order) == order
