"""KubeVirt's hook, run as its shim runs it, and the labels that its scheduler selects by."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from platform_abi.model.xml_tree import read_xml
from tests.examples.conftest import EXAMPLES, Ran, Running, install

#: As virt-launcher writes a domain: in tabs, with end tags, without addresses.
DOMAIN = """\
<domain type="kvm" xmlns:qemu="http://libvirt.org/schemas/domain/qemu/1.0">
	<name>default_stable</name>
	<memory unit="b">1073741824</memory>
	<os>
		<type arch="x86_64" machine="{machine}">hvm</type>
	</os>
	<devices>
		<interface type="ethernet">
			<target dev="tap0" managed="no"></target>
			<model type="virtio-non-transitional"></model>
			<mac address="52:54:00:aa:bb:cc"></mac>
			<alias name="ua-default"></alias>
		</interface>
		<disk device="disk" type="file" model="virtio-non-transitional">
			<source file="/var/run/root.qcow2"></source>
			<target bus="virtio" dev="vda"></target>
			<driver cache="none" name="qemu" type="qcow2"></driver>
			<alias name="ua-root"></alias>
		</disk>
	</devices>
	<features>
		<acpi></acpi>
	</features>
	<cpu mode="custom">
		<model>Skylake-Server</model>
	</cpu>
	<vcpu placement="static">1</vcpu>
</domain>
"""

_PREFIX = "platform-abi.kubevirt.io/"


@pytest.fixture
def hook(tmp_path: Path) -> Path:
    """Return the folder where the shim finds its program, linked as by the Containerfile."""
    install(
        tmp_path,
        "platform-abi-on-define-domain",
        f"#!{sys.executable}\nimport sys\n"
        "from platform_abi.cli.on_define_domain import entry\nsys.exit(entry())\n",
    )
    (tmp_path / "onDefineDomain").symlink_to(tmp_path / "platform-abi-on-define-domain")
    return tmp_path


def _defined(hook: Path, annotations: dict[str, str], machine: str = "pc-q35-9.1") -> Ran:
    vmi = {"metadata": {"name": "stable", "annotations": annotations}}
    words = ["--vmi", json.dumps(vmi), "--domain", DOMAIN.format(machine=machine)]
    return subprocess.run(
        [hook / "onDefineDomain", *words],
        env={**os.environ, "PATH": f"{hook}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_domain_gets_the_platform_that_is_asked_for(hook: Path) -> None:
    """In attributes and overrides of the aliases that KubeVirt gave; it prints nothing else."""
    done = _defined(hook, {f"{_PREFIX}platform": "linux-6.1"})
    assert (0, "") == (done.returncode, done.stderr)
    root = read_xml(done.stdout, "the domain")
    assert "ua-default" == root.get("devices/interface/alias/@name")
    assert "on" == root.get("devices/interface/driver/host/@csum")
    assert '<qemu:property name="host_uso" type="bool" value="false"/>' in done.stdout


def test_a_virtual_machine_that_asks_for_nothing_stays(hook: Path) -> None:
    """To the byte."""
    done = _defined(hook, {"other.example/platform": "linux-6.1"})
    assert (0, DOMAIN.format(machine="pc-q35-9.1")) == (done.returncode, done.stdout)


@pytest.mark.parametrize(
    ("annotations", "machine", "says"),
    [
        ({"platform": "linux-6.0.9"}, "pc-q35-9.1", "linux-6.0"),
        ({"platfrom": "linux-6.1"}, "pc-q35-9.1", "no such annotation"),
        ({"build": "qemu-10.0.2"}, "pc-q35-9.1", "annotations without"),
        ({"platform": "linux-6.1"}, "q35", "q35"),
    ],
)
def test_what_cannot_be_done_fails_and_gives_no_domain(
    hook: Path, annotations: dict[str, str], machine: str, says: str
) -> None:
    """Then KubeVirt does not start it."""
    done = _defined(hook, {_PREFIX + k: v for k, v in annotations.items()}, machine)
    assert 0 != done.returncode
    assert "" == done.stdout
    assert says in done.stderr


def test_a_machine_type_of_no_version_is_that_of_the_build(hook: Path) -> None:
    """Which is the one in virt-launcher."""
    done = _defined(
        hook, {f"{_PREFIX}platform": "linux-6.1", f"{_PREFIX}build": "qemu-10.0.2"}, "q35"
    )
    assert 0 == done.returncode, done.stderr
    assert 'machine="q35"' in done.stdout


def test_the_manifest_says_what_the_hook_and_the_labels_are_called() -> None:
    """What is copied from it works."""
    manifest = (EXAMPLES / "kubevirt" / "vm.yaml").read_text(encoding="utf-8")
    named = set(re.findall(rf"{re.escape(_PREFIX)}(\w+): ", manifest))
    assert {"platform", "build", "libvirt"} == named
    assert 'platform-abi.node.kubevirt.io/linux-6.8: "true"' in manifest
    [hooks] = re.findall(r"^ +(\[\{.*\}\])$", manifest, re.MULTILINE)
    assert ["--version", "v1alpha3"] == json.loads(hooks)[0]["args"]
    containerfile = (EXAMPLES / "kubevirt" / "Containerfile").read_text(encoding="utf-8")
    assert "platform-abi-on-define-domain" in containerfile
    assert "/usr/bin/onDefineDomain" in containerfile


def test_a_node_has_the_labels_of_what_it_can_do_today(run: Running, tmp_path: Path) -> None:
    """What it cannot do any longer goes; labels of others stay."""
    said = tmp_path / "said"
    install(
        tmp_path / "bin",
        "kubectl",
        "#!/bin/sh\n"
        f'for word in "$@"; do echo "$word" >>{said}; done\n'
        'case "$1" in get)\n'
        "echo kubernetes.io/arch; echo platform-abi.node.kubevirt.io/linux-6.8\n"
        "echo platform-abi.node.kubevirt.io/linux-6.1 ;;\nesac\n",
    )
    done = run("kubevirt/label-node", "node7", this="constructed-debian-12.json")
    assert 0 == done.returncode, done.stderr
    _, _, words = said.read_text().partition("label\nnode\nnode7\n--overwrite\n")
    assert "platform-abi.node.kubevirt.io/linux-6.8-" in words.splitlines()
    assert "platform-abi.node.kubevirt.io/linux-6.1=true" in words.splitlines()
    assert "kubernetes.io/arch" not in words
