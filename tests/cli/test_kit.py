"""The verbs of who writes definitions: new, lint, install, freeze."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.commands import Run, run_command
from tests.definitions.site import small
from tests.documents import validated


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return this user's own folder of definitions, which is not there yet."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for variable in ("XDG_CONFIG_HOME", "PLATFORM_ABI_PATH"):
        monkeypatch.delenv(variable, raising=False)
    return tmp_path / ".config" / "platform-abi"


PLATFORM = ("new", "platform", "linux-acme-6.9", "--extends", "linux-6.6")
FEATURE = ("new", "feature", "virtio-net.acme", "--requires", "tap=tun.uso", "--property")


def test_from_nothing_to_a_platform_that_resolves(home: Path, capsys: Run) -> None:
    """One command writes it, and the next resolves with it."""
    code, out, err = run_command(capsys, *PLATFORM, "--level", "kvm-x86=6.9")
    path = home / "platforms" / "acme" / "linux-acme-6.9.toml"
    assert (code, out, err) == (0, f"{path}\n", "")
    code, out, err = run_command(capsys, "lint", str(home))
    assert (code, out, err) == (0, "nothing is wrong\n", "")
    nic = ("--device", "virtio-net-pci,netdev=n", "--netdev", "tap,id=n")
    words = ("resolve", "-M", "pc-q35-9.1", *nic, "--platform")
    code, out, _ = run_command(capsys, *words, "linux-acme-6.9")
    assert code == 0
    assert "virtio-net-device.host_uso=on" in out
    # A name never changes its meaning.
    code, _, err = run_command(capsys, *PLATFORM)
    assert code == 2
    assert "platform-name" in err


def test_a_feature_that_no_qemu_has_is_not_written(home: Path, capsys: Run) -> None:
    """What it may have been is said; nothing is there that others would stumble over."""
    code, out, err = run_command(capsys, *FEATURE, "virtio-net-device.statuss")
    path = home / "features" / "virtio-net.toml"
    assert code == 1
    assert out == f"not written: {path}\n"
    assert "lint-property" in err
    assert "did you mean 'status'" in err
    assert not home.exists()
    code, out, err = run_command(capsys, *FEATURE, "virtio-net-device.status")
    assert (code, out) == (0, f"{path}\n")
    assert "lint-source" in err
    code, out, err = run_command(capsys, "features", "virtio-net.acme")
    assert code == 0


def test_a_mask_and_a_capability_are_begun(home: Path, capsys: Run) -> None:
    """And lint says what they lack, as a document too."""
    words = ("new", "mask", "virtio-net.host-uso", "--reason", "it fails")
    assert run_command(capsys, *words)[0] == 0
    words = ("new", "capability", "tun.acme", "--since", "99.1")
    code, out, err = run_command(capsys, *words)
    assert code == 1
    assert "lint-kernel" in err
    words = ("new", "capability", "tun.acme", "--since", "6.9")
    assert run_command(capsys, *words)[0] == 0
    code, out, _ = run_command(capsys, "lint", "--json", str(home))
    assert code == 0
    found = validated("lint", out)
    assert found["ok"]
    assert found["findings"] == []


def test_a_broken_folder_is_no(tmp_path: Path, capsys: Run) -> None:
    """Exit code 1, and each fault with its place."""
    folder = tmp_path / "site"
    (folder / "masks").mkdir(parents=True)
    (folder / "masks" / "a.toml").write_text("schema = ")
    (folder / "masks" / "b.toml").write_text("schema = 1\n[[mask]]\nplatform = 1\n")
    code, out, err = run_command(capsys, "lint", str(folder))
    assert code == 1
    assert "a.toml:1:" in err
    assert "b.toml:" in err
    assert out.endswith("found\n")
    assert run_command(capsys, "lint", "--alone")[0] == 2
    assert run_command(capsys, "lint", f"{folder}/nowhere")[0] == 2


def test_a_file_is_installed_whole_or_not_at_all(home: Path, tmp_path: Path, capsys: Run) -> None:
    """Where others have it already, only --force replaces it; a place of one's own is told of."""
    elsewhere = tmp_path / "elsewhere"
    assert run_command(capsys, *PLATFORM, "-o", str(elsewhere))[0] == 0
    path = elsewhere / "platforms" / "acme" / "linux-acme-6.9.toml"
    code, out, _ = run_command(capsys, "install", "--json", str(path))
    assert code == 0
    assert validated("install", out)["files"] == ["platforms/acme/linux-acme-6.9.toml"]
    path.write_text(path.read_text().replace("linux-6.6", "linux-6.7"))
    code, _, err = run_command(capsys, "install", str(elsewhere))
    assert code == 2
    assert "--force" in err
    assert run_command(capsys, "install", "--force", str(elsewhere))[0] == 0
    there = (home / "platforms" / "acme" / "linux-acme-6.9.toml").read_text()
    assert there == path.read_text()
    code, _, err = run_command(capsys, "install", str(path), "-o", str(tmp_path / "third"))
    assert code == 0
    assert "PLATFORM_ABI_PATH" in err
    assert run_command(capsys, "install", f"{elsewhere}/nowhere")[0] == 4
    assert run_command(capsys, "install", str(path), "--system", "-o", "x")[0] == 2


def test_an_edition_is_begun_followed_and_released(tmp_path: Path, capsys: Run) -> None:
    """Its lock lies among the definitions; what is out of order is refused."""
    folder = tmp_path / "whole"
    small(folder)
    (folder / "masks" / "site.toml").unlink()
    words = ("freeze", "--definitions", str(folder))
    code, out, _ = run_command(capsys, *words, "2027.1")
    assert code == 0
    assert out.endswith("2027.1: open\n")
    code, out, _ = run_command(capsys, *words, "2027.1", "--release", "--json")
    assert code == 0
    assert validated("freeze", out)["released"]
    code, _, err = run_command(capsys, *words, "2026.1")
    assert code == 2
    assert json.loads(run_command(capsys, *words, "2026.0", "--json")[1] or "{}") is not None
    assert "edition" in err


@pytest.mark.parametrize(
    "words",
    [
        ("--level", "kvm-x86"),
        ("--level", "tunn=6.9"),
        ("--released", "soon"),
        ("--lineage", "../etc"),
    ],
)
def test_a_malformed_option_is_named(words: tuple[str, ...], capsys: Run, home: Path) -> None:
    """With what was expected; nothing is written."""
    code, _, err = run_command(capsys, *PLATFORM, *words)
    assert code == 2
    assert "help:" in err
    assert not home.exists()
