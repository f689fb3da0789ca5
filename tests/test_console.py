"""What README and the documents show of a terminal is what is printed."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import NamedTuple

import pytest

from platform_abi.cli import main

ROOT = Path(__file__).parent.parent
CAPTURES = ROOT / "tests" / "captures"

_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Shown(NamedTuple):
    """A command as a document shows it, and the lines that it says are printed."""

    document: str
    command: str
    lines: tuple[str, ...]


def _shown(path: Path) -> list[Shown]:
    """Return the commands of ours in *path* that are shown with something printed."""
    found: list[Shown] = []
    for block in _BLOCK.findall(path.read_text(encoding="utf-8")):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, printed = part.replace("\\\n", " ").partition("\n")
            words = command.partition(" #")[0].strip()
            if printed.strip() and words.startswith("platform-abi "):
                found.append(Shown(path.name, words, tuple(printed.rstrip("\n").split("\n"))))
    return found


SHOWN = [
    each
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
    for each in _shown(path)
]

#: What takes QEMUs that not everybody has, by how the command begins, and the test that holds it.
ELSEWHERE = {
    "platform-abi rehearse ": "tests/live/test_rehearse.py",
    "platform-abi check vm.lock --from a.json ": "tests/live/test_reported_qemus.py",
}

_NIC = ("--device", "virtio-net-pci,netdev=n0,id=net0", "--netdev", "tap,id=n0")


@pytest.fixture
def scene(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Work in a folder with the files that the documents name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    for name, capture in (("debian12", "debian-12"), ("ubuntu2404", "ubuntu-24.04")):
        report = json.loads((CAPTURES / f"constructed-{capture}.json").read_bytes())
        if report["facts"]["tun.uso"]["state"] == "absent":
            # As a host says it that was asked.
            report["facts"]["tun.uso"]["detail"] = "EINVAL from TUNSETOFFLOAD 0x61"
        Path(f"{name}.json").write_text(json.dumps(report), encoding="utf-8")
    Path("vm.xml").write_text(_DOMAIN, encoding="utf-8")
    vm = ("-M", "pc-q35-9.1", "--cpu", "qemu64,vendor=GenuineIntel", *_NIC)
    assert main(["resolve", *vm, "--platform", "linux-6.8", "--lock", "vm.lock"]) == 0
    capsys.readouterr()


_DOMAIN = """\
<domain type='kvm'>
  <name>vm</name>
  <memory unit='GiB'>2</memory>
  <vcpu>2</vcpu>
  <os><type arch='x86_64' machine='pc-q35-9.1'>hvm</type></os>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2'/>
      <source file='/var/lib/libvirt/images/vm.qcow2'/>
      <target dev='vda' bus='virtio'/>
      <address type='pci' domain='0' bus='0' slot='2' function='0'/>
    </disk>
    <interface type='network'>
      <source network='default'/>
      <model type='virtio'/>
      <address type='pci' domain='0' bus='0' slot='3' function='0'/>
    </interface>
  </devices>
</domain>
"""


@pytest.mark.parametrize(
    "shown",
    [each for each in SHOWN if not each.command.startswith(tuple(ELSEWHERE))],
    ids=lambda shown: f"{shown.document}: {shown.command[:60]}",
)
def test_what_is_shown_is_what_is_printed(
    scene: None, shown: Shown, capsys: pytest.CaptureFixture[str]
) -> None:
    """Line by line, where ``...`` stands for what is left out: of a line, or lines."""
    del scene
    main(shlex.split(shown.command)[1:])
    out, err = capsys.readouterr()
    printed = [line.rstrip() for line in (out + err).splitlines()]
    assert _is_shown(shown.lines, printed), "\n".join(printed)


def _is_shown(lines: tuple[str, ...], printed: list[str]) -> bool:
    pattern = "".join(
        r"(?:.*\n)*?" if line == "..." else re.escape(line).replace(r"\.\.\.", ".*") + r"\n"
        for line in lines
    )
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in printed)) is not None


def test_what_is_held_elsewhere_is() -> None:
    """No exception without a test, and none that nothing is shown of."""
    for begin, test in ELSEWHERE.items():
        assert any(each.command.startswith(begin) for each in SHOWN)
        assert (ROOT / test).is_file()
    assert len(SHOWN) > 8
