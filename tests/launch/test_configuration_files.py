"""Configuration files that two programs read: this one, and the QEMU that it becomes."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.launch import configuration_files
from platform_abi.launch.configuration_files import ConfigurationFiles


@contextlib.contextmanager
def _pipe(content: bytes) -> Iterator[str]:
    """Give the name of a pipe with *content*, as a shell's ``<(command)`` is one."""
    reading, writing = os.pipe()
    try:
        with os.fdopen(writing, "wb") as stream:
            stream.write(content)
        yield f"/dev/fd/{reading}"
    finally:
        os.close(reading)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200))
def test_bytes_come_and_go(catalogue: pa.FileCatalogue, tmp_path: Path, content: bytes) -> None:
    """Of a file or a pipe the text is the same, and says every byte, text or not."""
    file = tmp_path / "vm.cfg"
    file.write_bytes(content)
    files = ConfigurationFiles()
    with _pipe(content) as pipe:
        for name in (str(file), pipe, pipe):
            assert content == files.read(name).encode("utf-8", "surrogateescape")
        words = ("-readconfig", pipe, "-readconfig", str(file), "-name", pipe)
        handed = files.handed_on(catalogue.options(), words)
    assert (*words[2:5], words[5]) == handed[2:]
    descriptor = int(handed[1].removeprefix("/dev/fd/"))
    try:
        assert os.get_inheritable(descriptor)
        assert content == os.pread(descriptor, len(content) + 1, 0)
        assert content == Path(handed[1]).read_bytes()
    finally:
        os.close(descriptor)


def test_without_pipes_nothing_changes(catalogue: pa.FileCatalogue, tmp_path: Path) -> None:
    """A file in a folder is QEMU's to read again; no descriptor is made for it."""
    file = tmp_path / "vm.cfg"
    file.write_text("[machine]\n")
    files = ConfigurationFiles()
    assert "[machine]\n" == files.read(str(file))
    before = set(Path("/dev/fd").iterdir())
    assert ("-readconfig", str(file)) == files.handed_on(
        catalogue.options(), ["-readconfig", str(file)]
    )
    assert before == set(Path("/dev/fd").iterdir())


@pytest.mark.parametrize("over", [0, 1])
def test_a_file_has_a_largest_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, over: int
) -> None:
    """One byte more is refused, of a pipe as of a file; it is a mistake, and would fill memory."""
    monkeypatch.setattr(configuration_files, "_MAX_SIZE", 8)
    file = tmp_path / "vm.cfg"
    file.write_bytes(b"#" * (8 + over))
    with _pipe(file.read_bytes()) as pipe:
        for name in (str(file), pipe):
            files = ConfigurationFiles()
            if not over:
                assert "#" * 8 == files.read(name)
                continue
            with pytest.raises(pa.UsageError, match="larger than 8 bytes") as caught:
                files.read(name)
            assert "configuration-syntax" == caught.value.code


@pytest.mark.parametrize("name", ["/nonexistent/vm.cfg", "/", "/dev/zero"])
def test_what_is_no_file_is_not_read(name: str) -> None:
    """Nor what never ends."""
    with pytest.raises(pa.HostError) as caught:
        ConfigurationFiles().read(name)
    assert "read-failed" == caught.value.code
