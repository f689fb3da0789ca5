"""The verb ``monitor``: what it refuses before anybody can connect, and what it says when one can.

What it does then is in ``tests/monitor/test_monitor.py``, and with real QEMUs in ``tests/live/``.
"""

from __future__ import annotations

import signal
import socket
import subprocess
from pathlib import Path

import pytest

from platform_abi.cli import main
from tests.documents import validated
from tests.monitor.serving import MONITOR, QmpBytes

Run = pytest.CaptureFixture[str]


def _run(capsys: Run, *words: str) -> tuple[int, str]:
    code = main(["monitor", *words])
    out, err = capsys.readouterr()
    assert not out
    return code, err


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ((), "usage"),
        (("--listen", "/run/vm.qmp"), "socket-address"),
        (("--listen", "unix:" + "x" * 200), "socket-address"),
        (("--listen", "tcp:localhost:4444"), "tcp-not-allowed"),
        (("--listen", "unix:a", "--qemu", "tcp:localhost:4444"), "tcp-not-allowed"),
        (("--listen", "unix:a", "--qemu", "unix:a"), "usage"),
        (("--listen", "unix:a", "--mode", "0999"), "usage"),
        (("--listen", "unix:a", "--mode", "u=rw"), "usage"),
        (("--listen", "unix:a", "--mode", "010600"), "usage"),
    ],
)
def test_bad_usage_is_refused(capsys: Run, words: tuple[str, ...], code: str) -> None:
    """Exit code 2, before anything is connected to or listened at."""
    status, err = _run(capsys, *words)
    assert 2 == status
    assert err.startswith(f"error[{code}]: ")


def test_what_the_environment_refuses(capsys: Run, tmp_path: Path) -> None:
    """A folder that is not there, a file in the way, nobody at the other end, no lockfile: 4."""
    taken = tmp_path / "taken"
    taken.write_text("mine", encoding="utf-8")
    free = f"unix:{tmp_path / 'm.sock'}"
    for words, code in (
        (("--listen", f"unix:{tmp_path / 'no' / 'm.sock'}"), "listen-failed"),
        (("--listen", f"unix:{taken}"), "socket-in-use"),
        (("--listen", free, "--qemu", f"unix:{tmp_path / 'q.sock'}"), "qmp-unreachable"),
        (("--listen", free, "--qemu", f"unix:{taken}"), "qmp-unreachable"),
        (("--listen", free, "--lock", str(tmp_path / "no.lock")), "read-failed"),
    ):
        status, err = _run(capsys, *words)
        assert (4, True) == (status, err.startswith(f"error[{code}]: ")), err
    assert [taken] == list(tmp_path.iterdir())


def test_what_is_no_lockfile_is_refused(capsys: Run, tmp_path: Path) -> None:
    """Exit code 3: nobody would be told a platform that is not the one in use."""
    lock = tmp_path / "vm.lock"
    lock.write_text("schema = 1\n", encoding="utf-8")
    status, err = _run(capsys, "--listen", f"unix:{tmp_path / 'm.sock'}", "--lock", str(lock))
    assert (3, True) == (status, err.startswith("error[lock-changed]: "))
    line = tmp_path / "vm.args"
    line.write_text("qemu-system-x86_64 -machine q35", encoding="utf-8")
    status, err = _run(capsys, "--listen", f"unix:{tmp_path / 'm.sock'}", "--lock", str(line))
    assert (2, True) == (status, err.startswith("error[machine-alias]: "))
    status, err = _run(capsys, "--listen", f"unix:{tmp_path / 'm.sock'}", "--platform", "linux-6.1")
    assert (2, True) == (status, err.startswith("error[usage]: "))


def test_whoever_starts_it_is_told_when_clients_can_connect(tmp_path: Path) -> None:
    """One line on stdout, which with --json is a document; nothing else until the end."""
    path = tmp_path / "m.sock"
    with subprocess.Popen(
        [*MONITOR, "--listen", f"unix:{path}", "--json"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said = validated("monitor", process.stdout.readline())
        assert {"schema_version": 1, "listening": f"unix:{path}"} == said
        with QmpBytes(path) as client:
            assert "return" in client.ask("query-version")
        process.send_signal(signal.SIGTERM)
        assert (0, "") == (process.wait(20), process.stdout.read())


def test_tcp_is_served_where_it_was_asked_for(tmp_path: Path) -> None:
    """With --allow-tcp, at the port that was named and the address that was named."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    address = f"tcp:127.0.0.1:{port}"
    with subprocess.Popen(
        [*MONITOR, "--listen", address, "--allow-tcp"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    ) as process:
        assert process.stdout is not None
        assert f"listening on {address}\n" == process.stdout.readline()
        with socket.create_connection(("127.0.0.1", port), 20) as client:
            assert client.recv(4096).startswith(b'{"QMP": ')
        process.terminate()
        assert 0 == process.wait(20)
    assert [] == list(tmp_path.iterdir())
