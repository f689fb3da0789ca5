"""Each setting of a platform is put into the most native place of a domain, and nothing else."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.emit.domain_xml import DomainXml, domain_xml
from platform_abi.model.device import ACCELERATOR, MACHINE
from platform_abi.model.xml_tree import read_xml
from tests.emit.domains import BUILD, KINDS, domain, elements, machine_of
from tests.emit.domains import MACHINE as TYPE

ALL = tuple(KINDS)

_LABELS = st.lists(st.sampled_from(ALL), unique=True).map(tuple)
_PLATFORMS = st.sampled_from(
    ["linux-6.9", "linux-6.1", "conservative", "linux-rhel-9.5", "linux-6.9,virtio-net.packed=on"]
)


def _written(
    catalogue: pa.FileCatalogue, labels: tuple[str, ...], platform: str, version: str = ""
) -> tuple[pa.GuestAbi, str, DomainXml]:
    text = domain(labels)
    abi = pa.resolve(catalogue, machine_of(catalogue, labels), platform)
    return abi, text, domain_xml(catalogue, text, abi, elements(text, labels), version=version)


def _platforms_own(abi: pa.GuestAbi) -> set[tuple[str, str, str]]:
    return {(s.driver, s.property, s.value) for s in abi.settings if s.layer == "platform"}


@given(labels=_LABELS, platform=_PLATFORMS, version=st.sampled_from(["9.0", "11.3", "12.8"]))
def test_every_setting_has_a_place_and_nothing_else_is_touched(
    catalogue: pa.FileCatalogue, labels: tuple[str, ...], platform: str, version: str
) -> None:
    """Of devices that are there; comments, order and what the user says stay."""
    abi, text, made = _written(catalogue, labels, platform, version)
    placed = {(p.setting.driver, p.setting.property, p.setting.value) for p in made.placed}
    families = catalogue.devices()
    of_nobody = {
        setting
        for setting in _platforms_own(abi) - placed
        if (family := families.family_of(setting[0])) is not None
        and not any(d.driver in family.drivers for d in abi.vm.devices)
        and family.backend != ACCELERATOR
    }
    explicit = {
        (s, p, v)
        for s, p, v in _platforms_own(abi) - placed
        if any(p in dict(d.properties) for d in abi.vm.devices)
    }
    assert _platforms_own(abi) - placed <= of_nobody | explicit
    position = 0  # every byte that was there is there, in its order
    for char in text.replace("/>", ">").replace("<", ""):
        position = made.text.index(char, position) + 1


def test_a_domain_that_has_its_platform_is_the_same_once_more(
    catalogue: pa.FileCatalogue,
) -> None:
    """What is written is the user's own word then: nothing is left to be said."""
    abi, _, made = _written(catalogue, ("balloon0",), "conservative")
    said = [p for p in made.placed if p.kind == "commandline"]
    assert said
    again = domain_xml(
        catalogue,
        made.text,
        pa.resolve(
            catalogue,
            pa.virtual_machine(
                catalogue.devices(),
                abi.vm.machine,
                devices=["virtio-balloon-pci,id=balloon0"],
                cpu="qemu64,"
                + ",".join(
                    f"{p.setting.property}={p.setting.value}"
                    for p in made.placed
                    if p.kind == "native" and p.setting.driver != MACHINE
                ),
                globals_=[p.where.removeprefix("-global ") for p in said],
                build=abi.vm.build,
            ),
            "conservative,pc.smm=off",
        ),
        elements(made.text, ("balloon0",)),
    )
    assert {"machine"} >= {p.setting.driver for p in again.placed}


def test_the_places_of_one_domain(catalogue: pa.FileCatalogue) -> None:
    """An attribute where libvirt has one, else an override by an alias, else the command line."""
    _, _, made = _written(catalogue, ALL, "linux-6.9")
    where = {(p.device, p.setting.property): (p.kind, p.where) for p in made.placed}
    assert ("native", "features/smm@state") == where[None, "smm"]
    assert ("native", "features/apic@eoi") == where[None, "kvm-pv-eoi"]
    assert ("native", "clock/timer[name=kvmclock]@present") == where[None, "kvmclock"]
    assert ("commandline", "-global x86_64-cpu.kvm-asyncpf=on") == where[None, "kvm-asyncpf"]
    assert ("native", "driver/host@csum") == where["net0", "csum"]
    assert ("override", "ua-net0.host_uso") == where["net0", "host_uso"]
    assert ("override", "ua-lan.host_uso") == where["ua-lan", "host_uso"]
    # What the user says of a device stays.
    assert ("net2", "csum") not in where
    # Its guest would read another name.
    assert (None, "backend_defaults") in where
    root = read_xml(made.text, "x")
    devices = root.first("devices")
    assert devices is not None
    nets = list(devices.named("interface"))
    assert ["ua-net0", "ua-lan", "ua-net2"] == [net.get("alias/@name") for net in nets]
    assert ["on", "off", "off"] == [net.get("driver/host/@csum") for net in nets]
    disk, scsi = devices.named("disk")
    assert ("ua-virtio-disk0", None) == (disk.get("alias/@name"), scsi.get("alias/@name"))


def test_an_alias_of_libvirts_own_becomes_the_users(catalogue: pa.FileCatalogue) -> None:
    """Of a live domain: libvirt would give it to another device when one before it goes."""
    text = domain(("balloon0", "net0")).replace(
        "<mac address='52:54:00:00:00:01'/>",
        "<mac address='52:54:00:00:00:01'/><alias name='net0'/>",
    )
    made = _of_text(catalogue, text, ("balloon0", "net0"))
    assert "<alias name='ua-net0'/>" in made.text
    assert "<alias name='net0'/>" not in made.text
    assert "<qemu:device alias='ua-net0'>" in made.text


def test_a_device_that_is_overridden_keeps_its_alias(catalogue: pa.FileCatalogue) -> None:
    """Else the override that is there would be of no device."""
    own = (
        "  <o:override xmlns:o='http://libvirt.org/schemas/domain/qemu/1.0'><o:device alias='net0'>"
        "<o:frontend><o:property name='x' type='remove'/></o:frontend></o:device></o:override>\n"
    )
    text = domain(("net0",)).replace("</domain>", f"{own}</domain>")
    made = _of_text(catalogue, text, ("net0",))
    assert "ua-net0" not in made.text
    root = read_xml(made.text, "x")
    [override] = root.named("{http://libvirt.org/schemas/domain/qemu/1.0}override")
    [device] = override.children
    [frontend] = device.children
    assert {"x", "host_uso"} <= {each.attributes["name"] for each in frontend.children}


def _of_text(catalogue: pa.FileCatalogue, text: str, labels: tuple[str, ...]) -> DomainXml:
    abi = pa.resolve(catalogue, machine_of(catalogue, labels), "linux-6.9")
    return domain_xml(catalogue, text, abi, elements(text, labels))


def test_json_has_the_type_that_qemu_has(catalogue: pa.FileCatalogue) -> None:
    """QEMU takes no ``"on"`` for a boolean there, nor a boolean for one of three values."""
    platform = "linux-6.9,virtio-net.host-mtu=1400"
    _, _, made = _written(catalogue, ("net0", "virtio-disk0"), platform)
    rows = re.findall(r"property name='(\w+)' type='(\w+)' value='(\w+)'", made.text)
    types = {name: (kind, value) for name, kind, value in rows}
    assert ("bool", "true") == types["host_uso"]
    assert ("string", "off") == types["backend_defaults"]
    assert ("unsigned", "1400") == types["host_mtu"]


@pytest.mark.parametrize(
    ("version", "kind"), [("", "override"), ("9.0", "override"), ("11.3", "native")]
)
def test_a_newer_libvirt_can_say_more(catalogue: pa.FileCatalogue, version: str, kind: str) -> None:
    """The oldest is written for where nobody names one: what it reads, all read."""
    _, _, made = _written(catalogue, ("video0",), "linux-6.9,virtio-gpu.blob=on", version)
    assert [kind] == [p.kind for p in made.placed if p.setting.property == "blob"]


def test_what_no_libvirt_can_be_told_is_refused(catalogue: pa.FileCatalogue) -> None:
    """By name and with the reason, and nothing is written: a tap that libvirt does not open."""
    vm = pa.virtual_machine(
        catalogue.devices(),
        TYPE,
        devices=["virtio-net-pci,netdev=a,id=net0"],
        netdevs=["tap,id=a"],
        build=BUILD,
    )
    text = domain(("net0",))
    abi = pa.resolve(catalogue, vm, "windows-2022")
    with pytest.raises(pa.UsageError, match=r"netdev\.vnet_hdr=off of net0: libvirt opens"):
        domain_xml(catalogue, text, abi, elements(text, ("net0",)))


@given(labels=_LABELS, platform=_PLATFORMS)
def test_what_has_no_place_of_its_own_is_handed_to_qemu(
    catalogue: pa.FileCatalogue, labels: tuple[str, ...], platform: str
) -> None:
    """As an argument and its value, each in an element, in the order in which they are placed."""
    _, _, made = _written(catalogue, labels, platform)
    said = [p.where for p in made.placed if p.kind == "commandline"]
    assert "-global x86_64-cpu.enforce=on" in said
    root, of = read_xml(made.text, "made"), f"{{{catalogue.libvirt().namespace}}}"
    words = [
        arg.attributes["value"]
        for line in root.named(f"{of}commandline")
        for arg in line.named(f"{of}arg")
    ]
    assert words == [word for where in said for word in where.split(" ", 1)]


def test_a_version_that_is_none_is_refused(catalogue: pa.FileCatalogue) -> None:
    """It decides which places there are."""
    with pytest.raises(pa.UsageError, match="not a version of libvirt: newest"):
        _written(catalogue, (), "linux-6.9", "newest")


@pytest.mark.parametrize(
    ("text", "code", "found"),
    [
        ("<domain type='xen'/>", "domain-type", "found a domain of type 'xen'"),
        ("<network/>", "domain-type", "found <network>"),
        ("<domain", "xml-syntax", ""),
        ("<!DOCTYPE domain [<!ENTITY a 'b'>]><domain type='kvm'>&a;</domain>", "xml-refused", ""),
    ],
)
def test_what_is_no_domain_of_qemus_is_refused(
    catalogue: pa.FileCatalogue, text: str, code: str, found: str
) -> None:
    """Xen's, a network, half a document, one that defines entities."""
    abi = pa.resolve(catalogue, machine_of(catalogue, ()), "linux-6.9")
    with pytest.raises(pa.UsageError) as caught:
        domain_xml(catalogue, text, abi, {})
    assert code == caught.value.code
    assert found in str(caught.value)


def test_a_prefix_that_means_something_else_is_not_taken(catalogue: pa.FileCatalogue) -> None:
    """And one that means it already is."""
    text = domain(("net0",))
    abi = pa.resolve(catalogue, machine_of(catalogue, ("net0",)), "linux-6.9")
    for declared, used in (
        ("xmlns:qemu='urn:other'", "qemu1"),
        ("xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'", "q"),
    ):
        given_text = text.replace("<domain type", f"<domain {declared} type")
        where = elements(given_text, ("net0",))
        assert f"<{used}:override>" in domain_xml(catalogue, given_text, abi, where).text


def test_every_setting_of_the_shipped_features_has_a_place(catalogue: pa.FileCatalogue) -> None:
    """Native, an override or the command line, for any device; what is lost is said to be."""
    table = catalogue.libvirt()
    devices = catalogue.devices()
    drivers = {driver for family in devices.families for driver in family.drivers}
    named = {
        name
        for feature in catalogue.every_feature()
        if feature.kind in ("setting", "guard")
        for name in feature.properties
    }
    assert {"netdev.vnet_hdr"} == set(table.lost) & named
    assert set() == {n for n in named - set(table.lost) if n.partition(".")[0] not in drivers}
    # And no place is of a property that there is not.
    counted = {
        f"{driver}.{name}"
        for driver in drivers
        for name in catalogue.driver_properties("qemu-11.1.3", "x86_64", driver)
    }
    placed = {name for place in table.native for name in place.properties}
    assert set() == placed - named - counted
    assert set(table.lost) <= named


def test_the_table_of_the_documents_is_that_of_the_definitions() -> None:
    """What libvirt 9.0, 11.3 and 12.8 can say, and where, for whoever reads it."""
    tool = Path(__file__).parents[2] / "tools" / "libvirt_places.py"
    done = subprocess.run(
        [sys.executable, tool, "--check"], capture_output=True, text=True, check=False
    )
    assert 0 == done.returncode, done.stderr
