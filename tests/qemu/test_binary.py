"""Which file is the QEMU to run, for everybody who asks; and never this program."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platform_abi.errors import HostError
from platform_abi.qemu.binary import (
    find_qemu,
    guest_architecture,
    host_architecture,
    own_architecture,
    qemu_path,
)

ARCHITECTURES = ("x86_64", "aarch64", "ppc64", "riscv64", "s390x")


def _program(path: Path, text: str = "#!/bin/sh\n") -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


# --- names ---------------------------------------------------------------------------------------


@given(arch=st.sampled_from(ARCHITECTURES), folder=st.sampled_from(["", "/usr/bin/", "./"]))
def test_a_name_says_which_guests(arch: str, folder: str) -> None:
    """``qemu-platform-ARCH`` is for guests of ARCH, wherever it is; so QEMU's own name."""
    assert arch == own_architecture(f"{folder}qemu-platform-{arch}")
    assert own_architecture(f"{folder}qemu-platform") is None
    assert arch == guest_architecture(f"{folder}qemu-system-{arch}")
    assert arch == guest_architecture(f"{folder}qemu-system-{arch}-10.0")
    assert os.uname().machine == guest_architecture(f"{folder}qemu-kvm")
    # What is asked for counts where the name says nothing, as that of a wrapper.
    assert arch == guest_architecture(f"{folder}qemu-kvm", arch)
    assert arch == guest_architecture(f"{folder}qemu-system-{arch}", "riscv64")


# --- which QEMU ----------------------------------------------------------------------------------


def test_a_named_qemu_comes_first_then_the_variable_then_the_path(tmp_path: Path) -> None:
    """``--qemu`` beats PLATFORM_ABI_QEMU, which beats what PATH has for the architecture."""
    named, variable, found = (
        _program(tmp_path / place / "qemu-system-s390x") for place in ("named", "var", "bin")
    )
    environment = {"PATH": str(tmp_path / "bin")}
    both = {**environment, "PLATFORM_ABI_QEMU": variable}
    assert named == qemu_path(named, both, "s390x")
    assert variable == qemu_path(None, both, "s390x")
    assert found == qemu_path(None, environment, "s390x")
    assert found == qemu_path("qemu-system-s390x", both, "s390x")


@pytest.mark.parametrize("name", ["qemu-platform", "qemu-platform-s390x", "renamed"])
def test_this_program_is_never_found_as_a_qemu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Installed under QEMU's name and first on PATH, the QEMU behind it is found; named: an error.

    By its own name, whoever asks, or as the file that is running, whatever it is called.
    """
    own = _program(tmp_path / "own" / name)
    monkeypatch.setattr(sys, "argv", [own if name == "renamed" else "platform-abi"])
    (tmp_path / "own" / "qemu-system-s390x").symlink_to(own)
    real = _program(tmp_path / "real" / "qemu-system-s390x")
    environment = {"PATH": f"{tmp_path / 'own'}:{tmp_path / 'real'}"}
    assert real == qemu_path(None, environment, "s390x") == find_qemu(environment, "s390x")
    with pytest.raises(HostError, match="is this program") as error:
        qemu_path(str(tmp_path / "own" / "qemu-system-s390x"), environment, "s390x")
    assert "qemu-is-this" == error.value.code


@pytest.mark.parametrize(
    ("named", "environment"),
    [
        ("/no/such/qemu", {}),
        ("no-such-qemu", {"PATH": "/nowhere"}),
        (None, {"PATH": "/nowhere", "PLATFORM_ABI_QEMU": "/no/such/qemu"}),
        (None, {"PATH": "/nowhere"}),
        ("qemu\0", {"PATH": "/usr/bin"}),
        ("/etc/passwd", {}),
        ("/usr/bin", {}),
    ],
)
def test_what_cannot_be_run_is_not_found(named: str | None, environment: Mapping[str, str]) -> None:
    """Nothing there, no file, no permission: one error that names what was looked for."""
    with pytest.raises(HostError) as error:
        qemu_path(named, environment, "s390x")
    assert "qemu-not-found" == error.value.code
    assert "\0" not in error.value.message


def test_who_only_asks_is_told_the_same(tmp_path: Path) -> None:
    """``find_qemu`` takes the variable at its word, whether that is there or not."""
    there = _program(tmp_path / "bin" / "qemu-system-s390x")
    path = {"PATH": str(tmp_path / "bin")}
    assert there == find_qemu(path, "s390x")
    assert there == find_qemu({**path, "PLATFORM_ABI_QEMU": ""}, "s390x")
    assert "/no/such" == find_qemu({**path, "PLATFORM_ABI_QEMU": "/no/such"}, "s390x")
    assert find_qemu(path, "ppc64") is None
    assert find_qemu({"PATH": "/nowhere"}, "s390x") is None


@pytest.mark.parametrize(
    ("machine", "arch"),
    [
        ("ppc64le", "ppc64"),
        ("i686", "i386"),
        ("armv7l", "arm"),
        ("x86_64", "x86_64"),
        ("new", "new"),
    ],
)
def test_a_hosts_qemu_is_looked_for_under_qemus_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, machine: str, arch: str
) -> None:
    """What the kernel calls an architecture is not always what QEMU's programs are called by."""
    here = os.uname()
    monkeypatch.setattr(
        os,
        "uname",
        lambda: os.uname_result((*here[:4], machine)),
    )
    program = _program(tmp_path / f"qemu-system-{arch}")
    environment = {"PATH": str(tmp_path)}
    assert arch == host_architecture() == guest_architecture("/usr/libexec/qemu-kvm")
    assert program == qemu_path(None, environment, host_architecture())
