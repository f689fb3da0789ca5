"""What the monitor costs: the same commands to a QEMU directly and through it, in one run.

    PLATFORM_ABI_LIVE_QEMU=FOLDER .venv/bin/python bench/monitor.py [QEMU...]

Direct and through the monitor take turns; times are those of a round trip of ``query-status``, at
the client. All clients enable out-of-band execution, as the monitor does towards QEMU: without it
QEMU itself takes another way. QEMU spends far more on a command than the monitor, so the first
figures are taken with a peer that answers at once: the difference there is the monitor's own time.

For 32 clients there are two yardsticks: one QMP socket of QEMU's with as many commands under way,
which is what the monitor has, and 32 sockets, which QEMU would have to be started with.

Events are STOP and RESUME. Absolute times are this machine's; differences and ratios travel.
"""

from __future__ import annotations

import os
import selectors
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from platform_abi.monitor.relay import IN_FLIGHT
from tests.monitor.serving import QmpBytes, Serving, wait_for

_COMMAND = b'{"execute": "query-status", "id": "libvirt-42"}\r\n'
_ROUNDS = 20
_MANY = 32


#: A peer that speaks just enough QMP, and does nothing else.
_ECHO = """
import re, socket, sys
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen()
while True:
    peer, _ = server.accept()
    peer.sendall(b'{"QMP": {"version": {}, "capabilities": ["oob"]}}\\r\\n')
    file = peer.makefile("rb")
    for line in file:
        found = re.search(rb'"id": ("[a-z0-9-]+"|[0-9]+)', line)
        tail = b', "id": ' + found[1] if found else b""
        answer = b'{}' if b"qmp_cap" in line else b'{"status": "prelaunch", "running": false}'
        peer.sendall(b'{"return": ' + answer + tail + b'}\\r\\n')
"""


@contextmanager
def _echo(place: Path) -> Iterator[None]:
    with subprocess.Popen([sys.executable, "-S", "-c", _ECHO, place]) as process:
        try:
            wait_for(place)
            yield
        finally:
            process.kill()


@contextmanager
def _qemu(binary: str, folder: Path, sockets: int) -> Iterator[list[Path]]:
    """Start a QEMU with several QMP sockets."""
    places = [folder / f"q{n}.sock" for n in range(sockets)]
    monitors = [w for p in places for w in ("-qmp", f"unix:{p},server=on,wait=off")]
    words = [binary, "-machine", "none", "-nodefaults", "-display", "none", "-S", *monitors]
    with subprocess.Popen(words, stderr=subprocess.DEVNULL) as process:
        try:
            for place in places:
                wait_for(place)
            yield places
        finally:
            process.kill()


def _one(client: QmpBytes, count: int) -> list[float]:
    """Return what each of *count* round trips took, in seconds."""
    taken = []
    for _ in range(count):
        begin = time.perf_counter()
        client.socket.sendall(_COMMAND)
        client.line()
        taken.append(time.perf_counter() - begin)
    return taken


def _all(clients: Sequence[QmpBytes], count: int) -> float:
    """Return what a command takes where each of *clients* has one under way, in seconds."""
    selector = selectors.DefaultSelector()
    left = {}
    for client in clients:
        selector.register(client.socket, selectors.EVENT_READ, client)
        left[client] = count
    begin = time.perf_counter()
    for client in clients:
        client.socket.sendall(_COMMAND)
    done = 0
    while done < count * len(clients):
        for key, _ in selector.select():
            client = key.data
            client.line()
            done += 1
            left[client] -= 1
            if left[client]:
                client.socket.sendall(_COMMAND)
    return (time.perf_counter() - begin) / (count * len(clients))


def _under_way(client: QmpBytes, count: int) -> float:
    """Return what a command takes where as many as the monitor lets are under way, in seconds."""
    begin = time.perf_counter()
    client.socket.sendall(_COMMAND * IN_FLIGHT)
    for number in range(count):
        client.line()
        if number < count - IN_FLIGHT:
            client.socket.sendall(_COMMAND)
    return (time.perf_counter() - begin) / count


def _report(name: str, direct: list[float], through: list[float]) -> None:
    a, b = statistics.median(direct), statistics.median(through)
    print(
        f"  {name:22} direct {a * 1e6:7.1f} us  monitor {b * 1e6:7.1f} us  "
        f"{b / a:5.2f}x  overhead {(b - a) * 1e3:6.3f} ms"
    )


def own_time() -> None:
    """Print what the monitor itself adds to a round trip."""
    print("a peer that answers at once")
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
        folder = Path(temporary)
        for name in ("a", "b"):
            stack.enter_context(_echo(folder / name))
        stack.enter_context(Serving(folder / "m", qemu=folder / "a"))
        direct = stack.enter_context(QmpBytes(folder / "b", negotiate=False))
        through = stack.enter_context(QmpBytes(folder / "m", oob=True))
        figures: dict[str, list[float]] = {"d": [], "t": []}
        for _ in range(_ROUNDS):
            figures["d"] += _one(direct, 200)
            figures["t"] += _one(through, 200)
        _report("one client", figures["d"], figures["t"])


def round_trips(binary: str) -> None:
    """Print what commands take with one client and with many."""
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
        folder = Path(temporary)
        places = stack.enter_context(_qemu(binary, folder, _MANY + 1))
        path = folder / "m.sock"
        stack.enter_context(Serving(path, qemu=places[0]))
        direct = [stack.enter_context(QmpBytes(place, oob=True)) for place in places[1:]]
        through = [stack.enter_context(QmpBytes(path, oob=True)) for _ in range(_MANY)]
        for client in (direct[0], through[0]):
            _one(client, 200)
        figures: dict[str, list[float]] = {key: [] for key in ("d1", "t1", "ds", "dn", "tn")}
        for _ in range(_ROUNDS):
            figures["d1"] += _one(direct[0], 100)
            figures["t1"] += _one(through[0], 100)
            figures["ds"].append(_under_way(direct[0], 20 * _MANY))
            figures["tn"].append(_all(through, 20))
            figures["dn"].append(_all(direct, 20))
        _report("one client", figures["d1"], figures["t1"])
        _report(f"{_MANY} clients, one socket", figures["ds"], figures["tn"])
        _report(f"{_MANY} clients, {_MANY} sockets", figures["dn"], figures["tn"])


def events(binary: str) -> None:
    """Print how many events a second are passed on."""
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
        folder = Path(temporary)
        places = stack.enter_context(_qemu(binary, folder, 3))
        path = folder / "m.sock"
        stack.enter_context(Serving(path, qemu=places[0]))
        cause, listener = (stack.enter_context(QmpBytes(place)) for place in places[1:])
        alone = stack.enter_context(QmpBytes(path))
        rates: dict[str, list[float]] = {"direct": [], "one": [], "many": []}
        for _ in range(_ROUNDS // 2):
            rates["direct"].append(_rate(cause, [listener], 2000))
            _drain(alone, 2000)
            rates["one"].append(_rate(cause, [alone], 2000))
            _drain(listener, 2000)
        others = [stack.enter_context(QmpBytes(path)) for _ in range(_MANY - 1)]
        for _ in range(_ROUNDS // 4):
            rates["many"].append(_rate(cause, [alone, *others], 2000))
            _drain(listener, 2000)
        medians = {name: statistics.median(found) for name, found in rates.items()}
        print(f"  events a second        direct {medians['direct']:8.0f}")
        for name, said in (("one", "to one client"), ("many", f"to each of {_MANY}")):
            rate = medians[name]
            print(f"    {said:20} monitor {rate:7.0f}  {rate / medians['direct']:5.2f}x")


def _rate(cause: QmpBytes, listeners: Sequence[QmpBytes], count: int) -> float:
    """Return how many events a second reach all of *listeners*, while *cause* makes them."""
    burst = [{"execute": name} for _ in range(50) for name in ("cont", "stop")]
    begin = time.perf_counter()
    for _ in range(count // len(burst)):
        cause.send(*burst)
        _drain(cause, 2 * len(burst))
    for listener in listeners:
        _drain(listener, count)
    return count / (time.perf_counter() - begin)


def _drain(client: QmpBytes, count: int) -> None:
    """Read *count* lines."""
    for _ in range(count):
        client.line()


if __name__ == "__main__":
    folder = os.environ.get("PLATFORM_ABI_LIVE_QEMU", "")
    found = (
        sorted(str(p) for p in Path(folder, "bin").glob("qemu-system-x86_64-*")) if folder else []
    )
    own_time()
    for name in sys.argv[1:] or found or ["qemu-system-x86_64"]:
        print(Path(name).name)
        round_trips(name)
        events(name)
