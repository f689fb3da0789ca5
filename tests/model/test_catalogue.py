"""What every catalogue answers of its features, by their names and by what they drive."""

from __future__ import annotations

from hypothesis import given

import platform_abi as pa
from platform_abi.testing import Scenario, scenarios


@given(scenarios())
def test_a_feature_is_what_its_id_its_drivers_and_its_family_give(scenario: Scenario) -> None:
    """Each feature comes once; its id gives it, and so does a property on any of the drivers."""
    catalogue = scenario.catalogue
    features = list(catalogue.every_feature())
    assert len({feature.id for feature in features}) == len(features)
    for feature in features:
        assert catalogue.feature(feature.id) is feature
        for driver, name in feature.drives:
            family = catalogue.devices().family_of(driver)
            assert family is not None
            assert feature in [*catalogue.family_features(family)]
            for proxy in family.drivers:
                assert catalogue.devices().family_of(proxy) is family
                assert catalogue.feature_of(proxy, name) is feature


@given(scenarios())
def test_what_nothing_defines_is_no_feature(scenario: Scenario) -> None:
    """Neither a name that no file defines, nor a driver or a property that no feature drives."""
    catalogue = scenario.catalogue
    assert catalogue.feature("net.none") is None
    assert catalogue.feature("none.alpha") is None
    assert catalogue.feature("") is None
    assert catalogue.feature_of("net-pci", "none") is None
    assert catalogue.feature_of("none", "alpha") is None
    assert catalogue.devices().family_of("none") is None


@given(scenarios())
def test_every_device_has_a_label_of_its_own(scenario: Scenario) -> None:
    """Devices keep their order, and a label is the id where there is one."""
    vm = scenario.vm
    labelled = [*vm.labelled()]
    assert tuple(device for _, device in labelled) == vm.devices
    assert [label for label, _ in labelled] == vm.labels()
    assert all(device.id in (None, label) for label, device in labelled)


def test_every_property_is_its_features(catalogue: pa.FileCatalogue) -> None:
    """Of what is shipped too, where several families have one driver: the board's options."""
    for family in catalogue.devices().families:
        for feature in catalogue.family_features(family):
            for driver, name in feature.drives:
                known = catalogue.feature_of(driver, name)
                assert known is not None
                assert (driver, name) in known.drives
