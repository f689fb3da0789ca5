"""A timer that writes metrics, and a script that collects reports over ssh."""

from __future__ import annotations

import configparser
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from platform_abi.cli.options import VERBS
from platform_abi.cli.parser import parse
from platform_abi.inventory.store import Store
from tests.examples.conftest import EXAMPLES, Running, install
from tests.remote.hosts import RUN, ssh

UNITS = EXAMPLES / "systemd"


def _command() -> list[str]:
    unit = configparser.RawConfigParser(strict=True)
    unit.read(UNITS / "platform-abi-metrics.service", encoding="utf-8")
    return shlex.split(unit["Service"]["ExecStart"])


def test_the_service_writes_metrics_where_it_may_write() -> None:
    """Its command is one that is taken, and its file is below the only folder that it may write."""
    program, *words = _command()
    assert "platform-abi" == program
    verb, options = parse(VERBS, words)
    assert ("host", "prometheus") == (verb, options.__dict__["format"])
    unit = configparser.RawConfigParser(strict=True)
    unit.read(UNITS / "platform-abi-metrics.service", encoding="utf-8")
    folder = Path(options.__dict__["output"]).parent
    assert str(folder) == unit["Service"]["ReadWritePaths"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    """Nothing in them is unknown to it, or ignored."""
    programs = tmp_path / "bin"
    programs.mkdir()
    install(programs, "platform-abi", "#!/bin/sh\n")
    for name in ("service", "timer"):
        text = (UNITS / f"platform-abi-metrics.{name}").read_text(encoding="utf-8")
        text = text.replace("ExecStart=platform-abi", f"ExecStart={programs}/platform-abi")
        (tmp_path / f"platform-abi-metrics.{name}").write_text(text, encoding="utf-8")
    units = [str(tmp_path / f"platform-abi-metrics.{name}") for name in ("service", "timer")]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (0, "") == (done.returncode, done.stderr)


def test_reports_are_collected_and_who_is_gone_is_named(
    run: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each host that answers is kept under its name, once; the exit code says that one did not."""
    ssh(monkeypatch, tmp_path, f'case "$*" in *gone*) echo no route >&2; exit 255;; esac\n{RUN}')
    monkeypatch.setenv("PLATFORM_ABI_QEMU", "")
    hosts = tmp_path / "hosts"
    hosts.write_text("# the rack\nnode7\n\nroot@node8\ngone\n", encoding="utf-8")
    store = tmp_path / "fleet.duckdb"
    programs = f"{tmp_path}/bin:{tmp_path}:/usr/bin:/bin"
    for _ in range(2):
        done = run(
            "systemd/collect-reports", str(hosts), this="constructed-debian-12.json",
            PLATFORM_ABI_FLEET=str(store), PATH=programs,
        )  # fmt: skip
        assert 4 == done.returncode, done.stderr
        assert "error[host-unreachable]: ssh:gone" in done.stderr
    assert "hosts: 0 new, 0 changed, 2 as before" in done.stdout
    with Store.open(store) as kept:
        assert ["node7", "root@node8"] == kept.names("host")
