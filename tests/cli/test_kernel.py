"""The verb kernel: what a source has, whether its platform is right, a platform of it."""

from __future__ import annotations

from pathlib import Path

from tests.author import kernels
from tests.cli.commands import Run, run_command
from tests.documents import validated


def test_a_platform_that_promises_what_the_source_lacks_is_a_no(
    capsys: Run, tmp_path: Path
) -> None:
    """By the release of the tree, where nobody names a platform; each with its witness."""
    place = str(kernels.folder(tmp_path))
    code, out, _ = run_command(capsys, "kernel", place, "--json")
    found = validated("kernel", out)
    assert (code, found["ok"], found["platform"].partition("@")[0]) == (1, False, "linux-6.2")
    seen = {each["capability"]: each for each in found["capabilities"]}
    assert seen["tun.uso"]["witness"] == "drivers/net/tun.c:8"
    assert (seen["kvm.sregs2"]["state"], seen["kvm.sregs2"]["expected"]) == ("absent", "present")
    code, out, _ = run_command(capsys, "kernel", place)
    assert code == 1
    assert "6.2.5-acme: " in out
    assert "tun.uso " not in out  # as its release says
    assert "broken" in out
    assert "tun.uso " in run_command(capsys, "kernel", place, "--all")[1]
    code, out, _ = run_command(capsys, "kernel", place, "--platform", "conservative")
    assert code == 0
    assert "conservative@" in out


def test_a_platform_is_written_where_definitions_are_read(capsys: Run, tmp_path: Path) -> None:
    """And with a configuration, it assumes what is on in it."""
    place, to = str(kernels.folder(tmp_path / "linux")), tmp_path / "to"
    config = tmp_path / "config"
    config.write_text("CONFIG_TUN=m\n")
    words = ("kernel", place, "--config", str(config), "--propose", "linux-acme-3")
    code, out, _ = run_command(capsys, *words, "--title", "Acme", "-o", str(to))
    path = to / "platforms" / "acme" / "linux-acme-3.toml"
    assert (code, out) == (0, f"{path}\n")
    assert 'title = "Acme"' in path.read_text()
    assert '"TUN"' in path.read_text()
    assert "MACVTAP" not in path.read_text()
    # A name never changes its meaning.
    assert run_command(capsys, *words, "-o", str(to))[0] == 2


def test_a_configuration_alone_says_what_is_off(capsys: Run, tmp_path: Path) -> None:
    """Nothing is there by it; nothing at all to look at is an error."""
    config = tmp_path / "config"
    config.write_text("CONFIG_KVM=m\n")
    code, out, _ = run_command(capsys, "kernel", "--config", str(config), "--json")
    found = validated("kernel", out)
    assert (code, found["platform"]) == (0, None)
    seen = {each["capability"]: each["state"] for each in found["capabilities"]}
    assert (seen["tun.uso"], seen["kvm.sregs2"]) == ("absent", "unknown")
    assert run_command(capsys, "kernel")[0] == 2
