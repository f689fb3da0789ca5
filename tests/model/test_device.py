"""Families of devices: whose driver is whose."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.model.device import DeviceFamily, DeviceTable

_FAMILIES = st.lists(
    st.builds(
        DeviceFamily,
        name=st.sampled_from("xyz"),
        driver=st.sampled_from("abcd"),
        proxies=st.lists(st.sampled_from("abcd"), max_size=2).map(tuple),
        features=st.lists(st.sampled_from("fg"), max_size=2).map(tuple),
    ),
    max_size=3,
)


@given(_FAMILIES)
def test_a_driver_is_of_the_first_family_that_has_it(families: list[DeviceFamily]) -> None:
    """As its inner device or as a proxy; of no other."""
    table = DeviceTable(families=tuple(families))
    for driver in "abcde":
        whose = [f for f in families if driver == f.driver or driver in f.proxies]
        assert (whose[0] if whose else None) == table.family_of(driver)
    for family in families:
        assert family.drivers == (family.driver, *family.proxies)
        assert family.feature_files == (family.features or (family.name,))


def test_no_driver_is_of_two_families(catalogue: pa.FileCatalogue) -> None:
    """Of one architecture: else the order of definitions would decide what a device is."""
    families = catalogue.devices().families
    for arch in {arch for family in families for arch in family.arch} | {""}:
        here = [f for f in families if not f.arch or arch in f.arch]
        drivers = [driver for family in here for driver in family.drivers]
        assert sorted(set(drivers)) == sorted(drivers), arch
