"""A lockfile is one virtual machine's and one choice's: what a guest could tell decides."""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.launch.stored import same_choice, taken
from platform_abi.model.vm import VirtualMachine
from platform_abi.testing import Scenario, scenarios


def _never(before: VirtualMachine, after: VirtualMachine) -> bool:
    del before, after
    return False


@settings(max_examples=30)
@given(scenarios())
def test_what_stands_in_a_lockfile_is_taken_as_it_is(scenario: Scenario) -> None:
    """For the virtual machine that it was made of, by whatever name its platform has."""
    abi = pa.resolve(scenario.catalogue, scenario.vm, scenario.platform)
    for named in (None, abi.platform, scenario.platform.name):
        again = taken(scenario.catalogue, abi, scenario.vm, named, name="vm.lock", same_cpu=_never)
        assert abi == again.abi


_CHOICES = st.tuples(
    st.sampled_from(["test-1", "test-2"]),
    st.sampled_from(["@2026.1", "@2026.2"]),
    st.sampled_from(["", ",net.alpha=on", ",net.alpha=off", ",net.alpha=on,net.beta-2=on"]),
)


@given(stored=_CHOICES, named=_CHOICES, without_edition=st.booleans())
def test_a_choice_is_name_edition_and_overrides(
    stored: tuple[str, str, str], named: tuple[str, str, str], *, without_edition: bool
) -> None:
    """An edition that is not named is the stored one; all else has to be what was stored."""
    abi = pa.GuestAbi(
        vm=VirtualMachine(machine="m"),
        platform="".join(stored),
        edition="2026.1",
        settings=(),
        preconditions=(),
        unpinned=(),
    )
    name, edition, overrides = named
    if without_edition:
        assert ((name, overrides) == stored[::2]) is same_choice(abi, f"{name}{overrides}")
    else:
        assert (named == stored) is same_choice(abi, f"{name}{edition}{overrides}")


def test_a_lockfile_is_refused_by_name(catalogue: pa.FileCatalogue) -> None:
    """Of another platform, or of another virtual machine; no terminal is steered by its name."""
    vm = pa.virtual_machine(
        catalogue.devices(), "pc-q35-9.1", devices=["virtio-net-pci,netdev=a"], netdevs=["tap,id=a"]
    )
    abi = pa.resolve(catalogue, vm, "linux-6.1")
    other = evolve(vm, accelerator="tcg")
    for given_, named, code, words in (
        (vm, "linux-6.9", "lock-other-platform", "vm\\x1b.lock is for linux-6.1@2026.2"),
        (
            other,
            None,
            "lock-other-vm",
            "vm\\x1b.lock is for another virtual machine:\n  accelerator",
        ),
        (other, "linux-6.9", "lock-other-platform", "-platform names linux-6.9"),
    ):
        with pytest.raises(pa.UsageError) as caught:
            taken(catalogue, abi, given_, named, name="vm\x1b.lock", same_cpu=_never)
        assert code == caught.value.code
        assert words in caught.value.message
