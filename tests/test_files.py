"""Whole files: regular ones only, within bounds; written whole or not at all, through no trap."""

from __future__ import annotations

import os
import re
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.files import open_file, read_bytes, untrusted, write_text

OTHER = 65533  # no user of this system

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be two users")


@pytest.fixture
def umask() -> Iterator[Callable[[int], int]]:
    """Set the umask for one test."""
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


# --- reading -------------------------------------------------------------------------------------


@given(st.binary(max_size=64), st.integers(0, 64))
@settings(max_examples=50)
def test_what_is_read_is_bounded(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, most: int
) -> None:
    """A file that is too large gives one byte more than *most*, never all of it."""
    file = tmp_path_factory.mktemp("read") / "f"
    file.write_bytes(data)
    assert data[: most + 1] == read_bytes(file, most)


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))


def _folder(path: Path) -> None:
    path.mkdir()


def _zero(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (_fifo, "it is a pipe, not a regular file"),
        (_socket, "it is a socket, not a regular file"),
        (_folder, "Is a directory"),
        (_zero, "it is a device, not a regular file"),
    ],
)
def test_what_is_no_regular_file_is_refused_at_once(
    tmp_path: Path, make: Callable[[Path], None], says: str
) -> None:
    """A pipe without a writer makes nobody wait, a device without end fills nothing."""
    make(tmp_path / "f")
    begun = time.monotonic()
    with pytest.raises(pa.HostError, match=says) as caught:
        read_bytes(tmp_path / "f", 1 << 20)
    assert "read-failed" == caught.value.code
    assert time.monotonic() - begun < 5


def test_a_file_that_becomes_a_pipe_makes_nobody_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was looked at may be another file when it is opened: it is looked at again."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "f").write_text("regular")
    seen = (tmp_path / "f").stat()
    monkeypatch.setattr(os, "stat", lambda _: seen)
    with pytest.raises(OSError, match="it is a pipe"):
        open_file(str(tmp_path / "pipe"))


def test_what_the_caller_has_opened_may_be_a_pipe() -> None:
    """``--host <(ssh other platform-abi host)`` names a descriptor, which is read to its end."""
    ours, theirs = os.pipe()
    os.write(theirs, b"report")
    os.close(theirs)
    try:
        assert b"report" == read_bytes(f"/dev/fd/{ours}", 100)
    finally:
        os.close(ours)


def test_standard_input_is_read_where_that_makes_sense() -> None:
    """``-`` is standard input for who asks for it, and a file's name for others."""
    code = (
        "import sys; from platform_abi.files import read_bytes;"
        "sys.stdout.buffer.write(read_bytes('-', 3, stdin=True))"
    )
    command = [sys.executable, "-c", code]
    assert b"abcd" == subprocess.run(command, input=b"abcdefg", stdout=-1, check=True).stdout
    with pytest.raises(pa.HostError, match="No such file"):
        read_bytes("-", 3)


# --- writing -------------------------------------------------------------------------------------


def test_a_file_is_written_whole_and_alone(tmp_path: Path) -> None:
    """The text is there to the byte, in UTF-8, and no temporary file is left."""
    write_text(tmp_path / "f", "ä\r\n\n")

    assert "ä\r\n\n".encode() == (tmp_path / "f").read_bytes()
    assert ["f"] == [path.name for path in tmp_path.iterdir()]


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_earlier_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    """A full disk in the middle costs nothing that was there, and leaves nothing behind."""
    target = tmp_path / "vm.lock"
    target.write_text("earlier")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, failing, full)
    with pytest.raises(pa.HostError, match="No space left on device") as caught:
        write_text(target, "later")
    monkeypatch.undo()

    assert "write-failed" == caught.value.code
    assert "earlier" == target.read_text()
    assert ["vm.lock"] == [path.name for path in tmp_path.iterdir()]


@pytest.mark.parametrize("name", ["no/such/folder/f", "", ".", "a\0b", "x" * 300])
def test_what_cannot_be_written_is_an_error_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Missing folders, folders themselves and impossible names are HostErrors."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(pa.HostError) as caught:
        write_text(name, "text")
    assert "write-failed" == caught.value.code
    assert [] == list(tmp_path.iterdir())


def test_a_link_and_permissions_stay(tmp_path: Path) -> None:
    """What a link points to is replaced, not the link; a private file stays private."""
    (tmp_path / "real").write_text("earlier")
    (tmp_path / "real").chmod(0o600)
    (tmp_path / "link").symlink_to("real")
    write_text(tmp_path / "link", "later")

    assert (tmp_path / "link").is_symlink()
    assert "later" == (tmp_path / "real").read_text()
    assert 0o600 == stat.S_IMODE((tmp_path / "real").stat().st_mode)


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    """-o /dev/stdout, or a FIFO, or /dev/null as root, must not become a regular file."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    seen: list[str] = []
    reader = threading.Thread(target=lambda: seen.append(pipe.read_text()), daemon=True)
    reader.start()
    write_text(pipe, "text")
    reader.join(timeout=10)

    assert ["text"] == seen
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_pipe_that_nobody_reads_makes_nobody_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writing to it is an error after a moment, not a wait without end."""
    monkeypatch.setattr("platform_abi.files._READER_COMES", 0.05)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(pa.HostError, match="nobody reads from it") as caught:
        write_text(tmp_path / "pipe", "text")
    assert "write-failed" == caught.value.code


def test_what_a_killed_writer_left_is_cleared_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next to replace the file takes it, and nothing younger, of another's or otherwise."""
    file, left = tmp_path / "vm.lock", ".vm.lock.0123456789ab"
    stays = (".vm.lock.0123456789abc", ".vm.lock.-123456789ab", ".other.0123456789ab", "vm.lock.x")
    for name in ("vm.lock", left, *stays):
        (tmp_path / name).write_text("earlier")
    (tmp_path / ".vm.lock.00000000000f").mkdir()
    write_text(file, "second")
    assert (tmp_path / left).exists()

    monkeypatch.setattr("platform_abi.files._ABANDONED", -1)
    write_text(file, "third")
    assert sorted(["vm.lock", ".vm.lock.00000000000f", *stays]) == sorted(
        p.name for p in tmp_path.iterdir()
    )
    assert "third" == file.read_text()


def test_a_writer_that_is_killed_leaves_no_more_than_one_name(tmp_path: Path) -> None:
    """Between giving the new file a name and renaming it; the file itself is whole."""
    (tmp_path / "f").write_text("earlier")
    code = (
        "import os, signal; from platform_abi.files import write_text;"
        "os.replace = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL);"
        f"write_text({str(tmp_path / 'f')!r}, 'later')"
    )
    assert -9 == subprocess.run([sys.executable, "-c", code], check=False).returncode
    (left,) = {path.name for path in tmp_path.iterdir()} - {"f"}
    assert re.fullmatch(r"\.f\.[0-9a-f]{12}", left)
    assert "earlier" == (tmp_path / "f").read_text()


def test_text_that_no_file_can_hold_is_refused(tmp_path: Path) -> None:
    """Raw bytes of an argument go out as they came; a lone surrogate of JSON cannot."""
    write_text(tmp_path / "f", "\udcff")
    assert b"\xff" == (tmp_path / "f").read_bytes()
    with pytest.raises(pa.UsageError) as caught:
        write_text(tmp_path / "f", "\ud800")
    assert "not-text" == caught.value.code
    assert b"\xff" == (tmp_path / "f").read_bytes()


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_a_new_file_has_what_the_umask_leaves(
    tmp_path: Path, umask: Callable[[int], int], mask: int
) -> None:
    """Whoever wants private files gets a private one."""
    umask(mask)
    write_text(tmp_path / "f", "text")
    assert 0o666 & ~mask == stat.S_IMODE((tmp_path / "f").stat().st_mode)


@as_root
def test_a_rewritten_file_keeps_its_owner(tmp_path: Path) -> None:
    """Root writes a user's file again, and it stays the user's, with its permissions."""
    (tmp_path / "f").write_text("earlier")
    os.chown(tmp_path / "f", OTHER, OTHER - 1)
    (tmp_path / "f").chmod(0o640)
    write_text(tmp_path / "f", "later")

    seen = (tmp_path / "f").stat()
    assert (OTHER, OTHER - 1, 0o640) == (seen.st_uid, seen.st_gid, stat.S_IMODE(seen.st_mode))


@as_root
def test_a_group_that_cannot_be_kept_gives_no_other_group_access(tmp_path: Path) -> None:
    """A user rewrites a file of a group that it is not in: its own group may not read it then."""
    tmp_path.chmod(0o777)
    for folder in (tmp_path, *tmp_path.parents):
        folder.chmod(folder.stat().st_mode | 0o011)
    (tmp_path / "f").write_text("earlier")
    (tmp_path / "f").chmod(0o660)
    _as_other(f"write_text({str(tmp_path / 'f')!r}, 'later')")

    seen = (tmp_path / "f").stat()
    assert "later" == (tmp_path / "f").read_text()
    assert (OTHER, OTHER, 0o600) == (seen.st_uid, seen.st_gid, stat.S_IMODE(seen.st_mode))


def _as_other(statement: str) -> None:
    """Run *statement* as another user, who can write where everybody can."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.setgroups([])
            os.setresgid(OTHER, OTHER, OTHER)
            os.setresuid(OTHER, OTHER, OTHER)
            exec(statement, {"write_text": write_text})
            status = 0
        finally:
            os._exit(status)
    assert 0 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@as_root
@pytest.mark.parametrize("where", ["last", "folder", "chain"])
def test_nobody_is_led_by_the_links_of_others(tmp_path: Path, where: str) -> None:
    """A link that another user left in a shared folder overwrites nothing, wherever it stands."""
    (tmp_path / "etc").mkdir()
    victim = tmp_path / "etc" / "f"
    victim.write_text("precious")
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    link = shared / {"folder": "way"}.get(where, "f")
    link.symlink_to(victim.parent if where == "folder" else victim)
    os.lchown(link, OTHER, OTHER)
    name = link / "f" if where == "folder" else link
    if where == "chain":
        (tmp_path / "own").symlink_to(link)
        name = tmp_path / "own"

    with pytest.raises(pa.HostError, match=f"symbolic link that user {OTHER} has made") as caught:
        write_text(name, "evil")
    assert "write-failed" == caught.value.code
    assert "precious" == victim.read_text()
    assert ["f"] == [path.name for path in victim.parent.iterdir()]


def test_links_in_a_circle_and_chains_end(tmp_path: Path) -> None:
    """A chain of one's own links is followed, each from where it is; a circle is not."""
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "in").symlink_to("../f")
    (tmp_path / "way").symlink_to("real")
    (tmp_path / "first").symlink_to(tmp_path / "way" / "in")
    write_text(tmp_path / "first", "text")
    assert "text" == (tmp_path / "f").read_text()

    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(pa.HostError, match="symbolic links"):
        write_text(tmp_path / "a", "text")


def test_standard_output_of_a_file_goes_on_where_it_is(tmp_path: Path) -> None:
    """``-o /dev/stdout >file`` adds to what was written before, and replaces no file."""
    code = (
        "import os; from platform_abi.files import write_text;"
        "os.write(1, b'before '); write_text('/dev/stdout', 'after')"
    )
    with (tmp_path / "f").open("wb") as out:
        subprocess.run([sys.executable, "-c", code], stdout=out, check=True)
    assert "before after" == (tmp_path / "f").read_text()


@pytest.mark.parametrize("nameless", [True, False])
def test_a_long_name_is_as_good_as_a_short_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nameless: bool
) -> None:
    """The longest name of a file leaves room for that of its temporary one."""
    if not nameless:
        monkeypatch.delattr(os, "O_TMPFILE")
    for text in ("first", "second"):
        write_text(tmp_path / ("x" * 255), text)
        assert text == (tmp_path / ("x" * 255)).read_text()
    assert 1 == len(list(tmp_path.iterdir()))


def test_writers_at_once_leave_one_whole_text(tmp_path: Path) -> None:
    """Whoever is last has the file, whole, and nobody's temporary file stays."""
    texts = [str(number) * 100_000 for number in range(8)]
    threads = [threading.Thread(target=write_text, args=(tmp_path / "f", t)) for t in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "f").read_text() in texts
    assert ["f"] == [path.name for path in tmp_path.iterdir()]


def test_a_kill_leaves_a_whole_file_and_nothing_else(tmp_path: Path) -> None:
    """Killed at any moment of writing, one of two whole texts is there, and no temporary file."""
    code = (
        "import sys; from platform_abi.files import write_text\n"
        "while True:\n"
        "    for text in 'ab': write_text(sys.argv[1], text * 1_000_000)"
    )
    for moment in range(12):
        with subprocess.Popen([sys.executable, "-c", code, tmp_path / "f"]) as writer:
            until = time.monotonic() + 30
            while not (tmp_path / "f").exists() and time.monotonic() < until:
                time.sleep(0.001)
            time.sleep(0.003 * moment)
            writer.kill()
        text = (tmp_path / "f").read_text()
        assert text in {"a" * 1_000_000, "b" * 1_000_000}
    left = [path.name for path in tmp_path.iterdir()]
    # Between linkat and rename, two system calls of a few microseconds, a name may stay.
    assert len(left) <= 2, left


# --- who could have written a file ----------------------------------------------------------------


@as_root
@pytest.mark.parametrize(
    ("place", "owner", "mode", "says"),
    [
        ("f", 0, 0o600, ""), ("f", 0, 0o644, ""), ("f", OTHER, 0o644, f"user {OTHER}'s"),
        ("f", 0, 0o664, "others than its owner"), ("f", 0, 0o646, "others than its owner"),
        (".", OTHER, 0o755, f"user {OTHER}'s"), (".", 0, 0o775, "others than its owner"),
        (".", 0, 0o1777, ""), ("..", 0, 0o777, "others than its owner"), ("link", 0, 0o644, ""),
    ],
)  # fmt: skip
def test_who_could_have_written_a_file_is_told(
    tmp_path: Path, place: str, owner: int, mode: int, says: str
) -> None:
    """Owner and permissions count, of the file and of every folder above it, not of a link."""
    folder = tmp_path / "above" / "folder"
    folder.mkdir(parents=True)
    (folder / "f").write_text("text")
    (tmp_path / "link").symlink_to(folder / "f")
    asked = tmp_path / "link" if place == "link" else folder / "f"
    if place != "link":
        os.chown(folder / place, owner, owner)
        (folder / place).chmod(mode)
    else:
        os.lchown(tmp_path / "link", OTHER, OTHER)
    found = untrusted(asked)
    assert says in found
    assert bool(says) == bool(found)


def test_one_that_is_not_there_is_nobodys(tmp_path: Path) -> None:
    """Nothing is said of what cannot be looked at."""
    with pytest.raises(FileNotFoundError):
        untrusted(tmp_path / "no")
