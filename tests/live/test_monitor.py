"""The monitor in front of real QEMUs: whoever speaks QMP cannot tell, but for what is added."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import platform_abi as pa
from platform_abi.errors import HostError
from platform_abi.monitor.backend import open_backend
from platform_abi.qemu.address import UnixAddress
from tests.monitor.declared import by_name, dangling, wrong
from tests.monitor.serving import QmpBytes, Serving, wait_for

pytestmark = pytest.mark.live

OURS = ["query-platforms", "query-platform", "query-platform-host"]


@contextmanager
def _running(qemu: Path, folder: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start a QEMU without a guest that listens at ``q.sock``, or as *options* say."""
    place = folder / "q.sock"
    monitor = options or ("-qmp", f"unix:{place},server=on,wait=off")
    words = ["-machine", "none", "-nodefaults", "-display", "none", "-S", *monitor]
    with subprocess.Popen([qemu, *words]) as process:
        try:
            wait_for(place)
            yield process
        finally:
            if process.poll() is None:
                process.kill()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the monitor is to listen."""
    return tmp_path / "m.sock"


@pytest.fixture
def running(qemu: Path, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Return each QEMU in turn, while it runs."""
    with _running(qemu, tmp_path) as process:
        yield process


@pytest.fixture
def monitor(running: subprocess.Popen[bytes], path: Path, tmp_path: Path) -> Iterator[Serving]:
    """Return a monitor in front of it."""
    assert running.poll() is None
    with Serving(path, qemu=tmp_path / "q.sock") as serving:
        yield serving


# --- as QEMU itself ------------------------------------------------------------------------------

#: What clients send by mistake, or to see what happens.
ODD = [
    *(b'{"execute":"query-status"}', b'{"foo":1}', b"{}", b"[]", b"1\n", b'"x"', b"null\n"),
    *(b"hello\n", b'{"execute":1}', b'{"execute":"qmp_capabilities","arguments":3,"id":1}'),
    b'{"execute":"qmp_capabilities","arguments":{"enable":"oob"},"id":1}',
    b'{"execute":"qmp_capabilities","arguments":{"enable":[1]},"id":1}',
    b'{"execute":"qmp_capabilities","arguments":{"bar":1},"id":1}',
    *(b'{"exec-oob":"query-status"}', b'{"execute":"nonsense"}', b'{"exec-oob":"x","id":2}'),
    b'{"execute":"qmp_capabilities","arguments":{"enable":["oob"]},"id":{"a":[1,2.5,null]}}',
    *(b'{"execute":"qmp_capabilities"}', b'{"exec-oob":"query-status","id":1}'),
    *(b'{"exec-oob":"nonsense","id":1}', b'{"execute":"query-name","exec-oob":"x","id":1}'),
    *(b"{'execute':'query-name','id':'x\\'y'}", b'{"execute":"query-name","arguments":{"x":1}}'),
    *(b'{"execute":"query-name","arguments":null,"id":5}', b'{"id": 3, "execute":"query-name"}'),
    b'{"execute":"qom-get","arguments":{"path":1,"property":"x"},"id":5}',
    *(b'{"execute":"query-name",}', b'{"execute" "query-name"}', b'{"execute":}', b"{,}", b"{1:2}"),
    *(b'{"a":1 "b":2}', b"[1 2]", b"[1,]", b"[,]", b"}", b"]", b"{]", b"[}", b'{"a":[}]}'),
    *(b'{"a":foo}', b'{"a":NaN}', b'{"a":True}', b'{"a":1,"a":2}', b'{"a":01}', b'{"a":-}'),
    *(b'{"a":1.}', b'{"a":.5}', b'{"a":+1}', b'{"a":1e5}', b'{"a":0e5}', b'{"a":1e}', b'{"a":-0}'),
    *(b'{"a":"\\x"}', b'{"a":"\\u12"}', b'{"a":"\\ud800"}', b'{"a":"\\ud800\\u0041"}'),
    *(b'{"a":"\\udc00"}', b'{"a":"\\uffff"}', b'{"a":"\\u0000"}', b'{"a":"\\ufdd0"}'),
    *(b'{"a":"\\ud83d\\ude00"}', b'{"a":"\\ud83f\\udfff"}', b'{"a":"\xf0\x9f\x98\x80"}'),
    *(b'{"a":"\xff"}', b'{"a":"\xc0\x80"}', b'{"a":"\xed\xa0\x80"}', b'{"a":"\xc3"}'),
    *(b'{"a":"\xef\xbf\xbf"}', b'{"a":"\xf4\x90\x80\x80"}', b'{"a":"\xc3\xa9"}', b'{"a":"x\ty"}'),
    *(b'{"a":"x\ny"}', b'{"a": @ {"execute":"query-name"}}', b'\xff{"execute":"query-name"}'),
    *(b'{"execute":\xff{"execute":"query-name"}', b'{"a":"b\xff{"execute":"query-name"}'),
    *(b"%d\n", b'{"a":%s}', b"'abc\n", b'{"execute":"query-name"}{"execute":"query-kvm"}'),
    *(b'{"execute":"query-name"} trailing\n', b"nul\x00l\n", b'tr{"execute":"query-name"}'),
    *(b'1{"execute":"query-name"}', b'-{"execute":"query-name"}', b"# comment\n", b"12 34\n"),
    *(b'/* {"execute":"query-name"} */\n', b"[1][2]", b'"a""b"', b'"a\\\n', b"abc\n", b"a,b\n"),
    *(b'{"a":"\\"}\n"}', b"0x\n", b'{"a":\x00}', b"\x01\n", b"-a\n", b"1a\n", b"1.2.3\n", b"aA_\n"),
    *(b"null5\n", b"!!!\n", b"  !x! y\n", b'{"execute":"\xc3\xa9"}', b'{"\xc3\xa9":1}', b"\xfe\n"),
    *(b'{"execute":"query-name","id":[[]]}\n{"execute":"query-name", "id": false}', b"1.5E-3 "),
    *(b'{"execute":"query-name","execute":"query-kvm"}', b'{"id":1,"\\u0069d":2}', b"\t\r\n"),
    b"[" * 1024 + b"]" * 1024,
]  # fmt: skip

_POSITION = re.compile(r"^\d+:\d+: ")


def _replies(client: QmpBytes, *sent: bytes) -> list[dict[str, Any]]:
    """Return all replies to *sent*: what comes before the reply to a command that follows it."""
    marker = "the end of it"
    for piece in sent:
        client.send(piece)
    client.send(b"\n", {"execute": "query-version", "id": marker})
    found: list[dict[str, Any]] = []
    while (message := client.read()).get("id") != marker:
        found.append(message)
    return found


def _outcome(reply: dict[str, Any], *, words: bool) -> Any:
    """Return a reply without a position; of errors of JSON only that they are, unless *words*."""
    error = reply.get("error")
    if error is None:
        return reply
    desc = _POSITION.sub("", error["desc"])
    if not words and desc.startswith("JSON parse error"):
        desc = "JSON parse error"
    return {**reply, "error": {"class": error["class"], "desc": desc}}


def test_odd_input_is_answered_as_by_qemu_itself(
    running: subprocess.Popen[bytes], path: Path, tmp_path: Path, qemu_version: str
) -> None:
    """The same replies, errors and ids in the same order, before negotiation and after.

    The words of errors in JSON are those of QEMU 11.1, whichever QEMU it is.
    """
    assert running.poll() is None
    place = tmp_path / "q.sock"
    words = qemu_version == "11.1"
    with QmpBytes(place, negotiate=False) as direct:
        greeting = direct.greeting
        expected = [_replies(direct, sent) for sent in ODD]
    with Serving(path, qemu=place), QmpBytes(path, negotiate=False) as client:
        assert greeting == client.greeting
        for sent, replies in zip(ODD, expected, strict=True):
            got = [_outcome(reply, words=words) for reply in _replies(client, sent)]
            assert [_outcome(reply, words=words) for reply in replies] == got, sent


#: What random streams are made of: everything that means something to a reader of JSON.
PARTS = [
    *(bytes((byte,)) for byte in b"{}[]:,\"'\\ \n\t.-e+"),
    *(
        b'"a"',
        b"'b'",
        b"1",
        b"-0.5e3",
        b"01",
        b"0",
        b"0.",
        b"true",
        b"nul",
        b"\xff",
        b"\x00",
        b"%d",
    ),
    *(
        b"\\u00e9",
        b"\\ud83d",
        b"\\ude00",
        b"\xc3\xa9",
        b"\xc0\x80",
        b"\xed\xa0\x80",
        b"\\'",
        b'\\"',
    ),
    *(b'{"execute":"x"}', b'{"id":7,"execute":"y"}', b'"c":', b'{"a":', b'["', b'":"'),
    *(b'{"execute":"query-name","id":', b"'id':", b',"arguments":{', b"[" * 70, b"]" * 70),
]

#: How many of them, and of which seed: tens of thousands are for those who have the time.
STREAMS = int(os.environ.get("PLATFORM_ABI_STREAMS", "300"))
SEED = int(os.environ.get("PLATFORM_ABI_SEED", "20261125"))


def _streams() -> Iterator[list[bytes]]:
    """Yield streams in the pieces that they are sent in."""
    dice = random.Random(SEED)
    for _ in range(STREAMS):
        stream = b"".join(dice.choices(PARTS, k=dice.randrange(1, 14))) + b"\xff\n"
        places = sorted(dice.randrange(len(stream)) for _ in range(dice.choice((0, 0, 0, 1, 3))))
        yield [stream[a:b] for a, b in pairwise((0, *places, len(stream)))]


def test_random_streams_are_answered_as_by_qemu_itself(
    qemu: Path, path: Path, tmp_path: Path, qemu_version: str
) -> None:
    """Where each message begins and ends, and what is wrong with it, is what QEMU finds.

    Nothing nests deeper than 1024 levels: 11.1 refuses that at its end, and older ones at once.

    The direct client does not enable out-of-band execution: with it, QEMU 7.2 to 11.1 abort when
    one byte ends two messages while seven wait (an assertion in handle_qmp_command).
    """
    place, other = tmp_path / "q.sock", tmp_path / "direct.sock"
    words = qemu_version == "11.1"
    monitors = [w for p in (place, other) for w in ("-qmp", f"unix:{p},server=on,wait=off")]
    with (
        _running(qemu, tmp_path, *monitors) as running,
        Serving(path, qemu=place),
        QmpBytes(path, oob=True) as client,
        QmpBytes(other) as direct,
    ):
        for number, pieces in enumerate(_streams()):
            replies = [_outcome(reply, words=words) for reply in _replies(direct, *pieces)]
            got = [_outcome(reply, words=words) for reply in _replies(client, *pieces)]
            assert replies == got, (number, pieces)
        assert running.poll() is None


def test_qemus_own_lists_have_our_commands_with_types_that_are_there(
    monitor: Serving, path: Path
) -> None:
    """query-commands and query-qmp-schema: all of QEMU's, then ours, no name twice, none dangling.

    What is answered, by QEMU as well as here, is what the schema declares.
    """
    assert monitor.process.poll() is None
    with QmpBytes(path) as client:
        entries = by_name(client.ask("query-qmp-schema")["return"])
        assert set() == dangling(entries)
        commands = [entry["name"] for entry in client.ask("query-commands")["return"]]
        assert OURS == commands[-3:]
        assert len(set(commands)) == len(commands) > 100
        for command in ("query-version", "query-status", OURS[0], OURS[2]):
            answer = client.ask(command)["return"]
            assert [] == wrong(entries, entries[command]["ret-type"], answer)


def test_without_a_monitor_qemus_lists_are_the_same_but_for_ours(
    running: subprocess.Popen[bytes], path: Path, tmp_path: Path
) -> None:
    """Byte for byte: what QEMU says of itself is not written again."""
    assert running.poll() is None
    place = tmp_path / "q.sock"
    asked = [{"execute": name} for name in ("query-qmp-schema", "query-commands", "query-kvm")]
    with QmpBytes(place) as direct:
        direct.send(*asked)
        expected = [direct.line() for _ in asked]
    with Serving(path, qemu=place), QmpBytes(path) as client:
        client.send(*asked)
        got = [client.line() for _ in asked]
    for bare, line in zip(expected[:2], got[:2], strict=True):
        assert line.startswith(bare.removesuffix(b"]}\r\n") + b", {")
    assert expected[2] == got[2]


def test_the_words_of_a_pretty_qemu_pass_as_they_are(
    qemu: Path, path: Path, tmp_path: Path
) -> None:
    """With pretty=on QEMU writes a message in several lines; replies and events find their way."""
    place = tmp_path / "q.sock"
    options = ("-chardev", f"socket,id=c,path={place},server=on,wait=off")
    mon = ("-mon", "chardev=c,mode=control,pretty=on")
    with (
        _running(qemu, tmp_path, *options, *mon),
        Serving(path, qemu=place),
        QmpBytes(path, negotiate=False) as client,
    ):
        client.send(b'{"execute":"qmp_capabilities"}{"execute":"query-commands","id":"a"}')
        client.send(b'{"execute":"query-kvm","id":"b"}')
        said = client.greeting
        while b'"id": "b"' not in said:
            said += client.line()
        # QEMU does not wait, when it quits, until everything it wrote was read.
        client.send(b'{"execute":"quit","id":"c"}')
        while line := client.line():
            said += line
    messages, decoder, text = [], json.JSONDecoder(), said.decode().strip()
    while text:
        message, end = decoder.raw_decode(text)
        messages.append(message)
        text = text[end:].lstrip()
    assert ["QMP", "return"] == [next(iter(message)) for message in messages[:2]]
    replies = {m["id"]: m for m in messages if "id" in m}
    assert ["a", "b", "c"] == sorted(replies)
    assert OURS == [entry["name"] for entry in replies["a"]["return"]][-3:]
    assert "SHUTDOWN" in {m.get("event") for m in messages}


# --- many clients --------------------------------------------------------------------------------


def test_many_clients_with_the_same_ids_get_their_own_answers(monitor: Serving, path: Path) -> None:
    """Eight at once, two hundred commands each, all numbered from 0, in their order."""
    assert monitor.process.poll() is None

    def talk(number: int) -> bool:
        with QmpBytes(path) as client:
            sent = [
                {"execute": "qom-list", "arguments": {"path": f"/no-{number}-{n}"}, "id": n}
                for n in range(200)
            ]
            client.send(*sent)
            return all(
                (reply := client.read())["id"] == n and f"'/no-{number}-{n}'" in str(reply["error"])
                for n in range(200)
            )

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(talk, range(8)))


def test_events_come_to_all_in_qemus_order(monitor: Serving, path: Path) -> None:
    """Two clients read the same bytes; one of them caused them, and has its replies in between."""
    assert monitor.process.poll() is None
    with QmpBytes(path) as active, QmpBytes(path) as idle:
        for number in range(50):
            name = "cont" if number % 2 == 0 else "stop"
            active.send({"execute": name, "id": number})
        lines: list[bytes] = []
        while len(lines) < 100:
            lines.append(active.line())
        events = [line for line in lines if b'"event"' in line]
        assert [idle.line() for _ in events] == events
        names = [json.loads(line)["event"] for line in events]
        assert ["RESUME", "STOP"] * 25 == names


def test_out_of_band_overtakes_what_waits(monitor: Serving, path: Path) -> None:
    """With thirty slow commands before it, and as many of another's, it is answered early."""
    assert monitor.process.poll() is None
    slow = [{"execute": "query-qmp-schema", "id": n} for n in range(30)]
    with QmpBytes(path, oob=True) as urgent, QmpBytes(path) as other:
        other.send(*slow)
        urgent.send(*slow, {"exec-oob": "query-yank", "id": "urgent"})
        order = [json.loads(urgent.line())["id"] for _ in range(31)]
        assert list(range(30)) == [identity for identity in order if identity != "urgent"]
        # It was read with them, so QEMU has at most what it queues before it.
        assert order.index("urgent") < 15


# --- descriptors ---------------------------------------------------------------------------------


def test_a_descriptor_that_was_passed_is_qemus(monitor: Serving, path: Path) -> None:
    """It goes with getfd through the monitor: QEMU writes a migration stream into our pipe.

    A name without a descriptor is the error that QEMU gives.
    """
    assert monitor.process.poll() is None
    reading, writing = os.pipe()
    with QmpBytes(path) as client:
        client.send({"execute": "getfd", "arguments": {"fdname": "m"}}, descriptors=[writing])
        assert {"return": {}} == client.read()
        os.close(writing)
        assert {"return": {}} == client.ask("migrate", uri="fd:m")
        with os.fdopen(reading, "rb") as stream:
            assert b"QEVM" == stream.read(4)
        error = client.ask("getfd", fdname="n")["error"]
        assert "No file descriptor supplied via SCM_RIGHTS" == error["desc"]


def test_descriptors_of_many_clients_are_not_mixed_up(monitor: Serving, path: Path) -> None:
    """Each adds a file of its own at the same time as the others, and finds that in its fdset."""
    assert monitor.process.poll() is None

    def add(number: int) -> tuple[int, int]:
        descriptor = os.memfd_create(f"mine-{number}")
        with QmpBytes(path) as client:
            command = {"execute": "add-fd", "arguments": {"fdset-id": number}}
            client.send(b'{"execute":"query-kvm"}', command, descriptors=[descriptor])
            client.read()
            added = client.read()["return"]
            os.close(descriptor)
            return added["fdset-id"], added["fd"]

    with ThreadPoolExecutor(8) as pool:
        found = dict(pool.map(add, range(40)))
    with QmpBytes(path) as client:
        sets = client.ask("query-fdsets")["return"]
    assert found == {s["fdset-id"]: s["fds"][0]["fd"] for s in sets}


# --- other clients -------------------------------------------------------------------------------


def test_qemus_own_client_library_is_content(monitor: Serving, path: Path) -> None:
    """qemu.qmp negotiates, executes in and out of band, and hears events; two of it at once."""
    assert monitor.process.poll() is None
    from qemu.qmp import ExecuteError, QMPClient

    async def session() -> None:
        first, second = QMPClient("first"), QMPClient("second")
        await first.connect(str(path))
        await second.connect(str(path))
        try:
            with second.listener(("STOP", "RESUME")) as listener:
                await first.execute("cont")
                await first.execute("stop")
                assert "RESUME" == (await listener.get())["event"]
                assert "STOP" == (await listener.get())["event"]
            assert isinstance(await first.execute("query-yank", oob=True), list)
            platforms: Any = await second.execute("query-platforms", {"name": "linux-6.9"})
            assert "linux-6.9" == platforms[0]["name"]
            with pytest.raises(ExecuteError, match="is unexpected"):
                await first.execute("query-platforms", {"x": 1})
            both = await asyncio.gather(
                first.execute("query-version"), second.execute("query-version")
            )
            assert both[0] == both[1]
        finally:
            await first.disconnect()
            await second.disconnect()

    asyncio.run(session())


def test_qmp_shell_is_content(monitor: Serving, path: Path) -> None:
    """QEMU's shell for people completes names and shows answers of both."""
    assert monitor.process.poll() is None
    shell = Path(sys.executable).with_name("qmp-shell")
    done = subprocess.run(
        [shell, path],
        input="query-status\nquery-platforms name=linux-6.9\nquery-platform\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "prelaunch" in done.stdout
    assert '"name": "linux-6.9"' in done.stdout
    assert "No lockfile was given" in done.stdout


# --- the end -------------------------------------------------------------------------------------


def test_a_monitor_that_is_killed_costs_no_qemu(
    running: subprocess.Popen[bytes], path: Path, tmp_path: Path
) -> None:
    """Commands are under way, the monitor gets SIGKILL: QEMU runs on and takes the next one."""
    place = tmp_path / "q.sock"
    with Serving(path, qemu=place) as first, QmpBytes(path) as client:
        client.ask("cont")
        client.send(*[{"execute": "query-qmp-schema"}] * 20)
        first.stop(signal.SIGKILL)
    assert running.poll() is None
    with Serving(path, qemu=place), QmpBytes(path) as client:
        assert "running" == client.ask("query-status")["return"]["status"]
        assert ["query-platforms"] == [
            e["name"] for e in client.ask("query-commands")["return"] if e["name"] == OURS[0]
        ]


def test_what_qemu_still_answers_to_one_who_is_gone_is_not_taken_for_ours(
    qemu: Path, tmp_path: Path
) -> None:
    """A client leaves while its command runs: QEMU answers that to the monitor that comes next."""
    place = tmp_path / "q.sock"
    slow = {"command-line": "xp /400000bx 0"}
    with _running(qemu, tmp_path, "-m", "64", "-qmp", f"unix:{place},server=on,wait=off"):
        with QmpBytes(place) as gone:
            gone.send({"execute": "human-monitor-command", "arguments": slow, "id": "theirs"})
            time.sleep(0.02)
        backend = open_backend(UnixAddress(path=str(place)))
        with backend.peer:
            assert b"oob" in backend.greeting
            backend.peer.sendall(b'{"execute": "query-status", "id": 1}')
            assert b"prelaunch" in backend.peer.recv(4096)


def test_quit_is_answered_and_ends_both(
    running: subprocess.Popen[bytes], monitor: Serving, path: Path
) -> None:
    """The reply, SHUTDOWN, the end for all clients, and exit code 0."""
    with QmpBytes(path) as asking, QmpBytes(path) as other:
        asking.send({"execute": "quit", "id": 1})
        said = []
        while line := asking.line():
            said.append(json.loads(line))
        assert {"return": {}, "id": 1} in said
        assert "SHUTDOWN" in {message.get("event") for message in said}
        assert b'"SHUTDOWN"' in other.line()
        assert b"" == other.line()
    assert 0 == monitor.ended()[0]
    running.wait(20)


def test_a_qemu_that_is_killed_is_an_error(
    running: subprocess.Popen[bytes], monitor: Serving, path: Path
) -> None:
    """Clients see the end, and the exit code says that it was not the usual one."""
    with QmpBytes(path) as client:
        running.kill()
        assert b"" == client.line()
    code, said = monitor.ended()
    assert (4, True) == (code, "error[qemu-lost]" in said)
    assert not path.exists()


def test_a_qemu_with_another_client_is_said_to_be_taken(
    running: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    """QEMU greets one client of a socket at a time; a second monitor does not wait for ever."""
    assert running.poll() is None
    place = tmp_path / "q.sock"
    with QmpBytes(place):
        begin = time.monotonic()
        with pytest.raises(HostError) as caught:
            open_backend(UnixAddress(path=str(place)), patience=0.5)
        assert time.monotonic() - begin < 5
    assert "qmp-timeout" == caught.value.code
    assert "is another one connected?" in caught.value.help


def test_the_platform_in_use_is_told_beside_a_running_qemu(
    running: subprocess.Popen[bytes], path: Path, tmp_path: Path, catalogue: pa.FileCatalogue
) -> None:
    """With --lock, query-platform has what the lockfile says, and QEMU's commands still pass."""
    assert running.poll() is None
    abi = pa.resolve(catalogue, pa.virtual_machine(catalogue.devices(), "pc-q35-9.1"), "linux-6.9")
    lock = tmp_path / "vm.lock"
    lock.write_text(pa.lock_text(abi, definitions="sha256:0"), encoding="utf-8")
    with Serving(path, "--lock", str(lock), qemu=tmp_path / "q.sock"), QmpBytes(path) as client:
        answer = client.ask("query-platform")["return"]
        entries = by_name(client.ask("query-qmp-schema")["return"])
        assert [] == wrong(entries, entries["query-platform"]["ret-type"], answer)
        assert abi == pa.read_lock(answer["lock"], "lock")
        assert "prelaunch" == client.ask("query-status")["return"]["status"]
