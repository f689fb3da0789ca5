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


def test_two_editions_are_compared_for_people(capsys: Run) -> None:
    """Under a heading each: what, from what to what, why, and which platforms."""
    assert (0, "", "") == run_command(capsys, "diff", "edition", "2026.2", "2026.2")
    code, out, err = run_command(capsys, "diff", "edition", "2026.1", "2026.2")
    assert (1, "") == (code, err)
    lines = out.splitlines()
    at = lines.index("  x86-cpu.kvm-asyncpf: on, not listed -> off, not listed")
    assert "What a platform gives otherwise:" in lines[:at]
    assert lines[at + 1].startswith("      conservative asked")
    assert lines[at + 2].startswith("      conservative, ")
    # What a guest may ask for from now on, and its default stays, is said in those words.
    vouched = lines.index("What a platform vouches for otherwise, with the same default:")
    assert vouched > at
    assert "  virtio-net.guest-rsc-ext: a guest may no longer ask for it" not in lines[:vouched]
    _, out, _ = run_command(capsys, "diff", "edition", "2026.2", "2026.3")
    assert "  hyperv.xmm-input: a guest may ask for it" in out.splitlines()
    assert 2 == run_command(capsys, "diff", "edition", "2026.1", "2026.99")[0]
