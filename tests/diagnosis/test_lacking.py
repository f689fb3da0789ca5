"""What a host lacks, by bit and by flag: names, kernels, and platforms that avoid it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.diagnosis.lacking import (
    Lacking,
    bits_of,
    lacking_bits,
    lacking_flag,
    platforms_without,
)
from tests.diagnosis.test_masks import masks, virtio

USO = ["virtio-net.guest-uso4", "virtio-net.guest-uso6", "virtio-net.host-uso"]


@given(st.integers(0))
def test_the_bits_of_a_number_make_the_number(mask: int) -> None:
    """Each bit once, lowest first."""
    bits = [*bits_of(mask)]

    assert bits == sorted(set(bits))
    assert mask == sum(1 << bit for bit in bits)


@given(mask=masks)
def test_a_name_is_one_bit_of_one_device(catalogue: pa.FileCatalogue, mask: int) -> None:
    """Named or not, bits come in order, each once; names of one device are never two bits."""
    for family in virtio(catalogue):
        items = lacking_bits(catalogue, family, mask)
        bits = [item.bit for item in items if item.bit is not None]
        names = [item.name for item in items if item.name]

        assert bits == sorted(set(bits))
        assert len(names) == len(set(names))


def test_what_avoids_a_feature_is_the_newest_that_does(catalogue: pa.FileCatalogue) -> None:
    """Of a lineage, every later platform than the named one turns one of the features on."""
    names = catalogue.platform_names()
    for wanted in (USO, ["vhost-vsock.seqpacket"], ["virtio-net.queue-reset", *USO]):
        for lineage, name in platforms_without(catalogue, wanted).items():
            assert catalogue.platform(name).lineage == lineage
            later = [
                other
                for other in names[names.index(name) + 1 :]
                if catalogue.platform(other).lineage == lineage
                # One for a size of pages is of the same kernel.
                and not catalogue.platform(other).page_size
            ]
            for other in later:
                vm = pa.virtual_machine(
                    catalogue.devices(),
                    "pc-q35-11.0",
                    devices=["virtio-net-pci,netdev=n0", "vhost-vsock-pci,guest-cid=3"],
                    netdevs=["tap,id=n0,vhost=on"],
                )
                settings = pa.resolve(catalogue, vm, other).settings
                on = {f"{s.driver}.{s.property}" for s in settings if s.value == "on"}
                known = [
                    f for stem in ("virtio-net", "vhost-vsock") for f in catalogue.features(stem)
                ]
                assert on & {p for f in known if f.id in wanted for p in f.properties}


def test_a_flag_that_nobody_knows_is_still_named(catalogue: pa.FileCatalogue) -> None:
    """The catalogue does not know every CPU flag; it invents nothing about the others."""
    assert Lacking(name="waitpkg") == lacking_flag(catalogue, "waitpkg")


@pytest.mark.parametrize(
    ("name", "since"), [("msr-imm", "6.18"), ("amx-movrs", "7.1"), ("gmet", "7.2"), ("vnmi", "6.5")]
)
def test_a_flag_has_its_first_kernel_whether_it_is_probed_or_not(
    catalogue: pa.FileCatalogue, name: str, since: str
) -> None:
    """What a host has of one that no feature needs, the registers of its report say."""
    assert lacking_flag(catalogue, name).kernels == {"kvm": since}
