"""Options of a netdev that a platform sets: a tap without a vnet header, where a host has none."""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.emit.full import full_document
from platform_abi.emit.lock_reading import read_lock
from platform_abi.emit.lockfile import lockfile
from platform_abi.errors import LockError
from platform_abi.model.abi import Setting
from platform_abi.model.device import NETDEV
from platform_abi.resolver.full import full_properties
from platform_abi.resolver.netdevs import backends
from tests.resolver.shipped import machine_with_nics, value

#: Platforms of hosts without a vnet header, and the one that is to run everywhere.
WITHOUT = ("windows-2022", "darwin-25", "freebsd-15", "conservative")
WITH = ("linux-4.18", "linux-6.9", "linux-rhel-9.5")

#: Netdevs that say nothing of a vnet header, as far as a platform may.
_OPEN = ("tap", "tap,ifname=t0,script=no", "tap,queues=2", "tap,vhost=off")
#: What their users decided, or somebody who opened them.
_DECIDED = ("tap,vnet_hdr=on", "tap,fd=7", "tap,fds=7:8", "tap,helper=/h", "bridge")
_OTHERS = ("tap,vnet_hdr=off", "tap,vhost=on", "user", "stream", "vhost-user,chardev=c")


def _set(abi: pa.GuestAbi) -> dict[str | None, str]:
    """Return what is set on netdevs, by the label of the device before each."""
    return {s.device: f"{s.property}={s.value}" for s in abi.settings if s.driver == NETDEV}


def _needs(abi: pa.GuestAbi) -> set[str]:
    return {p.capability for p in abi.preconditions}


def _nics(catalogue: pa.FileCatalogue, platform: str, *netdevs: str) -> pa.GuestAbi:
    vm = machine_with_nics(catalogue, "pc-q35-9.1", *netdevs, accelerator="tcg", cpu="qemu64")
    return pa.resolve(catalogue, vm, platform)


@pytest.mark.parametrize("platform", WITHOUT)
@pytest.mark.parametrize("netdev", _OPEN)
def test_a_tap_is_opened_without_what_some_host_lacks(
    catalogue: pa.FileCatalogue, platform: str, netdev: str
) -> None:
    """And so nothing is asked of a host but that it has taps; the guest gets no offload."""
    abi = _nics(catalogue, platform, netdev)

    assert {"nic0": "vnet_hdr=off"} == _set(abi)
    assert ["-set", "netdev.n0.vnet_hdr=off"] == pa.arguments(abi)[-2:]
    assert {"netdev.tap"} == _needs(abi)
    assert () == abi.beyond
    written = _nics(catalogue, platform, f"{netdev},vnet_hdr=off")
    assert pa.offered_bits(catalogue, written, "nic0") == pa.offered_bits(catalogue, abi, "nic0")


@pytest.mark.parametrize("platform", WITH)
@pytest.mark.parametrize("netdev", [*_OPEN, *_DECIDED, *_OTHERS])
def test_what_every_host_of_a_platform_has_by_itself_is_not_written(
    catalogue: pa.FileCatalogue, platform: str, netdev: str
) -> None:
    """Nothing is asked of a Linux host's tap that was not before platforms set any on netdevs."""
    abi, before = (_nics(catalogue, f"{platform}@{e}", netdev) for e in ("2026.2", "2026.1"))

    assert {} == _set(abi)
    assert "-set" not in pa.arguments(abi)
    assert () == abi.beyond
    asked, asked_before = (
        {name for name in _needs(each) if name.startswith("tun.")} for each in (abi, before)
    )
    assert asked_before == asked


@pytest.mark.parametrize("platform", WITHOUT)
@pytest.mark.parametrize("netdev", _DECIDED)
def test_what_a_user_decided_stays_and_is_said_where_it_exceeds_the_platform(
    catalogue: pa.FileCatalogue, platform: str, netdev: str
) -> None:
    """With a header that no host of the platform has, the host has to have it; strictly, never."""
    abi = _nics(catalogue, platform, netdev)

    assert {} == _set(abi)
    assert "tun.vnet-hdr" in _needs(abi)
    assert [("netdev", "vnet_hdr", "on", "nic0")] == [
        (b.driver, b.property, b.value, b.device) for b in abi.beyond
    ]
    with pytest.raises(pa.BeyondPlatformError):
        pa.resolve(catalogue, abi.vm, platform, strict=True)


@pytest.mark.parametrize("platform", WITHOUT)
@pytest.mark.parametrize("netdev", _OTHERS)
def test_nothing_is_said_of_a_netdev_that_has_it_by_its_kind(
    catalogue: pa.FileCatalogue, platform: str, netdev: str
) -> None:
    """Whoever has vhost-net has the header too, other types of netdev have none."""
    abi = _nics(catalogue, platform, netdev)

    assert {} == _set(abi)
    assert () == abi.beyond
    assert ("vhost=on" in netdev) == ("tun.vnet-hdr" in _needs(abi))


def test_an_edition_before_it_never_writes_on_a_netdev(catalogue: pa.FileCatalogue) -> None:
    """A platform at a released edition means what it meant."""
    for platform in WITHOUT:
        abi = _nics(catalogue, f"{platform}@2026.1", "tap")
        assert {} == _set(abi)
        assert {"netdev.tap", "tun.ufo", "tun.vnet-hdr"} == _needs(abi)


@given(
    netdevs=st.lists(st.sampled_from((*_OPEN, *_DECIDED, *_OTHERS)), min_size=1, max_size=4),
    platform=st.sampled_from((*WITHOUT, *WITH)),
)
def test_each_nic_has_what_it_would_have_alone(
    catalogue: pa.FileCatalogue, netdevs: list[str], platform: str
) -> None:
    """Neither its place nor its neighbours decide what is written on a netdev, or needed for it."""
    together = _nics(catalogue, platform, *netdevs)
    alone = [_nics(catalogue, platform, netdev) for netdev in netdevs]

    assert [_set(each).get("nic0") for each in alone] == [
        _set(together).get(f"nic{n}") for n in range(len(netdevs))
    ]
    assert set().union(*map(_needs, alone)) == _needs(together)
    kinds = backends(catalogue.devices(), together)
    for number, each in enumerate(alone):
        label = f"nic{number}"
        assert backends(catalogue.devices(), each)["nic0"] == kinds[label]
        for name in ("csum", "host_uso", "mrg_rxbuf"):
            assert value(each, name, "nic0") == value(together, name, label)


@given(
    netdevs=st.lists(st.sampled_from((*_OPEN, *_DECIDED, *_OTHERS)), min_size=1, max_size=3),
    platform=st.sampled_from((*WITHOUT, *WITH)),
)
def test_a_lockfile_says_it_and_gives_the_same_arguments(
    catalogue: pa.FileCatalogue, netdevs: list[str], platform: str
) -> None:
    """What is set on a netdev comes back, with what may be set there if it is resolved again."""
    abi = _nics(catalogue, platform, *netdevs)
    back = read_lock(lockfile(catalogue, abi), "vm.lock", catalogue=catalogue)

    assert pa.arguments(abi) == pa.arguments(back)
    assert _set(abi) == _set(back)
    assert pa.abi_digest(abi) == pa.abi_digest(back)
    again = pa.resolve(catalogue, back.vm, platform)
    assert pa.arguments(abi) == pa.arguments(again)


@pytest.mark.parametrize(
    ("option", "text", "device"),
    [
        ("script", "/tmp/x", "nic0"),
        ("vnet_hdr", "off,script=/tmp/x", "nic0"),
        ("vnet_hdr", "off", "other"),
        ("vnet_hdr", "off", None),
        ("fd", "3", "nic0"),
    ],
)
def test_a_lockfile_writes_nothing_else_on_a_netdev(
    catalogue: pa.FileCatalogue, option: str, text: str, device: str | None
) -> None:
    """What names something of a host comes from a command line, and from no one else."""
    abi = _nics(catalogue, "conservative", "tap")
    forged = Setting(
        driver=NETDEV,
        property=option,
        value=text,
        layer="platform",
        source="",
        device=device,
    )
    abi = evolve(abi, settings=(*abi.settings, forged))

    with pytest.raises(LockError) as caught:
        read_lock(lockfile(catalogue, abi), "vm.lock", catalogue=catalogue)
    assert "lock-refused" == caught.value.code


@pytest.mark.parametrize("name", ["n.0", "n0.ifname=x", "n" * 64, "a b"])
def test_a_netdev_that_set_cannot_name_is_left_to_who_wrote_it(
    catalogue: pa.FileCatalogue, name: str
) -> None:
    """-set ends a name at the first dot, and would write on another netdev, or another option."""
    vm = pa.virtual_machine(
        catalogue.devices(),
        "pc-q35-9.1",
        devices=[f"virtio-net-pci,netdev={name},id=nic0"],
        netdevs=[f"tap,id={name}"],
    )
    abi = pa.resolve(catalogue, vm, "conservative")

    assert {"nic0": "vnet_hdr=off"} == _set(abi)
    assert "-set" not in pa.arguments(abi)


def test_without_devices_it_is_said_what_each_netdev_needs(catalogue: pa.FileCatalogue) -> None:
    """Values for the devices that may come hold behind a tap that is opened so."""
    vm = pa.virtual_machine(catalogue.devices(), "pc-q35-9.1")

    abi = pa.resolve(catalogue, vm, "conservative")
    assert {} == _set(abi)
    assert any("behind tap needs vnet_hdr=off" in note for note in abi.notes)
    assert not any("vnet_hdr" in note for note in pa.resolve(catalogue, vm, "linux-6.9").notes)


def test_each_netdev_is_explained(catalogue: pa.FileCatalogue) -> None:
    """Who decided it: the platform, its user, or QEMU itself, which is left to where it can."""
    netdevs = ("tap", "tap,fd=3", "tap,vhost=on", "user")
    vm = machine_with_nics(catalogue, "pc-q35-9.1", *netdevs)
    found = pa.explain(catalogue, "netdev.vnet_hdr", vm, "conservative")
    assert [
        ("nic0", "platform", "off"),
        ("nic1", "device", "on"),
        ("nic2", "default", "on"),
    ] == [(step.device, step.layer, step.value) for step in found.steps]

    found = pa.explain(catalogue, "netdev.vnet_hdr", vm, "linux-6.9")
    assert ["default", "device", "default"] == [step.layer for step in found.steps]
    assert () == pa.explain(catalogue, "netdev.vnet_hdr", vm, "conservative@2026.1").steps
    with pytest.raises(pa.UnknownNameError):
        pa.explain(catalogue, "netdev.vnet_header", vm, "conservative")


def test_the_full_properties_have_it_apart(catalogue: pa.FileCatalogue) -> None:
    """It is no property of the device, and only there where the platform sets it."""
    abi = _nics(catalogue, "conservative", "tap", "user")
    full = full_properties(catalogue, abi)
    assert "off" == full["nic0"].netdev["vnet_hdr"].value
    assert "vnet_hdr" not in full["nic0"].properties
    devices = full_document(full)["devices"]
    assert "platform" == devices["nic0"]["netdev"]["vnet_hdr"]["layer"]
    assert "netdev" not in devices["nic1"]


def test_a_configuration_file_cannot_say_it(catalogue: pa.FileCatalogue) -> None:
    """A second section of the same netdev would be refused: the error says what to write."""
    vm = machine_with_nics(catalogue, "pc-q35-9.1", "tap")
    abi = pa.resolve(catalogue, vm, "conservative")
    with pytest.raises(pa.UsageError, match="vnet_hdr=off") as caught:
        pa.readconfig(abi)
    assert "readconfig-impossible" == caught.value.code
