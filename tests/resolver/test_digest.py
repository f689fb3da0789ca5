"""What identifies a guest ABI, and what a platform means at an edition."""

from __future__ import annotations

import re
from random import Random

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.model.abi import LAYERS, Layer
from platform_abi.testing import Scenario, scenarios
from tests.resolver.shipped import machine_with_nics

_FORM = re.compile(r"sha256:[0-9a-f]{64}")


def _resolve(scenario: Scenario) -> pa.GuestAbi:
    return pa.resolve(scenario.catalogue, scenario.vm, scenario.platform)


@given(scenarios(), st.text(), st.sampled_from(LAYERS))
def test_where_a_value_came_from_does_not_matter(
    scenario: Scenario, source: str, layer: Layer
) -> None:
    """Sources, layers, names of platforms and notes are no part of what a guest sees."""
    abi = _resolve(scenario)
    other = evolve(
        abi,
        platform="another-1@2026.1",
        notes=("another",),
        machine_digest="sha256:0",
        settings=tuple(evolve(s, source=source, layer=layer) for s in abi.settings),
        preconditions=tuple(evolve(p, because=()) for p in abi.preconditions),
    )

    assert pa.abi_digest(abi) == pa.abi_digest(other)
    assert _FORM.fullmatch(pa.abi_digest(abi))


@given(scenarios(), st.data())
def test_every_value_matters(scenario: Scenario, data: st.DataObject) -> None:
    """Another value of one setting, or one setting less, is another ABI."""
    abi = _resolve(scenario)
    if not abi.settings:
        return
    index = data.draw(st.integers(0, len(abi.settings) - 1))
    before, one, after = abi.settings[:index], abi.settings[index], abi.settings[index + 1 :]

    changed = evolve(abi, settings=(*before, evolve(one, value=one.value + "x"), *after))
    fewer = evolve(abi, settings=(*before, *after))
    assert 3 == len({pa.abi_digest(each) for each in (abi, changed, fewer)})


@given(scenarios(), st.randoms(use_true_random=False))
def test_the_order_of_properties_does_not_matter(scenario: Scenario, random: Random) -> None:
    """Settings and a device's different properties are sets."""
    abi = _resolve(scenario)
    settings = list(abi.settings)
    random.shuffle(settings)
    devices = tuple(evolve(d, properties=d.properties[::-1]) for d in abi.vm.devices)
    shuffled = evolve(abi, settings=tuple(settings), vm=evolve(abi.vm, devices=devices))

    assert pa.abi_digest(abi) == pa.abi_digest(shuffled)


def test_of_a_property_given_twice_the_last_counts(catalogue: pa.FileCatalogue) -> None:
    """mac=1,mac=2 is another guest than mac=2,mac=1, and the same as mac=2."""
    one, two, three = (
        pa.abi_digest(
            pa.resolve(
                catalogue,
                machine_with_nics(catalogue, "pc-q35-9.1", "tap", nic=f"virtio-net-pci,{given_}"),
                "linux-6.9",
            )
        )
        for given_ in ("speed=1,speed=2", "speed=2,speed=1", "speed=2")
    )

    assert one == three
    assert one != two


def test_two_platforms_that_mean_the_same_for_a_vm_are_one_abi(
    catalogue: pa.FileCatalogue,
) -> None:
    """Linux 6.9 brought nothing that this guest could see, so its ABI is that of 6.8."""
    vm = machine_with_nics(catalogue, "pc-q35-9.1", "tap")
    first, second, third = (
        pa.resolve(catalogue, vm, name) for name in ("linux-6.8", "linux-6.9", "linux-6.1")
    )

    assert pa.abi_digest(first) == pa.abi_digest(second)
    assert pa.abi_digest(first) != pa.abi_digest(third)
    assert first.platform != second.platform


def test_a_machine_option_that_the_platform_would_choose_is_no_difference(
    catalogue: pa.FileCatalogue,
) -> None:
    """smm=on of the user is what linux-6.9 sets anyway; smm=off is another guest."""
    plain, same, other = (
        pa.abi_digest(pa.resolve(catalogue, machine_with_nics(catalogue, name), "linux-6.9"))
        for name in ("pc-q35-9.1", "pc-q35-9.1,smm=on", "pc-q35-9.1,smm=off")
    )

    assert plain == same
    assert plain != other


@pytest.mark.parametrize("name", ["linux-6.9", "conservative", "linux-rhel-9.5", "windows-2022"])
def test_a_platforms_digest_is_a_constant(catalogue: pa.FileCatalogue, name: str) -> None:
    """Another catalogue of the same files gives the same digest; another platform does not."""
    again = pa.FileCatalogue(catalogue.roots)
    edition = catalogue.editions()[-1]

    expected = pa.platform_digest(catalogue, name, edition)
    assert expected == pa.platform_digest(again, name, edition)
    assert expected != pa.platform_digest(catalogue, "linux-5.14", edition)
    assert _FORM.fullmatch(expected)
