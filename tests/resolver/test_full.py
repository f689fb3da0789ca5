"""The full property set: laws over generated machines, and what shipped definitions make of it."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.cli.full import full_text
from platform_abi.emit.full import full_document
from platform_abi.errors import UnknownNameError, UsageError
from platform_abi.model.abi import LAYERS
from platform_abi.model.realize import (
    BoardValue,
    DeviceProperties,
    InitialValue,
    RealizeRule,
)
from platform_abi.resolver.full import full_properties
from platform_abi.resolver.layers import device_types
from platform_abi.testing import BUILD, NAMES, Scenario, scenarios

ARCH = "x86_64"


def _abi(scenario: Scenario) -> pa.GuestAbi:
    return pa.resolve(scenario.catalogue, scenario.vm, scenario.platform)


def _spelled(text: str) -> str:
    return {"true": "on", "no": "off"}.get(text, text)


def _writes(scenario: Scenario, abi: pa.GuestAbi, index: int) -> list[tuple[str, str, str]]:
    """Return everything that sets a property of one NIC: name, value, layer, in QEMU's order.

    Written down naively, as QEMU does it: the inner device whole, then the outer one.
    """
    device = scenario.vm.devices[index]
    types = scenario.catalogue.types(BUILD, ARCH)
    of = device_types(types, device.driver, "net-device")
    known = scenario.catalogue.driver_properties(BUILD, ARCH, device.driver)
    compat = scenario.catalogue.machine(BUILD, scenario.vm.machine, ARCH).compat
    writes = [(name, entry.default or "", "default") for name, entry in known.items()]
    for reached in (of.inner, of.outer):
        writes += [(c.property, c.value, "machine") for c in compat if c.driver in reached]
        writes += [
            (s.property, s.value, s.layer)
            for s in abi.settings
            if s.device is None and s.driver in reached and s.layer not in ("default", "device")
        ]
    label = scenario.vm.labels()[index]
    writes += [
        (s.property, s.value, s.layer)
        for s in abi.settings
        if s.device == label and s.layer == "platform"
    ]
    writes += [(name, value, "device") for name, value in device.properties]
    return [(name, _spelled(value), layer) for name, value, layer in writes if name in known]


# --- laws ----------------------------------------------------------------------------------------


@given(scenarios())
def test_the_last_in_qemus_order_wins_and_is_named(scenario: Scenario) -> None:
    """Every property has the value and the layer of whatever sets it last; without, the default."""
    abi = _abi(scenario)
    full = full_properties(scenario.catalogue, abi)
    assert [*full] == scenario.vm.labels()
    for index, device in enumerate(full.values()):
        last = {name: (value, layer) for name, value, layer in _writes(scenario, abi, index)}
        found = {name: (v.value or "", v.layer) for name, v in device.properties.items()}
        assert found == last


@given(scenarios())
def test_every_setting_that_reaches_a_device_is_in_it_or_beaten(scenario: Scenario) -> None:
    """No setting of the ABI is forgotten.

    Only one of its own layer or a higher one takes its place, or a compat property of the proxy
    where it reaches no more than the inner device.
    """
    abi = _abi(scenario)
    full = full_properties(scenario.catalogue, abi)
    types = scenario.catalogue.types(BUILD, ARCH)
    for setting in abi.settings:
        if setting.layer == "default":
            continue
        for label, device in full.items():
            of = device_types(types, device.driver, "net-device")
            reached = (
                setting.driver in of.every if setting.device is None else (setting.device == label)
            )
            if reached and setting.property in device.properties:
                value = device.properties[setting.property]
                beaten = LAYERS.index(value.layer) >= LAYERS.index(setting.layer)
                assert beaten or (setting.driver not in of.outer and value.layer == "machine")
                if setting.layer == "device":
                    assert value.value == _spelled(setting.value)


@given(scenarios(), st.sampled_from(NAMES), st.sampled_from(["on", "off"]), st.data())
def test_an_explicit_property_changes_just_that_one(
    scenario: Scenario, name: str, value: str, data: st.DataObject
) -> None:
    """Writing one property of one device changes nothing else, on it or on another."""
    if not scenario.vm.devices:
        return
    index = data.draw(st.integers(0, len(scenario.vm.devices) - 1))
    abi = _abi(scenario)
    before = full_properties(scenario.catalogue, abi)
    device = scenario.vm.devices[index]
    written = evolve(device, properties=(*device.properties, (name, value)))
    devices = (*scenario.vm.devices[:index], written, *scenario.vm.devices[index + 1 :])
    after = full_properties(scenario.catalogue, evolve(abi, vm=evolve(abi.vm, devices=devices)))
    label = scenario.vm.labels()[index]
    assert after[label].properties[name].value == value
    assert after[label].properties[name].layer == "device"
    for other, properties in before.items():
        for key, known in properties.properties.items():
            if (other, key) != (label, name):
                assert after[other].properties[key] == known


@given(scenarios())
def test_it_is_deterministic_and_nothing_is_left_behind(scenario: Scenario) -> None:
    """Asked twice, or after other machines, the answer is the same, and nobody can change it."""
    abi = _abi(scenario)
    first = full_properties(scenario.catalogue, abi)
    full_properties(scenario.catalogue, evolve(abi, settings=abi.settings[:1]))
    second = full_properties(scenario.catalogue, abi)
    assert first == second
    for device in second.values():
        assert isinstance(device.properties, dict)
        with pytest.raises(TypeError):
            device.properties.clear()
    assert full_properties(scenario.catalogue, abi) == first


# --- the shipped definitions ---------------------------------------------------------------------


def _shipped(
    catalogue: pa.FileCatalogue, machine: str, *devices: str, **given: Any
) -> dict[str, DeviceProperties]:
    build = given.pop("build", None)
    vm = pa.virtual_machine(
        catalogue.devices(),
        machine,
        accelerator="tcg",
        devices=devices,
        netdevs=["user,id=n0"],
        globals_=given.pop("globals_", ()),
        build=build,
    )
    return full_properties(catalogue, pa.resolve(catalogue, vm, "linux-6.9"), **given)


def test_layers_of_a_nic(catalogue: pa.FileCatalogue) -> None:
    """Each layer leaves its mark on a NIC, with the file or the argument that did it."""
    nic = _shipped(
        catalogue,
        "pc-q35-8.1",
        "virtio-net-pci,id=net,netdev=n0,csum=no,bus=port",
        "pcie-root-port,id=port",
        globals_=["virtio-net-pci.speed=1000"],
        queues={"net": 2},
    )["net"]
    assert nic.driver == "virtio-net-pci"
    p = nic.properties
    build = "machines/qemu-11.1.3/x86_64"
    assert (p["ctrl_rx"].value, p["ctrl_rx"].source) == ("on", f"{build}-properties.toml")
    assert (p["host_uso"].value, p["host_uso"].layer) == ("off", "machine")
    assert p["host_uso"].source == f"{build}.toml"
    assert p["guest_tso4"].layer == "platform"
    assert (p["speed"].value, p["speed"].layer) == ("1000", "global")
    assert (p["csum"].value, p["csum"].layer, p["csum"].source) == ("off", "device", "argument")
    assert (p["vectors"].value, p["vectors"].final) == ("4294967295", "6")
    assert p["disable-legacy"].final == "on"
    assert p["mac"].left_to == "placement"
    assert p["netdev"].final == "n0"


def test_a_machine_type_differs_by_build_where_the_builds_do(catalogue: pa.FileCatalogue) -> None:
    """The same machine and devices, held against another build, have that build's properties."""
    devices = ("virtio-blk-pci,id=d", "nec-usb-xhci,id=x")
    newest = _shipped(catalogue, "pc-q35-7.2", *devices)
    oldest = _shipped(catalogue, "pc-q35-7.2", *devices, build="qemu-7.2.22")
    assert newest["x"].properties["streams"].final == "on"
    assert oldest["x"].properties["streams"].final == "off"
    names = [set(full["d"].properties) for full in (newest, oldest)]
    assert "busnr" in names[0] - names[1]
    assert "x-disable-pcie" in names[1] - names[0]


def test_boards_set_properties_by_themselves(catalogue: pa.FileCatalogue) -> None:
    """Only q35 of 6.1 took native hotplug from its slots, unless its bridge is told otherwise."""
    name = "x-do-not-expose-native-hotplug-cap"
    for machine, expected in (("6.0", "off"), ("6.1", "on"), ("6.2", "off")):
        port = _shipped(catalogue, f"pc-q35-{machine}", "pcie-root-port,id=p")["p"]
        assert port.properties[name].final == expected
        assert port.properties["io-reserve"].final == (
            "4096" if expected == "on" else "18446744073709551615"
        )
    kept = ["ICH9-LPC.x-keep-pci-slot-hpc=on"]
    port = _shipped(catalogue, "pc-q35-6.1", "pcie-root-port,id=p", globals_=kept)["p"]
    assert port.properties[name].final == "off"


def test_a_driver_that_the_build_lacks_is_refused(catalogue: pa.FileCatalogue) -> None:
    """There is no answer for a driver of another build, and no answer is made up."""
    vm = pa.virtual_machine(catalogue.devices(), "pc-q35-7.2", devices=["virtio-sound-pci"])
    abi = pa.resolve(catalogue, vm, "linux-6.9")
    with pytest.raises(UsageError) as caught:
        full_properties(catalogue, abi, build="qemu-7.2.22")
    assert caught.value.code == "full-unknown-driver"
    with pytest.raises(UnknownNameError):
        full_properties(catalogue, abi, build="qemu-1.0")


def test_every_rule_is_about_types_and_properties_that_there_are(
    catalogue: pa.FileCatalogue,
) -> None:
    """No rule names a driver or a property that no build has: it would never apply."""
    drivers: set[str] = set()
    properties: set[str] = set()
    for arch in ("x86_64", "aarch64", "s390x", "ppc64", "riscv64"):
        for build in catalogue.builds(arch):
            types = catalogue.types(build, arch)
            drivers |= types.parents.keys()
            properties |= {p for names in types.own_properties.values() for p in names}
            for name in catalogue.build(build, arch).machines:
                # Of objects that are no devices only what machine types set is known.
                compat = catalogue.machine(build, name, arch).compat
                drivers |= {entry.driver for entry in compat}
                properties |= {entry.property for entry in compat}
    table = catalogue.realize()
    entries: list[RealizeRule | InitialValue | BoardValue] = []
    entries += [*table.rules, *table.initial, *table.board]
    for entry in entries:
        assert set(entry.drivers) <= drivers
        assert set(entry.properties) <= properties
    for inner in table.inner:
        assert {inner.type, *inner.drivers} <= drivers


def test_an_nvme_controller_settles_its_sizes_for_a_drive_of_its_own(
    catalogue: pa.FileCatalogue,
) -> None:
    """Without one it has no namespace of its own; those on its bus settle theirs."""
    for device, sizes in (
        ("nvme,id=d,serial=s,drive=x", ("4096", "512", "512")),
        ("nvme,id=d,serial=s", ("4294967295", "0", "0")),
        ("nvme-ns,id=d,drive=x", ("4096", "512", "512")),
    ):
        properties = _shipped(catalogue, "pc-q35-9.1", device)["d"].properties
        names = ("discard_granularity", "logical_block_size", "physical_block_size")
        assert sizes == tuple(properties[name].final for name in names), device


@pytest.mark.parametrize("devices", [(), ("virtio-rng-pci,id=rng",)])
def test_people_are_told_what_is_not_listed(
    catalogue: pa.FileCatalogue, capsys: pytest.CaptureFixture[str], devices: tuple[str, ...]
) -> None:
    """A VM has a CPU and a board, whose properties no table shows: stderr says so."""
    vm = pa.virtual_machine(catalogue.devices(), "pc-q35-9.1", devices=devices)
    text = full_text(catalogue, pa.resolve(catalogue, vm, "linux-6.9"), None)
    assert text.startswith("rng  virtio-rng-pci") == bool(devices)
    out, err = capsys.readouterr()
    assert (out, err) == ("", "note: the CPU and the devices of the board are not listed\n")


def test_the_document_says_what_a_rule_makes_of_a_value(catalogue: pa.FileCatalogue) -> None:
    """What is realized stands beside what is set; who decides, where nothing here predicts it."""
    full = _shipped(catalogue, "pc-q35-9.1", "virtio-blk-pci,id=d,logical_block_size=4k")
    device = full_document(full)["devices"]["d"]
    assert device["driver"] == "virtio-blk-pci"
    properties = device["properties"]
    assert [*properties] == sorted(properties)
    assert properties["logical_block_size"] == {
        "value": "4096",
        "layer": "device",
        "source": "argument",
    }
    assert properties["physical_block_size"]["realized"] == "512"
    assert properties["num-queues"]["realized"] is None
    assert properties["num-queues"]["left_to"] == "vcpus"
    assert properties["num-queues"]["because"]
