"""An audit of a binary that says less of itself than is to be known."""

from __future__ import annotations

from pathlib import Path

import pytest

from platform_abi.cli.audit_qemu import run
from platform_abi.cli.options import AuditOptions
from tests.author.binaries import binary, machine, version


def test_without_a_compiler_an_audit_goes_on_and_says_what_it_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compat properties of a QEMU before 9.1 cannot be seen then; everything else can."""
    monkeypatch.setenv("CC", "no-such-compiler")
    answers = {
        "query-version": version("7.2.22", "Debian 1"),
        "query-machines": [machine("isapc", default=True)],
    }
    path = binary(tmp_path, answers, lists_compat=False)
    run(AuditOptions(binary=path))
    out, err = capsys.readouterr()
    assert "promises of qemu-7.2.22" in out
    assert "no C compiler" in err
