"""What README and the pages show of a terminal is what is printed; their Python runs."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import pytest

import platform_abi as pa
from platform_abi.cli import main
from platform_abi.cli.options import VERBS

ROOT = Path(__file__).parent.parent
CAPTURES = ROOT / "tests" / "captures"
PAGES = (
    ROOT / "README.md",
    ROOT / "examples" / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
)

#: A block of a page; before it, perhaps, the words that say which file it is.
_BLOCK = re.compile(
    r"(?:`(?P<file>[\w./-]+)`:\n\n)?^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


class Step(NamedTuple):
    """What a reader of a page does next: write a file, run Python, or a command with its output."""

    kind: str
    what: str
    lines: tuple[str, ...] = ()


def _steps(path: Path) -> Iterator[Step]:
    for block in _BLOCK.finditer(path.read_text(encoding="utf-8")):
        if block["file"]:
            yield Step(block["file"], block["text"])
        elif block["kind"] == "python":
            yield Step("python", block["text"])
        elif block["kind"] == "console":
            for part in re.split(r"^\$ ", block["text"], flags=re.MULTILINE)[1:]:
                command, _, printed = part.replace("\\\n", " ").partition("\n")
                command = re.sub(r"\s+# .*", "", command).strip()
                yield Step("command", command, tuple(printed.rstrip("\n").split("\n")))


STEPS = {path.relative_to(ROOT).as_posix(): [*_steps(path)] for path in PAGES}

#: What takes a QEMU, another host or a program that not everybody has, by how the command begins,
#: and the test that holds it.
ELSEWHERE = {
    "platform-abi rehearse ": "tests/live/test_rehearse.py",
    "platform-abi check vm.lock --from a.json ": "tests/live/test_reported_qemus.py",
    "platform-abi host --qemu ": "tests/live/test_reported_qemus.py",
    "platform-abi check pid:": "tests/live/test_source.py",
    "platform-abi audit-qemu ": "tests/live/test_guest_view.py",
    "pytest qemu-ci/test_promises.py ": "tests/live/test_qemu_ci.py",
    "PLATFORM_ABI_PATH=our-definitions pytest ": "tests/examples/test_qemu_ci.py",
    "platform-abi import-qemu ": "tests/live/test_machine_import.py",
    "platform-abi host ssh:": "tests/live/test_ssh.py",
    "platform-abi check vm.lock --from this --to ssh:": "tests/live/test_ssh.py",
    "platform-abi baseline ssh:": "tests/live/test_ssh.py",
    "platform-abi host --probe-script": "tests/live/test_ssh.py",
    "ssh node7 python3 - ": "tests/live/test_ssh.py",
    "platform-abi lock virsh:": "tests/source/test_origins.py",
    "platform-abi lock qm:": "tests/source/test_origins.py",
    "platform-abi resolve qm:": "tests/source/test_origins.py",
    "virsh ": "tests/live/test_domain_xml.py",
    "install -m 755 examples/openstack/": "tests/live/test_libvirt_hook.py",
    "cp examples/proxmox/": "tests/examples/test_migration_hooks.py",
    "qm set ": "tests/examples/test_migration_hooks.py",
    "openstack ": "tests/examples/test_migration_hooks.py",
    "openstack/set-traits ": "tests/examples/test_migration_hooks.py",
    "examples/openstack/set-traits ": "tests/examples/test_migration_hooks.py",
    "platform-abi check instance-0000002a.lock ": "tests/examples/test_migration_hooks.py",
    "examples/kubevirt/label-node ": "tests/examples/test_kubevirt.py",
    "podman build ": "tests/examples/test_kubevirt.py",
    "qemu-platform ": "tests/cli/test_run.py",
    "python3 -m venv ": "tests/test_wheel.py",
    "~/platform-abi/bin/pip install ": "tests/test_wheel.py",
    ". ~/platform-abi/bin/activate": "tests/test_wheel.py",
}


@pytest.fixture
def one_catalogue(monkeypatch: pytest.MonkeyPatch, catalogue: pa.FileCatalogue) -> None:
    """Let all commands share the catalogue that each would read: reading it is what takes time."""
    read = pa.load_catalogue

    def load() -> pa.FileCatalogue:
        return read() if "PLATFORM_ABI_PATH" in os.environ else catalogue

    for verb in VERBS:
        module = import_module(f"platform_abi.cli.{verb.replace('-', '_')}")
        monkeypatch.setattr(module, "load_catalogue", load, raising=False)
    monkeypatch.setattr("platform_abi.definitions.catalogue.load_catalogue", load)
    monkeypatch.setattr(pa, "load_catalogue", load)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, catalogue: pa.FileCatalogue) -> Path:
    """Return a folder with the files that pages name and do not show."""
    from tools.pages.hosts import tutorial_hosts

    folder = tmp_path_factory.mktemp("scene")
    hosts = tutorial_hosts(catalogue)
    for name, text in hosts.items():
        (folder / name).write_text(text, encoding="utf-8")
    lines = [pa.report_line(pa.read_report(text, name)) for name, text in hosts.items()]
    (folder / "fleet.ndjson").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for name, capture in (("debian12", "debian-12"), ("ubuntu2404", "ubuntu-24.04")):
        report = json.loads((CAPTURES / f"constructed-{capture}.json").read_bytes())
        if report["facts"]["tun.uso"]["state"] == "absent":
            # As a host says it that was asked.
            report["facts"]["tun.uso"]["detail"] = "EINVAL from TUNSETOFFLOAD 0x61"
        (folder / f"{name}.json").write_text(json.dumps(report), encoding="utf-8")
    (folder / "vm.xml").write_text(_DOMAIN, encoding="utf-8")
    vm = pa.virtual_machine(
        catalogue.devices(),
        "pc-q35-9.1",
        cpu="qemu64,vendor=GenuineIntel",
        devices=["virtio-net-pci,netdev=n0,id=net0"],
        netdevs=["tap,id=n0"],
    )
    abi = pa.resolve(catalogue, vm, "linux-6.8")
    (folder / "vm.lock").write_text(pa.lockfile(catalogue, abi), encoding="utf-8")
    return folder


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


@pytest.mark.usefixtures("one_catalogue")
@pytest.mark.parametrize("page", [page for page, steps in STEPS.items() if steps])
def test_what_is_shown_is_what_is_printed(
    page: str,
    files: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Step by step and line by line, where ``...`` stands for what is left out."""
    shutil.copytree(files, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    for step in _in_order(STEPS[page]):
        if step.kind == "python":
            if page != "README.md":  # there it goes on with two QEMUs
                exec(compile(step.what, page, "exec"), {"__name__": "__main__"})
        elif step.kind != "command":
            Path(step.kind).parent.mkdir(parents=True, exist_ok=True)
            Path(step.kind).write_text(step.what, encoding="utf-8")
        elif step.what.startswith("export "):
            name, _, value = step.what.removeprefix("export ").partition("=")
            monkeypatch.setenv(name, value)
        elif not step.what.startswith(tuple(ELSEWHERE)):
            _run(step, capsys)


def _in_order(steps: list[Step]) -> list[Step]:
    """Return *steps* as a reader takes them, who has read where a file comes later."""
    return sorted(steps, key=lambda step: step.kind in {"command", "python"})


def _run(step: Step, capsys: pytest.CaptureFixture[str]) -> None:
    words = shlex.split(step.what)
    file = words.pop() if words[-2:-1] == [">"] else None
    assert "platform-abi" == words.pop(0), step.what
    code = main(words[:-1] if file else words)
    out, err = capsys.readouterr()
    assert code in {0, 1}, (step.what, err)
    if file:
        Path(file).write_text(out, encoding="utf-8")
        out = ""
    printed = [line.rstrip() for line in (out + err).splitlines()]
    assert not any(step.lines) or _is_shown(step.lines, printed), "\n".join([step.what, *printed])


def _is_shown(lines: tuple[str, ...], printed: list[str]) -> bool:
    pattern = "".join(
        r"(?:.*\n)*?" if line == "..." else re.escape(line).replace(r"\.\.\.", ".*") + r"\n"
        for line in lines
    )
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in printed)) is not None


def test_what_is_held_elsewhere_is() -> None:
    """No exception without a test, and none that nothing is shown of."""
    commands = [each.what for steps in STEPS.values() for each in steps if each.kind == "command"]
    for begin, test in ELSEWHERE.items():
        assert any(command.startswith(begin) for command in commands), begin
        assert (ROOT / test).is_file()
    run = [command for command in commands if not command.startswith(tuple(ELSEWHERE))]
    assert len(run) > 30


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_terminal_is_shown_as_one(path: Path) -> None:
    """What has a prompt stands in a block that is run, and every block says what it is."""
    for block in _BLOCK.finditer(path.read_text(encoding="utf-8")):
        if block["kind"] != "console":
            assert not re.search(r"^\$ ", block["text"], re.MULTILINE), block["text"]


def test_what_is_left_out_is_no_license() -> None:
    """The comparison is one: another line, another order or a line more is not what is shown."""
    printed = ["one 1", "two 2", "three 3"]
    assert _is_shown(("one ...", "...", "three 3"), printed)
    for lines in (("one 1",), ("...", "two 2"), ("two 2", "...", "one 1"), ("one", "...")):
        assert not _is_shown(lines, printed)
