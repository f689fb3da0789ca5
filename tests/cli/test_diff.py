"""The verb diff: what differs, and nothing where nothing does."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.commands import PINNED, Run, run_command


def test_two_lockfiles_are_compared(capsys: Run, tmp_path: Path) -> None:
    """The verb diff says what differs and exits with 1, or says nothing and exits with 0."""
    old, new = str(tmp_path / "old"), str(tmp_path / "new")
    run_command(capsys, *PINNED, "--lock", new)
    run_command(capsys, *PINNED, "--platform", "linux-6.1", "--lock", old)

    assert (0, "", "") == run_command(capsys, "diff", "abi", new, new)
    code, out, _ = run_command(capsys, "diff", "abi", old, new)
    assert 1 == code
    assert any(
        ["setting", "virtio-net-device.host_uso", "off", "on"] == line.split()
        for line in out.splitlines()
    )
    code, out, _ = run_command(capsys, "diff", "abi", old, new, "--json")
    assert 1 == code
    assert {
        "kind": "setting",
        "what": "virtio-net-device.host_uso",
        "before": "off",
        "after": "on",
    } in json.loads(out)["differences"]
