"""What a plan says holds against the machine type's own compat properties."""

from __future__ import annotations

from hypothesis import given

import platform_abi as pa
from platform_abi.testing import BUILD, Scenario, scenarios

_PROXIES = {"net-device": ("net-device", "net-pci", "net-ccw")}


@given(scenarios())
def test_a_constant_of_qemus_is_one_for_this_machine_type(scenario: Scenario) -> None:
    """What is left to QEMU's built-in default is nowhere contradicted by a compat property."""
    abi = pa.resolve(scenario.catalogue, scenario.vm, scenario.platform)
    types = scenario.catalogue.types(BUILD, "x86_64")
    machine = scenario.catalogue.machine(BUILD, scenario.vm.machine, "x86_64")
    for setting in abi.settings:
        if setting.layer != "default":
            continue
        drivers = _PROXIES.get(setting.driver, (setting.driver,))
        against = [
            entry
            for entry in machine.compat
            if entry.property == setting.property
            and entry.value != setting.value
            and any(types.is_a(driver, entry.driver) for driver in drivers)
        ]
        assert [] == against


@given(scenarios())
def test_a_compat_property_on_a_proxy_is_outdone_on_the_proxy(scenario: Scenario) -> None:
    """Where the machine type sets a proxy's property, the platform's value stands there as well."""
    abi = pa.resolve(scenario.catalogue, scenario.vm, scenario.platform)
    types = scenario.catalogue.types(BUILD, "x86_64")
    machine = scenario.catalogue.machine(BUILD, scenario.vm.machine, "x86_64")
    wide = {
        (s.driver, s.property): s.value
        for s in abi.settings
        if s.device is None and s.layer == "platform"
    }
    for (driver, name), value in wide.items():
        if driver != "net-device":
            continue
        for proxy in ("net-pci", "net-ccw"):
            if any(
                c.property == name
                and c.driver in (proxy, "pci-device")
                and types.is_a(proxy, c.driver)
                for c in machine.compat
            ):
                assert value == wide.get((proxy, name))


def test_one_plan_serves_every_vm_of_its_kind(catalogue: pa.FileCatalogue) -> None:
    """Resolving again, with the catalogue warm and in any order, gives equal ABIs."""

    def vm(netdev: str) -> pa.VirtualMachine:
        return pa.virtual_machine(
            catalogue.devices(),
            "pc-q35-9.1",
            devices=["virtio-net-pci,netdev=n0,id=a"],
            netdevs=[f"{netdev},id=n0"],
        )

    kinds = ("tap", "user", "tap,vhost=on", "socket")
    fresh = {
        kind: pa.resolve(pa.FileCatalogue(catalogue.roots), vm(kind), "linux-6.9") for kind in kinds
    }
    for kind in (*kinds, *kinds[::-1]):
        assert fresh[kind] == pa.resolve(catalogue, vm(kind), "linux-6.9")
