"""Files of the host, as large as a guest finds them."""

from __future__ import annotations

import os
from pathlib import Path

from platform_abi.launch.host_files import ThisHostFiles


def test_an_image_is_as_large_as_its_content(tmp_path: Path) -> None:
    """A raw one is what the file is, a qcow2 one what it says (bytes 24 to 31, big endian)."""
    raw, qcow2 = tmp_path / "raw", tmp_path / "qcow2"
    raw.write_bytes(bytes(1234))
    qcow2.write_bytes(b"QFI\xfb" + bytes(20) + (540 * 1024).to_bytes(8) + bytes(100))
    assert 1234 == ThisHostFiles().size(str(raw))
    assert 540 * 1024 == ThisHostFiles().size(str(qcow2))


def test_what_is_no_file_is_unknown_and_waits_for_nobody(tmp_path: Path) -> None:
    """Nothing there, a folder, and a pipe that nobody writes to."""
    os.mkfifo(tmp_path / "pipe")
    for name in (tmp_path / "gone", tmp_path, tmp_path / "pipe"):
        assert ThisHostFiles().size(str(name)) is None
    assert ThisHostFiles().size("\0") is None


def test_a_plain_folder_is_of_no_huge_pages(tmp_path: Path) -> None:
    """So is one in it that QEMU has yet to make."""
    assert 0 == ThisHostFiles().page_size(str(tmp_path))
    assert 0 == ThisHostFiles().page_size(str(tmp_path / "a" / "b"))
