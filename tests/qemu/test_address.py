"""Where a monitor listens: nobody's socket is taken, nobody comes in who may not."""

from __future__ import annotations

import fcntl
import os
import socket
import stat
import threading
from pathlib import Path

import pytest

from platform_abi.errors import HostError, UsageError
from platform_abi.qemu.address import (
    TcpAddress,
    UnixAddress,
    connect,
    listening,
    read_address,
)


@pytest.fixture
def place(tmp_path: Path) -> UnixAddress:
    """Return an address that nobody uses."""
    return UnixAddress(path=str(tmp_path / "m.sock"))


# --- spelling ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("unix:/run/vm.qmp", UnixAddress(path="/run/vm.qmp")),
        ("unix:a:b", UnixAddress(path="a:b")),
        ("tcp:localhost:4444", TcpAddress(host="localhost", port=4444)),
        ("tcp:[::1]:0", TcpAddress(host="::1", port=0)),
    ],
)
def test_addresses_are_read(text: str, address: UnixAddress | TcpAddress) -> None:
    """A path, or a host with a port."""
    assert address == read_address(text, tcp=True)


@pytest.mark.parametrize(
    "text",
    ["", "unix:", "/run/x", "tcp:", "tcp:x", "tcp::1", "tcp:x:65536", "tcp:x:-1", "tcp:x:٣",
     "vsock:1:2", "unix:a\0b", "unix:" + "x" * 108],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str) -> None:
    """With what was expected; a path that no socket can have as well."""
    with pytest.raises(UsageError) as caught:
        read_address(text, tcp=True)
    assert "socket-address" == caught.value.code


def test_tcp_has_to_be_asked_for() -> None:
    """Whoever reaches a port commands QEMU."""
    with pytest.raises(UsageError) as caught:
        read_address("tcp:localhost:4444", tcp=False)
    assert "tcp-not-allowed" == caught.value.code


# --- listening -----------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o600, 0o660, 0o777])
def test_a_socket_has_its_permissions_whatever_the_umask(place: UnixAddress, mode: int) -> None:
    """And is gone when the block ends, with nothing left beside it."""
    before = os.umask(0o022)
    try:
        with listening(place, mode=mode):
            assert mode == stat.S_IMODE(Path(place.path).stat().st_mode)
            assert 1 == len(list(Path(place.path).parent.iterdir()))
        assert 0o022 == os.umask(0o022)
    finally:
        os.umask(before)
    assert [] == list(Path(place.path).parent.iterdir())


def test_the_socket_of_a_process_that_is_no_more_is_replaced(place: UnixAddress) -> None:
    """As after a kill -9: the file is there, and nobody listens."""
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(place.path)
    with listening(place, mode=0o600), connect(place, timeout=1):
        pass


def test_a_socket_in_use_is_left_alone(place: UnixAddress) -> None:
    """Two monitors at one address: the second is an error, and the first goes on."""
    with listening(place, mode=0o600):
        with pytest.raises(HostError) as caught, listening(place, mode=0o600):
            pass
        assert ("socket-in-use", 4) == (caught.value.code, caught.value.exit_code)
        connect(place, timeout=1).close()


def test_a_socket_whose_backlog_is_full_is_in_use(place: UnixAddress) -> None:
    """Somebody listens there, only not fast enough."""
    with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as waiting:
        busy.bind(place.path)
        busy.listen(0)
        waiting.connect(place.path)
        with pytest.raises(HostError) as caught, listening(place, mode=0o600):
            pass
    assert "socket-in-use" == caught.value.code


def test_a_file_that_is_no_socket_is_never_replaced(place: UnixAddress) -> None:
    """A mistyped path costs nobody a file."""
    Path(place.path).write_text("mine", encoding="utf-8")
    with pytest.raises(HostError) as caught, listening(place, mode=0o600):
        pass
    assert "socket-in-use" == caught.value.code
    assert "mine" == Path(place.path).read_text(encoding="utf-8")


def test_a_socket_that_another_put_there_is_not_removed(place: UnixAddress) -> None:
    """Only one's own name is taken back."""
    with listening(place, mode=0o600):
        Path(place.path).unlink()
        other = socket.socket(socket.AF_UNIX)
        other.bind(place.path)
    assert Path(place.path).is_socket()
    other.close()


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """With the system's own reason."""
    place = UnixAddress(path=str(tmp_path / "no" / "m.sock"))
    with pytest.raises(HostError, match="No such file") as caught, listening(place, mode=0o600):
        pass
    assert "listen-failed" == caught.value.code


def test_of_two_that_start_at_once_one_listens(place: UnixAddress) -> None:
    """Also where a dead socket is in the way: neither takes the other's name."""
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(place.path)
    results: list[str] = []
    together, done = threading.Barrier(4), threading.Barrier(4)

    def start() -> None:
        together.wait()
        try:
            with listening(place, mode=0o600):
                results.append("listens")
                done.wait()
        except HostError as error:
            results.append(error.code)
            done.wait()

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert ["listens", "socket-in-use", "socket-in-use", "socket-in-use"] == sorted(results)


def test_a_name_is_looked_at_and_taken_in_one_piece(place: UnixAddress) -> None:
    """Whoever takes a name waits while another of this user's takes it, and not for ever."""
    lock = Path(place.path).with_name(".m.sock.lock")
    listens, leave = threading.Event(), threading.Event()

    def start() -> None:
        with listening(place, mode=0o600):
            listens.set()
            leave.wait(10)

    with lock.open("w", encoding="utf-8") as held:
        lock.chmod(0o600)
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(HostError, match=r"holds \.m\.sock\.lock"), listening(place, mode=0o600):
            pass
        thread = threading.Thread(target=start)
        thread.start()
        assert not listens.wait(0.2)
    assert listens.wait(10)
    assert [Path(place.path)] == list(lock.parent.iterdir())
    leave.set()
    thread.join(10)


def test_a_lock_that_others_can_hold_stops_nobody(place: UnixAddress) -> None:
    """Whoever can read the folder may lock it: that is not what is waited for."""
    folder = os.open(Path(place.path).parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with listening(place, mode=0o600), connect(place, timeout=1):
            pass
    finally:
        os.close(folder)


@pytest.mark.parametrize("kind", ["link", "fifo", "open to others", "another user's"])
def test_a_lock_that_another_put_there_is_an_error(place: UnixAddress, kind: str) -> None:
    """It is neither waited for, followed nor written to, and stays as it is."""
    lock = Path(place.path).with_name(".m.sock.lock")
    if kind == "link":
        lock.symlink_to("elsewhere")
    elif kind == "fifo":
        os.mkfifo(lock, 0o600)
    else:
        lock.touch(0o600)
        lock.chmod(0o644 if kind == "open to others" else 0o600)
    if kind == "another user's":
        if os.geteuid():
            pytest.skip("only root can give a file away")
        os.chown(lock, 12345, 12345)
    before = lock.lstat()
    with pytest.raises(HostError) as caught, listening(place, mode=0o600):
        pass
    assert "listen-failed" == caught.value.code
    assert os.path.samestat(before, lock.lstat())
    assert [lock] == list(lock.parent.iterdir())


def test_tcp_where_it_was_asked_for() -> None:
    """A port that is in use is an error; one that is free is listened at."""
    with listening(TcpAddress(host="127.0.0.1", port=0), mode=0o600) as server:
        place = TcpAddress(host="127.0.0.1", port=server.getsockname()[1])
        connect(place, timeout=1).close()
        with pytest.raises(HostError) as caught, listening(place, mode=0o600):
            pass
    assert "listen-failed" == caught.value.code


def test_nobody_there_is_an_error(place: UnixAddress) -> None:
    """With what QEMU has to be started with."""
    with pytest.raises(HostError) as caught:
        connect(place, timeout=1)
    assert ("qmp-unreachable", 4) == (caught.value.code, caught.value.exit_code)
    assert "server=on,wait=off" in caught.value.help
