"""A kernel's source, read wherever it lies: the same files, and nothing else of it."""

from __future__ import annotations

import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platform_abi.author.kernel_tree import read_configuration, read_tree, uncommented
from platform_abi.errors import HostError, PlatformAbiError, UsageError
from platform_abi.model.kernel_source import KernelSources
from tests.author import kernels

WANTED = KernelSources(
    kconfig=("drivers/net/t*.c", "drivers/net/Kconfig", "include/uapi/linux/kvm.h", "no/such.c"),
    vendors={"Acme": ("Makefile.acme", "ACME_MAJOR", "ACME_MINOR")},
)


@pytest.mark.parametrize("made", [kernels.folder, kernels.tarball, kernels.repository])
def test_a_tree_is_the_same_wherever_it_lies(made: Callable[[Path], Path], tmp_path: Path) -> None:
    """A folder, a tarball, a commit: its release, and the files that were asked for."""
    revision = "v6.2" if made is kernels.repository else None
    found = read_tree(str(made(tmp_path)), WANTED, revision=revision)
    assert (found.release, found.version, found.vendor) == ("6.2.5-acme", "6.2", "")
    assert {*found.texts} == {
        *("Makefile", "drivers/net/tun.c", "drivers/net/Kconfig", "include/uapi/linux/kvm.h")
    }
    assert found.texts["drivers/net/tun.c"] == kernels.TUN


def test_a_revision_is_a_commit_and_a_folder_what_is_checked_out(tmp_path: Path) -> None:
    """What was taken away again is gone without a revision, and in that of its tag it is there."""
    place = str(kernels.repository(tmp_path))
    for revision, there in ((None, False), ("HEAD", False), ("v6.2", True)):
        found = read_tree(place, WANTED, revision=revision)
        assert ("drivers/net/tun.c" in found.texts) is there
    # A bare repository has nothing checked out: its newest commit is meant.
    assert "drivers/net/tun.c" not in read_tree(f"{place}/.git", WANTED).texts


def test_a_kernel_of_a_vendor_says_so(tmp_path: Path) -> None:
    """Its own release is beside the upstream one that it began with."""
    acme = {"Makefile": kernels.MAKEFILE, "Makefile.acme": "ACME_MAJOR = 9\nACME_MINOR = 3\n"}
    found = read_tree(str(kernels.folder(tmp_path, acme)), WANTED)
    assert (found.vendor, found.version) == ("Acme 9.3", "6.2")


def test_what_is_no_kernel_is_an_error(tmp_path: Path) -> None:
    """With its code: nothing there, nothing of a kernel in it, no such revision, no archive."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").write_text("nothing")
    (tmp_path / "part.tar.xz").write_bytes(kernels.tarball(tmp_path).read_bytes()[:200])
    cases: list[tuple[str, str | None, type[PlatformAbiError], str]] = [
        ("nowhere", None, HostError, "kernel-unreadable"),
        ("empty", None, UsageError, "kernel-none"),
        ("text", None, HostError, "kernel-unreadable"),
        ("part.tar.xz", None, HostError, "kernel-unreadable"),
        ("text", "v6.2", UsageError, "usage"),
    ]
    for name, revision, kind, code in cases:
        with pytest.raises(kind) as caught:
            read_tree(str(tmp_path / name), WANTED, revision=revision)
        assert caught.value.code == code


def test_no_such_revision_is_an_error(tmp_path: Path) -> None:
    """Neither one that the repository does not have, nor an option of git."""
    place = str(kernels.repository(tmp_path))
    with pytest.raises(HostError) as caught:
        read_tree(place, WANTED, revision="v9")
    assert caught.value.code == "kernel-unreadable"
    with pytest.raises(UsageError, match="no revision"):
        read_tree(place, WANTED, revision="--help")


def test_a_missing_git_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not as a file of the kernel that is missing."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HostError, match="git is not installed"):
        read_tree(str(tmp_path), WANTED, revision="v6.2")


CONFIGURATION = """\
#
# Linux/x86 6.2.5 Kernel Configuration
#
CONFIG_TUN=m
# CONFIG_TUN_VNET_CROSS_LE is not set
CONFIG_LOCALVERSION=""
"""


@pytest.mark.parametrize("packed", [bytes, gzip.compress, lzma.compress])
def test_a_configuration_is_the_same_however_it_is_packed(
    packed: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    """What is on, what is off, and the architecture that it is of."""
    path = tmp_path / "config"
    path.write_bytes(packed(CONFIGURATION.encode()))
    found = read_configuration(str(path))
    assert found.arch == "x86"
    assert found.options == {"TUN": "m", "TUN_VNET_CROSS_LE": "n", "LOCALVERSION": '""'}


def test_what_is_no_configuration_is_an_error(tmp_path: Path) -> None:
    """Nothing would be on in it, and everything be said to be missing."""
    (tmp_path / "config").write_text("TUN=y\n")
    with pytest.raises(UsageError) as caught:
        read_configuration(str(tmp_path / "config"))
    assert caught.value.code == "kernel-config"
    (tmp_path / "config").write_bytes(gzip.compress(CONFIGURATION.encode())[:40])
    with pytest.raises(HostError):
        read_configuration(str(tmp_path / "config"))


PIECES = st.sampled_from(["a", "/*", "*/", "//", '"', "'", "\\", "\n", " ", "KVM_CAP_X"])


@given(st.lists(PIECES).map("".join))
def test_each_line_keeps_its_number_without_comments(text: str) -> None:
    """And nothing is there that was not."""
    found = uncommented(text)
    assert found.count("\n") == text.count("\n")
    assert {*found.split()} <= {*text.split()} or len(found) <= len(text)


def test_a_comment_is_no_code_and_a_string_no_comment() -> None:
    """What a comment speaks of is not there; what looks like one in a string is."""
    assert "TUN_F_UDP_TUNNEL_GSO" not in uncommented(kernels.TUN)
    assert uncommented('a("/*"); b /* c\n */ d // e') == 'a("/*"); b \n  d  '
