"""Definitions begun: what is written is read at once, and means what was asked for."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.author.installing import completed
from platform_abi.author.lint import lint
from platform_abi.author.starting import (
    Begun,
    new_capability,
    new_feature,
    new_mask,
    new_platform,
)
from platform_abi.errors import UnknownNameError, UsageError
from tests.definitions.site import write

DAY = date(2027, 1, 5)


def _added(catalogue: pa.FileCatalogue, folder: Path, *begun: Begun) -> pa.FileCatalogue:
    """Return *catalogue* with what was begun below *folder*, in which nothing is wrong."""
    for each in begun:
        write(folder, each.relative, completed(folder, each))
    roots = [*catalogue.roots, str(folder)]
    found = lint(roots, str(folder))
    assert [each for each in found if each.level == "error"] == []
    return pa.FileCatalogue(roots)


def test_a_new_platform_is_as_its_parent_but_for_its_levels(
    catalogue: pa.FileCatalogue, tmp_path: Path
) -> None:
    """And it is of the lineage and the version that its name has."""
    begun = new_platform(
        catalogue, "linux-acme-6.9", extends="linux-6.6", levels={"kvm-x86": "6.9"}, released=DAY
    )
    assert begun.relative == "platforms/acme/linux-acme-6.9.toml"
    found = _added(catalogue, tmp_path, begun).platform("linux-acme-6.9")
    assert (found.lineage, found.version) == ("acme", "6.9")
    assert found.extends[0] == "linux-6.6"
    assert [*found.levels] == ["kvm-x86"]
    assert str(found.released) == "2027-01-05"


def test_a_new_platform_of_a_kernel_lists_what_that_kernel_has(
    catalogue: pa.FileCatalogue, tmp_path: Path
) -> None:
    """One level for every subsystem is that upstream kernel."""
    begun = new_platform(catalogue, "linux-acme-2", levels={"kernel": "6.2"})
    site = _added(catalogue, tmp_path, begun)
    platform, upstream = site.platform("linux-acme-2"), site.platform("linux-6.2")
    assert platform.system == upstream.system
    uso = site.feature("virtio-net.host-uso")
    assert uso is not None
    listed = site.listing(platform, uso)
    assert listed is not None
    before = new_platform(catalogue, "linux-acme-1", levels={"kernel": "6.1"})
    older = _added(catalogue, tmp_path, before)
    assert older.listing(older.platform("linux-acme-1"), uso) is None


def test_a_new_feature_and_its_capability_are_there(
    catalogue: pa.FileCatalogue, tmp_path: Path
) -> None:
    """Two of one family go into one file, and each keeps what it said."""
    capability = new_capability(
        catalogue, "tun.acme", since="6.9", symbol="TUN_F_ACME", reference="include/uapi/x.h"
    )
    features = [
        new_feature(
            catalogue,
            f"virtio-net.acme-{name}",
            properties=[f"virtio-net-device.{name}"],
            requires={"tap": ("tun.acme",)},
            reference="hw/net/virtio-net.c, virtio_net_get_features",
        )
        for name in ("status", "ctrl_mac_addr")
    ]
    site = _added(catalogue, tmp_path, capability, *features)
    assert site.capabilities()["tun.acme"].since == "6.9"
    for name in ("status", "ctrl_mac_addr"):
        found = site.feature(f"virtio-net.acme-{name}")
        assert found is not None
        assert found.needs("tap") == ("tun.acme",)
        assert found.properties == (f"virtio-net-device.{name}",)


def test_a_new_mask_withdraws(catalogue: pa.FileCatalogue, tmp_path: Path) -> None:
    """Of the platform that is named, or of all."""
    masks = [
        new_mask(catalogue, "virtio-net.host-uso", platform=platform, reason="it fails", today=DAY)
        for platform in ("linux-6.9", "*")
    ]
    found = _added(catalogue, tmp_path, *masks).masks()
    assert [(each.platform, each.date) for each in found] == [
        ("linux-6.9", "2027-01-05"),
        ("*", "2027-01-05"),
    ]


@pytest.mark.parametrize(
    ("name", "how", "code"),
    [
        ("linux-acme", {"extends": "linux-6.6"}, "platform-name"),
        ("../acme-6.9", {"extends": "linux-6.6"}, "platform-name"),
        ("linux-6.9", {"extends": "linux-6.6"}, "platform-name"),
        ("linux-acme-6.9", {}, "platform-empty"),
        ("linux-acme-6.9", {"extends": "linux-6.66"}, "unknown-platform"),
        ("linux-acme-6.9", {"levels": {"tunn": "6.9"}}, "unknown-subsystem"),
        ("linux-acme-6.9", {"levels": {"tun": "6.9"}, "lineage": "../etc"}, "platform-name"),
    ],
)
def test_a_platform_that_cannot_be_begun_says_why(
    name: str, how: dict[str, object], code: str, catalogue: pa.FileCatalogue
) -> None:
    """A name never changes its meaning, and nothing is made of nothing."""
    with pytest.raises(UsageError) as error:
        new_platform(catalogue, name, **how)  # type: ignore[arg-type]
    assert error.value.code == code
    assert error.value.help


@pytest.mark.parametrize("name", ["acme", "virtio-net.host-uso", "../net.acme", "a/b.c"])
def test_a_feature_or_capability_that_cannot_be_begun_says_why(
    name: str, catalogue: pa.FileCatalogue
) -> None:
    """It has a file to be in, and a name that nothing has."""
    with pytest.raises(UsageError) as error:
        new_feature(catalogue, name, properties=["a.b"], requires={})
    assert error.value.code == "feature-name"
    with pytest.raises(UsageError) as error:
        new_capability(catalogue, name.replace("virtio-net.host-uso", "tun.uso"))
    assert error.value.code == "capability-name"


def test_what_sets_nothing_or_has_no_reason_is_refused(catalogue: pa.FileCatalogue) -> None:
    """Nobody could tell afterwards what it is for."""
    with pytest.raises(UsageError) as error:
        new_feature(catalogue, "virtio-net.acme", properties=[], requires={})
    assert error.value.code == "feature-empty"
    with pytest.raises(UsageError) as error:
        new_feature(catalogue, "virtio-net.acme", properties=["a.b"], requires={})
    assert error.value.code == "feature-empty"
    with pytest.raises(UsageError) as error:
        new_mask(catalogue, "virtio-net.host-uso", platform="*", reason="", today=DAY)
    assert error.value.code == "mask-reason"
    for feature, platform in (("virtio-net.usso", "*"), ("virtio-net.host-uso", "linux-6.99")):
        with pytest.raises(UnknownNameError):
            new_mask(catalogue, feature, platform=platform, reason="x", today=DAY)
