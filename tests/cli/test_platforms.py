"""The verb platforms: all that there are, and what one of them lists."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.commands import NIC, RESOLVE, Run, run_command
from tests.conftest import DEFINITIONS


def test_platforms_lists_all_that_there_are(capsys: Run) -> None:
    """Names, table and JSON have every file of definitions/platforms."""
    expected = {path.stem for path in (DEFINITIONS / "platforms").glob("*/*.toml")}

    assert expected == set(run_command(capsys, "platforms", "--names")[1].split())
    table = run_command(capsys, "platforms", "--all")[1].splitlines()
    assert expected == {line.split()[0] for line in table[1:]}
    lineages = run_command(capsys, "platforms")[1].split("\n\n")[0].splitlines()
    assert len(expected) == sum(int(line.split()[1]) for line in lineages[1:])
    document = json.loads(run_command(capsys, "platforms", "--json")[1])
    assert expected == {platform["name"] for platform in document["platforms"]}


def test_a_platform_shows_the_levels_of_its_edition(capsys: Run) -> None:
    """What a later one corrected is said where that is asked for alone."""
    levels = [
        json.loads(run_command(capsys, "platforms", f"linux-rhel-9.2@{edition}", "--json")[1])[
            "levels"
        ]
        for edition in ("2026.2", "2026.3")
    ]
    assert ["vfio" in each for each in levels] == [False, True]
    assert levels[0]["kvm-x86"] == levels[1]["kvm-x86"]


def test_a_platform_shows_what_it_lists_and_what_is_masked(
    capsys: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A site's mask is in every account of the platform, with its reason and date."""
    before = run_command(capsys, "platforms", "linux-6.9")[1]
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks" / "site.toml").write_text(
        "schema = 1\n[[mask]]\n"
        'platform = "linux-6.9"\nfeature = "virtio-net.host-uso"\n'
        'reason = "driver bug"\ndate = 2026-01-02\n'
        '[[mask]]\nplatform = "linux-6.8"\nfeature = "virtio-net.csum"\n'
        'reason = "another"\ndate = 2026-01-02\n'
    )
    monkeypatch.setenv("PLATFORM_ABI_PATH", str(tmp_path))
    after = run_command(capsys, "platforms", "linux-6.9")[1]
    document = json.loads(run_command(capsys, "platforms", "linux-6.9", "--json")[1])

    assert any(["virtio-net.host-uso", "on"] == line.split() for line in before.splitlines())
    assert not any(["virtio-net.host-uso", "on"] == line.split() for line in after.splitlines())
    assert "masked here: virtio-net.host-uso, 2026-01-02: driver bug (masks/site.toml)" in after
    assert "virtio-net.host-uso" not in document["features"]
    assert "virtio-net.csum" in document["features"]
    assert {"virtio-net.host-uso": "2026-01-02: driver bug (masks/site.toml)"} == document["masked"]
    _, explained, _ = run_command(capsys, "explain", "virtio-net-pci.host_uso", *RESOLVE[1:], *NIC)
    assert "platform off  (masks/site.toml: driver bug)" in explained
