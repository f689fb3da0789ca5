"""A virtual machine from the option strings that QEMU takes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.model.option_language import join_options
from platform_abi.resolver.virtual_machine import parse_global

#: ``vm`` says which backend kind stands behind the one NIC.
BACKENDS = [
    ("tap", "tap"),
    ("tap,ifname=t0,script=no", "tap"),
    ("tap,vhost=off", "tap"),
    ("tap,vhost=no", "tap"),
    ("tap,vhost=on", "tap+vhost"),
    ("tap,vhost=true", "tap+vhost"),
    ("tap,vhost", "tap+vhost"),
    ("tap,vhostforce=on", "tap+vhost"),
    ("tap,fd=3,vhostfd=4", "tap+vhost"),
    ("tap,fds=3:4,vhostfds=5:6", "tap+vhost"),
    ("tap,vhost=off,vhostfd=4", "tap"),
    ("tap,vhost=off,vhostfds=4", "tap"),
    ("tap,vnet_hdr=off", "tap-no-vnet-hdr"),
    ("tap,vnet_hdr=off,vhost=off", "tap-no-vnet-hdr"),
    ("tap,vnet_hdr=no,vhost=on", "tap-no-vnet-hdr+vhost"),
    ("tap,vnet_hdr=on,vhost=on", "tap+vhost"),
    ("bridge,br=br0", "tap"),
    ("user,hostfwd=tcp::22-:22", "user"),
    ("passt", "passt"),
    ("vhost-user,chardev=c0", "vhost-user"),
    ("vhost-vdpa,vhostdev=/dev/vhost-vdpa-0", "vhost-vdpa"),
    ("socket,listen=:1234", "socket"),
    ("stream,addr.type=unix,addr.path=/x", "socket"),
    ("dgram", "socket"),
    ("l2tpv3", "socket"),
    ("vde", "socket"),
    ("hubport,hubid=1", "socket"),
    ("af-xdp,ifname=eth0", "af-xdp"),
    ("vmnet-shared", "vmnet"),
    ("netmap,ifname=vale0", "netmap"),
]


def _backend(catalogue: pa.FileCatalogue, netdev: str) -> str:
    vm = pa.virtual_machine(
        catalogue.devices(), "pc-q35-9.1", devices=["virtio-net-pci,netdev=n0"], netdevs=[netdev]
    )
    return vm.devices[0].backend


@pytest.mark.parametrize(("netdev", "expected"), BACKENDS)
def test_the_backend_is_told_by_the_netdev(
    catalogue: pa.FileCatalogue, netdev: str, expected: str
) -> None:
    """Type and options of -netdev say what stands behind a NIC, as net/tap.c reads them."""
    assert expected == _backend(catalogue, f"{netdev},id=n0")


@pytest.mark.parametrize(
    ("netdev", "expected", "left"),
    [
        ({"type": "tap", "id": "n0", "vhost": True}, "tap+vhost", ("vnet_hdr",)),
        ({"type": "tap", "id": "n0", "vhost": False, "vhostfd": "3"}, "tap", ("vnet_hdr",)),
        ({"type": "tap", "id": "n0", "vnet_hdr": False}, "tap-no-vnet-hdr", ()),
        ({"type": "stream", "id": "n0", "addr": {"type": "unix", "path": "/x"}}, "socket", ()),
    ],
)
def test_json_is_read_like_the_option_form(
    catalogue: pa.FileCatalogue, netdev: dict[str, object], expected: str, left: tuple[str, ...]
) -> None:
    """Management tools write -netdev and -device as JSON, and mean the same."""
    vm = pa.virtual_machine(
        catalogue.devices(),
        "pc-q35-9.1",
        devices=[
            '{"driver": "virtio-net-pci", "netdev": "n0", "id": "a", "mtu": 1500, "uso": false}'
        ],
        netdevs=[json.dumps(netdev)],
    )

    assert (
        pa.Device(
            driver="virtio-net-pci",
            id="a",
            properties=(("netdev", "n0"), ("mtu", "1500"), ("uso", "off")),
            backend=expected,
            open_options=left,
        ),
    ) == vm.devices


@pytest.mark.parametrize(
    ("netdev", "left"),
    [
        ("tap,ifname=t", ("vnet_hdr",)),
        ("tap,queues=4,vhost=on", ("vnet_hdr",)),
        ("tap,vnet_hdr=on", ()),
        ("tap,vnet_hdr=off", ()),
        *((f"tap,{key}=x", ()) for key in ("fd", "fds", "helper")),
        ("bridge,br=b", ()),
        ("user", ()),
        ("vhost-vdpa,vhostdev=x", ()),
    ],
)
def test_what_a_netdev_says_or_is_handed_over_with_is_left_to_it(
    catalogue: pa.FileCatalogue, netdev: str, left: tuple[str, ...]
) -> None:
    """A platform may set what nobody wrote and QEMU takes beside what is there: no more."""
    vm = pa.virtual_machine(
        catalogue.devices(),
        "pc-q35-9.1",
        devices=["virtio-net-pci,netdev=n0"],
        netdevs=[f"{netdev},id=n0"],
    )

    assert left == vm.devices[0].open_options


def test_whoever_opened_a_macvtap_says_so(catalogue: pa.FileCatalogue) -> None:
    """What the command line cannot tell is told beside it, by the netdev's id."""
    vm = pa.virtual_machine(
        catalogue.devices(),
        "pc-q35-9.1",
        devices=["virtio-net-pci,netdev=n0", "virtio-net-pci,netdev=n1"],
        netdevs=["tap,id=n0,fd=3", "tap,id=n1"],
        backends={"n0": "macvtap"},
    )

    assert ["macvtap", "tap"] == [device.backend for device in vm.devices]


def test_machine_and_cpu_are_split_like_qemu_splits_them(catalogue: pa.FileCatalogue) -> None:
    """Options of -machine stay with it; of -cpu, +x and then -x come last, with dashes."""
    vm = pa.virtual_machine(
        catalogue.devices(),
        "type=pc-q35-9.1,smm=off,usb=on",
        cpu="EPYC-v4,-svm,hv_time=on,+x2apic,vendor=AuthenticAMD",
    )

    assert "pc-q35-9.1" == vm.machine
    assert (("smm", "off"), ("usb", "on")) == vm.machine_options
    assert (
        pa.Cpu(
            model="EPYC-v4",
            properties=(
                ("hv-time", "on"),
                ("vendor", "AuthenticAMD"),
                ("x2apic", "on"),
                ("svm", "off"),
            ),
        )
        == vm.cpu
    )


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"machine": ""}, "option-syntax"),
        ({"machine": "{}"}, "option-syntax"),
        ({"machine": "smm=on"}, "option-syntax"),
        ({"machine": "type=,smm=on"}, "option-syntax"),
        ({"machine": "pc-q35-9.1,accel=tcg"}, "machine-accel"),
        ({"cpu": ""}, "option-syntax"),
        ({"cpu": "{}"}, "option-syntax"),
        ({"cpu": "vendor=AuthenticAMD"}, "option-syntax"),
        ({"devices": ["{}"]}, "option-syntax"),
        ({"devices": ['{"driver": ']}, "option-syntax"),
        ({"devices": ["id=x"]}, "option-syntax"),
        ({"devices": [""]}, "option-syntax"),
        ({"devices": ["virtio-net-pci,netdev=n0"]}, "unknown-netdev"),
        ({"devices": ["e1000,id=a", "e1000e,id=a"]}, "duplicate-id"),
        ({"netdevs": ["tap"]}, "option-syntax"),
        ({"netdevs": ["tap,id="]}, "option-syntax"),
        ({"netdevs": ["id=n0"]}, "unknown-netdev-type"),
        ({"netdevs": ["tap,id=a", "user,id=a"]}, "duplicate-id"),
        ({"netdevs": ["tap,id=a\0"]}, "option-syntax"),
        ({"globals_": ["x"]}, "option-syntax"),
    ],
)
def test_what_qemu_could_not_parse_is_refused(
    catalogue: pa.FileCatalogue, arguments: dict[str, object], code: str
) -> None:
    """Malformed options are usage errors with a stable code, whatever form they have."""
    given_ = dict(arguments)
    machine = str(given_.pop("machine", "pc-q35-9.1"))
    with pytest.raises(pa.UsageError) as caught:
        pa.virtual_machine(catalogue.devices(), machine, **given_)  # type: ignore[arg-type]
    assert code == caught.value.code


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("virtio-net-pci.csum=on", ("virtio-net-pci", "csum", "on")),
        ("a.b=", ("a", "b", "")),
        ("a.b=c,d=e", ("a", "b", "c,d=e")),
        ("a.b.c=d", ("a", "b.c", "d")),
        ("a,b.c,d=e", ("a,b", "c,d", "e")),
        ("driver=a.b,property=c,value=d,,e", ("a.b", "c", "d,e")),
        ("driver=a,property=c,value=", ("a", "c", "")),
    ],
)
def test_both_forms_of_global_are_read(text: str, expected: tuple[str, str, str]) -> None:
    """The short form ends at the first dot and takes commas as they are; the long form doubles."""
    found = parse_global(text)

    assert expected == (found.driver, found.property, found.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a.b",
        "a=b",
        ".b=c",
        "a.=c",
        "driver=a,property=b",
        "driver=a,value=c",
        "driver=,property=b,value=c",
        "driver=a,property=b,value=c,more=d",
    ],
)
def test_what_is_no_global_is_refused(text: str) -> None:
    """A -global has a driver, a property and a value."""
    with pytest.raises(pa.UsageError) as caught:
        parse_global(text)
    assert "option-syntax" == caught.value.code


@given(st.text(min_size=1), st.text(min_size=1), st.text())
def test_the_long_form_holds_any_names(driver: str, name: str, value: str) -> None:
    """Whatever is written in the long form, with commas doubled, is read back."""
    text = join_options(f"driver={driver}", (("property", name), ("value", value)))
    if "\0" in text:
        return
    found = parse_global(text)
    assert (driver, name, value) == (found.driver, found.property, found.value)


def test_any_text_is_a_machine_or_a_usage_error(catalogue: pa.FileCatalogue) -> None:
    """No option string makes the reader fail in another way."""
    table = catalogue.devices()
    texts = st.lists(st.text() | st.sampled_from(["{}", '{"id": 1}', "e1000,id=a"]), max_size=3)

    @given(st.text() | st.just("{}"), st.none() | st.text(), texts, texts)
    def holds(machine: str, cpu: str | None, devices: list[str], netdevs: list[str]) -> None:
        try:
            vm = pa.virtual_machine(table, machine, cpu=cpu, devices=devices, netdevs=netdevs)
        except pa.UsageError as error:
            code = error.code
            assert code
        else:
            assert vm.machine

    holds()
