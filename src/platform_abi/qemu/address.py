"""Where a monitor listens and where its QEMU does: ``unix:PATH``, or ``tcp:HOST:PORT``."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from platform_abi.errors import HostError, UsageError, printable
from platform_abi.model.value import frozen

#: As long as the path of a socket may be in bytes: sun_path of unix(7) without its last zero.
_LONGEST: Final = 107

#: How many may wait to be taken in.
_BACKLOG: Final = 64


@frozen(kw_only=True)
class UnixAddress:
    """A socket in the file system."""

    path: str

    def __str__(self) -> str:
        return f"unix:{self.path}"


@frozen(kw_only=True)
class TcpAddress:
    """A port of a host."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"tcp:{self.host}:{self.port}"


Address = UnixAddress | TcpAddress


def read_address(text: str, *, tcp: bool) -> Address:
    """Return the address that *text* spells; *tcp* says whether it may be one of TCP.

    Raises UsageError, ``socket-address`` for what is none and ``tcp-not-allowed``.
    """
    kind, _, rest = text.partition(":")
    if kind == "unix" and rest and "\0" not in rest:
        if len(os.fsencode(rest)) > _LONGEST:
            raise UsageError(
                f"{printable(rest)}: the path of a socket has at most {_LONGEST} bytes",
                code="socket-address",
            )
        return UnixAddress(path=rest)
    host, _, port = rest.rpartition(":")
    if kind == "tcp" and host and port.isdecimal() and port.isascii() and int(port) <= _LAST_PORT:
        if not tcp:
            raise UsageError(
                f"{printable(text)}: whoever reaches a TCP port there commands the QEMU behind it",
                code="tcp-not-allowed",
                help="use unix:PATH, or say --allow-tcp",
            )
        return TcpAddress(host=host.strip("[]"), port=int(port))
    raise UsageError(
        f"'{printable(text)}' is no address of a socket",
        code="socket-address",
        help="expected unix:PATH, or tcp:HOST:PORT with --allow-tcp",
    )


_LAST_PORT: Final = 65535


def connect(address: Address, *, timeout: float) -> socket.socket:
    """Return a socket that is connected to *address*; raises HostError (``qmp-unreachable``)."""
    try:
        if isinstance(address, TcpAddress):
            peer = socket.create_connection((address.host, address.port), timeout)
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return peer
        peer = socket.socket(socket.AF_UNIX)
        try:
            peer.settimeout(timeout)
            peer.connect(address.path)
        except OSError:
            peer.close()
            raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise HostError(
            f"nobody can be reached at {printable(str(address))}: {reason}",
            code="qmp-unreachable",
            help="start QEMU with -qmp unix:PATH,server=on,wait=off",
        ) from error
    return peer


@contextmanager
def listening(address: Address, *, mode: int) -> Iterator[socket.socket]:
    """Listen at *address* for the time of the block; a Unix socket has *mode* from the start.

    The socket of a process that is no more is replaced, and nothing else ever is. Raises HostError,
    ``socket-in-use`` where somebody listens there and ``listen-failed`` for all other reasons.
    """
    try:
        with contextlib.ExitStack() as stack:
            if isinstance(address, UnixAddress):
                yield stack.enter_context(_unix(Path(address.path), mode))
            else:
                yield stack.enter_context(_tcp(address))
    except _ListenError as error:
        raise HostError(
            f"cannot listen at {printable(str(address))}: {error}", code=error.code
        ) from error.__cause__


class _ListenError(Exception):
    """Listening is not possible, and why."""

    def __init__(self, reason: str, code: str = "listen-failed") -> None:
        super().__init__(reason)
        self.code = code


@contextmanager
def _tcp(address: TcpAddress) -> Iterator[socket.socket]:
    try:
        family = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)[0][0]
        server = socket.create_server((address.host, address.port), family=family, backlog=_BACKLOG)
    except (OSError, UnicodeError) as error:
        raise _ListenError(getattr(error, "strerror", None) or str(error)) from error
    with server:
        yield server


@contextmanager
def _unix(path: Path, mode: int) -> Iterator[socket.socket]:
    """Listen under a name of its own, and take the real one only then.

    Whoever finds the socket finds somebody who listens, under the permissions that were asked for.
    """
    server = socket.socket(socket.AF_UNIX)
    with server:
        try:
            with _alone_at(path):
                _check_free(path)
                _bind(server, path, mode)
        except OSError as error:
            raise _ListenError(error.strerror or str(error)) from error
        mine = _identity(path)
        try:
            yield server
        finally:
            with contextlib.suppress(OSError, _ListenError), _alone_at(path):
                # Somebody may have put another one there.
                if _identity(path) == mine:
                    path.unlink()


def _bind(server: socket.socket, path: Path, mode: int) -> None:
    # No longer than a path may be, where the real name is the longest that may be.
    own = path.with_name("." + secrets.token_hex(4))
    before = os.umask(0o777 & ~mode)
    try:
        server.bind(str(own))
    finally:
        os.umask(before)
    try:
        server.listen(_BACKLOG)
        own.replace(path)
    except OSError:
        own.unlink(missing_ok=True)
        raise


@contextmanager
def _alone_at(path: Path) -> Iterator[None]:
    """Keep other monitors from taking or dropping the name *path* for the time of the block.

    The lock is a file that only this user can open, and gone afterwards: one on the folder would be
    held by whoever can read that, for as long as he likes.
    """
    lock = path.with_name(f".{path.name}.lock")
    until = time.monotonic() + _LOCK_PATIENCE
    while (descriptor := _locked(lock)) is None:
        if time.monotonic() > until:
            raise _ListenError(f"somebody holds {printable(lock.name)} beside it")
        time.sleep(_LOCK_GLANCE)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
        os.close(descriptor)


#: How long another monitor may take to take or drop its name, and how often that is looked at.
_LOCK_PATIENCE: Final = 2.0
_LOCK_GLANCE: Final = 0.005


def _locked(lock: Path) -> int | None:
    """Return a descriptor that holds the file *lock* locked, or None where another one does."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(lock, flags, 0o600)
    try:
        opened = os.fstat(descriptor)
        _check_mine(opened, lock)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Whoever held it before took it away: then it keeps nobody else out.
        if os.path.samestat(opened, lock.stat()):
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _check_mine(opened: os.stat_result, lock: Path) -> None:
    """Raise where others than this user may hold the file *lock*, or it is no file."""
    alone = opened.st_uid == os.geteuid() and not opened.st_mode & 0o077
    if not (alone and stat.S_ISREG(opened.st_mode)):
        raise _ListenError(f"{printable(lock.name)} beside it is not this user's alone")


def _check_free(path: Path) -> None:
    """Raise where at *path* stands what is no socket, or one that somebody listens at."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise _ListenError("there is something else of that name", "socket-in-use")
    with socket.socket(socket.AF_UNIX) as peer:
        peer.setblocking(False)
        try:
            peer.connect(str(path))
        except ConnectionRefusedError:
            return
        except OSError as error:
            raise _ListenError(error.strerror or str(error), "socket-in-use") from error
    raise _ListenError("somebody listens there", "socket-in-use")


def _identity(path: Path) -> tuple[int, int]:
    found = path.lstat()
    return found.st_dev, found.st_ino
