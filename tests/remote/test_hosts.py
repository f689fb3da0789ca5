"""Reports of hosts that have nothing of this package."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from attrs import evolve

import platform_abi as pa
from platform_abi.host.probe import probe
from platform_abi.remote.hosts import ask_hosts
from platform_abi.remote.script import Wishes
from tests.remote.hosts import RUN, ssh


def test_a_report_is_that_of_an_installed_probe(
    catalogue: pa.FileCatalogue, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """But that it is called as the host was asked for."""
    ssh(monkeypatch, tmp_path)
    (found,) = ask_hosts(catalogue, ["ssh:root@node7"], Wishes(qemus=()))
    assert ("ssh:root@node7", None, ()) == (found.name, found.error, found.remarks)
    expected = pa.from_configuration(catalogue, probe(catalogue.capabilities()))
    assert evolve(expected, name="root@node7") == found.report


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"schema_version": 2, "kind": "host-report", "host": {}}, "report-schema"),
        ({"schema_version": 1, "kind": "host-report", "host": {"system": 1}}, "report-invalid"),
        ({"schema_version": 1, "kind": "host-report", "nonsense": 1}, "report-invalid"),
    ],
)
def test_a_report_of_another_host_is_not_believed(
    catalogue: pa.FileCatalogue,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    body: dict[str, object],
    code: str,
) -> None:
    """What is wrong with it is that host's error; the others have their reports."""
    (tmp_path / "report").write_text(json.dumps(body, separators=(",", ":")) + "\n")
    lines = f'case "$*" in *strange*) exec cat {tmp_path}/report;; esac\n{RUN}'
    ssh(monkeypatch, tmp_path, lines)
    names = ["ssh:strange", "ssh:node7"]
    strange, node7 = ask_hosts(catalogue, names, Wishes(qemus=()))
    assert strange.error is not None
    assert (code, None) == (strange.error.code, strange.report)
    assert "ssh:strange" in str(strange.error)
    assert node7.report is not None
