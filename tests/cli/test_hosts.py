"""Reports that a command line names: a file, standard input; and what a site prefers."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.cli.hosts import POLICY_VARIABLE, choose, policy, report_of
from tests.compat.strategies import full_report


def test_a_report_comes_from_a_file_or_from_standard_input(
    catalogue: pa.FileCatalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same report either way; errors call it by its name."""
    report = full_report(catalogue)
    file = tmp_path / "host.json"
    file.write_text(pa.report_line(report))
    assert report == report_of(catalogue, str(file))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(file.read_bytes())))
    assert report == report_of(catalogue, "-")
    file.write_text(json.dumps({"schema_version": 1}))
    with pytest.raises(pa.ReportError, match=r"host\.json"):
        report_of(catalogue, str(file))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"nonsense")))
    with pytest.raises(pa.ReportError, match="standard input"):
        report_of(catalogue, "-")
    with pytest.raises(pa.HostError):
        report_of(catalogue, str(tmp_path / "missing.json"))


@pytest.mark.parametrize(
    ("prefers", "wanted", "expected"),
    [
        (None, None, "linux-6.18"),
        ("", None, "linux-6.18"),
        ("conservative", None, "conservative"),
        ("conservative", "newest", "linux-6.18"),
        ("newest", "conservative", "conservative"),
    ],
)
def test_what_is_wanted_comes_before_what_a_site_prefers(
    catalogue: pa.FileCatalogue,
    monkeypatch: pytest.MonkeyPatch,
    prefers: str | None,
    wanted: str | None,
    expected: str,
) -> None:
    """And the newest where nobody prefers anything."""
    monkeypatch.delenv(POLICY_VARIABLE, raising=False)
    if prefers is not None:
        monkeypatch.setenv(POLICY_VARIABLE, prefers)
    report = full_report(catalogue)
    chosen = choose(pa.query_platforms(catalogue, report), report, wanted)
    assert chosen is not None
    assert expected == chosen.name
    assert (prefers or "newest") == policy()
