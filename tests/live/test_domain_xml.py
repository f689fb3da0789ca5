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
from platform_abi.model.device import MACHINE
from platform_abi.model.xml_tree import read_xml
from platform_abi.resolver.layers import device_types, inner_device, inner_types
from tests.emit.domains import BUILD, domain, elements, machine_of
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

#: By name: the accelerator, what libvirt calls it, and a platform.
_CASES = {
    "newer": ("kvm", "kvm", f"linux-6.9,{_SAFE}"),
    "older": ("kvm", "kvm", f"linux-6.1,{_SAFE},{_ASKED_FOR}"),
    "emulated": ("tcg", "qemu", "conservative"),
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
    accelerator, kind, platform = _CASES[case]
    program, folder = libvirt
    text = _real(folder, qemu_binaries["10.0"], kind)
    abi = pa.resolve(catalogue, machine_of(catalogue, _DEVICES, accelerator=accelerator), platform)
    made = domain_xml(catalogue, text, abi, elements(text, _DEVICES))
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
    found = [spelled(value) for value in _returned(done.stdout)]
    assert len(questions) == len(found), done.stderr
    wrong = [
        f"{label}.{name}: {value}, not {expected}"
        for (_, name, label, expected), value in zip(questions, found, strict=True)
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
