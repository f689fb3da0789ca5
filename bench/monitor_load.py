"""Two hundred clients of one monitor for minutes: nothing lost, nothing mixed up, memory flat.

    PLATFORM_ABI_LIVE_QEMU=FOLDER .venv/bin/python bench/monitor_load.py [SECONDS [CLIENTS [QEMU]]]

A client asks QEMU and the monitor, in batches and in pieces, sends what is no command, stops in the
middle of a message, reads slowly what is large, or asks out of band; at random times it hangs up
with all of it open, and another comes. Each checks that its answers come in its order, under its
ids and with its own words in them, and that no event is missing between two others (STOP and RESUME
take turns). It ends with 1 where anything was wrong.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.monitor.serving import Serving, wait_for

#: How long a client stays on average, and how long one waits for an answer, in seconds.
_STAY = 6.0
_PATIENCE = 60.0


class Load:
    """What all clients found together."""

    def __init__(self, path: Path, until: float, seed: int) -> None:
        self.path = path
        self.until = until
        self.dice = random.Random(seed)
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.waited: list[float] = []

    async def visits(self, number: int) -> None:
        """Come, stay for a while, and go without a word, again and again."""
        while time.monotonic() < self.until:
            visit = Visit(self, f"{number}-{self.counts['visits']}")
            self.counts["visits"] += 1
            stay = min(self.dice.expovariate(1 / _STAY), self.until - time.monotonic())
            try:
                async with asyncio.timeout(stay):
                    await visit.talk()
            except TimeoutError:
                self.counts["left with answers open" if visit.open else "left idle"] += 1
            except (OSError, asyncio.IncompleteReadError, AssertionError) as error:
                self.wrong.append(f"{visit.name}: {error!r}")
            finally:
                visit.hang_up()


class Visit:
    """One connection of one client."""

    def __init__(self, load: Load, name: str) -> None:
        self.load, self.name, self.dice = load, name, load.dice
        self.open = 0
        self._number = 0
        self._event = ""
        self._writer: asyncio.StreamWriter | None = None

    async def talk(self) -> None:
        """Connect, negotiate, and ask in one manner after the other."""
        self._reader, self._writer = await _connected(self.load.path)
        await self._reader.readline()
        enable = {"enable": ["oob"]}
        await self._ask([{"execute": "qmp_capabilities", "arguments": enable, "id": "n"}])
        while True:
            manners = (self._batch, self._halves, self._urgent, self._slowly)
            # QEMU takes a hundred times as long for megabytes as for a small answer.
            await self.dice.choices(manners, (20, 8, 8, 1))[0]()
            await asyncio.sleep(self.dice.random() * 0.4)

    def hang_up(self) -> None:
        """Go, whatever was sent or is to be read."""
        if self._writer is not None:
            self._writer.transport.abort()

    # --- manners ---------------------------------------------------------------------------------

    def _command(self) -> dict[str, Any]:
        self._number += 1
        kind = self.dice.randrange(10)
        if kind == 0:
            name = {"name": f"no-{self.name}-{self._number}"}
            return {"execute": "query-platforms", "arguments": name, "id": self._number}
        path = {"path": f"/no-{self.name}-{self._number}"}
        return {"execute": "qom-list", "arguments": path, "id": self._number}

    async def _batch(self) -> None:
        """Send several commands at once."""
        begin = time.monotonic()
        sent = [self._command() for _ in range(self.dice.randrange(1, 16))]
        await self._ask(sent)
        self.load.waited.append((time.monotonic() - begin) / len(sent))

    async def _halves(self) -> None:
        """Stop in the middle of a message, perhaps for good, or send what is none."""
        sent = [self._command(), self._command()]
        if self.dice.random() < 0.3:
            self._write(b"[1]\n{]\xff\n")
            for _ in range(3):
                assert "error" in await self._read()
        text = json.dumps(sent[0]).encode() + json.dumps(sent[1]).encode()
        place = self.dice.randrange(1, len(text))
        self._write(text[:place])
        await asyncio.sleep(self.dice.random() * 0.5)
        self._write(text[place:])
        await self._answers(sent)

    async def _slowly(self) -> None:
        """Ask for megabytes, and read them with pauses."""
        many = self.dice.randrange(1, 8)
        self.open += many
        self._write(b"".join(b'{"execute":"query-qmp-schema","id":%d}' % n for n in range(many)))
        await asyncio.sleep(self.dice.random() * 2)
        for number in range(many):
            reply = await self._read()
            assert number == reply["id"], f"{number} is not {reply['id']}"
            assert "query-platforms" in {entry["name"] for entry in reply["return"][-40:]}
            self._count("large answers")
            await asyncio.sleep(self.dice.random() * 0.2)

    async def _urgent(self) -> None:
        """Ask out of band while a batch waits: it may be answered first."""
        sent = [self._command() for _ in range(self.dice.randrange(1, 12))]
        self.open += 1
        self._write(*sent, {"exec-oob": "query-yank", "id": "urgent"})
        self.open += len(sent)
        expected = [*sent]
        urgent = False
        while expected or not urgent:
            reply = await self._read()
            if reply.get("id") == "urgent":
                urgent = True
                self._count("out of band")
            else:
                self._check(expected.pop(0), reply)

    # --- words -----------------------------------------------------------------------------------

    def _write(self, *parts: bytes | dict[str, Any]) -> None:
        assert self._writer is not None
        self._writer.write(
            b"".join(p if isinstance(p, bytes) else json.dumps(p).encode() for p in parts)
        )

    async def _ask(self, sent: list[dict[str, Any]]) -> None:
        self._write(*sent)
        await self._answers(sent)

    async def _answers(self, sent: list[dict[str, Any]]) -> None:
        self.open += len(sent)
        for command in sent:
            self._check(command, await self._read())

    def _check(self, command: dict[str, Any], reply: dict[str, Any]) -> None:
        assert command["id"] == reply.get("id"), f"{command['id']} is not {reply.get('id')}"
        words = command["arguments"].get("path") or command["arguments"].get("name")
        if words is not None:
            assert f"'{words}'" in reply["error"]["desc"], f"{words}: {reply}"
        self._count("answers")

    def _count(self, kind: str) -> None:
        self.open -= 1
        self.load.counts[kind] += 1

    async def _read(self) -> dict[str, Any]:
        """Return the next reply; the events before it take turns."""
        while True:
            try:
                async with asyncio.timeout(_PATIENCE):
                    line = await self._reader.readline()
            except TimeoutError:
                raise AssertionError("no answer") from None
            assert line.endswith(b"\n"), "the connection was closed"
            message = json.loads(line)
            assert isinstance(message, dict)
            if "event" not in message:
                return message
            assert message["event"] != self._event, f"two {self._event} in a row"
            self._event = message["event"]
            self.load.counts["events"] += 1


async def _connected(path: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    peer = socket.socket(socket.AF_UNIX)
    peer.setblocking(False)
    try:
        while True:
            # With as many waiting as may wait there is nothing that asyncio could be told by.
            with contextlib.suppress(BlockingIOError):
                peer.connect(str(path))
                break
            await asyncio.sleep(0.01)
        return await asyncio.open_unix_connection(sock=peer, limit=32 << 20)
    except BaseException:
        peer.close()
        raise


async def _switch(load: Load) -> None:
    """Make events: a client of its own lets the machine go and stop."""
    reader, writer = await _connected(load.path)
    await reader.readline()
    writer.write(b'{"execute": "qmp_capabilities"}')
    while time.monotonic() < load.until:
        for name in ("cont", "stop"):
            writer.write(b'{"execute": "%s", "id": 1}' % name.encode())
            while b'"id": 1' not in await reader.readline():
                pass
        await asyncio.sleep(0.05)
    writer.close()


async def _memory(pid: int, load: Load) -> list[float]:
    """Return the monitor's resident memory in MB, twice a second."""
    found = []
    while time.monotonic() < load.until:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")  # noqa: ASYNC240 - no disk
        found.append(int(status.partition("VmRSS:")[2].split()[0]) / 1024)
        await asyncio.sleep(0.5)
    return found


async def _run(path: Path, pid: int, seconds: float, clients: int) -> Load:
    load = Load(path, time.monotonic() + seconds, seed=clients)
    memory = asyncio.create_task(_memory(pid, load))
    await asyncio.gather(_switch(load), *(load.visits(number) for number in range(clients)))
    sizes = await memory
    third = len(sizes) // 3
    print(f"{clients} clients for {seconds:.0f} s: {dict(sorted(load.counts.items()))}")
    print(f"  {sum(load.counts.values()) / seconds:.0f} messages a second")
    waited = sorted(load.waited)
    middle, late = waited[len(waited) // 2], waited[int(len(waited) * 0.99)]
    print(f"  a command in a batch took {middle * 1e3:.1f} ms (median), {late * 1e3:.0f} ms (99 %)")
    parts = (sizes[third // 2 : third], sizes[third : 2 * third], sizes[2 * third :])
    means = " ".join(f"{statistics.mean(part):.1f}" for part in parts if part)
    print(f"  memory of the monitor in thirds of the time: {means} MB; largest {max(sizes):.1f} MB")
    return load


def main(seconds: float, clients: int, qemu: str | None = None) -> int:
    """Run the load, and return 1 where anything was wrong."""
    folder = os.environ.get("PLATFORM_ABI_LIVE_QEMU", "")
    binary = qemu or (f"{folder}/bin/qemu-system-x86_64-10.0" if folder else "qemu-system-x86_64")
    with tempfile.TemporaryDirectory() as temporary:
        place, path = Path(temporary, "q"), Path(temporary, "m")
        monitor = ("-qmp", f"unix:{place},server=on,wait=off")
        words = [binary, "-machine", "none", "-nodefaults", "-display", "none", "-S", *monitor]
        with subprocess.Popen(words, stderr=subprocess.DEVNULL) as process:
            try:
                wait_for(place)
                with Serving(path, qemu=place) as serving:
                    load = asyncio.run(_run(path, serving.process.pid, seconds, clients))
                    code, said = serving.stop()
            finally:
                process.kill()
    for line in load.wrong[:20]:
        print(f"  wrong: {line}")
    print(f"  {len(load.wrong)} wrong; the monitor ended with {code} {said!r}")
    return 1 if load.wrong or code or said else 0


if __name__ == "__main__":
    seconds, clients, *binaries = [*sys.argv[1:], *("180", "200")[len(sys.argv) - 1 :]]
    sys.exit(main(float(seconds), int(clients), *binaries))
