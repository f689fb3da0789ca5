"""What a host says of itself: its distribution, its processor, how its kernel was built."""

from __future__ import annotations

import gzip
import io
import os
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platform_abi.host import kernel

_OPTIONS = st.sampled_from(["KVM", "TUN", "VHOST_NET", "KVM_AMD"])
_VALUES = st.sampled_from(["y", "m", "n", "100", '"text"', ""])


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Return the files that are read instead of this host's, by their names."""
    there: dict[str, bytes] = {}

    def read(path: str, size: int = 65536) -> str:
        if path not in there:
            raise FileNotFoundError(2, "none")
        return there[path][:size].decode("utf-8", "replace").strip()

    def opened(path: str, mode: str, *, buffering: int) -> io.BytesIO:
        assert (mode, buffering) == ("rb", 0)
        if path not in there:
            raise FileNotFoundError(2, "none")
        stream = io.BytesIO(there[path])
        stream.readall = stream.read  # type: ignore[attr-defined]
        return stream

    monkeypatch.setattr(kernel, "read", read)
    monkeypatch.setattr(kernel, "open", opened, raising=False)
    return there


def _said(monkeypatch: pytest.MonkeyPatch, *options: str) -> dict[tuple[str, str], Any]:
    said: list[tuple[Any, ...]] = []
    monkeypatch.setattr(kernel, "say", lambda *words: said.append(words))
    kernel.answer(options)
    found = {(kind, name): value for kind, name, value in said}
    assert len(found) == len(said)
    return found


@given(st.dictionaries(_OPTIONS, _VALUES), st.lists(_OPTIONS, unique=True))
def test_an_option_is_as_the_configuration_has_it(set_: dict[str, str], asked: list[str]) -> None:
    """Those that were asked for, in their order; one that is not mentioned is not said off."""
    lines = ["#", "# Automatically generated file; DO NOT EDIT.", "# CONFIG_OTHER is not set"]
    for name, value in set_.items():
        lines.append(f"# CONFIG_{name} is not set" if value == "n" else f"CONFIG_{name}={value}")
    expected = [(name, set_[name].strip('"')) for name in asked if name in set_]
    assert expected == kernel._set("\n".join([*lines, ""]), asked)


def test_a_host_without_any_file_says_no_more_than_it_knows(
    files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container; a page has a size all the same."""
    assert not files
    assert _said(monkeypatch, "KVM") == {
        ("host", "distribution"): "",
        ("host", "distribution_version"): "",
        ("host", "distribution_like"): "",
        ("number", "page-size"): os.sysconf("SC_PAGE_SIZE"),
    }


def test_a_host_says_what_it_is(files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """os-release(5), the first processor, sizes and switches of this kernel."""
    files["/etc/os-release"] = (
        b'NAME="Red Hat"\nID="rhel"\nVERSION_ID=\'9.5\'\nID_LIKE="fedora x"\nX=1\n'
    )
    files["/proc/cpuinfo"] = (
        b"processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 85\n"
        b"model name\t: Intel(R) 1\nstepping\t: 4\n\nprocessor\t: 1\nvendor_id\t: Other\n"
    )
    files["/sys/kernel/mm/transparent_hugepage/hpage_pmd_size"] = b"2097152\n"
    files["/proc/sys/kernel/unprivileged_bpf_disabled"] = b"2\n"
    said = _said(monkeypatch)
    assert ("rhel", "9.5", "fedora x") == tuple(
        said["host", key] for key in ("distribution", "distribution_version", "distribution_like")
    )
    assert ("GenuineIntel", "6.85.4") == (said["value", "cpu.vendor"], said["value", "cpu.model"])
    assert 2097152 == said["number", "thp-size"]
    assert "2" == said["value", "unprivileged-bpf-disabled"]


@pytest.mark.parametrize("text", [b"garbage\n", b"", b"vendor_id\t: \nmodel\t: x\nstepping\t: 4\n"])
def test_what_cannot_be_read_is_not_said(
    files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, text: bytes
) -> None:
    """A processor of another architecture says other things of itself; no half of it is taken."""
    for path in ("/proc/cpuinfo", "/sys/kernel/mm/transparent_hugepage/hpage_pmd_size"):
        files[path] = text
    said = _said(monkeypatch)
    assert not {"cpu.vendor", "cpu.model", "thp-size"} & {name for _, name in said}


@pytest.mark.parametrize("where", ["/usr/lib/os-release", "/etc/os-release"])
def test_a_distribution_without_an_id_is_linux(
    files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """As os-release(5) has it."""
    files[where] = b"NAME=x\n"
    assert "linux" == _said(monkeypatch)["host", "distribution"]


def test_the_running_kernels_own_word_comes_first(
    files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then what its package left; what is damaged is passed over."""
    release = os.uname().release
    places = [f"/usr/lib/modules/{release}/config", f"/lib/modules/{release}/config",
              f"/boot/config-{release}"]  # fmt: skip
    for value, place in enumerate(places):
        files[place] = f"CONFIG_KVM={value}\n".encode()
        assert str(value) == _said(monkeypatch, "KVM", "TUN")["config", "KVM"]
    files["/proc/config.gz"] = b"no gzip"
    assert "2" == _said(monkeypatch, "KVM")["config", "KVM"]
    files["/proc/config.gz"] = gzip.compress(b"CONFIG_KVM=y\n")
    assert "y" == _said(monkeypatch, "KVM")["config", "KVM"]


def test_this_very_host_can_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it is: every value is a word or a number."""
    said = _said(monkeypatch, "KVM")
    assert {kind for kind, _ in said} <= {"host", "number", "value", "config"}
    assert os.sysconf("SC_PAGE_SIZE") == said["number", "page-size"]
