"""Whole files: read within bounds, and written whole or not at all, never by way of a trap.

A name is not trusted to be what it looks like. What is read is a regular file, so that a pipe that
nobody writes to, a device or a link to ``/dev/zero`` is an error and no wait without end. What is
written goes through symbolic links of this user and of root only: in a folder that others can write
to, a link is somebody else's wish to have another file overwritten (``protected_symlinks`` in
Linux's Documentation/admin-guide/sysctl/fs.rst covers sticky folders only).
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
import time

from platform_abi.errors import HostError, UsageError, printable

# typing costs more than the rest; type checkers know this name by itself.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

#: The name that stands for standard input where a command line names what to read.
STDIN = "-"

#: What the caller has opened by itself; ``<(command)`` gives a name in /dev/fd.
_STANDARD = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}

#: How many links one name may lead through (MAXSYMLINKS in linux/namei.h).
_MOST_LINKS = 40

#: An open file as linkat(2) takes one that has no name.
_PROC = "/proc/self/fd/{}"

_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}

#: Search permission on a folder is enough to use it; not every system has a word for that.
_FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC


# --- reading -------------------------------------------------------------------------------------


def read_bytes(name: str | Path, most: int, *, stdin: bool = False) -> bytes:
    """Return what the regular file *name* holds, up to *most* bytes and one more.

    The one more is there where the file is larger, so that whoever knows what it should be can
    refuse it in those words. With *stdin*, ``-`` stands for standard input. Descriptors that the
    caller has opened (``/dev/fd/3``, ``/dev/stdin``) are read whatever they are.

    Raises HostError (``read-failed``) for what is no regular file or cannot be read, UsageError
    where standard input is closed.
    """
    with _reading(os.fspath(name), stdin=stdin) as stream:
        return stream.read(most + 1)


def read_pieces(name: str | Path, *, stdin: bool = False) -> Iterator[bytes]:
    """Yield what ``read_bytes`` reads, of any size, in pieces of which each can be forgotten."""
    with _reading(os.fspath(name), stdin=stdin) as stream:
        yield from iter(lambda: stream.read(_PIECE), b"")


#: So much of a file is read at once, in bytes.
_PIECE = 1 << 20


@contextlib.contextmanager
def _reading(path: str, *, stdin: bool) -> Iterator[BinaryIO]:
    if stdin and path == STDIN and sys.stdin is None:
        raise UsageError("standard input is closed", code="usage")
    try:
        if stdin and path == STDIN:
            yield sys.stdin.buffer
            return
        with open(open_file(path), "rb") as stream:
            yield stream
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        raise HostError(
            f"cannot read {printable(path)}: {reason(error)}", code="read-failed"
        ) from error


def untrusted(name: str | Path) -> str:
    """Return who but root and this user could have written the file *name*, as a reason; or "".

    So could the owner of the file or of a folder above it, and whoever may write to either; a
    folder with the sticky bit lets nobody take away what is another's (unlink(2)). Symbolic links
    are followed first. It is what ssh asks of its files (StrictModes, sshd_config(5)).

    Raises OSError where it is not there.
    """
    path = os.path.realpath(name, strict=True)
    while True:
        seen = os.stat(path)  # noqa: PTH116 - start-up time
        if seen.st_uid not in {0, os.geteuid()}:
            return f"{printable(path)} is user {seen.st_uid}'s"
        sticky = stat.S_ISDIR(seen.st_mode) and seen.st_mode & stat.S_ISVTX
        if seen.st_mode & 0o022 and not sticky:
            return f"others than its owner may write to {printable(path)}"
        if path == "/":
            return ""
        path = os.path.dirname(path)  # noqa: PTH120 - start-up time


def open_file(path: str) -> int:
    """Return a descriptor that reads the regular file *path*, or what the caller has opened.

    Raises OSError for everything else, and ValueError for a name that no file can have.
    """
    descriptor = _descriptor_of(path)
    if descriptor is not None:
        return os.dup(descriptor)
    # Opening a device can do something already, and a pipe waits for its other end.
    _check_regular(os.stat(path))  # noqa: PTH116 - start-up time
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        _check_regular(os.fstat(descriptor))  # it may be another one by now
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _descriptor_of(path: str) -> int | None:
    """Return the descriptor that *path* stands for, None where it names a file."""
    for prefix in ("/dev/fd/", "/proc/self/fd/"):
        if path.startswith(prefix) and path[len(prefix) :].isdecimal():
            return int(path[len(prefix) :])
    return _STANDARD.get(path)


def _check_regular(seen: os.stat_result) -> None:
    if stat.S_ISDIR(seen.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(seen.st_mode):
        kind = _KINDS.get(stat.S_IFMT(seen.st_mode), "something else")
        raise OSError(errno.EINVAL, f"it is {kind}, not a regular file")


def reason(error: OSError | ValueError) -> str:
    """Return why *error* was raised, without the name of the file."""
    return str(getattr(error, "strerror", None) or error)


# --- writing -------------------------------------------------------------------------------------


def write_text(name: str | Path, text: str, *, mode: int | None = None) -> None:
    """Write *text* to the file *name* whole or not at all: a nameless file, then a rename.

    A new file has the permissions that the umask leaves. An earlier one keeps its permissions, and
    its owner and group as far as this user may give them; what its group could not read before, no
    other group can then. With *mode* either has those permissions. A symbolic link of this user or
    of root stays one. What is no regular file, such as a pipe or /dev/stdout, is written to and
    never replaced.

    A process that is killed leaves nothing behind where the file system has O_TMPFILE (open(2)),
    but between two adjacent system calls that replace an earlier file. What it leaves there is
    called after the file, ``.NAME.`` and twelve digits, and the next to replace it clears it away.

    Raises HostError (``write-failed``) where that is not possible; an earlier file is then
    untouched. Raises UsageError (``not-text``) for text that no file can hold.
    """
    shown = printable(os.fspath(name))
    try:
        # Bytes of an argument that are not UTF-8 go out as they came in.
        content = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise UsageError(f"what goes into {shown} is not text", code="not-text") from None
    try:
        _write(os.fspath(name), content, mode)
    except (OSError, ValueError) as error:
        raise HostError(f"cannot write {shown}: {reason(error)}", code="write-failed") from error


def _write(path: str, content: bytes, mode: int | None) -> None:
    descriptor = _descriptor_of(path)
    if descriptor is not None:
        _write_all(os.dup(descriptor), content)
        return
    with _place(path) as (folder, name):
        earlier = None
        with contextlib.suppress(FileNotFoundError):
            earlier = os.lstat(name, dir_fd=folder)
        if earlier is not None and not stat.S_ISREG(earlier.st_mode):
            _write_all(_open_special(folder, name), content)
        else:
            _replace(folder, name, content, earlier, mode)


def _open_special(folder: int, name: str) -> int:
    """Return a descriptor that writes to what is no regular file.

    Raises OSError where nobody reads a pipe and in a while nobody has come to (fifo(7)).
    """
    flags = os.O_WRONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NOFOLLOW | os.O_NONBLOCK
    until = time.monotonic() + _READER_COMES
    while True:
        try:
            descriptor = os.open(name, flags, dir_fd=folder)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            if time.monotonic() > until:
                raise OSError(errno.ENXIO, "nobody reads from it") from None
            time.sleep(_READER_COMES / 100)
        else:
            os.set_blocking(descriptor, True)  # a reader may be slow
            return descriptor


#: Who makes a pipe and its reader at once may be a little ahead of the reader. In seconds.
_READER_COMES = 2.0


def _write_all(descriptor: int, content: bytes) -> None:
    with open(descriptor, "wb") as stream:
        stream.write(content)


def _replace(
    folder: int, name: str, content: bytes, earlier: os.stat_result | None, mode: int | None
) -> None:
    """Put *content* in place of *earlier*, or where nothing was, without a moment of neither."""
    begin = f".{os.fsdecode(os.fsencode(name)[:200])}."
    part = f"{begin}{os.urandom(_RANDOM).hex()}"
    if earlier is not None:
        _clear(folder, begin)
    descriptor = _nameless(folder)
    named = descriptor is None
    if descriptor is None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(part, flags, 0o666, dir_fd=folder)
    try:
        _fill(descriptor, content, earlier, mode)
        if not named:
            if earlier is None and _link(descriptor, folder, name):
                return
            named = _link(descriptor, folder, part)
        os.replace(part, name, src_dir_fd=folder, dst_dir_fd=folder)
        named = False
    finally:
        os.close(descriptor)
        if named:
            with contextlib.suppress(OSError):
                os.unlink(part, dir_fd=folder)


#: How many bytes of chance a temporary name ends with.
_RANDOM = 6


def _clear(folder: int, begin: str) -> None:
    """Take away what a writer of ours that was killed has left, if its name begins with *begin*."""
    with contextlib.suppress(OSError):  # to write the file is what matters
        listed = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
        try:
            names = os.listdir(listed)  # noqa: PTH208 - of a descriptor
        finally:
            os.close(listed)
        for name in names:
            chance = name[len(begin) :]
            if len(chance) == 2 * _RANDOM and name.startswith(begin) and _CHANCE.issuperset(chance):
                _clear_abandoned(folder, name)


def _clear_abandoned(folder: int, name: str) -> None:
    seen = os.lstat(name, dir_fd=folder)
    own = stat.S_ISREG(seen.st_mode) and seen.st_uid == os.geteuid()
    if own and time.time() - seen.st_ctime > _ABANDONED:
        os.unlink(name, dir_fd=folder)


_CHANCE = frozenset("0123456789abcdef")

#: No writer takes this long between making a temporary file and renaming it. In seconds.
_ABANDONED = 3600


def _nameless(folder: int) -> int | None:
    """Open a new file in *folder* that has no name, None where there can be none."""
    if not hasattr(os, "O_TMPFILE"):
        return None
    flags = os.O_WRONLY | os.O_CLOEXEC | os.O_TMPFILE
    try:
        descriptor = os.open(".", flags, 0o666, dir_fd=folder)
    except OSError:  # not on this file system
        return None
    try:
        os.readlink(_PROC.format(descriptor))  # noqa: PTH115 - start-up time
    except OSError:  # without /proc it could not get a name
        os.close(descriptor)
        return None
    return descriptor


def _link(descriptor: int, folder: int, name: str) -> bool:
    """Give an open file without a name one; return whether the name was free."""
    try:
        os.link(_PROC.format(descriptor), name, dst_dir_fd=folder, follow_symlinks=True)
    except FileExistsError:
        return False
    return True


def _fill(
    descriptor: int, content: bytes, earlier: os.stat_result | None, mode: int | None
) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
    if earlier is not None:
        _keep_access(descriptor, earlier)
    if mode is not None:
        os.fchmod(descriptor, mode)
    os.fsync(descriptor)


def _keep_access(descriptor: int, earlier: os.stat_result) -> None:
    """Give a new file the owner, group and permissions of the one that it replaces."""
    mode = earlier.st_mode & 0o777
    new = os.fstat(descriptor)
    if new.st_uid != earlier.st_uid:
        with contextlib.suppress(PermissionError):
            os.fchown(descriptor, earlier.st_uid, -1)
    if new.st_gid != earlier.st_gid:
        try:
            os.fchown(descriptor, -1, earlier.st_gid)
        except PermissionError:
            mode &= 0o707 | (mode & 0o007) << 3
    os.fchmod(descriptor, mode)


# --- places --------------------------------------------------------------------------------------


@contextlib.contextmanager
def _place(path: str) -> Iterator[tuple[int, str]]:
    """Open the folder that *path* is in, and yield it with the last name, which is no link.

    Raises PermissionError for a link on the way that is neither this user's nor root's, and OSError
    for what names no file.
    """
    trusted = {os.geteuid(), 0, os.stat("/").st_uid}  # noqa: PTH116 - start-up time
    folder = os.open("/" if path.startswith("/") else ".", _FOLDER)
    names = [name for name in reversed(path.split("/")) if name not in {"", "."}]
    if path.endswith(("/", "/.")) or path in {"", "."}:
        names.insert(0, ".")
    links = 0
    try:
        while names:
            name = names.pop()
            seen = None
            with contextlib.suppress(FileNotFoundError):
                seen = os.lstat(name, dir_fd=folder)
            if seen is not None and stat.S_ISLNK(seen.st_mode):
                links += 1
                target = _target(name, folder, seen, trusted, links)
                if target.startswith("/"):
                    folder = _enter("/", folder)
                names += [part for part in reversed(target.split("/")) if part not in {"", "."}]
            elif names:
                folder = _enter(name, folder)
            elif name in {".", ".."} or (seen is not None and stat.S_ISDIR(seen.st_mode)):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            else:
                yield folder, name
                return
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    finally:
        os.close(folder)


def _target(name: str, folder: int, seen: os.stat_result, trusted: set[int], links: int) -> str:
    """Return where a link leads, if whoever made it may say so."""
    if seen.st_uid not in trusted:
        raise PermissionError(
            errno.EPERM, f"{printable(name)} is a symbolic link that user {seen.st_uid} has made"
        )
    if links > _MOST_LINKS:
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    return os.readlink(name, dir_fd=folder)


def _enter(name: str, folder: int) -> int:
    """Return folder *name* of *folder*, opened, and close *folder*."""
    entered = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
    os.close(folder)
    return entered
