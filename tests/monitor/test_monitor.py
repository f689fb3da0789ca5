"""A monitor as a process: alone, and in front of something that is no QEMU, or goes away."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

import platform_abi as pa
from tests.monitor.declared import by_name, dangling, wrong
from tests.monitor.serving import QmpBytes, Serving

GREETING = (
    b'{"QMP": {"version": {"qemu": {"micro": 0, "minor": 0, "major": 9}}, "capabilities": ["oob"]}}'
    b"\r\n"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where a monitor is to listen."""
    return tmp_path / "m.sock"


@contextmanager
def _peer(folder: Path, talk: Callable[[socket.socket], None]) -> Iterator[Path]:
    """Listen as a QEMU would, take one connection and let *talk* have it."""
    place = folder / "q.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(place))
        server.listen()

        def serve() -> None:
            with contextlib.suppress(OSError):
                peer, _ = server.accept()
                with peer:
                    talk(peer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield place
        server.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def _negotiate(peer: socket.socket) -> None:
    """Say what QEMU says first."""
    peer.sendall(GREETING)
    command = json.loads(peer.recv(4096))
    assert "qmp_capabilities" == command["execute"]
    peer.sendall(b'{"return": {}, "id": %d}\r\n' % command["id"])


# --- alone ---------------------------------------------------------------------------------------


def test_alone_it_is_a_qmp_server_of_its_own(path: Path) -> None:
    """It greets under its own name, lists what it answers, and everything is as declared."""
    with Serving(path), QmpBytes(path) as client:
        greeting = json.loads(client.greeting)["QMP"]
        assert ("platform-abi", []) == (greeting["version"]["package"], greeting["capabilities"])
        assert greeting["version"] == client.ask("query-version")["return"]
        entries = by_name(client.ask("query-qmp-schema")["return"])
        assert set() == dangling(entries)
        commands = {entry["name"] for entry in client.ask("query-commands")["return"]}
        assert commands == {n for n, e in entries.items() if e["meta-type"] == "command"}
        for command in commands - {"qmp_capabilities", "query-platform"}:
            answer = client.ask(command)["return"]
            assert [] == wrong(entries, entries[command]["ret-type"], answer)
        assert "CommandNotFound" == client.ask("quit")["error"]["class"]


def test_the_host_that_is_told_is_this_one(path: Path) -> None:
    """What the probe of the command line finds, with the same verdicts."""
    with Serving(path), QmpBytes(path) as client:
        host = client.ask("query-platform-host")["return"]
        report = pa.read_report(json.dumps(host["report"]), "report")
        assert os.uname().release == report.release == host["release"]
        for platform in client.ask("query-platforms", supported="yes")["return"]:
            assert not platform["missing"]


def test_while_the_host_is_asked_others_are_answered(path: Path) -> None:
    """Asking takes its time; a client that asks something else does not wait for it.

    And the one that asked gets its answers in the order of its questions.
    """
    with Serving(path), QmpBytes(path) as slow, QmpBytes(path) as quick:
        slow.send({"execute": "query-platform-host", "id": 1}, {"execute": "query-x", "id": 2})
        begin = time.monotonic()
        assert "error" in quick.ask("query-nothing")
        waited = time.monotonic() - begin
        assert [1, 2] == [slow.read()["id"], slow.read()["id"]]
        assert waited < (time.monotonic() - begin) / 2


def test_it_is_not_open_to_others_and_gone_in_the_end(path: Path) -> None:
    """0600 unless told otherwise; both signals end it with exit code 0, and clients see the end."""
    for number, options, mode in (
        (signal.SIGTERM, (), 0o600),
        (signal.SIGINT, ("--mode", "0660"), 0o660),
    ):
        with Serving(path, *options) as monitor, QmpBytes(path) as client:
            assert mode == path.stat().st_mode & 0o777
            assert (0, "") == monitor.stop(number)
            assert b"" == client.line()
            assert not path.exists()


def test_after_a_kill_the_next_one_takes_the_place(path: Path) -> None:
    """The socket of the dead is no obstacle; that of the living is one."""
    with Serving(path) as first:
        first.stop(signal.SIGKILL)
    assert path.exists()
    with Serving(path):
        second = Serving(path)
        code, said = second.ended()
        assert 4 == code
        assert "error[socket-in-use]" in said
        with QmpBytes(path) as client:
            assert client.greeting


def test_the_lockfile_is_told(path: Path, tmp_path: Path, catalogue: pa.FileCatalogue) -> None:
    """query-platform returns it, byte for byte; a damaged one is refused before anybody comes."""
    vm = pa.virtual_machine(catalogue.devices(), "pc-q35-9.1")
    abi = pa.resolve(catalogue, vm, "linux-6.9")
    lock = tmp_path / "vm.lock"
    lock.write_text(pa.lock_text(abi, definitions="sha256:0"), encoding="utf-8")
    with Serving(path, "--lock", str(lock)) as monitor, QmpBytes(path) as client:
        answer = client.ask("query-platform")["return"]
        assert lock.read_text(encoding="utf-8") == answer["lock"]
        assert (abi.platform, pa.abi_digest(abi)) == (answer["platform"], answer["digest"])
        monitor.stop()
    lock.write_text(
        lock.read_text(encoding="utf-8").replace("linux-6.9", "linux-6.8"), encoding="utf-8"
    )
    code, said = Serving(path, "--lock", str(lock)).ended()
    assert 3 == code
    assert "error[lock-changed]" in said
    assert not path.exists()


def test_clients_that_send_garbage_or_go_disturb_nobody(path: Path) -> None:
    """Half a message, no JSON, a megabyte of it, and hanging up with a question open."""
    garbage = [
        b'{"execute": "quer',
        b"\xff\x00\x01hello",
        b"[" * 2000,
        b'"' * 4097,
        b"{" + b" " * (1 << 20),
    ]
    with Serving(path) as monitor:
        with QmpBytes(path) as steady:
            for piece in garbage:
                with QmpBytes(path, negotiate=False) as rude:
                    rude.send(piece)
                with QmpBytes(path) as gone:
                    gone.send({"execute": "query-platform-host"})
                assert "error" in steady.ask("query-nothing")
            steady.send(b"}{" * 3000 + b"}")
            assert 3001 == sum("error" in steady.read() for _ in range(3001))
            assert {"return"} == steady.ask("query-version").keys()
        assert (0, "") == monitor.stop()


def test_many_come_and_go(path: Path) -> None:
    """A hundred connections, eight at a time: each is answered, and no descriptor stays."""

    def visit(number: int) -> object:
        with QmpBytes(path) as client:
            client.send({"execute": "query-version", "id": number})
            return client.read()["id"]

    with Serving(path) as monitor:
        with QmpBytes(path):
            pass
        descriptors = Path(f"/proc/{monitor.process.pid}/fd")
        before = len(list(descriptors.iterdir()))
        with ThreadPoolExecutor(8) as pool:
            assert list(range(100)) == list(pool.map(visit, range(100)))
        time.sleep(0.2)
        assert before >= len(list(descriptors.iterdir()))


# --- what stands behind ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "qmp-failed"),
        (b"QEMU 10.0.2 monitor - type 'help' for more information\r\n(qemu) \n", "qmp-failed"),
        (b'{"return": {}}\r\n', "qmp-failed"),
        (b'{"QMP": {"capabilities": 1}}\r\n', "qmp-failed"),
        (b"[" * 100_000 + b"\n", "qmp-failed"),
        (b"x" * 200_000, "qmp-failed"),
        (b"", "qmp-failed"),
    ],
)
def test_a_peer_that_is_no_qmp_is_an_error(
    path: Path, tmp_path: Path, said: bytes, code: str
) -> None:
    """Exit code 4 and what it said instead; nobody could ever connect."""
    with _peer(tmp_path, lambda peer: peer.sendall(said)) as place:
        status, error = Serving(path, qemu=place).ended()
    assert (4, True) == (status, f"error[{code}]" in error)
    assert not path.exists()


def test_a_peer_that_does_not_negotiate_is_an_error(path: Path, tmp_path: Path) -> None:
    """It greets, and refuses what every QEMU accepts: no client is let at it."""

    def talk(peer: socket.socket) -> None:
        peer.sendall(GREETING)
        number = json.loads(peer.recv(4096))["id"]
        error = b'{"id": %d, "error": {"class": "GenericError", "desc": "no"}}\r\n'
        peer.sendall(error % number)
        peer.recv(4096)

    with _peer(tmp_path, talk) as place:
        code, error = Serving(path, qemu=place).ended()
    assert (4, True) == (code, "error[qmp-failed]: what answers at" in error)
    assert not path.exists()


def test_nobody_behind_is_an_error(path: Path, tmp_path: Path) -> None:
    """With what to start QEMU with."""
    code, error = Serving(path, qemu=tmp_path / "q.sock").ended()
    assert 4 == code
    assert "error[qmp-unreachable]" in error
    assert "server=on,wait=off" in error


def test_when_qemu_goes_clients_have_what_it_said_and_then_the_end(
    path: Path, tmp_path: Path
) -> None:
    """After SHUTDOWN it is the usual end, exit code 0."""
    event = b'{"timestamp": {"seconds": 1, "microseconds": 0}, "event": "SHUTDOWN", "data": {}}\r\n'
    go = threading.Event()

    def talk(peer: socket.socket) -> None:
        _negotiate(peer)
        go.wait(10)
        peer.sendall(event)

    with _peer(tmp_path, talk) as place, Serving(path, qemu=place) as monitor:
        with QmpBytes(path) as client:
            assert GREETING == client.greeting
            go.set()
            assert [event, b""] == [client.line(), client.line()]
        code, said = monitor.ended()
        assert 0 == code
        assert "QEMU has ended" in said
        assert not path.exists()


def test_a_client_that_reads_late_still_gets_qemus_last_words(path: Path, tmp_path: Path) -> None:
    """Two megabytes and SHUTDOWN, and QEMU is gone before any of it was read."""
    event = (
        b'{"timestamp": {"seconds": 1, "microseconds": 0}, "event": "%s", "data": {"x": "%s"}}\r\n'
    )
    said = [event % (b"E%d" % n, b"x" * 400) for n in range(4000)] + [event % (b"SHUTDOWN", b"")]
    go = threading.Event()

    def talk(peer: socket.socket) -> None:
        _negotiate(peer)
        go.wait(10)
        peer.sendall(b"".join(said))

    with _peer(tmp_path, talk) as place, Serving(path, qemu=place) as monitor:
        with QmpBytes(path) as client:
            go.set()
            time.sleep(0.5)
            assert said == [client.line() for _ in said]
            assert b"" == client.line()
        assert 0 == monitor.ended()[0]


def test_a_qemu_that_goes_without_a_word_is_an_error(path: Path, tmp_path: Path) -> None:
    """Exit code 4, so that whoever watches knows; a client with a command open sees the end."""

    def talk(peer: socket.socket) -> None:
        _negotiate(peer)
        peer.recv(4096)

    with _peer(tmp_path, talk) as place, Serving(path, qemu=place) as monitor:
        with QmpBytes(path) as client:
            client.send({"execute": "query-status"})
            assert b"" == client.line()
        code, said = monitor.ended()
    assert (4, True) == (code, "error[qemu-lost]" in said)


def test_a_client_that_does_not_read_stops_nobody_and_is_left(path: Path, tmp_path: Path) -> None:
    """Others get every event in order while it sleeps; it is disconnected when too much waits."""
    many = 60_000
    event = (
        b'{"timestamp": {"seconds": 1, "microseconds": 0}, "event": "E%d", "data": {"x": "%s"}}\r\n'
    )
    filler = b"x" * 300
    go = threading.Event()

    def talk(peer: socket.socket) -> None:
        _negotiate(peer)
        go.wait(10)
        for number in range(many):
            peer.sendall(event % (number, filler))
        peer.recv(1)

    with _peer(tmp_path, talk) as place, Serving(path, qemu=place):
        with QmpBytes(path) as sleeper, QmpBytes(path) as reader:
            go.set()
            for number in range(many):
                assert reader.line() == event % (number, filler)
            # What its socket held it may still read; then it is told the end.
            got = 0
            with contextlib.suppress(ConnectionResetError):
                while line := sleeper.line():
                    assert line == event % (got, filler) or not line.endswith(b"\n")
                    got += 1
            assert got < many
        with QmpBytes(path) as later:
            assert later.greeting


@pytest.mark.parametrize(
    "said",
    [
        b'{"return": {}, "id": %s}\r\n' % (b"9" * 5000),
        b'{"return": %s}\r\n' % (b"[" * 5000 + b"]" * 5000),
        b"x" * (17 << 20),
    ],
)
def test_what_no_qemu_says_is_an_error_for_those_who_wait(
    path: Path, tmp_path: Path, said: bytes
) -> None:
    """What came before it is told once, each open command ends in an error, and so does all."""
    event = b'{"timestamp": {"seconds": 1, "microseconds": 0}, "event": "STOP"}\r\n'

    def talk(peer: socket.socket) -> None:
        _negotiate(peer)
        peer.recv(4096)
        peer.sendall(event + said)
        peer.recv(1)

    with _peer(tmp_path, talk) as place, Serving(path, qemu=place) as monitor:
        with QmpBytes(path) as client:
            client.send({"execute": "query-status", "id": 1})
            assert event == client.line()
            reply = client.read()
            assert (1, "GenericError") == (reply["id"], reply["error"]["class"])
            assert reply["error"]["desc"].startswith(("QEMU said what", "QEMU sent more"))
            assert b"" == client.line()
        code, error = monitor.ended()
    assert (4, True, False) == (code, "error[qmp-failed]" in error, "Traceback" in error)


# --- memory --------------------------------------------------------------------------------------


def _resident(monitor: Serving) -> int:
    """Return how much memory a monitor has, in bytes."""
    status = Path(f"/proc/{monitor.process.pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) << 10


def _pour(client: QmpBytes, piece: bytes, *, megabytes: int) -> None:
    """Send *piece* again and again, up to so much, until nobody takes it any more."""
    client.socket.settimeout(0.5)
    with contextlib.suppress(OSError):
        for _ in range((megabytes << 20) // len(piece)):
            client.socket.sendall(piece)


@pytest.mark.parametrize(
    "piece",
    [
        b'{"exec-oob": "x", "id": 1}' * 4096,
        b'{"exec-oob": "x", "arguments": {"a": "%s"}}' % (b"x" * 200_000),
        b'{"execute": "x"}' * 4096,
        b"}" * 65536,
        b'{"execute": "query-platforms", "arguments": {"name": "%s"}}' % (b"x" * 200_000),
        b'{"execute": "x", "arguments": {"a": [' + b"0," * 32768,
        b'"' + b"x" * 65535,
        b'{"exec-oob": "query-platforms"}' * 4096,
    ],
)
def test_what_a_client_pours_in_is_not_kept(path: Path, tmp_path: Path, piece: bytes) -> None:
    """The QEMU behind neither reads nor answers, the client never reads: memory stays small.

    Another client is still answered what needs no QEMU.
    """
    go = threading.Event()

    def talk(peer: socket.socket) -> None:
        _negotiate(peer)
        go.wait(800)

    with _peer(tmp_path, talk) as place, Serving(path, qemu=place) as monitor:
        with QmpBytes(path) as other:
            # How long it takes is not asked here: the machine may be busy.
            other.socket.settimeout(300)
            assert "return" in other.ask("query-platforms", name="linux-6.9")
            before = _resident(monitor)
            for _ in range(3):
                with QmpBytes(path, negotiate=False) as flood:
                    enable = {"enable": ["oob"]}
                    flood.send({"execute": "qmp_capabilities", "arguments": enable})
                    _pour(flood, piece, megabytes=8)
                    assert _resident(monitor) - before < 48 << 20
                    assert "return" in other.ask("query-platforms", name="linux-6.9")
        go.set()


def test_what_no_qemu_pours_out_is_not_kept(path: Path, tmp_path: Path) -> None:
    """A hundred megabytes without an end of line: the monitor ends long before."""
    sent: list[int] = [0]

    def talk(peer: socket.socket) -> None:
        _negotiate(peer)
        piece = b"x" * (1 << 20)
        for _ in range(100):
            peer.sendall(piece)
            sent[0] += len(piece)

    with _peer(tmp_path, talk) as place:
        code, error = Serving(path, qemu=place).ended()
    assert (4, True) == (code, "error[qmp-failed]" in error)
    assert sent[0] < 40 << 20
