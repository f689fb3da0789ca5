"""What Debian's lists have that nothing here knows."""

from __future__ import annotations

import gzip
import lzma
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.model.platform import version_key
from tools.pages.kernels import records
from tools.upstream_news import main, news, packages

STANZA = """\
Package: {name}
Source: linux
Installed-Size: 1
Version: {version}
Description: a package
"""


def _list(*entries: tuple[str, str]) -> str:
    return "\n".join(STANZA.format(name=name, version=version) for name, version in entries)


def test_what_is_known_is_no_news(catalogue: pa.FileCatalogue) -> None:
    """The releases that were recorded, an older one, a candidate, and what is no kernel at all."""
    known = [
        (f"linux-source-{'.'.join(each['release'].split('.')[:2])}", f"{each['release']}-1")
        for each in records().values()
    ]
    older = [("linux-source-6.12", "6.12.1-1"), ("linux-source-7.9", "7.9~rc7-1~exp1")]
    other = [("linux-source", "99.1"), ("vim", "2:99.1"), ("qemu-system-x86", "1:10.0.2+ds-2")]
    assert [*news(catalogue, [_list(*known, *older, *other)])] == []


def test_a_new_kernel_and_a_new_qemu_are_told_with_what_is_to_be_done(
    catalogue: pa.FileCatalogue,
) -> None:
    """A release without a platform, a later stable one, a QEMU without a build; newest counts."""
    texts = [
        _list(("linux-source-9.9", "9.9.1-1"), ("linux-source-6.12", "6.12.999-1")),
        " linux-source-9.9 | 9.9.4-1~bpo13+1 | http://example.org/debian sid/main amd64 Packages\n",
        _list(("qemu-system-x86", "1:99.1.2+ds-1"), ("qemu-system-x86", "1:10.0.999+ds-1")),
    ]
    found = [*news(catalogue, texts)]
    assert [each.split(":")[0] for each in found] == [
        "Linux 6.12 is 6.12.999, recorded is 6.12.118",
        "Linux 9.9 (9.9.4) has no platform",
        "QEMU 10.0 is 10.0.999, the build is 10.0.13",
        "QEMU 99.1 (99.1.2) is no build",
    ]
    assert "linux-debian-13" in found[0]


@given(st.lists(st.tuples(st.integers(1, 99), st.integers(0, 99), st.integers(0, 999))))
def test_both_ways_to_write_a_list_say_the_same(versions: list[tuple[int, int, int]]) -> None:
    """A list of apt's and what apt-cache prints of it."""
    names = [(f"linux-source-{a}.{b}", f"{a}.{b}.{c}-1") for a, b, c in versions]
    printed = "".join(f"{name} | {version} | x Packages\n" for name, version in names)
    assert [*packages([_list(*names)])] == [*packages([printed])]
    assert all(version_key(release) for _, release in packages([printed]))


@pytest.mark.parametrize("packed", [bytes, gzip.compress, lzma.compress])
def test_a_list_is_read_however_it_is_packed(
    packed: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the exit status is what a job that runs by itself goes by."""
    assert callable(packed)
    path = tmp_path / "Packages"
    path.write_bytes(packed(_list(("linux-source-9.9", "9.9.1-1")).encode()))
    assert main([str(path)]) == 1
    assert "Linux 9.9 (9.9.1)" in capsys.readouterr().out
    path.write_bytes(packed(b""))
    assert main([str(path)]) == 0
    assert main([str(tmp_path / "nowhere")]) == 2
