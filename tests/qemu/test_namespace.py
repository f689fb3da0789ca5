"""Namespaces: what one process makes for itself, and that no other has any of it.

What a throw-away process is given of them is in ``test_process.py``.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from platform_abi.qemu import namespace


def _in_a_child(what: Callable[[], object]) -> str:
    """Return what *what* returns in a process of its own, as text; skip where it may not."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            said = str(what())
        except PermissionError as error:
            said = f"skip: {error.args[1]}"
        except OSError as error:
            said = f"OSError: {error.args[1]}"
        finally:
            os.write(writing, said.encode())
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as stream:
        text = stream.read()
    os.waitpid(pid, 0)
    if text.startswith("skip: "):
        pytest.skip(f"this process may not: {text}")
    return text


def _interfaces() -> list[str]:
    lines = Path("/proc/self/net/dev").read_text(encoding="ascii").splitlines()[2:]
    return sorted(line.partition(":")[0].strip() for line in lines)


def test_a_private_network_has_nobody_elses_interfaces() -> None:
    """Nothing but its own loopback; the caller's stay where they are."""
    before = _interfaces()

    def look() -> object:
        return _interfaces() if namespace.private_network() else "no"

    said = _in_a_child(look)
    if said == "no":
        pytest.skip("this process may make no network namespace")
    assert "['lo']" == said
    assert before == _interfaces()


def _mounts_of_its_own() -> None:
    user, group = os.getuid(), os.getgid()
    namespace.unshare(namespace.NEW_USERS | namespace.NEW_MOUNTS)
    namespace.as_root(user, group)
    namespace.private_mounts()


def test_mounts_of_its_own_are_nobody_elses(tmp_path: Path) -> None:
    """What is mounted there is seen there alone, files that are made in it go with it."""

    def look() -> object:
        _mounts_of_its_own()
        namespace.scratch(str(tmp_path), "size=1m")
        (tmp_path / "made").write_text("x")
        with pytest.raises(OSError, match="No space"):
            (tmp_path / "large").write_bytes(b"x" * 3 * 1024 * 1024)
        return sorted(path.name for path in tmp_path.iterdir())

    assert "['large', 'made']" == _in_a_child(look)
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("named", [True, False])
def test_nothing_can_be_written_but_what_is_named(tmp_path: Path, *, named: bool) -> None:
    """Below the folder that is named, and nowhere where there is none."""
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()

    def look() -> object:
        _mounts_of_its_own()
        namespace.read_only(str(inside) if named else "")
        written = []
        for file in (inside / "file", outside):
            try:
                file.write_text("x")
            except OSError as error:
                written.append(os.strerror(error.errno or 0))
            else:
                written.append("")
        return written

    closed = "Read-only file system"
    assert str(["" if named else closed, closed]) == _in_a_child(look)
    assert named is (inside / "file").exists()
    assert not outside.exists()


def test_what_cannot_be_had_is_an_error(tmp_path: Path) -> None:
    """No such kind of file system, no such folder: never half of it without a word."""
    for what in (
        lambda: namespace.mount("no-such-kind", str(tmp_path)),
        lambda: namespace.scratch(str(tmp_path / "missing"), "size=1m"),
        lambda: namespace.read_only(str(tmp_path / "missing")),
    ):

        def look(what: Callable[[], None] = what) -> object:
            _mounts_of_its_own()
            what()
            return "done"

        assert _in_a_child(look).startswith("OSError: mount")
    assert "OSError: unshare" == _in_a_child(lambda: namespace.unshare(-1 & 0xFF))


def test_no_privileges_are_gained_from_then_on() -> None:
    """The kernel holds it, and whoever is forked has it too."""

    def look() -> object:
        namespace.gain_nothing()
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next(line for line in lines if line.startswith("NoNewPrivs"))

    assert "NoNewPrivs:\t1" == _in_a_child(look)


def test_a_child_dies_with_its_parent() -> None:
    """However the parent ends."""
    reading, writing = os.pipe()
    parent = os.fork()
    if parent == 0:
        if os.fork() == 0:
            namespace.die_with_parent()
            os.write(writing, b"x")
            signal.pause()
        signal.pause()
    os.close(writing)
    assert b"x" == os.read(reading, 1)
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)
    # The end of the pipe is the end of the last process that has it open.
    assert b"" == os.read(reading, 1)
    os.close(reading)
