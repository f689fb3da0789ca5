"""A domain with its platform in it, started by libvirt: QEMU has every value that was resolved.

What libvirt's XML says of a NIC is lost by ``domxml-to-native``: domains are started, paused, and
QEMU is asked what it made of each device.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import platform_abi as pa
from platform_abi.emit.domain_xml import domain_xml
from platform_abi.emit.xml_edit import Wanted, edited
from platform_abi.model.device import MACHINE
from platform_abi.model.libvirt import LibvirtTable, NativePlace, numbers
from platform_abi.model.xml_tree import Element, read_xml
from platform_abi.resolver.layers import device_types, inner_device, inner_types
from tests.emit.domains import BUILD, domain
from tests.live import embedded
from tests.live.realized import spelled

pytestmark = pytest.mark.live

_DEVICES = (
    *("net0", "ua-lan", "virtio-disk0", "scsi0", "scsi0-0-0-0", "video0", "balloon0", "rng0"),
)

#: A hypervisor may lack SMM and flags of the CPU that QEMU takes for granted.
_SAFE = "pc.smm=off,x86-cpu.enforce=off"

#: What platforms leave to whoever asks for it.
_ASKED_FOR = (
    "virtio-net.packed=on,virtio-net.rss=on,virtio-net.hash=on,virtio-net.iommu-platform=on,"
    "virtio-net.host-mtu=1400,virtio-net.guest-ufo=off,x86-cpu.kvm-poll-control=on,"
    "x86-cpu.kvmclock=off,x86-cpu.kvm-pv-unhalt=on"
)

#: By name: the domain's type, and a platform.
_CASES = {
    "newer": ("kvm", f"linux-6.9,{_SAFE}"),
    "older": ("kvm", f"linux-6.1,{_SAFE},{_ASKED_FOR}"),
    "emulated": ("qemu", "conservative"),
}

#: Where QEMU puts the first CPU that no user names.
_CPU = "/machine/unattached/device[0]"


@pytest.fixture(scope="module", params=["", *embedded.VERSIONS], ids=lambda v: v or "installed")
def libvirt(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    """Return a virsh and the folder that it runs in, or skip."""
    program = embedded.program(request.param)
    if program is None or os.geteuid() != 0:
        pytest.skip(f"needs root and virsh {request.param}; tests/live/install-libvirt can get it")
    folder = tmp_path_factory.mktemp("lv")
    embedded.prepare(folder)
    able = embedded.virsh(program, folder, "list")
    if able.returncode != 0:
        pytest.skip(f"libvirt cannot run here: {able.stderr.strip()}")
    return program, folder


def _questions(
    catalogue: pa.FileCatalogue, abi: pa.GuestAbi, aliases: dict[str, str]
) -> Iterator[tuple[str, str, str, str]]:
    """Yield the path and property of every setting, with its device and value."""
    types = catalogue.types(BUILD, "x86_64")
    inside = inner_types(catalogue, types)
    for setting in abi.settings:
        if setting.driver == MACHINE:
            yield "/machine", setting.property, MACHINE, setting.value
        elif types.is_a(setting.driver, "cpu"):
            yield _CPU, setting.property, setting.driver, setting.value
        for label, device in abi.vm.labelled():
            of = device_types(types, device.driver, inner_device(types, inside, device.driver))
            if setting.device == label or (setting.device is None and setting.driver in of.every):
                path = f"/machine/peripheral/{aliases[label]}"
                yield path, setting.property, label, setting.value


@pytest.mark.parametrize("case", _CASES)
@pytest.mark.usefixtures("can_tap", "can_kvm")
def test_qemu_has_what_was_resolved(
    libvirt: tuple[str, Path],
    catalogue: pa.FileCatalogue,
    qemu_binaries: dict[str, Path],
    case: str,
) -> None:
    """Every setting of every device, of the CPU and of the board, of an XML that is valid."""
    kind, platform = _CASES[case]
    program, folder = libvirt
    text = _real(folder, qemu_binaries["10.0"], kind)
    found = pa.from_domain_xml(catalogue, text, build=BUILD)
    assert set(_DEVICES) == set(found.elements)
    abi = pa.resolve(catalogue, found.vm, platform)
    made = domain_xml(catalogue, text, abi, found.elements)
    file = folder / "small.xml"
    file.write_text(made.text)
    questions = list(_questions(catalogue, abi, _aliases(made.text)))
    assert len(questions) >= 50
    done = embedded.virsh(
        program,
        folder,
        f"define --validate {file}",
        "start small --paused",
        *(f"qemu-monitor-command small '{_get(path, name)}'" for path, name, _, _ in questions),
        "destroy small",
        "undefine small",
    )
    values = [spelled(value) for value in _returned(done.stdout)]
    assert len(questions) == len(values), done.stderr
    wrong = [
        f"{label}.{name}: {value}, not {expected}"
        for (_, name, label, expected), value in zip(questions, values, strict=True)
        if value != expected
    ]
    assert [] == wrong


def _real(folder: Path, qemu: Path, kind: str) -> str:
    """Return a domain of *kind* whose emulator and disks are there."""
    text = domain(_DEVICES).replace("type='kvm'", f"type='{kind}'")
    for name in ("a.img", "b.img"):
        (folder / name).write_bytes(bytes(1 << 20))
        text = text.replace(f"/{name}", str(folder / name))
    cpu = "<cpu mode='custom' match='exact' check='none'><model>qemu64</model>"
    cpu += "<feature policy='disable' name='svm'/></cpu>"
    text = text.replace("  <devices>", f"  {cpu}\n  <devices>")
    return text.replace("/usr/bin/qemu-system-x86_64", str(qemu))


def _aliases(text: str) -> dict[str, str]:
    """Return what each device is called in the QEMU of the domain."""
    devices = read_xml(text, "a domain").first("devices")
    assert devices is not None
    of = [each.get("alias/@name") for each in devices.children[1:]]
    return {label: alias or label for label, alias in zip(_DEVICES, of, strict=True)}


def _get(path: str, name: str) -> str:
    return json.dumps({"execute": "qom-get", "arguments": {"path": path, "property": name}})


def _returned(text: str) -> list[Any]:
    """Return QMP's answers, in their order; one that is an error fails."""
    answers = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    assert [] == [answer for answer in answers if "return" not in answer]
    return [answer["return"] for answer in answers]


# --- the table itself ----------------------------------------------------------------------------

#: Elements that need nothing of this host while nobody starts them.
_UNSTARTED = """
    <vsock model='virtio'><cid auto='no' address='5'/></vsock>
    <disk type='vhostuser' device='disk'>
      <driver name='qemu' type='raw'/>
      <source type='unix' path='/blk.sock'/>
      <target dev='vdb' bus='virtio'/>
    </disk>
    <filesystem type='mount'>
      <driver type='virtiofs'/><source socket='/fs.sock'/><target dir='tag'/>
    </filesystem>
    <iommu model='virtio'/>
"""

#: What libvirt 12.8 wants beside other enlightenments.
_HYPERV = "<hyperv>{}</hyperv>".format(
    "".join(f"<{name} state='on'/>" for name in ("vapic", "vpindex", "synic", "stimer"))
)
_CLOCK = """
  <clock offset='utc'><timer name='hypervclock' present='yes'/></clock>
  <devices>"""

#: Properties of the last element of its name, not of the first.
_OF_LAST = ("vhost-user-blk.packed", "vhost-user-blk.iommu_platform")


def _every_place(table: LibvirtTable, version: str) -> Iterator[tuple[NativePlace, str, str]]:
    """Yield each place that libvirt *version* has, with each of some values, as QEMU has it."""
    for place in table.native:
        if not place.since or numbers(place.since) <= numbers(version):
            number = "8191" if "spinlocks" in place.path else "4"
            for value, text in place.values.items() or ((number, number),):
                yield place, value, text


def _said(root: Element, place: NativePlace, text: str) -> tuple[Element, Wanted]:
    """Return the element that *place* begins at, with *text* in its attribute."""
    element = root
    if place.element:
        devices = root.first("devices")
        assert devices is not None
        element = [*devices.named(place.element)][-1 if place.properties[0] in _OF_LAST else 0]
    wanted = here = Wanted(name=element.name)
    for step in place.steps():
        here = here.child(step.name, dict(step.by))
        here.attributes |= {"offset": "utc"} if step.name == "clock" else {}
    here.attributes |= {**place.also, place.attribute: text}
    return element, wanted


def test_a_native_place_means_its_property(
    libvirt: tuple[str, Path], catalogue: pa.FileCatalogue, qemu_binaries: dict[str, Path]
) -> None:
    """Each place of the table, with each of its values, is that property on QEMU's command line."""
    program, folder = libvirt
    version = embedded.virsh(program, folder, "version --daemon").stdout.rsplit(maxsplit=1)[-1]
    text = _real(folder, qemu_binaries["10.0"], "kvm").replace(
        "  </devices>",
        f"{_UNSTARTED}  </devices>\n  <memoryBacking><source type='memfd'/>"
        "<access mode='shared'/></memoryBacking>",
    )
    text = text.replace("    <apic/>", f"    <apic/>\n{_HYPERV}").replace("  <devices>", _CLOCK, 1)
    root = read_xml(text, "a domain")
    places = [
        each
        for each in _every_place(catalogue.libvirt(), version)
        # Of interfaces domxml-to-native says nothing; they are read back above.
        if each[0].element != "interface"
    ]
    commands = []
    for number, (place, _, said) in enumerate(places):
        file = folder / f"{number}.xml"
        file.write_bytes(edited(text.encode(), [_said(root, place, said)], {}))
        commands += [f"domxml-to-native qemu-argv {file}", "echo .mark."]
    done = embedded.virsh(program, folder, *commands)
    shown = done.stdout.split(".mark.")
    assert len(places) + 1 == len(shown)
    wrong = [
        (place.element, place.path, place.attribute, said)
        for (place, value, said), line in zip(places, shown, strict=False)
        if not any(form in line for form in _forms(place.properties[0].partition(".")[2], value))
    ]
    assert not wrong, f"{wrong}\n{done.stderr[-2000:]}"


def _forms(name: str, value: str) -> Iterator[str]:
    """Yield how a command line can say the value of a property: by -cpu, -machine, or in JSON."""
    yield f"{name}={value}"
    yield f'"{name}":{json.dumps(value == "on" if value in ("on", "off") else value)}'
    yield f'"{name}":{value}'
    if value.isdecimal():
        yield f"{name}={int(value):#x}"
