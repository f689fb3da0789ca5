"""What runs on a host that has nothing of this package: what it says of QEMUs that it finds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import platform_abi as pa
from platform_abi.host.document import read_report
from platform_abi.model.host import CPU_MODELS
from platform_abi.remote.script import Wishes, probe_script
from tests.host.probing import capability, catalogued
from tests.qemu.programs import eventually, qemu, running, script, token

_ASKED = catalogued(
    capability("node", "device-node", "/dev/null"),
    capability("netdev.tap", "qemu-netdev", "tap"),
    capability("netdev.passt", "qemu-netdev", "passt"),
)

_ANSWERS: dict[str, Any] = {
    "query-version": {"qemu": {"major": 9, "minor": 1, "micro": 0}, "package": "vendor-9.1.0-15"},
    "query-target": {"arch": "x86_64"},
    "query-machines": [
        {"name": "pc-q35-9.1", "alias": "q35", "cpu-max": 1, "deprecated": False},
        {"name": "pc", "is-default": True, "cpu-max": 1, "deprecated": True},
        {"name": "none", "cpu-max": 1},
    ],
    "query-kvm": {"enabled": True, "present": True},
    "query-cpu-definitions": [{"name": "b", "unavailable-features": []}],
    "qom-list-types": [{"name": "e1000"}, {"name": "virtio-net-pci"}],
}


def _asked(wishes: Wishes, **environment: str) -> tuple[pa.HostReport, str]:
    """Return the report of a script that asks for little, and what it said went wrong."""
    done = subprocess.run(
        [sys.executable, "-I", "-"],
        input=probe_script(_ASKED, wishes).encode(),
        capture_output=True,
        env={**os.environ, **environment},
        timeout=60,
        check=False,
    )
    assert 0 == done.returncode, done.stderr.decode()
    return read_report(done.stdout, "its report"), done.stderr.decode()


def test_a_qemu_says_what_it_is_and_has(tmp_path: Path) -> None:
    """Version, package, machine types, netdevs and CPU models; what they come to is for others."""
    path = qemu(tmp_path, _ANSWERS)
    report, said = _asked(Wishes(qemus=(path,)))
    assert "" == said
    (found,) = report.qemus
    assert ("x86_64", "9.1.0", "vendor-9.1.0-15", path) == (
        *(found.arch, found.version, found.package, found.path),
    )
    assert ("", "", "") == (found.build, found.fingerprint, found.content)
    assert {"pc-q35-9.1": ("q35",), "pc": ()} == {
        each.name: each.aliases for each in found.machines
    }
    assert [(False, False), (True, True)] == [(m.default, m.deprecated) for m in found.machines]
    assert {"node": "present", "netdev.tap": "present", "netdev.passt": "absent"} == {
        name: fact.state for name, fact in report.facts.items()
    }
    assert ("b",) == report.sets[CPU_MODELS]
    assert (("e1000", "virtio-net-pci"), None) == (found.drivers, found.lacking)
    assert "9.1.0" == report.values["qemu.version"]


def test_the_usual_qemu_of_that_host_is_asked(tmp_path: Path) -> None:
    """The one that it would use, by its environment; none where none is wished for."""
    path = qemu(tmp_path, _ANSWERS)
    report, _ = _asked(Wishes(), PLATFORM_ABI_QEMU=path)
    assert [path] == [each.path for each in report.qemus]
    assert [True] == [each.usual for each in report.qemus]
    assert not _asked(Wishes(qemus=()), PLATFORM_ABI_QEMU=path)[0].qemus


@pytest.mark.parametrize("lines", ["exit 3", "exec sleep TOKEN", "exec yes", "echo nonsense"])
def test_a_qemu_that_says_nothing_is_a_remark(tmp_path: Path, lines: str) -> None:
    """And no failure: the host's own facts are told, what only a QEMU knows is unknown."""
    mark = token()
    path = script(tmp_path, lines.replace("TOKEN", mark))
    report, said = _asked(Wishes(qemus=(path,), qemu_timeout=1.0))
    assert said.startswith("platform-abi: no QEMU asked: ")
    assert ("present", "unknown") == (report.state("node"), report.state("netdev.tap"))
    assert not report.qemus
    assert eventually(lambda: not running(mark))


@pytest.mark.parametrize(
    "answers",
    [
        {"query-version": {"qemu": {}}},
        {"query-version": 1},
        {"query-target": {}},
        {"query-machines": [None]},
        {"query-machines": [{"alias": 1}]},
    ],
)
def test_a_qemu_that_makes_no_sense_is_a_remark(tmp_path: Path, answers: dict[str, Any]) -> None:
    """What it says is no more believed there than here."""
    report, said = _asked(Wishes(qemus=(qemu(tmp_path, {**_ANSWERS, **answers}),)))
    assert said.startswith("platform-abi: no QEMU reported: ")
    assert "present" == report.state("netdev.tap")
    assert not report.qemus


def test_it_ends_by_itself_where_nobody_waits_for_it(tmp_path: Path) -> None:
    """Whatever it waits for, after its time it is gone, and so is the QEMU that it had started."""
    mark = token()
    path = script(tmp_path, f"exec sleep {mark}")
    text = probe_script(_ASKED, Wishes(qemus=(path,), qemu_timeout=50.0))
    limited = text.replace("ORDER = r'''{\"limit\": 211,", "ORDER = r'''{\"limit\": 2,")
    assert limited != text
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-I", "-"], input=limited.encode(), capture_output=True, check=False
    )
    assert 0 > done.returncode
    assert 20 > time.monotonic() - began
    assert eventually(lambda: not running(mark))


def test_its_report_is_as_it_is_printed(tmp_path: Path) -> None:
    """One line of JSON, and nothing else."""
    done = subprocess.run(
        [sys.executable, "-I", "-"],
        input=probe_script(_ASKED, Wishes(qemus=(qemu(tmp_path, _ANSWERS),))).encode(),
        capture_output=True,
        check=True,
    )
    (line,) = done.stdout.splitlines()
    assert "host-report" == json.loads(line)["kind"]
