"""Devices that QEMU places by itself rise in the order of the lockfile, on each bus."""

from __future__ import annotations

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.verifier.verify import verify
from tests.verifier.recorded_machine import bare, promised, resolved, with_properties

_DEVICES = tuple(f"virtio-rng-pci,id=r{n}" for n in range(5))


@settings(max_examples=60)
@given(slots=st.permutations(range(5)), buses=st.lists(st.booleans(), min_size=5, max_size=5))
def test_a_device_that_does_not_rise_is_named_and_no_other(
    catalogue: pa.FileCatalogue, slots: list[int], buses: list[bool]
) -> None:
    """Those on another bus say nothing of it."""
    abi = resolved(catalogue, devices=_DEVICES)
    places = {
        f"/machine/peripheral/r{n}": {
            "addr": str(8 * (slot + 1)),
            "parent_bus": "/machine/q35/pcie.0" if root else "/machine/peripheral/b/b",
        }
        for n, (slot, root) in enumerate(zip(slots, buses, strict=True))
    }
    vm = with_properties(promised(catalogue, abi, bare(catalogue, abi)), places)
    found = [f for f in verify(catalogue, abi, vm).findings if f.code == "device-place"]
    late = {
        f"r{n}"
        for n in range(5)
        if any(slots[m] > slots[n] for m in range(n) if buses[m] == buses[n])
    }
    assert late == {f.device for f in found}
    assert {f.severity for f in found} <= {"drift"}


def test_who_has_a_place_of_its_own_is_held_to_that_alone(catalogue: pa.FileCatalogue) -> None:
    """And one of which QEMU tells nothing is not judged."""
    abi = resolved(catalogue, devices=("virtio-rng-pci,id=a,addr=9", "virtio-rng-pci,id=b"))
    vm = promised(catalogue, abi, bare(catalogue, abi))
    bus = {"parent_bus": "/machine/q35/pcie.0"}
    paths = [thing.path for thing in vm.devices]
    vm = with_properties(vm, {paths[0]: {"addr": "72", **bus}, paths[1]: {"addr": "8", **bus}})
    assert not [f for f in verify(catalogue, abi, vm).findings if f.code == "device-place"]
    silent = evolve(vm, devices=tuple(evolve(d, properties={}) for d in vm.devices))
    assert not [f for f in verify(catalogue, abi, silent).findings if f.code == "device-place"]
